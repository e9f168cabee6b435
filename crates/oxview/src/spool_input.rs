//! A spool as a source: whoever must rescue one finds the events that are in it. It is only read, and no lock is taken.

use crate::read::Reading;
use crate::sink::Sink;
use crate::text;
use anyhow::Context;
use blueox_event::EncodedEvent;
use blueox_log::disk::RealDisk;
use blueox_log::spool::{FrameType, Inspected, Inspector, SegmentNumber};
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

/// A segment begins with a frame, and a frame with this.
const MAGIC: [u8; 4] = *b"OXW\x01";

/// Whether a path leads to a spool: a directory that holds segments, or a segment.
pub(crate) fn is_spool(path: &Path) -> bool {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        return entries.into_iter().any(|entry| is_segment_name(&entry.path()));
    }
    // Its first bytes may be what is damaged; a pipe must not lose any.
    path.is_file() && (is_segment_name(path) || begins_like_a_segment(path))
}

fn is_segment_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| SegmentNumber::of_file_name(name).is_some())
}

fn begins_like_a_segment(path: &Path) -> bool {
    let mut first = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == MAGIC
}

/// Gives the events in a spool that are asked for to `sink`, in their order; says what is damaged.
///
/// # Errors
/// When it cannot be read; those of `sink`.
pub(crate) fn read(
    path: &Path,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let name = text::printable_text(path.as_os_str().as_encoded_bytes());
    let cannot = || format!("cannot read the spool {name}");
    let mut inspector =
        if path.is_dir() { Inspector::directory(&RealDisk, path) } else { Inspector::file(&RealDisk, path) }
            .with_context(cannot)?;
    while let Some(found) = inspector.read().with_context(cannot)? {
        match found {
            Inspected::Frame { header, payload, void: false, path, offset }
                if header.frame_type == FrameType::Data =>
            {
                let events = payload.get(header.origin_length as usize..).unwrap_or_default();
                reading.progress.advance(u64::from(header.frame_length), sink.count());
                if batch(events, path, offset, reading, sink)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Inspected::Frame { header, .. } => {
                reading.progress.advance(u64::from(header.frame_length), sink.count());
            }
            Inspected::Damage(damage) => {
                let name = text::printable_text(damage.path.as_os_str().as_encoded_bytes());
                reading.damage.add_spool(&name, &damage);
            }
            Inspected::End { .. } => {}
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The events of one batch.
fn batch(
    mut events: &[u8],
    path: &Path,
    offset: u64,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    sink.pause()?;
    while !events.is_empty() {
        let event = match EncodedEvent::read(events) {
            Ok(event) => event,
            Err(error) => {
                let name = text::printable_text(path.as_os_str().as_encoded_bytes());
                reading.damage.add_batch(&name, offset, &error);
                break;
            }
        };
        events = &events[event.bytes().len()..];
        if reading.selection.matches(&event) {
            if sink.count() == 0 {
                reading.progress.output_begins();
            }
            if sink.event(&event)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
