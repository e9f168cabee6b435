//! A day file, or whatever lies in its place.

use crate::chunks::Chunks;
use blueox_log::day_log::scan::{Damage, Item, Scanner};
use std::io::{self, Read};

const KEEP_ALIVE: u8 = 0xc0;

/// The scanner. The first byte decides how the rest is read.
pub fn event_stream(bytes: &[u8]) {
    let Some((seed, file)) = bytes.split_first() else { return };
    let whole = scan(Scanner::with_buffer(file, file.len() + 16), file);
    check_coverage(&whole, file);
    let trickle = Trickle { left: file, chunks: Chunks::new(*seed) };
    let pieces = scan(Scanner::with_buffer(trickle, usize::from(*seed)), file);
    assert_eq!(pieces, whole, "what is found depends on how it is read");
}

#[derive(Debug, PartialEq)]
enum Found {
    Event { offset: usize, length: usize },
    Damage(Damage),
}

fn scan<R: Read>(mut scanner: Scanner<R>, file: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    while let Some(item) = scanner.next_item().expect("reading from memory") {
        found.push(match item {
            Item::Event { offset, event } => {
                let (offset, length) = (offset as usize, event.bytes().len());
                assert!(event.type_name().is_ok());
                assert_eq!(event.bytes(), &file[offset..offset + length]);
                Found::Event { offset, length }
            }
            Item::Damage(damage) => Found::Damage(damage),
        });
    }
    assert_eq!(scanner.offset(), file.len() as u64);
    found
}

/// Events follow each other; what is between them is damage or a keep-alive. Damage may begin with the event before
/// it, which then has swallowed the beginning of another.
fn check_coverage(found: &[Found], file: &[u8]) {
    let (mut last_event, mut end) = (0, 0);
    for item in found {
        let (start, length) = match item {
            Found::Event { offset, length } => {
                assert!(*offset >= end, "two events share bytes");
                last_event = *offset;
                (*offset, *length)
            }
            Found::Damage(damage) => {
                assert!(damage.length > 0);
                let start = damage.offset as usize;
                assert!(start >= end || start == last_event, "damage begins in the middle of an event");
                (start, damage.length as usize)
            }
        };
        check_gap(file, end, start);
        assert!(start == last_event || start + length >= end, "damage ends where it does not begin");
        end = start + length;
    }
    check_gap(file, end, file.len());
}

fn check_gap(file: &[u8], start: usize, end: usize) {
    let gap = file.get(start..end).unwrap_or_default();
    assert!(gap.iter().all(|byte| *byte == KEEP_ALIVE), "bytes {start} to {end} were passed over");
}

/// Gives bytes in small pieces.
#[derive(Debug)]
struct Trickle<'a> {
    left: &'a [u8],
    chunks: Chunks,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.chunks.next_of(self.left.len().min(buffer.len()));
        let (piece, left) = self.left.split_at(size);
        buffer[..size].copy_from_slice(piece);
        self.left = left;
        Ok(size)
    }
}
