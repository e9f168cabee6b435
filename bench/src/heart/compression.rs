//! CPU against network: which limits first between agent and collector.

use super::relay::Relay;
use super::route::{Passage, Route, stats};
use super::section::Section;
use super::{Setting, say};
use crate::load::Wire;
use crate::stats::{Stats, short, thousands};
use std::process::Command;

const CODECS: [&str; 3] = ["none", "lz4", "zstd"];

/// Events of one size with one codec.
#[derive(Debug)]
struct Choice {
    codec: &'static str,
    agent: Stats,
    collector: Stats,
    stored_rate: Stats,
    /// Between the daemons, for one event.
    wire_bytes: f64,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("CPU against network: `--compress` between agent and collector");
    section.say(
        "Two hops over the native wire at full speed. Made-up events with ids, times, numbers and words of their own. CPU without \
         a relay; bytes on the wire (both directions, without the headers of TCP/IP) in a run of their own through a \
         counting relay. \"CPU limits\": the events a second at which the busier daemon has used up one core, and the link at \
         which the network limits the same number: on a slower link the network is the limit, on a faster one the CPU.",
    );
    if !has_flag(setting)? {
        section.say("Skipped: this oxd has no `--compress`.");
        return Ok(section);
    }
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    for (bytes, events) in [(300, setting.events), (3_000, setting.events / 4)] {
        let choices = choices(setting, bytes, events)?;
        for choice in &choices {
            rows.push(format!(
                "{} B | {} | {} | {} | {} | {} | {} | {} | {}",
                thousands(bytes as u64),
                choice.codec,
                choice.agent,
                choice.collector,
                choice.stored_rate,
                short(choice.wire_bytes),
                short(choices[0].wire_bytes / choice.wire_bytes),
                thousands(choice.core_rate() as u64),
                short(choice.core_rate() * choice.wire_bytes / 1e6),
            ));
        }
        answers.push(answer(bytes, &choices));
    }
    section.table(
        "event | codec | CPU s / million: agent | collector | in the files events/s | bytes on the wire / event | times fewer \
         | CPU limits: events/s | link MB/s",
        &rows,
    );
    answers.iter().for_each(|answer| section.say(answer));
    Ok(section)
}

fn has_flag(setting: &Setting) -> anyhow::Result<bool> {
    let help = Command::new(&setting.oxd).arg("--help").output()?;
    Ok(String::from_utf8_lossy(&help.stdout).contains("--compress"))
}

impl Choice {
    /// Events a second that the busier daemon can do with one core.
    fn core_rate(&self) -> f64 {
        1e6 / self.agent.median().max(self.collector.median())
    }

    /// Events a second over a link of so many bytes a second.
    fn rate_over(&self, link: f64) -> f64 {
        self.core_rate().min(link / self.wire_bytes)
    }
}

fn choices(setting: &Setting, bytes: usize, events: u32) -> anyhow::Result<Vec<Choice>> {
    let mut passages: [Vec<Passage>; 3] = Default::default();
    for round in 1..=setting.rounds {
        for (codec, passages) in CODECS.iter().zip(&mut passages) {
            say(&format!("compression, round {round} of {}: {bytes} bytes, {codec}", setting.rounds));
            let route = Route::two_hops(setting, &["--compress", codec])?;
            passages.push(route.pass_all(Wire::Native, bytes, events)?);
        }
    }
    let chosen = CODECS.into_iter().zip(&passages).map(|(codec, passages)| {
        Ok(Choice {
            codec,
            agent: stats(passages, |passage| passage.agent.map_or(0.0, |agent| agent.cpu_per_million)),
            collector: stats(passages, |passage| passage.collector.cpu_per_million),
            stored_rate: stats(passages, |passage| passage.stored_rate),
            wire_bytes: wire_bytes(setting, codec, bytes, events / 4)?,
        })
    });
    chosen.collect()
}

fn wire_bytes(setting: &Setting, codec: &str, bytes: usize, events: u32) -> anyhow::Result<f64> {
    let mut route = Route::one_hop(setting, None)?;
    let relay = Relay::to(route.collector.collection())?;
    route.add_agent(setting, &relay.address.to_string(), &["--compress", codec])?;
    route.pass_all(Wire::Native, bytes, events)?;
    let (forward, back) = relay.bytes();
    Ok((forward + back) as f64 / f64::from(events))
}

/// For each choice the links on which it moves the most events.
fn answer(bytes: usize, choices: &[Choice]) -> String {
    let best = |link: f64| {
        let better = |a: &&Choice, b: &&Choice| a.rate_over(link).total_cmp(&b.rate_over(link));
        choices.iter().rev().max_by(better).map_or("", |choice| choice.codec)
    };
    let mut ranges: Vec<(&str, f64)> = Vec::new();
    // In steps of 1 %, from 0.1 MB/s to 10 GB/s.
    let mut link = 1e5;
    while link < 1e10 {
        let codec = best(link);
        if ranges.last().is_none_or(|(last, _)| *last != codec) {
            ranges.push((codec, link));
        }
        link *= 1.01;
    }
    let words: Vec<String> = ranges
        .iter()
        .enumerate()
        .map(|(index, (codec, from))| match index {
            0 => format!("{codec} on the slowest links"),
            _ => format!("{codec} from {} MB/s on", short(from / 1e6)),
        })
        .collect();
    format!(
        "At {} B an event, with one core for each daemon, most events get through with {}.",
        thousands(bytes as u64),
        words.join(", ")
    )
}
