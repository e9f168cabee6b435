//! Log paths: their ranges go into the book.

use super::book::{Book, DirectoryIndex, Line, day_number};
use super::proof::Days;
use anyhow::Context;
use blueox_event::time::UtcDay;
use blueox_event::wire::native::{NodeId, StreamId};
use blueox_log::ranges::{self, Entry, Fact, Facts, RangesItem, RangesReader, Unread};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// One log path, read.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    /// Who wrote there.
    pub(crate) nodes: BTreeSet<StreamId>,
    pub(crate) files: usize,
    /// Ranges that cannot be read in part.
    pub(crate) damaged: Vec<String>,
    /// Days with files of events, to whether there are ranges of them.
    days: BTreeMap<u64, bool>,
}

/// All log paths.
#[derive(Debug, Default)]
pub(crate) struct Directories(pub(crate) Vec<Directory>);

impl Directories {
    /// Reads one more.
    pub(crate) fn read(&mut self, path: &Path, book: &mut Book) -> anyhow::Result<()> {
        let index = self.0.len();
        let failed = || format!("cannot read {}", path.display());
        let mut directory = Directory {
            path: path.to_path_buf(),
            nodes: BTreeSet::new(),
            files: 0,
            damaged: Vec::new(),
            days: days(path).with_context(failed)?,
        };
        for (day, file) in ranges::list(path).with_context(failed)? {
            let source = match File::open(&file) {
                // Removed meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                source => source.with_context(|| format!("cannot open {}", file.display()))?,
            };
            directory.files += 1;
            directory.days.insert(day_number(day), true);
            directory.read_file(&file, source, (index, day), book)?;
        }
        self.0.push(directory);
        Ok(())
    }
}

impl Directory {
    fn read_file(
        &mut self,
        path: &Path,
        source: File,
        (index, day): (DirectoryIndex, UtcDay),
        book: &mut Book,
    ) -> anyhow::Result<()> {
        let mut reader = RangesReader::new(source);
        while let Some(item) = reader.read().with_context(|| format!("cannot read {}", path.display()))? {
            match item {
                RangesItem::Entry(Entry::Stored(stored)) => {
                    self.note(stored.node, stored.batch.facts(stored.node), (index, day), book);
                }
                RangesItem::Entry(Entry::Missing(node, missing)) => {
                    self.note(node, missing.facts(node), (index, day), book);
                }
                RangesItem::Damage(damage) => self.note_damage(path, damage.offset),
            }
        }
        if let Unread::Damaged(damage) = reader.unread() {
            self.note_damage(path, damage.offset);
        }
        Ok(())
    }

    fn note(&mut self, node: NodeId, facts: Facts, (index, day): (DirectoryIndex, UtcDay), book: &mut Book) {
        let node = StreamId(node.0);
        self.nodes.insert(node);
        for fact in facts {
            book.stored(&line(node, &fact), index, day);
        }
    }

    fn note_damage(&mut self, path: &Path, offset: u64) {
        self.damaged.push(format!("{} at byte {offset}", path.display()));
    }
}

fn line(node: StreamId, fact: &Fact) -> Line {
    let Fact { stream, numbers, own, events, sender, loss } = *fact;
    Line { stream, numbers, node, own, sender, events, reason: loss.map(|loss| loss.name().to_owned()) }
}

/// The days that have a folder.
fn days(path: &Path) -> std::io::Result<BTreeMap<u64, bool>> {
    let mut days = BTreeMap::new();
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if let Some(day) = name.to_str().and_then(|name| UtcDay::parse(name.as_bytes())) {
            days.insert(day_number(day), false);
        }
    }
    Ok(days)
}

impl Days for Directories {
    fn without_ranges(&self, directory: DirectoryIndex, (first, last): (u64, u64)) -> Option<String> {
        let days = &self.0.get(directory)?.days;
        let (day, _) = days.range(first..=last).find(|(_, has_ranges)| !**has_ranges)?;
        Some(UtcDay::of(i64::try_from(*day).unwrap_or(0) * 86_400).to_string())
    }
}
