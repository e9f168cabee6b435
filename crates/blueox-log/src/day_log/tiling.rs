//! Whether ranges say exactly what stands in the day files. Only in test builds.

use crate::ranges::{Entry, RangesItem, RangesReader, Unread};
use std::collections::BTreeMap;

/// The ranges among `contents`, which are by inode, name every byte of the other files exactly once, and the batch that
/// each event is of. `first_event` says how long the event is that some bytes begin with, and which number its batch has.
pub(super) fn check_ranges(
    contents: &BTreeMap<u64, Vec<u8>>,
    first_event: impl Fn(&[u8]) -> (usize, u64),
) -> Result<(), String> {
    let mut reached: BTreeMap<u64, u64> = BTreeMap::new();
    let mut parts = Vec::new();
    for (inode, content) in contents.iter().filter(|(_, content)| content.starts_with(b"OXR")) {
        let mut reader = RangesReader::new(&content[..]);
        loop {
            match reader.read().unwrap() {
                Some(RangesItem::Entry(Entry::Stored(stored))) => {
                    for part in stored.parts {
                        let (_, file) = reader.file(part.file).identity.parts();
                        parts.push((file, part.offset, part.bytes, part.events, stored.batch.seq.get()));
                    }
                }
                Some(other) => return Err(format!("{other:?}")),
                None if reader.unread() == Unread::Nothing => break,
                None => return Err(format!("file {inode} ends in {:?}", reader.unread())),
            }
        }
    }
    parts.sort_unstable();
    for (file, offset, bytes, events, seq) in parts {
        let at = reached.entry(file).or_default();
        if *at != offset {
            return Err(format!("file {file}: byte {at} is followed by {offset}"));
        }
        *at += bytes;
        let mut rest = contents
            .get(&file)
            .ok_or(format!("file {file} is named with {bytes} bytes at {offset}, and not there"))?
            .get(usize::try_from(offset).unwrap()..usize::try_from(*at).unwrap())
            .ok_or(format!("file {file} has no {bytes} bytes at {offset}"))?;
        let mut found = 0;
        while !rest.is_empty() {
            let (length, batch) = first_event(rest);
            (rest, found) = (&rest[length..], found + 1);
            if batch != seq {
                return Err(format!("an event of batch {batch} is said to be of {seq}"));
            }
        }
        if found != events {
            return Err(format!("{events} events instead of {found}"));
        }
    }
    for (inode, content) in contents.iter().filter(|(_, content)| !content.starts_with(b"OXR")) {
        let named = reached.get(inode).copied().unwrap_or(0);
        if named != content.len() as u64 {
            return Err(format!("of file {inode} with {} bytes {named} are named", content.len()));
        }
    }
    Ok(())
}
