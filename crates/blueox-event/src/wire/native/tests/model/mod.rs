//! The model check: real senders and receivers, their real bytes, and a world that crashes, cuts and
//! confuses.
//!
//! A [`World`](world::World) is agents (or applications), collectors and the connections between them, old
//! ones that still hang included. All that can happen next is an [`Action`]. [`explore`] takes every order of
//! actions within a budget of faults; the random schedules below take long ones. Checked all along:
//!
//! - no loss: what a sender holds for acked is in some collector's store, as the batch, or as LOST if given up;
//! - exactly once and in order: what a collector commits continues the stream where its store ends;
//! - an ack never exceeds what is committed when it is written;
//! - credit: never more under way than was granted, or a single frame;
//! - overlap of two collectors: no batch whose ack is durable in the cursor is ever sent again;
//! - no protocol error without damage on the way;
//! - progress: from every state, when faults stop, all that was written gets acked.

mod action;
mod agent;
mod collector;
mod explore;
mod link;
mod world;

use action::{Action, Budget, Mistake, Setup};
use explore::{Explored, explore};
use proptest::prelude::*;
use world::World;

const CALM: Budget = Budget { connects: 1, ..Budget::NONE };

fn setup(agents: usize, collectors: usize, batches: u64) -> Setup {
    Setup { agents, collectors, batches, applications: false, mistake: None }
}

/// Explores a world in which nothing may break. One state of so many is healed.
fn passes(name: &str, setup: Setup, budget: Budget, heal_one_in: u64) -> Explored {
    let explored = explore(&World::new(setup, budget), heal_one_in)
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
    println!("{name}: {explored:?}");
    explored
}

#[test]
fn one_hop_with_crashes_of_both_sides() {
    let budget = Budget { connects: 3, agent_crashes: 1, collector_crashes: 1, ..CALM };
    passes("one hop, crashes", setup(1, 1, 2), budget, 1);
}

#[test]
fn one_hop_with_connections_that_hang_and_break() {
    passes("one hop, cuts", setup(1, 1, 3), Budget { connects: 3, cuts: 1, ..CALM }, 2);
}

#[test]
fn one_hop_with_frames_lost_doubled_and_swapped() {
    passes("one hop, confusion", setup(1, 1, 3), Budget { connects: 2, confusions: 2, ..CALM }, 4);
}

#[test]
fn one_hop_with_batches_given_up_and_credit_withdrawn() {
    let budget = Budget { connects: 2, losses: 2, stops: 1, collector_crashes: 1, ..CALM };
    passes("one hop, losses", setup(1, 1, 2), budget, 1);
}

#[test]
fn an_application_that_crashes_or_says_bye() {
    let budget = Budget { connects: 3, agent_crashes: 1, cuts: 1, ..CALM };
    passes("application", Setup { applications: true, ..setup(1, 1, 2) }, budget, 8);
    let budget = Budget { connects: 3, collector_crashes: 1, confusions: 1, ..CALM };
    passes("application, confusion", Setup { applications: true, ..setup(1, 1, 1) }, budget, 4);
}

/// Overlap is possible, and the world checks with each send that it is only of batches without a durable ack.
#[test]
fn failover_between_two_collectors() {
    let budget = Budget { connects: 3, agent_crashes: 1, ..CALM };
    let explored = passes("failover, agent crash", setup(1, 2, 2), budget, 16);
    assert!(explored.with_overlap > 0, "a batch without a durable ack can reach two collectors");
    let budget = Budget { connects: 3, collector_crashes: 1, ..CALM };
    passes("failover, collector crash", setup(1, 2, 2), budget, 16);
}

#[test]
fn two_agents_and_two_collectors() {
    let explored = passes("two by two", setup(2, 2, 1), Budget { connects: 3, ..CALM }, 8);
    assert!(explored.with_overlap > 0);
}

#[test]
#[ignore = "takes a minute: for the soak"]
fn two_agents_and_two_collectors_one_of_which_crashes() {
    passes("two by two, crash", setup(2, 2, 1), Budget { connects: 3, collector_crashes: 1, ..CALM }, 8);
}

#[test]
#[ignore = "takes minutes: for the soak"]
fn failover_with_all_crashes_and_hangs() {
    let budget = Budget { connects: 3, agent_crashes: 1, collector_crashes: 1, cuts: 1, ..CALM };
    passes("failover, all crashes", setup(1, 2, 2), budget, 16);
}

fn fails(mistake: Mistake, budget: Budget) -> String {
    let setup = Setup { mistake: Some(mistake), ..setup(1, 1, 2) };
    let failure = explore(&World::new(setup, budget), 1).expect_err("the mistake must be found").to_string();
    println!("{mistake:?}: {failure}");
    failure
}

#[test]
fn an_ack_before_the_commit_is_found() {
    let failure = fails(Mistake::AckBeforeDurable, Budget { collector_crashes: 1, connects: 2, ..CALM });
    assert!(failure.contains("acks 1 when 0 is durable"), "{failure}");
}

/// The same with nobody looking at acks on the way: the loss itself is seen.
#[test]
fn the_loss_that_an_early_ack_causes_is_found() {
    let failure =
        fails(Mistake::AckBeforeDurableUnseen, Budget { collector_crashes: 1, connects: 2, ..CALM });
    assert!(failure.contains("is acked and not stored"), "{failure}");
}

#[test]
fn a_receiver_that_forgets_the_ack_floor_is_found() {
    let failure = fails(Mistake::ForgetsTheFloor, Budget { confusions: 1, connects: 2, ..CALM });
    assert!(failure.contains("is acked and not stored"), "{failure}");
}

#[test]
fn sessions_that_do_not_fence_are_found() {
    let failure = fails(Mistake::NoFence, Budget { connects: 2, ..CALM });
    assert!(failure.contains("does not continue"), "{failure}");
}

/// WELCOME before all from the older connection is durable or discarded: rule A3.
#[test]
fn a_hasty_welcome_is_found() {
    let failure = fails(Mistake::HastyWelcome, Budget { connects: 2, ..CALM });
    assert!(failure.contains("does not continue"), "{failure}");
}

fn random_walk(setup: Setup, choices: &[u16]) -> Result<(), TestCaseError> {
    let plenty = Budget {
        connects: 60,
        cuts: 20,
        agent_crashes: 12,
        collector_crashes: 12,
        confusions: 0,
        losses: 6,
        stops: 12,
    };
    // Half of the schedules have an orderly network, in which no protocol error is allowed.
    let confusions = if choices.first().is_some_and(|choice| choice % 2 == 0) { 30 } else { 0 };
    let mut world = World::new(setup, Budget { confusions, ..plenty });
    for choice in choices {
        // Three of four steps lead on, so that the schedules get far between the faults.
        let all = world.actions();
        let onward: Vec<Action> = all.iter().copied().filter(Action::is_onward).collect();
        let actions = if choice % 4 > 0 && !onward.is_empty() { onward } else { all };
        let Some(action) = actions.get(usize::from(*choice / 4) % actions.len().max(1)) else { break };
        world.act(action).and_then(|()| world.check()).map_err(|broken| TestCaseError::fail(broken.0))?;
    }
    world.heal().map_err(|broken| TestCaseError::fail(broken.0))
}

/// At least 2000; `PROPTEST_CASES` asks for more.
fn schedules() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(2000), ..default }
}

proptest! {
    #![proptest_config(schedules())]
    #[test]
    fn long_random_schedules(
        agents in 1usize..3,
        collectors in 1usize..3,
        applications: bool,
        choices in prop::collection::vec(any::<u16>(), 0..400),
    ) {
        random_walk(Setup { applications, ..setup(agents, collectors, 12) }, &choices)?;
    }
}

/// The random schedules too find each mistake, so they are not blind.
#[test]
fn random_schedules_find_every_mistake() {
    use proptest::test_runner::{Config, TestRunner};
    let all =
        [Mistake::AckBeforeDurableUnseen, Mistake::ForgetsTheFloor, Mistake::NoFence, Mistake::HastyWelcome];
    for mistake in all {
        let setup = Setup { mistake: Some(mistake), ..setup(2, 2, 12) };
        let config =
            Config { cases: 3000, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
        let choices = prop::collection::vec(any::<u16>(), 0..400);
        let found = TestRunner::new(config).run(&choices, |choices| random_walk(setup, &choices));
        assert!(found.is_err(), "{mistake:?} was not found");
    }
}
