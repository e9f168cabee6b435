//! Numbered batches on a disk that fails now and then: what is acked is readable at that moment and stays so, once and in
//! order.

use super::*;
use crate::numbered::{Numbered, Progress};
use crate::spooler::Spooler;
use crate::tally::Tally;
use blueox_event::Value;
use blueox_event::wire::native::{NodeId, SeqRange, Session, StreamId};
use blueox_log::disk::{Disk, DiskFile, FileIdentity, PositionalFile, RealDisk, RealLock};
use blueox_log::spool::{FullPolicy, Item, Marks, Source, Spool, SpoolConfig};
use proptest::prelude::*;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The machine's disk, of which every operation that makes something durable may fail.
#[derive(Debug, Clone)]
struct FailingDisk {
    faults: Arc<Faults>,
}

/// Which operations fail: those whose bit of the pattern is set, in order; when it is used up, none.
#[derive(Debug)]
struct Faults {
    pattern: AtomicU64,
}

impl Faults {
    fn next(&self) -> io::Result<()> {
        let pattern = self.pattern.fetch_update(Relaxed, Relaxed, |pattern| Some(pattern >> 1));
        let fails = pattern.is_ok_and(|pattern| pattern & 1 == 1);
        if fails { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct FailingFile {
    file: File,
    faults: Arc<Faults>,
}

impl FailingDisk {
    fn file(&self, file: File) -> FailingFile {
        FailingFile { file, faults: Arc::clone(&self.faults) }
    }
}

impl Disk for FailingDisk {
    type File = FailingFile;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<FailingFile> {
        RealDisk.open_append(path).map(|file| self.file(file))
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        RealDisk.identity(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.next()?;
        RealDisk.sync_dir(path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_file_system(path)
    }
}

impl PositionalDisk for FailingDisk {
    type Lock = RealLock;

    fn open_existing(&self, path: &Path) -> io::Result<FailingFile> {
        RealDisk.open_existing(path).map(|file| self.file(file))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<FailingFile> {
        RealDisk.open_read_only(path).map(|file| self.file(file))
    }

    fn create(&self, path: &Path) -> io::Result<FailingFile> {
        RealDisk.create(path).map(|file| self.file(file))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<RealLock>> {
        RealDisk.lock(path)
    }
}

impl DiskFile for FailingFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        DiskFile::identity(&self.file)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.next()?;
        DiskFile::sync_data(&self.file)
    }
}

impl PositionalFile for FailingFile {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_from(offset, buffer)
    }

    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.faults.next()?;
        self.file.write_to(offset, bytes)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.faults.next()?;
        self.file.preallocate(length)
    }
}

const STREAMS: u64 = 3;

fn config() -> SpoolConfig {
    SpoolConfig::new(4 << 20, FullPolicy::Block, StreamId(1)).unwrap()
}

fn event(stream: u64, seq: u64, bytes: usize) -> Vec<u8> {
    let text = "x".repeat(bytes);
    Value::map([("type", "t".into()), ("n", (stream * 1000 + seq).into()), ("x", text.as_str().into())])
        .to_msgpack()
}

/// The next number of a stream, or a LOST, or a jump before it.
fn numbered(stream: u64, seq: u64, gap: bool, lost: bool, progress: &Arc<Progress>) -> Numbered {
    let source = |seq| Source {
        stream: StreamId(u128::from(stream) + 100),
        seq: Seq::new(seq),
        session: Session(1),
        producer: Producer::Daemon,
    };
    let content = if lost {
        Content::Lost { first: Seq::new(seq), events: 1, reason: LossReason::TooLarge, origin: None }
    } else {
        Content::Events { origin: None }
    };
    let gap = gap.then(|| SeqRange::new(Seq::new(seq - 1), Seq::new(seq - 1))).flatten();
    Numbered { source: source(seq), gap, content, progress: Arc::clone(progress) }
}

/// What of a stream can be read: the numbers of its batches, and the last number that is accounted for.
fn readable<D: PositionalDisk>(spool: &Spool<D>, stream: u64) -> (Vec<u64>, u64) {
    let (mut batches, mut high) = (Vec::new(), 0);
    let mut reader = spool.reader(spool.oldest());
    while let Some(item) = reader.read().unwrap() {
        let source = match &item {
            Item::Data(data) => data.source,
            Item::Gap(gap) => gap.source,
            other => panic!("{other:?}"),
        };
        let Some(source) = source.filter(|source| source.stream == StreamId(u128::from(stream) + 100)) else {
            continue;
        };
        assert!(source.seq.get() > high, "{} comes after {high}", source.seq);
        high = source.seq.get();
        if let Item::Data(data) = item {
            assert!(data.events.starts_with(&event(stream, high, 0)[..5]));
            batches.push(high);
        }
    }
    (batches, high)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn acks_are_true_whatever_fails(
        pattern in any::<u64>(),
        steps in prop::collection::vec((0..STREAMS, 0usize..60_000, prop::bool::weighted(0.1), prop::bool::weighted(0.1)), 1..40),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let disk = FailingDisk { faults: Arc::new(Faults { pattern: AtomicU64::new(0) }) };
        let opened = Spool::open(disk.clone(), directory.path(), config()).unwrap();
        disk.faults.pattern.store(pattern, Relaxed);
        let spool = opened.spool;
        let (ledger, clock) = (Arc::new(Ledger::default()), Clock::start());
        let (spooler, requests) = Spooler::new(Arc::clone(&ledger), Arc::new(Tally::default()));
        let writer = SpoolWriter {
            writer: opened.writer,
            max_record_bytes: config().max_batch_bytes(),
            log_cursor: CursorName::new("log"),
            state: Arc::new(SpoolState::new(Some(directory.path().into()), 4 << 20)),
            live: Arc::new(Live::new(Arc::clone(&ledger))),
            ledger,
            tally: Arc::default(),
            disk_state: Arc::new(DiskState::new(clock)),
            clock,
            streams: Arc::new(NativeStreams::new(NodeId(1), true, 100, &Marks::new())),
            persist_by: None,
            retry_after: Duration::from_millis(1),
            room: None,
        };
        let thread = writer.spawn(requests).unwrap();
        let progress: Vec<Arc<Progress>> = (0..STREAMS).map(|_| Arc::default()).collect();
        let (mut last, mut sent) = ([0; STREAMS as usize], [const { Vec::new() }; STREAMS as usize]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for (stream, bytes, gap, lost) in steps {
                let index = stream as usize;
                last[index] += 1 + u64::from(gap);
                let mut batch = Batch::new(5.0);
                if !lost {
                    let event = event(stream, last[index], bytes);
                    batch.push(&blueox_event::EncodedEvent::parse(&event).unwrap()).unwrap();
                    sent[index].push(last[index]);
                }
                let memory = spooler.reserve(batch.byte_len()).await;
                let numbered = numbered(stream, last[index], gap, lost, &progress[index]);
                assert!(spooler.admit_numbered(batch, numbered, memory));
            }
            // Whatever is said to be durable can be read at that moment.
            for (index, progress) in progress.iter().enumerate() {
                while progress.durable().get() < last[index] {
                    progress.changed().await;
                    let acked = progress.durable().get();
                    let (_, high) = readable(&spool, index as u64);
                    assert!(acked <= high, "{acked} was acked, {high} is durable");
                }
            }
        });
        spooler.close();
        prop_assert_eq!(thread.join().unwrap(), 0);
        drop(spool);
        let reopened = Spool::open(RealDisk, directory.path(), config()).unwrap();
        for (index, sent) in sent.iter().enumerate() {
            let (batches, high) = readable(&reopened.spool, index as u64);
            prop_assert_eq!(&batches, sent);
            prop_assert_eq!(high, last[index]);
        }
    }
}
