//! Every target on a bounded number of inputs: seeds, random bytes, and seeds that were changed.
//!
//! `BLUEOX_TEST_SEED` repeats a run, `BLUEOX_TEST_ROUNDS` (default 1) makes it longer. A failure prints its input.

mod mutation;
mod random;
mod regressions;

use blueox_fuzz::{TARGETS, Target};
use mutation::Mutator;
use random::Random;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Inputs of each kind per target and round.
const RANDOM_INPUTS: u64 = 2_000;
const MUTATED_INPUTS: u64 = 6_000;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.trim().parse().unwrap_or_else(|_| panic!("{name}={text:?} is no number")))
}

/// Inputs that are longer are repeated pieces.
const MAX_SHOWN_BYTES: usize = 1 << 16;

/// Runs a target and says what it was given when it panics.
fn run(target: &Target, origin: &str, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let mut hex = String::new();
        for byte in &input[..input.len().min(MAX_SHOWN_BYTES)] {
            let _ = write!(hex, "{byte:02x}");
        }
        eprintln!("{} fails on {origin}, {} bytes:\n{hex}", target.name, input.len());
        resume_unwind(panic);
    }
}

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    for input in regressions::of(name) {
        run(target, "a regression", &input);
    }
    let seeds = (target.seeds)();
    for seed in &seeds {
        run(target, "a seed", seed);
    }
    let seed = from_environment("BLUEOX_TEST_SEED").unwrap_or_else(random::fresh_seed);
    let rounds = from_environment("BLUEOX_TEST_ROUNDS").unwrap_or(1);
    println!("{name}: BLUEOX_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    for _ in 0..rounds * RANDOM_INPUTS {
        let length = random.below(200);
        let input = random.bytes(length);
        run(target, &format!("random bytes, BLUEOX_TEST_SEED={seed}"), &input);
    }
    let mutator = Mutator { seeds: &seeds, words: target.words, boundaries: target.boundaries };
    for _ in 0..rounds * MUTATED_INPUTS {
        let input = mutator.next(&mut random);
        run(target, &format!("a changed seed, BLUEOX_TEST_SEED={seed}"), &input);
    }
}

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn no_target_is_left_out() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let bin = format!("\nname = \"{name}\"\npath = \"../fuzz_targets/{name}.rs\"\n");
                assert!(include_str!("../../libfuzzer/Cargo.toml").contains(&bin), "no [[bin]] for {name}");
                let file = format!("{}/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                assert!(std::path::Path::new(&file).exists(), "{file} is missing");
            }
        }
    };
}

checks!(
    msgpack,
    event,
    event_stream,
    filter,
    path,
    original_header,
    zmtp_accept,
    zmtp_connect,
    json_text,
    log_file_name,
);

/// Large inputs of one kind of piece: whoever looks at bytes twice is still here tomorrow.
#[test]
fn much_of_the_same_takes_linear_time() {
    const BYTES: usize = 100_000;
    for target in TARGETS {
        let head = (target.seeds)().into_iter().next().unwrap_or_default();
        for word in target.words {
            let mut input = head.clone();
            input.extend(word.iter().cycle().take(BYTES));
            run(target, &format!("{word:02x?} repeated"), &input);
        }
    }
}
