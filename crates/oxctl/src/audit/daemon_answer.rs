//! What a daemon answers to `GET /v1/audit`, and what of it goes into the book.

use super::book::{Book, Line, Who};
use blueox_event::wire::native::{Seq, SeqRange, StreamId};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The answer. Unknown fields are ignored, missing ones are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DaemonAnswer {
    pub(crate) host: String,
    pub(crate) role: String,
    pub(crate) pid: Option<u32>,
    pub(crate) node: String,
    pub(crate) durable: bool,
    pub(crate) log_path: Option<String>,
    stream: Option<OwnStream>,
    streams: Vec<KnownStream>,
    pub(crate) streams_not_listed: u64,
    cursors: Vec<Cursor>,
    queue: Option<Queue>,
    pub(crate) events: Events,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct OwnStream {
    stream: String,
    base: u64,
    last: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct KnownStream {
    stream: String,
    role: String,
    host: String,
    pid: Option<u32>,
    high_water: u64,
    connected: bool,
    ended: bool,
    produced: Option<u64>,
    dropped: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Cursor {
    name: String,
    next: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Queue {
    runs: Vec<Run>,
    unread: Option<Unread>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Run {
    stream: String,
    first: u64,
    last: u64,
    own_first: u64,
    own_last: u64,
    events: u64,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Unread {
    first: u64,
    last: u64,
}

/// The daemon's own counts, since it started.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Events {
    pub(crate) dropped: BTreeMap<String, u64>,
}

impl DaemonAnswer {
    /// The daemon's id, if it makes sense.
    pub(crate) fn node(&self) -> Option<StreamId> {
        stream_id(&self.node)
    }

    /// The stream of its own numbers: its id, until it finds out that its machine was set back.
    fn own(&self) -> Option<StreamId> {
        self.stream.as_ref().and_then(|own| stream_id(&own.stream)).or_else(|| self.node())
    }

    /// Who numbers what, up to where this daemon had it, and its own numbers.
    pub(crate) fn note_marks(&self, book: &mut Book) {
        let (Some(node), Some(own)) = (self.node(), self.own()) else { return };
        let who = Who {
            role: "daemon".into(),
            host: self.host.clone(),
            pid: self.pid,
            connected: true,
            ..Who::default()
        };
        book.account(node).who = Some(who.clone());
        let account = book.account(own);
        account.who = Some(who);
        account.last = account.last.max(self.stream.as_ref().map(|own| own.last));
        if let Some(never) = self.stream.as_ref().and_then(|own| range(1, own.base)) {
            account.never.insert(never);
        }
        let log = self.cursors.iter().find(|cursor| cursor.name == "log");
        if let Some(written) = log.and_then(|log| range(1, log.next.saturating_sub(1))) {
            account.said_stored.insert(written);
        }
        for known in &self.streams {
            let Some(stream) = stream_id(&known.stream) else { continue };
            let account = book.account(stream);
            // Without a spool nothing was promised.
            if self.durable {
                account.marks.insert(own, known.high_water);
            }
            let is_newer = account.who.as_ref().is_none_or(|who| who.host.is_empty() || known.connected);
            if is_newer {
                account.who = Some(known.who());
            }
        }
    }

    /// What waits in its spool.
    pub(crate) fn note_queue(&self, book: &mut Book) {
        let (Some(node), Some(queue)) = (self.own(), &self.queue) else { return };
        for run in &queue.runs {
            let line = || {
                Some(Line {
                    stream: stream_id(&run.stream)?,
                    numbers: range(run.first, run.last)?,
                    node,
                    own: range(run.own_first, run.own_last)?,
                    sender: None,
                    events: run.events,
                    reason: run.reason.clone(),
                })
            };
            if let Some(line) = line() {
                book.queued(&line);
            }
        }
        if let Some(unread) = queue.unread.and_then(|unread| range(unread.first, unread.last)) {
            let own = book.account(node);
            own.unread.insert(unread);
            own.queued.insert(unread);
        }
    }
}

impl KnownStream {
    fn who(&self) -> Who {
        Who {
            role: self.role.clone(),
            host: self.host.clone(),
            pid: self.pid,
            connected: self.connected,
            ended: self.ended,
            produced: self.produced,
            dropped: self.dropped.clone(),
        }
    }
}

fn stream_id(text: &str) -> Option<StreamId> {
    (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok().map(StreamId)).flatten()
}

fn range(first: u64, last: u64) -> Option<SeqRange> {
    SeqRange::new(Seq::new(first), Seq::new(last))
}
