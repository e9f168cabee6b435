//! What several log paths have in common, sealed or not.

use super::{Catalog, CatalogError, Kind, StoreFile, roots};
use crate::need::Need;
use crate::sealed::{Numbered, SealError};
use blueox_event::EncodedEvent;
use blueox_event::wire::native::{NodeId, Seq};
use blueox_log::ranges::{OtherCopies, OtherEvent, Overlap, Remark, Spans};
use blueox_log::spool::StreamId;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

impl Catalog {
    /// Leaves out what several log paths have but of one. Gives what there is to say of their ranges.
    ///
    /// # Errors
    /// When ranges or sealed files cannot be read.
    pub fn drop_overlap(&mut self, dirs: &[PathBuf]) -> Result<Vec<Remark>, CatalogError> {
        let roots = roots(dirs);
        if roots.len() < 2 {
            return Ok(Vec::new());
        }
        let held: HashMap<&Path, &Spans> =
            self.files().map(|file| (file.path.as_path(), &file.dropped)).collect();
        let is_read = |path: &Path, offset: u64| {
            self.read.contains(path) && !held.get(path).is_some_and(|dropped| dropped.holds(offset))
        };
        let sealed = self.files().filter(|file| file.kind == Kind::Sealed);
        let others = SealedCopies { roots: &roots, files: sealed.collect() };
        let mut overlap = Overlap::find(&roots, &is_read, &others)
            .map_err(CatalogError::at(roots.first().expect("BUG: there are two")))?;
        for file in self.days.values_mut().flatten() {
            for (begin, end) in overlap.dropped.remove(&file.path).unwrap_or_default().iter() {
                file.dropped.add(begin, end);
            }
            file.dropped.settle();
        }
        // Sealed files say themselves what they hold.
        let tells: HashSet<PathBuf> = roots
            .iter()
            .filter(|root| self.files().any(|file| file.kind == Kind::Sealed && file.path.starts_with(root)))
            .cloned()
            .collect();
        let says_nothing = |remark: &Remark| matches!(remark, Remark::None { .. });
        overlap.remarks.retain(|remark| !matches!(remark, Remark::None { root } if tells.contains(root)));
        let without = overlap.remarks.iter().filter(|remark| says_nothing(remark)).count();
        // Where nobody keeps ranges nothing is missing.
        overlap.remarks.retain(|remark| without < roots.len() || !says_nothing(remark));
        Ok(overlap.remarks)
    }
}

/// The rows of sealed files, as copies of batches.
struct SealedCopies<'a> {
    roots: &'a [PathBuf],
    files: Vec<&'a StoreFile>,
}

impl SealedCopies<'_> {
    fn below(&self, root: usize) -> impl Iterator<Item = &&StoreFile> {
        self.files.iter().filter(move |file| file.path.starts_with(&self.roots[root]))
    }
}

impl OtherCopies for SealedCopies<'_> {
    fn numbers(&self, root: usize, each: &mut dyn FnMut(StreamId, Seq)) -> io::Result<()> {
        for file in self.below(root) {
            let numbers = file.open_sealed().and_then(|sealed| sealed.numbers());
            for numbered in numbers.map_err(unreadable)? {
                if let Some(Numbered { stream, seq, .. }) = numbered.map_err(unreadable)? {
                    each(StreamId(stream), Seq::new(seq));
                }
            }
        }
        Ok(())
    }

    fn events(
        &self,
        root: usize,
        wanted: &dyn Fn(StreamId, Seq) -> bool,
        each: &mut dyn FnMut(OtherEvent<'_>),
    ) -> io::Result<()> {
        for file in self.below(root) {
            events_of(file, wanted, each).map_err(unreadable)?;
        }
        Ok(())
    }
}

fn events_of(
    file: &StoreFile,
    wanted: &dyn Fn(StreamId, Seq) -> bool,
    each: &mut dyn FnMut(OtherEvent<'_>),
) -> Result<(), SealError> {
    let sealed = file.open_sealed()?;
    let is_wanted = |found: &Option<Numbered>| {
        found.is_some_and(|found| wanted(StreamId(found.stream), Seq::new(found.seq)))
    };
    let mut any = false;
    for numbered in sealed.numbers()? {
        any |= is_wanted(&numbered?);
    }
    if !any {
        return Ok(());
    }
    let mut rows = sealed.rows(&Need::default(), (0..sealed.groups()).collect(), Spans::default())?;
    let mut numbers = sealed.numbers()?;
    while let (Some(next), Some(numbered)) = (rows.next_event(), numbers.next()) {
        let (row, bytes) = next?;
        let Some(found) = numbered?.filter(|found| is_wanted(&Some(*found))) else { continue };
        let Ok(event) = EncodedEvent::parse(bytes) else { continue };
        each(OtherEvent {
            node: NodeId(found.node),
            stream: StreamId(found.stream),
            seq: Seq::new(found.seq),
            encoded_type: &file.name.encoded_type,
            event,
            path: &file.path,
            row,
        });
    }
    Ok(())
}

fn unreadable(error: SealError) -> io::Error {
    io::Error::other(error)
}
