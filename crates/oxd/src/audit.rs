//! The answer to `GET /v1/audit`: which numbers of which streams this daemon has seen, and which of them wait in its spool.
//!
//! Who asks adds up daemons and directories (`oxctl audit`). The spool is read by a reader of its own, so long and so far
//! at most; what it did not come to is told as own numbers.

use crate::clock::Clock;
use crate::native_streams::StreamFigures;
use crate::spool_disk::SpoolDisk;
use crate::spooler::{SpoolRequest, Spooler};
use crate::status::{Observed, counts};
use blueox_event::wire::native::{NodeId, Role, StreamId};
use blueox_log::ranges::{Batch, Fact, Facts, Missing, MissingReason};
use blueox_log::spool::{CursorName, Item, Marks, Place, Producer, Seq, Spool};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// The spool is read so long at most.
const READ_TIME: Duration = Duration::from_secs(2);
/// And so far.
const READ_BYTES: u64 = 512 << 20;
/// So many runs of numbers are told at most; the spool is not read beyond.
const MAX_RUNS: usize = 20_000;
/// So many streams are told at most, those with the highest numbers of those that are not connected first left out.
const MAX_STREAMS: usize = 20_000;

/// What the spool's writer knows, of one instant at which no group waited.
#[derive(Debug)]
pub(crate) struct SpoolSurvey {
    pub(crate) stream: StreamId,
    /// Up to there the own numbers were given in an earlier stream only.
    pub(crate) base: Seq,
    pub(crate) marks: Marks,
    pub(crate) cursors: Vec<(CursorName, Place)>,
}

/// Asks the spool's writer; `None` when the daemon stops, or has no spool.
fn survey(spooler: &Spooler) -> Option<SpoolSurvey> {
    let (done, answer) = sync_channel(1);
    spooler.requests()?.send(SpoolRequest::Survey { done }).ok()?;
    answer.recv().ok()
}

impl Observed {
    /// The answer; it waits for the disk.
    pub(crate) fn audit(&self) -> Value {
        let survey = self.spool.as_ref().and_then(|_| survey(&self.spooler));
        let node = self.streams.node;
        // What the marks vouch for stands before it.
        let spool =
            self.spool.as_ref().zip(survey.as_ref()).map(|(spool, survey)| (spool, survey, spool.tail()));
        let queue = spool.map(|(spool, survey, tail)| {
            // Since the machine was found to be set back own numbers are of another stream.
            let own = NodeId(survey.stream.0);
            Queue::read(spool, &survey.cursors, tail, own, self.clock).report(tail)
        });
        let streams = self.audited_streams(survey.as_ref());
        let cursors: Vec<_> = spool.iter().flat_map(|(_, survey, tail)| cursors(survey, *tail)).collect();
        let ledger = &self.ledger;
        json!({
            "format": 1,
            "now": self.clock.now(),
            "version": env!("CARGO_PKG_VERSION"),
            "role": self.role(),
            "host": self.host,
            "pid": std::process::id(),
            "node": node.to_string(),
            "durable": self.streams.durable,
            "log_path": self.log_path,
            "stream": spool.map(|(_, survey, tail)| json!({
                "stream": survey.stream.to_string(),
                "base": survey.base.get(),
                "last": tail.own_seq.previous().get(),
                "events": tail.events,
            })),
            "streams": streams.iter().take(MAX_STREAMS).collect::<Vec<_>>(),
            "streams_not_listed": streams.len().saturating_sub(MAX_STREAMS),
            "cursors": cursors,
            "queue": queue,
            "events": {
                "accepted": ledger.accepted(),
                "recovered": ledger.recovered(),
                "stored": ledger.stored(),
                "forwarded": ledger.forwarded(),
                "queued": ledger.queued(),
                "skipped": ledger.skipped(),
                "dropped": counts(ledger.dropped().map(|(reason, count)| (reason.name(), count))),
            },
        })
    }

    /// Every stream that has a mark, is connected, or has ended since the start.
    fn audited_streams(&self, survey: Option<&SpoolSurvey>) -> Vec<Value> {
        let mut marks = survey.map(|survey| survey.marks.clone()).unwrap_or_default();
        let known = self.streams.list(MAX_STREAMS);
        let ended = self.streams.ended();
        let mut streams: Vec<Value> = Vec::new();
        for (stream, has_ended) in known.iter().map(|s| (s, false)).chain(ended.iter().map(|s| (s, true))) {
            let mark = marks.remove(&stream.stream);
            let seen = mark.map(|mark| mark.seen.0 as f64 / 1e6);
            let high = mark.map_or(stream.high_water, |mark| mark.high.max(stream.high_water));
            streams.push(known_stream(stream, high.get(), seen, has_ended));
        }
        let unseen = marks.into_iter().map(|(stream, mark)| {
            let role = match mark.producer {
                Producer::Application => "application",
                Producer::Daemon => "daemon",
            };
            json!({
                "stream": stream.to_string(),
                "role": role,
                "session": mark.session.0,
                "high_water": mark.high.get(),
                "seen": mark.seen.0 as f64 / 1e6,
                "connected": false,
                "ended": false,
            })
        });
        streams.extend(unseen);
        streams
    }
}

fn known_stream(stream: &StreamFigures, high_water: u64, seen: Option<f64>, ended: bool) -> Value {
    json!({
        "stream": stream.stream.to_string(),
        "role": match stream.role {
            Role::Application => "application",
            Role::Daemon => "daemon",
        },
        "host": stream.host,
        "pid": stream.pid,
        "session": stream.session.0,
        "high_water": high_water,
        "seen": seen,
        "connected": stream.connected && !ended,
        "ended": ended,
        "produced": stream.produced,
        "dropped": counts(stream.dropped.iter().map(|(reason, count)| (reason.name(), *count))),
    })
}

fn cursors(survey: &SpoolSurvey, tail: Place) -> impl Iterator<Item = Value> {
    survey.cursors.iter().map(move |(name, place)| {
        json!({
            "name": name.as_str(),
            "next": place.own_seq.get(),
            "events": place.events,
            "behind_numbers": tail.own_seq.get().saturating_sub(place.own_seq.get()),
            "behind_events": tail.events.saturating_sub(place.events),
        })
    })
}

/// What waits in the spool for the slowest cursor.
#[derive(Debug, Default)]
struct Queue {
    runs: Vec<Run>,
    /// By stream and loss, the run that may still grow.
    growing: HashMap<(StreamId, Option<(bool, u64)>), usize>,
    /// The first own number that was not read.
    next: u64,
}

/// Facts whose numbers follow each other.
#[derive(Debug)]
struct Run {
    fact: Fact,
    last: u64,
    own_last: u64,
}

impl Queue {
    fn read(
        spool: &Spool<SpoolDisk>,
        cursors: &[(CursorName, Place)],
        tail: Place,
        node: NodeId,
        clock: Clock,
    ) -> Self {
        let begin = cursors.iter().map(|(_, place)| *place).min_by_key(|place| place.own_seq);
        let Some(begin) = begin else { return Self::default() };
        let mut queue = Self { next: begin.own_seq.get(), ..Self::default() };
        let mut reader = spool.reader(begin);
        let until = clock.elapsed() + READ_TIME;
        while reader.place().own_seq < tail.own_seq
            && queue.runs.len() < MAX_RUNS
            && clock.elapsed() < until
            && reader.place().position.since(begin.position) < READ_BYTES
        {
            let facts = match reader.read() {
                Ok(Some(Item::Data(data))) => Some(Batch::of(&data, node).facts(node)),
                Ok(Some(Item::Gap(gap))) => Missing::of_gap(&gap, node).map(|gap| gap.facts(node)),
                Ok(Some(Item::Lost(lost))) => Missing::of_lost(&lost, node).map(|lost| lost.facts(node)),
                Ok(Some(Item::Damage(_))) => None,
                Ok(None) | Err(_) => break,
            };
            facts.into_iter().flat_map(Facts::into_iter).for_each(|fact| queue.add(fact));
            queue.next = reader.place().own_seq.get();
        }
        queue
    }

    fn add(&mut self, fact: Fact) {
        let (first, last) = (fact.numbers.first().get(), fact.numbers.last().get());
        let own_last = fact.own.last().get();
        let index = self.growing.entry((fact.stream, fact.loss.map(loss_key))).or_insert(usize::MAX);
        if let Some(run) = self.runs.get_mut(*index).filter(|run| run.last + 1 == first) {
            (run.last, run.own_last) = (last, own_last);
            run.fact.events += fact.events;
            return;
        }
        *index = self.runs.len();
        self.runs.push(Run { fact, last, own_last });
    }

    fn report(&self, tail: Place) -> Value {
        let runs: Vec<_> = self.runs.iter().map(Run::report).collect();
        let end = tail.own_seq.get();
        let unread =
            (self.next > 0 && self.next < end).then(|| json!({ "first": self.next, "last": end - 1 }));
        json!({ "runs": runs, "unread": unread })
    }
}

impl Run {
    fn report(&self) -> Value {
        let Self { fact, last, own_last } = self;
        let mut run = json!({
            "stream": fact.stream.to_string(),
            "first": fact.numbers.first().get(),
            "last": last,
            "own_first": fact.own.first().get(),
            "own_last": own_last,
            "events": fact.events,
        });
        if let Some(loss) = fact.loss {
            run["reason"] = loss.name().into();
        }
        run
    }
}

fn loss_key(loss: MissingReason) -> (bool, u64) {
    match loss {
        MissingReason::Gap(reason) => (true, reason.0.into()),
        MissingReason::Damaged => (false, 1),
        MissingReason::Deleted => (false, 0),
    }
}
