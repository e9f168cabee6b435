//! Whether what is on disk is whole. Nothing is written and no lock is taken; beside a running daemon the newest bytes may
//! look torn.

use crate::day_log::scan::{DamageKind, Scanner, Step};
use crate::disk::{Disk, PositionalDisk, RealDisk};
use crate::ranges::{self, Entry, Places, RangesDamage, RangesItem, RangesReader, Unread, holds};
use crate::repair::plain_files;
use crate::spool::{
    Contents, Damage, DamageFault, FrameType, HeaderFault, Inspected, Inspector, Place, Position,
    SegmentNumber, SpoolError,
};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Something that is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// What is wrong.
    pub what: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many segments, or day files and files of ranges.
    pub files: u64,
    /// How many events that are whole.
    pub events: u64,
    /// How many batches: of a spool; of a log path, those that ranges name.
    pub batches: u64,
    /// Parts that ranges name in files that are not there (any more) as plain files: removed, or archived.
    pub parts_elsewhere: u64,
    /// What is not whole.
    pub findings: Vec<Finding>,
    /// Of a spool: places in a commit that was torn, or is being written. Nobody has an acknowledgement for it; a
    /// daemon that opens the spool cuts it off.
    pub torn: Vec<Finding>,
}

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It holds segments.
    Spool,
    /// It holds days, or BlueOx's own folder.
    LogPath,
}

/// What a directory is, by what it holds; `None`: neither.
///
/// # Errors
/// When it cannot be listed.
pub fn kind(directory: &Path) -> io::Result<Option<Kind>> {
    let mut kind = None;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = name.to_str().unwrap_or_default();
        if SegmentNumber::of_file_name(name).is_some() {
            return Ok(Some(Kind::Spool));
        }
        if name == ranges::OWN_FOLDER || blueox_event::time::UtcDay::parse(name.as_bytes()).is_some() {
            kind = Some(Kind::LogPath);
        }
    }
    Ok(kind)
}

/// Checks a spool: every frame's header and payload, that positions, own numbers and counts follow each other, that
/// checkpoints say what the frames before them make, and that the day files that it vouches for are there.
///
/// # Errors
/// When it cannot be read. Sectors that cannot are findings.
pub fn spool(directory: &Path) -> Result<Checked, SpoolError> {
    spool_on(&RealDisk, directory)
}

pub(crate) fn spool_on<D: PositionalDisk>(disk: &D, directory: &Path) -> Result<Checked, SpoolError> {
    let mut checked = Checked::default();
    let mut inspector = Inspector::directory(disk, directory)?;
    let mut contents = Contents::new();
    // Behind damage the numbers begin anew.
    let mut expected: Option<Place> = None;
    let mut begun = false;
    // With where it stands, if it may be no more than torn.
    let mut damaged: Vec<(Option<Position>, Finding)> = Vec::new();
    while let Some(found) = inspector.read()? {
        match found {
            Inspected::Frame { void: true, .. } => {}
            Inspected::Frame { path, offset, header, payload, .. } => {
                let finding = |what| Finding {
                    path: path.into(),
                    offset,
                    length: u64::from(header.frame_length),
                    what,
                };
                if let Some(expected) = expected.filter(|expected| *expected != header.place) {
                    contents.damaged();
                    // What repair has filled has told what it held.
                    let told = header.is_mend() && expected.position == header.place.position;
                    (!told).then(|| checked.findings.push(finding(does_not_follow(expected, header.place))));
                }
                if let Err(contradiction) = contents.apply(offset, &header, payload) {
                    checked.findings.push(finding(contradiction.to_string()));
                }
                begun = true;
                expected = Some(header.next());
                checked.batches += u64::from(header.frame_type == FrameType::Data);
                checked.events += header.events();
            }
            Inspected::Damage(damage) => {
                let Damage { path, offset, length, fault, .. } = damage;
                let position = inspector.base().unwrap_or_default().after(offset);
                if inspector.limit().is_some_and(|limit| position >= limit) {
                    continue;
                }
                expected = None;
                contents.damaged();
                // Opening refuses an unknown frame, and takes a log whose first frame is bad for none.
                let unknown = matches!(fault, DamageFault::Header(HeaderFault::Unknown { .. }));
                let position = (begun || offset > 0).then_some(position).filter(|_| !unknown);
                damaged.push((position, Finding { path, offset, length, what: fault.to_string() }));
            }
            Inspected::End { .. } => checked.files += 1,
        }
    }
    let durable = inspector.durable();
    for (position, finding) in damaged {
        let is_torn = position.is_some_and(|position| position >= durable);
        if is_torn { &mut checked.torn } else { &mut checked.findings }.push(finding);
    }
    let cannot = "cannot be read: the disk gives an error".to_owned();
    checked.findings.extend(inspector.unreadable().iter().map(|unreadable| Finding {
        path: unreadable.path.clone(),
        offset: unreadable.bytes.start,
        length: unreadable.bytes.end - unreadable.bytes.start,
        what: cannot.clone(),
    }));
    checked.checkpoints(directory, &contents, expected);
    Ok(checked)
}

fn does_not_follow(expected: Place, found: Place) -> String {
    format!(
        "a frame at position {} with own number {} follows where {} and {} are next",
        found.position, found.own_seq, expected.position, expected.own_seq
    )
}

/// Checks a log path: that its plain day files are events one after another, and that what its ranges name is there.
///
/// # Errors
/// When it cannot be read.
pub fn log_path(root: &Path) -> io::Result<Checked> {
    let mut checked = Checked::default();
    plain_files(root)?.iter().try_for_each(|file| checked.day_file(file))?;
    for (_, path) in ranges::list(root)? {
        checked.ranges(root, &path)?;
    }
    Ok(checked)
}

impl Checked {
    /// What the spool as a whole says.
    fn checkpoints(&mut self, directory: &Path, contents: &Contents, last: Option<Place>) {
        let mut found = |path: &Path, offset, length, what: &str| {
            self.findings.push(Finding { path: path.into(), offset, length, what: what.to_owned() });
        };
        if last.is_some() && !contents.any_checkpoint() {
            let what = "no checkpoint can be read: marks and cursors are known only as far as later frames name them";
            found(directory, 0, 0, what);
        }
        for file in contents.files().filter(|file| file.path.is_absolute()) {
            let there = RealDisk.identity(&file.path).ok().flatten();
            let length = fs::metadata(&file.path).map_or(0, |metadata| metadata.len());
            if there != Some(file.identity) {
                found(
                    &file.path,
                    0,
                    file.length,
                    "the spool vouches for this file, and it was removed or renamed",
                );
            } else if length < file.length {
                let what = "the spool vouches for these bytes, and the file ends before them";
                found(&file.path, length, file.length - length, what);
            }
        }
    }

    fn day_file(&mut self, path: &Path) -> io::Result<()> {
        self.files += 1;
        let mut scanner = Scanner::new(File::open(path)?);
        loop {
            match scanner.step() {
                Step::Event { .. } => self.events += 1,
                Step::Damage(damage) => {
                    let what = match damage.kind {
                        DamageKind::TornTail => "torn: the file ends inside an event".to_owned(),
                        _ => damage.why.to_string(),
                    };
                    let (offset, length) = (damage.offset, damage.length);
                    self.findings.push(Finding { path: path.into(), offset, length, what });
                }
                Step::More if scanner.fill()? == 0 => scanner.finish(),
                Step::More => {}
                Step::End => return Ok(()),
            }
        }
    }

    fn ranges(&mut self, root: &Path, path: &Path) -> io::Result<()> {
        self.files += 1;
        let mut all = RangesReader::new(File::open(path)?);
        while all.read()?.is_some() {}
        let mut places = Places::new(root);
        all.files().iter().for_each(|file| places.know(file));
        let mut reader = RangesReader::new(File::open(path)?);
        while let Some(item) = reader.read()? {
            match item {
                RangesItem::Damage(damage) => self.ranges_damaged(path, damage, "no frame of ranges"),
                RangesItem::Entry(Entry::Missing(..)) => {}
                RangesItem::Entry(Entry::Stored(stored)) => {
                    self.batches += 1;
                    for part in &stored.parts {
                        let Some(file) = places.find(reader.file(part.file)) else {
                            self.parts_elsewhere += 1;
                            continue;
                        };
                        if !holds(&file, part) {
                            let batch = stored.batch;
                            let what = format!(
                                "ranges say that {} events of batch {} of stream {} stand here, and they do not",
                                part.events, batch.seq, batch.stream
                            );
                            let (offset, length) = (part.offset, part.bytes);
                            self.findings.push(Finding { path: file, offset, length, what });
                        }
                    }
                }
            }
        }
        match reader.unread() {
            Unread::Nothing => {}
            Unread::Torn(damage) => self.ranges_damaged(path, damage, "torn: the file ends inside a frame"),
            Unread::Damaged(damage) => self.ranges_damaged(path, damage, "no frame of ranges"),
        }
        Ok(())
    }

    fn ranges_damaged(&mut self, path: &Path, damage: RangesDamage, what: &str) {
        let RangesDamage { offset, length } = damage;
        self.findings.push(Finding { path: path.into(), offset, length, what: what.to_owned() });
    }
}

#[cfg(test)]
mod tests;
