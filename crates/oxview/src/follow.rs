//! Files that grow: across midnight, rotation, and being renamed or removed.
//!
//! Files are looked at four times a second. An open file is followed by its identity, not its name: whoever
//! writes to it goes on after it was renamed, and a file of the same name that was made anew is another one.

use crate::log_path;
use crate::merge;
use crate::merge::Head;
use crate::read::Reading;
use crate::recent::Recent;
use crate::sink::{self, Sink, Tail};
use crate::text;
use anyhow::Context;
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::{Scanner, Step};
use blueox_log::ranges::{Spans, Watch};
use blueox_query::catalog::{self, Kind, StoreFile};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(250);
/// How many polls long a file that has lost its name is still looked at.
const GONE_POLLS: u32 = 40;
/// How much of one file is read before the others get their turn.
const TURN_BYTES: usize = 4 << 20;
/// How many polls long (15 s) events wait for ranges that say whether another log path has them too. A log writer writes
/// both at once; one that is killed in between says it when it is started again, and meanwhile another collector may
/// have got the same events.
const UNSAID_POLLS: u32 = 60;
const FILE_BUFFER_BYTES: usize = 64 << 10;
/// How many of the last days of a log path are looked at: what was received before midnight may be written after.
const DAYS: usize = 2;

/// What to follow.
pub(crate) enum Target {
    Files(Vec<PathBuf>),
    LogPath { dirs: Vec<PathBuf>, slack: f64 },
}

impl Target {
    /// For several log paths: what they have in common.
    fn watch(&self) -> Option<Watch> {
        let Self::LogPath { dirs, .. } = self else { return None };
        let roots = catalog::roots(dirs);
        (roots.len() > 1).then(|| Watch::new(&roots))
    }
}

/// Shows the last `tail` events, or all when it is `None`, then every event that is added, until the output is closed.
///
/// # Errors
/// When a file or directory cannot be read; those of `sink`.
pub(crate) fn follow(
    target: &Target,
    tail: Option<usize>,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let mut files: Vec<Followed> = Vec::new();
    let days = if reading.selection.span().since.is_some() { None } else { Some(DAYS) };
    let mut watch = target.watch();
    discover(target, days, true, reading, &mut files)?;
    look_at_ranges(&mut watch, days, &mut files)?;
    // What is there is shown, whether ranges say something of it or not.
    files.iter_mut().for_each(Followed::read_all);
    let mut batch = Batch::default();
    let sealed = sealed_files(target, days, reading)?;
    let flow = match tail {
        None if merge::merge(&sealed, reading, sink)?.is_break() => ControlFlow::Break(()),
        None => merge_existing(&mut files, watch.as_ref(), reading, sink)?,
        Some(tail) => {
            let mut kept = Tail::new(tail);
            let _ = merge::merge(&sealed, reading, &mut kept)?;
            batch.append(kept);
            for file in &mut files {
                batch.append(file.read_existing(tail, watch.as_ref(), reading)?);
            }
            batch.give(Some(tail), sink)?
        }
    };
    if flow.is_break() {
        return Ok(ControlFlow::Break(()));
    }
    // Nobody ever sends: it is only waited upon.
    let (_open, wait) = mpsc::channel::<()>();
    loop {
        sink.idle()?;
        for line in reading.damage.take_lines() {
            reading.progress.say(&line);
        }
        let _ = wait.recv_timeout(POLL);
        discover(target, Some(DAYS), false, reading, &mut files)?;
        look_at_ranges(&mut watch, days, &mut files)?;
        let mut more = true;
        while more {
            more = false;
            for file in &mut files {
                more |= file.read_new(&mut batch, watch.as_ref(), reading)?;
            }
            if batch.give(None, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            sink.idle()?;
        }
        files.retain(|file| file.gone < GONE_POLLS);
    }
}

/// What is sealed is there, and does not grow.
fn sealed_files(
    target: &Target,
    days: Option<usize>,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Vec<StoreFile>> {
    let Target::LogPath { dirs, slack } = target else { return Ok(Vec::new()) };
    let mut catalog = log_path::open(dirs, reading.selection, *slack, days)?;
    if catalog.files().any(|file| file.kind == Kind::Sealed) {
        for remark in catalog.drop_overlap(dirs)? {
            reading.say_of_ranges(&remark);
        }
    }
    Ok(catalog.into_files().into_iter().filter(|file| file.kind == Kind::Sealed).collect())
}

/// Gives all that is there, as [`crate::merge`] does.
fn merge_existing(
    files: &mut [Followed],
    watch: Option<&Watch>,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let mut heads = BinaryHeap::new();
    for (index, file) in files.iter_mut().enumerate() {
        if file.advance(watch, reading)? {
            heads.push(Reverse(Head { end: file.end_or(f64::NEG_INFINITY), file: index }));
        }
    }
    while let Some(Reverse(Head { end, file: index })) = heads.pop() {
        let file = &mut files[index];
        if sink.event(&file.scanner.event())?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if file.advance(watch, reading)? {
            heads.push(Reverse(Head { end: file.end_or(end), file: index }));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Events of several files, to be shown in the order in which they ended.
#[derive(Default)]
struct Batch {
    events: Vec<(f64, Vec<u8>)>,
}

impl Batch {
    fn push(&mut self, event: &EncodedEvent<'_>) {
        let end = event.end().or(self.events.last().map(|(end, _)| *end)).unwrap_or(f64::NEG_INFINITY);
        self.events.push((end, event.bytes().to_vec()));
    }

    fn append(&mut self, tail: Tail) {
        for bytes in tail.into_events() {
            if let Ok(event) = EncodedEvent::parse(&bytes) {
                self.push(&event);
            }
        }
    }

    fn give(&mut self, tail: Option<usize>, sink: &mut dyn Sink) -> anyhow::Result<ControlFlow<()>> {
        self.events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let first = tail.map_or(0, |tail| self.events.len().saturating_sub(tail));
        let flow = sink::replay(self.events[first..].iter().map(|(_, bytes)| bytes), sink)?;
        self.events.clear();
        Ok(flow)
    }
}

/// A file that is followed.
struct Followed {
    path: PathBuf,
    name: String,
    identity: (u64, u64),
    scanner: Scanner<Positioned>,
    recent: Recent,
    /// For how many polls no name has led to it, and it has not grown.
    gone: u32,
    /// For how many polls there has been something of which ranges say nothing.
    unsaid: u32,
    /// What was in a sealed file too when it was opened.
    sealed: Spans,
}

struct Positioned {
    file: File,
    position: u64,
    /// Nothing is read at or behind this.
    until: u64,
}

impl Read for Positioned {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.until.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let room = room.min(out.len());
        let count = self.file.read(&mut out[..room])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Followed {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let name = text::printable_text(path.as_os_str().as_encoded_bytes());
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let metadata = file.metadata().with_context(|| format!("cannot look at {name}"))?;
        let identity = (metadata.dev(), metadata.ino());
        let scanner =
            Scanner::with_buffer(Positioned { file, position: 0, until: u64::MAX }, FILE_BUFFER_BYTES);
        Ok(Self {
            path: path.to_path_buf(),
            name,
            identity,
            scanner,
            recent: Recent::default(),
            gone: 0,
            unsaid: 0,
            sealed: Spans::default(),
        })
    }

    fn read_all(&mut self) {
        self.scanner.source_mut().until = u64::MAX;
    }

    /// Reads no further than it is known which events are shown. What nothing is said of for long is shown.
    fn read_known(&mut self, watch: &Watch) {
        let Some(known) = watch.known_until(&self.path) else { return self.read_all() };
        let source = self.scanner.source_mut();
        let length = source.file.metadata().map_or(0, |metadata| metadata.len());
        if length <= known.max(source.position) {
            self.unsaid = 0;
        } else {
            self.unsaid += 1;
        }
        source.until = if self.unsaid > UNSAID_POLLS { length } else { known };
    }

    /// Goes to the next event that is asked for. `false`: there is none yet.
    fn advance(&mut self, watch: Option<&Watch>, reading: &mut Reading<'_>) -> anyhow::Result<bool> {
        let selection = reading.selection;
        loop {
            match self.scanner.step_to(|event| selection.matches(event)) {
                Step::Event { offset } if self.sealed.holds(offset) || drops(watch, &self.path, offset) => {}
                Step::Event { offset } => {
                    if self.recent.is_new(offset, self.scanner.event().bytes()) {
                        return Ok(true);
                    }
                }
                Step::Damage(damage) => reading.damage.add(&self.name, &damage, false),
                Step::More => {
                    if self.scanner.fill().with_context(|| format!("cannot read {}", self.name))? == 0 {
                        return Ok(false);
                    }
                }
                Step::End => return Ok(false),
            }
        }
    }

    /// When the event gone to ended, or `otherwise` when it does not say.
    fn end_or(&self, otherwise: f64) -> f64 {
        self.scanner.event().end().unwrap_or(otherwise)
    }

    /// The last `tail` events of what is there.
    fn read_existing(
        &mut self,
        tail: usize,
        watch: Option<&Watch>,
        reading: &mut Reading<'_>,
    ) -> anyhow::Result<Tail> {
        let mut kept = Tail::new(tail);
        while self.read(watch, reading, &mut |event| drop(kept.event(event)))? {}
        Ok(kept)
    }

    /// Reads what was added, or some of it. Gives whether there is more.
    fn read_new(
        &mut self,
        batch: &mut Batch,
        watch: Option<&Watch>,
        reading: &mut Reading<'_>,
    ) -> anyhow::Result<bool> {
        self.read(watch, reading, &mut |event| batch.push(event))
    }

    fn read(
        &mut self,
        watch: Option<&Watch>,
        reading: &mut Reading<'_>,
        take: &mut dyn FnMut(&EncodedEvent<'_>),
    ) -> anyhow::Result<bool> {
        let selection = reading.selection;
        let mut turn = 0;
        loop {
            match self.scanner.step_to(|event| selection.matches(event)) {
                Step::Event { offset } if self.sealed.holds(offset) || drops(watch, &self.path, offset) => {}
                Step::Event { offset } => {
                    let event = self.scanner.event();
                    if self.recent.is_new(offset, event.bytes()) {
                        take(&event);
                    }
                }
                Step::Damage(damage) => reading.damage.add(&self.name, &damage, false),
                Step::More => match self.scanner.fill() {
                    Ok(0) => return self.check_length(reading).map(|()| false),
                    Ok(count) => {
                        self.gone = 0;
                        turn += count;
                        if turn >= TURN_BYTES {
                            return Ok(true);
                        }
                    }
                    Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.name)),
                },
                Step::End => return Ok(false),
            }
        }
    }

    /// A file that became shorter: a daemon that was killed writes its end again, or it begins anew.
    fn check_length(&mut self, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        let source = self.scanner.source_mut();
        let length = source.file.metadata().map_or(source.position, |metadata| metadata.len());
        if length >= source.position {
            return Ok(());
        }
        let known = self.scanner.offset();
        let begin = self.recent.begin_again(length, known);
        if length < known {
            let name = &self.name;
            reading.progress.say(&format!("{name} became shorter; what is written again is not shown again"));
        }
        let mut file = self.scanner.source().file.try_clone().with_context(|| self.name.clone())?;
        file.seek(SeekFrom::Start(begin)).with_context(|| format!("cannot read {}", self.name))?;
        let source = Positioned { file, position: begin, until: u64::MAX };
        self.scanner = Scanner::with_buffer(source, FILE_BUFFER_BYTES).starting_at(begin);
        Ok(())
    }
}

fn drops(watch: Option<&Watch>, path: &Path, offset: u64) -> bool {
    watch.is_some_and(|watch| watch.drops(path, offset))
}

/// What several log paths have in common is looked up before it is read.
fn look_at_ranges(
    watch: &mut Option<Watch>,
    days: Option<usize>,
    files: &mut [Followed],
) -> anyhow::Result<()> {
    if let Some(watch) = watch {
        watch.poll(days).context("cannot read which events several log paths have in common")?;
        files.iter_mut().for_each(|file| file.read_known(watch));
    }
    Ok(())
}

/// Opens what is new. `first`: everything must be there.
fn discover(
    target: &Target,
    days: Option<usize>,
    first: bool,
    reading: &Reading<'_>,
    files: &mut Vec<Followed>,
) -> anyhow::Result<()> {
    let (selection, progress) = (reading.selection, &*reading.progress);
    let paths: Vec<(PathBuf, Spans)> = match target {
        Target::Files(paths) => paths.iter().map(|path| (path.clone(), Spans::default())).collect(),
        Target::LogPath { dirs, slack } => match log_path::open(dirs, selection, *slack, days) {
            // An archive does not grow; one that appears holds what was shown before.
            Ok(catalog) => catalog
                .into_files()
                .into_iter()
                .filter(|file| file.kind == Kind::Hot && (first || file.name.host.is_none()))
                .map(|file| (file.path, file.dropped))
                .collect(),
            Err(error) if first => return Err(error),
            // A directory that is removed while it is looked at.
            Err(_) => return Ok(()),
        },
    };
    let mut named = HashSet::new();
    let mut left_out = 0;
    for (path, sealed) in paths {
        let metadata = fs::metadata(&path);
        // A name may become that of a directory; a pipe would keep all others waiting.
        if !first && metadata.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
            continue;
        }
        let identity = metadata.map(|metadata| (metadata.dev(), metadata.ino()));
        match identity {
            Ok(identity) if files.iter().any(|file| file.identity == identity) => {
                named.insert(identity);
            }
            Err(_) if !first => {}
            _ => match Followed::open(&path) {
                Ok(file) => {
                    named.insert(file.identity);
                    files.push(Followed { sealed, ..file });
                }
                Err(error) if first && matches!(target, Target::Files(_)) => return Err(error),
                Err(_) => left_out += 1,
            },
        }
    }
    if first && left_out > 0 {
        progress.say(&format!("{left_out} files cannot be opened and are not followed"));
    }
    for file in files.iter_mut().filter(|file| !named.contains(&file.identity)) {
        file.gone += 1;
    }
    Ok(())
}
