//! Mending a spool that opening refuses or cannot read: sectors that the medium does not give back, frames of another
//! version, payloads that make no sense. Whatever else is damaged below the durable end is mended on the way.
//!
//! A segment is never changed in place. What can be read of it is written to a new file, with FILLER frames where
//! it was damaged; the old file moves into the quarantine, and the new one takes its name. A crash at any instant leaves
//! one of the two under the name. The fillers say what the damage held, so readers are told of LOST as before.
//!
//! Not mended, because opening does it: a torn commit above the durable end.

use super::contents::{Contents, Contradiction};
use super::damage::DamageFault;
use super::error::{Corruption, EnvironmentError, Refusal, SpoolError};
use super::frame::{FRAME_ALIGN, FrameType, HEADER_BYTES, Header, HeaderFault};
use super::inspect::{Inspected, Inspector};
use super::limits::{MAX_PAYLOAD_BYTES, WINDOW_BYTES};
use super::position::{Place, Position};
use super::scan::Scan;
use super::segment::SegmentNumber;
use super::stream::Timestamp;
use crate::disk::{DiskFile, PositionalDisk, PositionalFile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was mended.
#[derive(Debug, Default)]
pub(crate) struct Mended {
    /// Each segment that was, and how many bytes of it could not be used.
    pub(crate) segments: Vec<(PathBuf, u64)>,
}

/// A place that gets a filler.
#[derive(Debug, Clone)]
struct Hole {
    position: Position,
    offset: u64,
    length: u64,
    /// Mended although it may lie above the durable end: it is sound, and still opening refuses it.
    refused: bool,
    received: Timestamp,
    /// What the next header says came before it.
    counts: Option<Place>,
}

/// What is to be done, by segment file.
type Plan = BTreeMap<PathBuf, Vec<Hole>>;

/// Mends what there is to mend. Segments that are replaced are kept in `quarantine`, which is made when it is needed.
pub(crate) fn repair<D: PositionalDisk>(
    disk: &D,
    directory: &Path,
    quarantine: &Path,
) -> Result<Mended, SpoolError> {
    let locked = disk.lock(&directory.join("lock")).map_err(EnvironmentError::at("lock", directory))?;
    let _lock = locked.ok_or_else(|| Refusal::Locked { directory: directory.to_path_buf() })?;
    let mut mended = Mended::default();
    let plan = plan(disk, directory)?;
    if plan.is_empty() {
        return Ok(mended);
    }
    disk.create_dir_durably(quarantine).map_err(EnvironmentError::at("create", quarantine))?;
    for (path, holes) in plan {
        let bytes = replace(disk, directory, quarantine, &path, &holes)?;
        mended.segments.push((path, bytes));
    }
    Ok(mended)
}

/// Goes through all frames and notes what is to be filled.
fn plan<D: PositionalDisk>(disk: &D, directory: &Path) -> Result<Plan, SpoolError> {
    let mut plan = Plan::new();
    let mut holes: Vec<(PathBuf, Hole)> = Vec::new();
    let (mut contents, mut received, mut begun) = (Contents::new(), Timestamp(0), None);
    let mut inspector = Inspector::directory(disk, directory)?;
    loop {
        let found = match inspector.read()? {
            None => break,
            Some(Inspected::End { .. }) => continue,
            Some(Inspected::Frame { void: true, .. }) => continue,
            Some(Inspected::Frame { path, offset, header, payload, .. }) => {
                begun = begun.or(Some(header.place.position));
                received = received.max(header.received);
                holes.iter_mut().for_each(|(_, hole)| hole.counts = hole.counts.or(Some(header.place)));
                let wrong = contents.apply(offset, &header, payload) == Err(Contradiction::Payload);
                wrong.then(|| (path.to_path_buf(), offset, u64::from(header.frame_length), true))
            }
            Some(Inspected::Damage(damage)) => {
                let refused = matches!(damage.fault, DamageFault::Header(HeaderFault::Unknown { .. }));
                Some((damage.path, damage.offset, damage.length, refused))
            }
        };
        let (Some((path, offset, length, refused)), Some(base)) = (found, inspector.base()) else { continue };
        let position = base.after(offset);
        // From the limit on the log went on elsewhere.
        let length = inspector.limit().map_or(length, |limit| length.min(limit.since(position)));
        if length == 0 {
            continue;
        }
        if let Some(header) = inspector.header() {
            holes.iter_mut().for_each(|(_, hole)| hole.counts = hole.counts.or(Some(header.place)));
        }
        // The checkpoint of a log of one commit: without it opening would take what follows for torn, and begin anew.
        let refused = refused || (offset == 0 && begun.is_none());
        holes.push((path, Hole { position, offset, length, refused, received, counts: None }));
    }
    let durable = inspector.durable();
    holes.iter_mut().for_each(|(_, hole)| hole.counts = hole.counts.or(Some(contents.tail())));
    for unreadable in inspector.unreadable() {
        plan.entry(unreadable.path.clone()).or_default();
    }
    for (path, hole) in holes {
        if hole.refused || hole.position.after(hole.length) <= durable {
            plan.entry(path).or_default().push(hole);
        }
    }
    Ok(plan)
}

/// Puts a mended copy in a segment's place; gives how many bytes of the old one are not in it.
fn replace<D: PositionalDisk>(
    disk: &D,
    directory: &Path,
    quarantine: &Path,
    path: &Path,
    holes: &[Hole],
) -> Result<u64, SpoolError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = SegmentNumber::of_file_name(name).expect("BUG: only segments are planned for");
    let aside = path.with_extension("mending");
    let failed = |operation| EnvironmentError::at(operation, path);
    let file = disk.open_read_only(path).map_err(failed("open"))?;
    let length = file.length().map_err(failed("look at"))?;
    let mut old = Scan::new(file, number, None, WINDOW_BYTES);
    old.read_around();
    let new = disk.create(&aside).map_err(EnvironmentError::at("create", &aside))?;
    let written =
        copy(&mut old, &new, length, path, &aside).and_then(|()| fill(&new, number, length, &aside, holes));
    let filled = match written {
        Ok(filled) => filled,
        Err(error) => {
            let _ = disk.remove(&aside);
            return Err(error.into());
        }
    };
    // Opening must take it, or the old one stays.
    drop(new);
    if let Err(found) = read_through(disk, &aside, number, length) {
        let _ = disk.remove(&aside);
        let expected = "a mended segment that can be read".into();
        return Err(Corruption { path: path.to_path_buf(), offset: 0, expected, found }.into());
    }
    let kept = quarantine.join(name);
    disk.link(path, &kept).map_err(EnvironmentError::at("link into the quarantine", path))?;
    disk.sync_dir(quarantine).map_err(EnvironmentError::at("sync", quarantine))?;
    disk.rename(&aside, path).map_err(EnvironmentError::at("rename", &aside))?;
    disk.sync_dir(directory).map_err(EnvironmentError::at("sync", directory))?;
    let unreadable = old.unreadable().iter().map(|bytes| bytes.end - bytes.start).sum();
    Ok(filled.max(unreadable))
}

fn copy<F: PositionalFile>(
    old: &mut Scan<F>,
    new: &F,
    length: u64,
    path: &Path,
    aside: &Path,
) -> Result<(), EnvironmentError> {
    new.preallocate(length).map_err(EnvironmentError::at("preallocate", aside))?;
    let mut offset = 0;
    while offset < length {
        let bytes = old.bytes(offset, WINDOW_BYTES).map_err(EnvironmentError::at("read", path))?;
        if bytes.is_empty() {
            break;
        }
        new.write_to(offset, bytes).map_err(EnvironmentError::at("write to", aside))?;
        offset += bytes.len() as u64;
    }
    Ok(())
}

/// Writes fillers over holes and syncs; gives how many bytes they cover.
fn fill<F: PositionalFile>(
    new: &F,
    number: SegmentNumber,
    length: u64,
    aside: &Path,
    holes: &[Hole],
) -> Result<u64, EnvironmentError> {
    let mut filled = 0;
    for hole in holes {
        let fits = hole.length >= HEADER_BYTES as u64 && hole.length.is_multiple_of(FRAME_ALIGN as u64);
        if !fits || hole.offset + hole.length > length {
            continue;
        }
        let bytes = fillers(hole, number);
        new.write_to(hole.offset, &bytes).map_err(EnvironmentError::at("write to", aside))?;
        filled += hole.length;
    }
    new.sync_data().map_err(EnvironmentError::at("sync", aside))?;
    Ok(filled)
}

/// Frames without meaning over a whole hole; more than one when it is longer than a frame may be.
fn fillers(hole: &Hole, number: SegmentNumber) -> Vec<u8> {
    const LONGEST: u64 = (HEADER_BYTES + MAX_PAYLOAD_BYTES / 2) as u64;
    let base = hole.position.get() - hole.offset;
    let mut bytes = Vec::new();
    let mut left = hole.length;
    while left > 0 {
        // What is left must have room for a frame, too.
        let length = if left <= 2 * LONGEST - HEADER_BYTES as u64 && left > LONGEST {
            left / 2 / 8 * 8
        } else {
            left.min(LONGEST)
        };
        let payload = vec![0; usize::try_from(length).expect("BUG: bounded above") - HEADER_BYTES];
        let position = hole.position.after(hole.length - left);
        let counts = hole.counts.unwrap_or_default();
        let header = Header {
            frame_type: FrameType::Filler,
            frame_length: u32::try_from(length).expect("BUG: bounded above"),
            payload_length: u32::try_from(payload.len()).expect("BUG: bounded above"),
            payload_crc: crc32c::crc32c(&payload),
            place: Place { position, ..counts },
            durable: Position::new(base),
            received: hole.received,
            source: None,
            count: 0,
            origin_length: 0,
        };
        bytes.extend_from_slice(&header.encode(number));
        bytes.extend_from_slice(&payload);
        left -= length;
    }
    bytes
}

/// Whether all of a file can be read back.
fn read_through<D: PositionalDisk>(
    disk: &D,
    path: &Path,
    number: SegmentNumber,
    length: u64,
) -> Result<(), String> {
    let file = disk.open_read_only(path).map_err(|error| error.to_string())?;
    let mut scan = Scan::new(file, number, None, WINDOW_BYTES);
    let mut offset = 0;
    while offset < length {
        let read = scan.bytes(offset, WINDOW_BYTES).map_err(|error| error.to_string())?.len();
        if read == 0 {
            return Err(format!("only {offset} of {length} bytes"));
        }
        offset += read as u64;
    }
    Ok(())
}
