//! The events of one file.

use crate::failure::Failure;
use crate::selection::Selection;
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::{Damage, Scanner, Step};
use blueox_log::ranges::Spans;
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::need::Need;
use blueox_query::sealed::{SealedFile, SealedRows};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// How much of a compressed file is read at once.
const COMPRESSED_BUFFER_BYTES: usize = 256 << 10;
/// Sealed events after which whoever waits is told that there may be more.
const PAUSE_AFTER_EVENTS: u32 = 4_096;

/// A file that is being read.
pub(crate) struct Log {
    path: PathBuf,
    what: What,
}

enum What {
    Plain { scanner: Scanner<Box<dyn Read + Send>>, dropped: Spans, compressed: bool },
    Sealed { rows: Box<SealedRows>, event: Vec<u8> },
}

/// What the next bytes turned out to be.
pub(crate) enum Next {
    /// An event that is asked for, until the next call: [`Log::event`].
    Event,
    /// Nothing yet: ask again.
    Pause,
    /// There is nothing more.
    End,
    /// Something is damaged; ask again.
    Damaged(String),
}

impl Log {
    pub(crate) fn open(
        file: &StoreFile,
        need: &Need,
        buffer_bytes: usize,
    ) -> Result<Result<Self, String>, Failure> {
        let path = file.path.clone();
        let kind = if file.kind == Kind::Sealed { Kind::Sealed } else { crate::sources::packing(&path)? };
        let what = match kind {
            Kind::Sealed => {
                let opened = SealedFile::open(&path)
                    .and_then(|sealed| sealed.rows(need, sealed.groups_needed(need), file.dropped.clone()));
                match opened.map_err(Failure::of_sealed) {
                    Ok(rows) => What::Sealed { rows: Box::new(rows), event: Vec::new() },
                    Err(remark) => return remark.map(Err),
                }
            }
            kind => {
                let source = File::open(&path).map_err(Failure::io("open", &path))?;
                let source: Box<dyn Read + Send> = match kind {
                    Kind::Archive => decompressed(source, &path)?,
                    _ => Box::new(source.take(file.bytes)),
                };
                What::Plain {
                    scanner: Scanner::with_buffer(source, buffer_bytes),
                    dropped: file.dropped.clone(),
                    compressed: kind == Kind::Archive,
                }
            }
        };
        Ok(Ok(Self { path, what }))
    }

    /// Goes to the next event that is asked for, but not far.
    pub(crate) fn advance(&mut self, selection: &Selection) -> Result<Next, Failure> {
        match &mut self.what {
            What::Sealed { rows, event } => {
                for _ in 0..PAUSE_AFTER_EVENTS {
                    let bytes = match rows.next_event() {
                        None => return Ok(Next::End),
                        Some(Err(error)) => return Failure::of_sealed(error).map(Next::Damaged),
                        Some(Ok((_, bytes))) => bytes,
                    };
                    let Ok(found) = EncodedEvent::parse(bytes) else {
                        let why = format!("{}: a row is no event", self.path.display());
                        return Ok(Next::Damaged(why));
                    };
                    if selection.matches(&found) {
                        event.clear();
                        event.extend_from_slice(bytes);
                        return Ok(Next::Event);
                    }
                }
                Ok(Next::Pause)
            }
            What::Plain { scanner, dropped, compressed } => loop {
                match scanner.step_to(|event| selection.matches(event)) {
                    Step::Event { offset } if dropped.holds(offset) => {}
                    Step::Event { .. } => return Ok(Next::Event),
                    Step::Damage(damage) => return Ok(Next::Damaged(said(&self.path, &damage))),
                    Step::End => return Ok(Next::End),
                    Step::More => match scanner.fill() {
                        Ok(0) => scanner.finish(),
                        Ok(_) => return Ok(Next::Pause),
                        Err(error) if *compressed && error.raw_os_error().is_none() => {
                            scanner.finish();
                            *scanner.source_mut() = Box::new(io::empty());
                            let path = self.path.display();
                            return Ok(Next::Damaged(format!(
                                "{path}: its compressed content is damaged or cut off ({error}); what follows is lost"
                            )));
                        }
                        Err(error) => return Err(Failure::io("read", &self.path)(error)),
                    },
                }
            },
        }
    }

    /// The event gone to.
    pub(crate) fn event(&self) -> EncodedEvent<'_> {
        match &self.what {
            What::Plain { scanner, .. } => scanner.event(),
            What::Sealed { event, .. } => EncodedEvent::parse(event).expect("BUG: it was parsed before"),
        }
    }
}

/// What a damaged place of a day file is called.
pub(crate) fn said(path: &Path, damage: &Damage) -> String {
    format!(
        "{}: skipped {} damaged bytes at offset {} ({})",
        path.display(),
        damage.length,
        damage.offset,
        damage.why
    )
}

fn decompressed(mut file: File, path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    let mut first = [0; 1];
    file.read_exact(&mut first).map_err(Failure::io("read", path))?;
    let buffered = BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, io::Cursor::new(first).chain(file));
    Ok(match first {
        [b'B'] => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered)),
        [0x1f] => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        _ => Box::new(
            zstd::stream::read::Decoder::with_buffer(buffered).map_err(Failure::io("decompress", path))?,
        ),
    })
}
