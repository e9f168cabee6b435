//! Which batches stand in one day file, and where.

use super::entry::{Entry, Part};
use super::overlap::holds;
use super::place::Places;
use super::reader::{RangesItem, RangesReader};
use crate::spool::StreamId;
use blueox_event::time::UtcDay;
use blueox_event::wire::native::{NodeId, Seq};
use std::fs::File;
use std::io;
use std::path::Path;

/// So many batches of one file are known at most: more would take too much memory.
const MAX_PLACED: usize = 4 << 20;

/// Events of one batch in a day file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The daemon that wrote them.
    pub node: NodeId,
    /// The stream of the batch.
    pub stream: StreamId,
    /// Its number there.
    pub seq: Seq,
}

impl Placed {
    /// What the ranges of a log path say of one of its day files, of that day, in the order of offsets. What the file does not
    /// hold as they say is left out, and so is what is beyond the first millions.
    ///
    /// # Errors
    /// When ranges cannot be read. That there are none is no error.
    pub fn in_file(root: &Path, day: UtcDay, file: &Path) -> io::Result<Vec<Self>> {
        let ranges = match File::open(root.join(super::relative_path(day))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            ranges => ranges?,
        };
        let mut places = Places::new(root);
        let mut reader = RangesReader::new(ranges);
        // Which file a part is in is certain only when all that the ranges name are known.
        let mut found: Vec<(Part, Self)> = Vec::new();
        while let Some(item) = reader.read()? {
            let RangesItem::Entry(Entry::Stored(stored)) = item else { continue };
            for part in &stored.parts {
                let named = reader.file(part.file).path.file_name();
                if named == file.file_name() && found.len() < MAX_PLACED {
                    let (node, batch) = (stored.node, stored.batch);
                    let placed = Self {
                        offset: part.offset,
                        bytes: part.bytes,
                        node,
                        stream: batch.stream,
                        seq: batch.seq,
                    };
                    found.push((*part, placed));
                }
            }
        }
        reader.files().iter().for_each(|file| places.know(file));
        let mut placed: Vec<Self> = found
            .into_iter()
            .filter(|(part, _)| places.find(reader.file(part.file)).as_deref() == Some(file))
            .filter(|(part, _)| holds(file, part))
            .map(|(_, placed)| placed)
            .collect();
        placed.sort_by_key(|placed| placed.offset);
        Ok(placed)
    }
}
