//! What a spool remembers of streams, over restarts and days.

use super::*;
use crate::batch::Batch;
use crate::numbered::{Content, Numbered, Progress};
use crate::spooler::Spooler;
use blueox_event::{EncodedEvent, Value};
use blueox_log::spool::{Producer, Seq, Session, Source};
use std::path::Path;

/// A daemon that neither writes nor forwards, so many hours later.
struct Later {
    keeper: Keeper,
    spooler: Spooler,
    streams: Arc<NativeStreams>,
    clock: Clock,
    runtime: tokio::runtime::Runtime,
}

impl Later {
    fn start(directory: &Path, hours: u64) -> Self {
        let clock = Clock::start().ahead(Duration::from_secs(hours * 3600));
        let ledger = Arc::new(Ledger::default());
        let (spooler, requests) = Spooler::new(Arc::clone(&ledger), Arc::default());
        let context = KeeperContext {
            live: Arc::new(Live::new(Arc::clone(&ledger))),
            ledger,
            tally: Arc::default(),
            disk_state: Arc::new(DiskState::new(clock)),
            clock,
            reopen: Arc::default(),
        };
        let settings = SpoolSettings {
            directory: Some(directory.to_path_buf()),
            max_bytes: 4 << 20,
            policy: FullPolicy::Block,
        };
        let copies = Copies {
            log: None,
            forward: Vec::new(),
            compress: Codec::None,
            host: "web-1".into(),
            probe_pace: ProbePace::default(),
        };
        let (keeper, streams) = Keeper::spooled(context, &settings, copies, &spooler, requests).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { keeper, spooler, streams, clock, runtime }
    }

    /// Takes a numbered batch, and waits until it is durable.
    fn take(&self, stream: u128, seq: u64, producer: Producer) {
        let event = Value::map([("type", Value::from("t"))]).to_msgpack();
        let mut batch = Batch::new(self.clock.now());
        batch.push(&EncodedEvent::parse(&event).unwrap()).unwrap();
        let progress = Arc::new(Progress::default());
        let source = Source { stream: StreamId(stream), seq: Seq::new(seq), session: Session(1), producer };
        let content = Content::Events { origin: None };
        let numbered = Numbered { source, gap: None, content, progress: Arc::clone(&progress) };
        self.runtime.block_on(async {
            let memory = self.spooler.reserve(batch.byte_len()).await;
            assert!(self.spooler.admit_numbered(batch, numbered, memory));
            while progress.durable() < Seq::new(seq) {
                progress.changed().await;
            }
        });
    }

    fn finish(self) {
        self.keeper.finish(&self.spooler, self.clock.elapsed()).unwrap();
    }
}

const OLD_APPLICATION: u128 = 1;
const OLD_DAEMON: u128 = 2;
const BUSY_DAEMON: u128 = 3;

/// An application that has not been seen for 24 hours has given up what is not acked, a daemon never does.
#[test]
fn marks_of_applications_are_forgotten_after_a_day_and_those_of_daemons_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let today = Later::start(directory.path(), 0);
    today.take(OLD_APPLICATION, 1, Producer::Application);
    today.take(OLD_DAEMON, 1, Producer::Daemon);
    today.take(BUSY_DAEMON, 1, Producer::Daemon);
    today.finish();
    // Marks are looked through before anything is taken.
    for (hours, seq, known) in [(23, 2, 3), (25, 3, 2), (24 * 365, 4, 2)] {
        let later = Later::start(directory.path(), hours);
        later.take(BUSY_DAEMON, seq, Producer::Daemon);
        assert_eq!(later.streams.len(), known, "after {hours} hours");
        later.finish();
    }
}
