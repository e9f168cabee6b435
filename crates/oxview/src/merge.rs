//! The files of one day as one log, by the time at which events ended.

use crate::input::Input;
use crate::read::{Log, Reading};
use crate::sink::Sink;
use blueox_query::catalog::{Kind, StoreFile};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

/// All buffers of one merge together.
const MERGE_BUFFER_BYTES: usize = 64 << 20;
/// The smallest and largest buffer of one file.
const FILE_BUFFER_BYTES: (usize, usize) = (16 << 10, 1 << 20);

/// How many files are open for other purposes, at most.
const OTHER_FILES: usize = 32;

/// When the next event of a file ended, and which file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Head {
    pub(crate) end: f64,
    pub(crate) file: usize,
}

impl Eq for Head {}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.total_cmp(&other.end).then(self.file.cmp(&other.file))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Gives the events of `files` that are asked for to `sink`. Each file is in order but for little, so taking the
/// earliest next event is enough. A file is opened when its window is reached.
///
/// # Errors
/// As [`Log::advance`].
pub(crate) fn merge(
    files: &[StoreFile],
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let buffer = (MERGE_BUFFER_BYTES / files.len().max(1)).clamp(FILE_BUFFER_BYTES.0, FILE_BUFFER_BYTES.1);
    let mut logs: Vec<Option<Log>> = files.iter().map(|_| None).collect();
    let mut heads: BinaryHeap<Reverse<Head>> = files
        .iter()
        .enumerate()
        .map(|(file, log_file)| Reverse(Head { end: log_file.begin() as f64, file }))
        .collect();
    let few = files.len() <= max_open_files();
    let need = reading.selection.need();
    let open = |file: &StoreFile| match file.kind {
        Kind::Sealed => Input::of_sealed(file, &need, file.dropped.clone()),
        _ if few || file.object.is_some() => Input::of_store_file(file),
        _ => Input::open_sparingly(&file.path),
    };
    while let Some(Reverse(Head { end, file })) = heads.pop() {
        match &mut logs[file] {
            Some(log) => {
                if sink.event(&log.event())?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            unopened => match reading.readable(open(&files[file])) {
                Some(input) => {
                    let log = Log::new(input, buffer);
                    // Of a sealed file rows are dropped, and those are not given at all.
                    let is_sealed = files[file].kind == Kind::Sealed;
                    *unopened = Some(if is_sealed { log } else { log.without(files[file].dropped.clone()) });
                }
                None => continue,
            },
        }
        let log = logs[file].as_mut().expect("BUG: it was opened above");
        // As long as no other file has an earlier event, this one goes on.
        if log.advance(reading, sink)? {
            let end = log.event().end().unwrap_or(end);
            heads.push(Reverse(Head { end, file }));
        } else {
            // A file that was read to its end is closed.
            logs[file] = None;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// How many files may be open for a merge, beside all else that is.
fn max_open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)).saturating_sub(OTHER_FILES)
}
