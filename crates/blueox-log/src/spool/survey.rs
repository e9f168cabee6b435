//! What one segment holds, before it is known which of it counts; and where the log ends, once all are known.

use super::damage::DamageFault;
use super::error::{Corruption, EnvironmentError, SpoolError};
use super::frame::{FRAME_ALIGN, FrameType, Header, HeaderFault};
use super::position::{Place, Position};
use super::scan::{Found, Scan};
use super::segment::SegmentNumber;
use crate::disk::PositionalFile;
use std::path::Path;

/// What one segment holds.
#[derive(Debug)]
pub(crate) struct Survey<F> {
    pub(crate) scan: Scan<F>,
    pub(crate) number: SegmentNumber,
    pub(crate) length: u64,
    /// Whether it begins with a sound checkpoint.
    pub(crate) starts_sound: bool,
    /// The counts of its first sound header.
    pub(crate) first: Option<Place>,
    /// Where the frames that can be found end.
    pub(crate) end: u64,
    /// The highest position that a header in it says was durable.
    pub(crate) durable: Position,
    pub(crate) bad: Vec<Bad>,
}

/// A place that holds no sound frame, though one follows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bad {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) header: Option<Header>,
    pub(crate) fault: DamageFault,
}

impl<F: PositionalFile> Survey<F> {
    pub(crate) fn of(mut scan: Scan<F>, path: &Path) -> Result<Self, SpoolError> {
        let failed = EnvironmentError::at("read", path);
        let length = scan.file.length().map_err(EnvironmentError::at("look at", path))?;
        let number = scan.number;
        let (mut starts_sound, mut first, mut durable, mut bad) = (false, None, Position::START, Vec::new());
        let mut offset = 0;
        let walked: Result<(), std::io::Error> = loop {
            let found = match scan.at(offset, length) {
                Ok(found) => found,
                Err(error) => break Err(error),
            };
            match found {
                Found::Frame(header) | Found::BadPayload(header) => {
                    let sound = matches!(found, Found::Frame(_));
                    starts_sound |= sound && offset == 0 && header.frame_type == FrameType::Checkpoint;
                    first.get_or_insert(header.place);
                    durable = durable.max(header.durable);
                    let length = u64::from(header.frame_length);
                    if !sound {
                        bad.push(Bad { offset, length, header: Some(header), fault: DamageFault::Payload });
                    }
                    offset += length;
                }
                Found::Nothing(HeaderFault::Unknown { version, frame_type }) => {
                    let expected = "version 1 with types 1 to 8; a newer BlueOx wrote this spool".into();
                    let found = format!("version {version}, type {frame_type}");
                    return Err(Corruption { path: path.to_path_buf(), offset, expected, found }.into());
                }
                Found::Nothing(fault) => match scan.search(offset + FRAME_ALIGN as u64, length) {
                    Ok(Some(next)) => {
                        let fault = DamageFault::Header(fault);
                        bad.push(Bad { offset, length: next - offset, header: None, fault });
                        offset = next;
                    }
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                },
            }
        };
        walked.map_err(failed)?;
        Ok(Self { scan, number, length, starts_sound, first, end: offset, durable, bad })
    }

    pub(crate) fn base(&self) -> Option<Position> {
        self.scan.base
    }

    /// The place at byte 0, as far as it is known.
    pub(crate) fn start(&self) -> Option<Place> {
        Some(Place { position: self.base()?, ..self.first? })
    }
}

/// Where the log ends, and what is damaged before that.
#[derive(Debug)]
pub(crate) struct End {
    /// Which survey holds the end.
    pub(crate) survey: usize,
    /// Where in its file; above 0.
    pub(crate) offset: u64,
    /// Up to here durability is proven by a later frame.
    pub(crate) proven: Position,
    /// Damaged places: which survey, and where in it.
    pub(crate) damage: Vec<(usize, Bad)>,
}

/// Positions at or above this are void in survey `index`: the log went on in a later segment.
pub(crate) fn limit<F: PositionalFile>(surveys: &[Survey<F>], index: usize) -> Option<Position> {
    surveys[index + 1..].iter().filter_map(Survey::base).min()
}

/// Finds the end; `None` if there is no log at all. Surveys are in the order of their numbers.
pub(crate) fn find_end<F: PositionalFile>(surveys: &[Survey<F>]) -> Option<End> {
    let proven = surveys.iter().map(|survey| survey.durable).max()?;
    let mut damage = Vec::new();
    let mut previous: Option<(usize, u64)> = None;
    for (index, survey) in surveys.iter().enumerate() {
        let Some(base) = survey.base() else { continue };
        let limit = limit(surveys, index);
        if limit.is_some_and(|limit| base >= limit) {
            continue;
        }
        let missing = limit.map(|limit| limit.since(base)).filter(|limit| survey.end < *limit).map(|limit| {
            Bad { offset: survey.end, length: limit - survey.end, header: None, fault: DamageFault::Missing }
        });
        let mut cut = None;
        for bad in survey.bad.iter().chain(&missing) {
            let start = base.after(bad.offset);
            if limit.is_some_and(|limit| start >= limit) {
                break;
            }
            let stop = limit.map_or(start.after(bad.length), |limit| limit.min(start.after(bad.length)));
            if start >= proven {
                cut = Some(bad.offset);
                break;
            }
            damage.push((index, Bad { length: stop.min(proven).since(start), ..*bad }));
            if stop > proven {
                cut = Some(proven.since(base));
                break;
            }
        }
        if cut.is_none() && limit.is_none() {
            cut = Some(survey.end);
        }
        match (cut, limit) {
            // Not even its checkpoint is whole: the log ends in the segment before, at the same position.
            (Some(0), _) => return previous.map(|(survey, offset)| End { survey, offset, proven, damage }),
            (Some(offset), _) => return Some(End { survey: index, offset, proven, damage }),
            (None, Some(limit)) => previous = Some((index, limit.since(base))),
            (None, None) => unreachable!("BUG: without a limit there is a cut"),
        }
    }
    None
}
