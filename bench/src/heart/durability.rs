//! What durability costs: the same daemon, with acks before the sync.

use super::route::{Passage, Route, stats};
use super::section::Section;
use super::{Setting, say};
use crate::load::Wire;
use crate::stats::{Stats, short, thousands};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("../../late_sync.c");
const MOST_MORE: f64 = 0.15;
const BYTES: usize = 300;

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("What durability costs");
    let directory = super::route::fresh(setting)?;
    let library = compile(directory.path())?;
    let (mut durable, mut early) = (Vec::new(), Vec::new());
    for round in 1..=setting.rounds {
        // Who comes first has an empty disk queue: they take turns.
        for late in [round % 2 == 0, round % 2 != 0] {
            let kind = if late { "acks before the sync" } else { "durable" };
            say(&format!("durability, round {round} of {}: {kind}", setting.rounds));
            let route = Route::one_hop(setting, late.then_some(library.as_path()))?;
            let passage = route.pass_all(Wire::Native, BYTES, setting.events)?;
            if late { early.push(passage) } else { durable.push(passage) }
        }
    }
    section.say(
        "The same oxd, once as it is and once with acks before the sync: a library put before it \
         (`bench/late_sync.c`, LD_PRELOAD) lets every fdatasync answer at once, and syncs all that was asked for each \
         500 ms on a thread of its own, as Vector does. Nothing in oxd can be told to do so. Pairs in turns.",
    );
    let row = |name: &str, passages: &[Passage]| {
        format!(
            "{name} | {} × {} | {} | {} | {}",
            passages.len(),
            thousands(setting.events.into()),
            stats(passages, |passage| passage.acked_rate),
            stats(passages, |passage| passage.stored_rate),
            stats(passages, Passage::cpu_per_million),
        )
    };
    section.table(
        "acks | rounds × events | acked events/s | in the files events/s | CPU s / million",
        &[row("durable", &durable), row("before the sync", &early)],
    );
    let pairs = durable.iter().zip(&early);
    let ratios = Stats::of(pairs.map(|(durable, early)| durable.cpu_per_million() / early.cpu_per_million()));
    section.say(&format!("Durable / early, CPU of each pair: {ratios}."));
    section.promise(
        "durability costs at most 15 % more CPU an event",
        format!("{} % (median of {} pairs)", short((ratios.median() - 1.0) * 100.0), durable.len()),
        ratios.median() <= 1.0 + MOST_MORE,
    );
    Ok(section)
}

fn compile(directory: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (directory.join("late_sync.c"), directory.join("late_sync.so"));
    std::fs::write(&source, SOURCE)?;
    let status = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-pthread", "-o"])
        .args([&library, &source])
        .status()
        .context("there is no C compiler (cc) for late_sync.c")?;
    ensure!(status.success(), "cc cannot compile late_sync.c");
    Ok(library)
}
