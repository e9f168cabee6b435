//! What can happen in a world, how often, and what is done wrong in it on purpose.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    pub(super) agents: usize,
    pub(super) collectors: usize,
    pub(super) batches: u64,
    pub(super) applications: bool,
    pub(super) mistake: Option<Mistake>,
}

/// What an owner, or the receiver, does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mistake {
    AckBeforeDurable,
    /// The same, and acks are not looked at on their way.
    AckBeforeDurableUnseen,
    ForgetsTheFloor,
    NoFence,
    HastyWelcome,
}

/// How often each of these may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) connects: u8,
    pub(super) cuts: u8,
    pub(super) agent_crashes: u8,
    pub(super) collector_crashes: u8,
    /// Frames lost, doubled, swapped.
    pub(super) confusions: u8,
    /// Batches given up.
    pub(super) losses: u8,
    /// Credit withdrawn.
    pub(super) stops: u8,
}

impl Budget {
    pub(super) const NONE: Self = Self {
        connects: 0,
        cuts: 0,
        agent_crashes: 0,
        collector_crashes: 0,
        confusions: 0,
        losses: 0,
        stops: 0,
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Write(usize),
    Connect(usize, usize),
    Send(usize),
    Bye(usize),
    Lose(usize),
    Persist(usize),
    CrashAgent(usize),
    Commit(usize),
    CrashCollector(usize),
    /// The next frame arrives at the collector, or at the agent.
    Deliver(u8, To),
    Drop(u8, To),
    Double(u8, To),
    Swap(u8, To),
    Cut(u8),
    Grant(u8, u64),
}

impl Action {
    /// Whether it is what happens in a world without faults.
    pub(super) fn is_onward(&self) -> bool {
        matches!(self, Self::Write(_) | Self::Send(_) | Self::Bye(_) | Self::Commit(_) | Self::Deliver(..))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Collector,
    Agent,
}
