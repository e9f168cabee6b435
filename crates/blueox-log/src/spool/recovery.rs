//! Opening: finding the log's end, making it durable, and only then telling its state.

use super::chore::Spare;
use super::config::SpoolConfig;
use super::damage::Damage;
use super::error::{Corruption, EnvironmentError, SpoolError};
use super::frame::{COMMIT_ALIGN, FRAME_ALIGN, FrameType, HEADER_BYTES, Header};
use super::limits::{MAX_DAMAGES_LISTED, REMAINS_BYTES};
use super::position::{Place, Position};
use super::scan::{Found, Scan};
use super::segment::{Segment, SegmentNumber, Table};
use super::state::State;
use super::survey::{End, Survey, find_end, limit};
use crate::disk::{DiskFile, PositionalDisk, PositionalFile};
use crate::mutation::{Mutation, is};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What opening found and did.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// There was no log.
    pub fresh: bool,
    /// How many bytes of segments were scanned.
    pub scanned_bytes: u64,
    /// How many bytes at the end were not proven durable and were written again.
    pub rewritten_bytes: u64,
    /// How many bytes behind the end held remains of a commit that never became durable, and were zeroed.
    pub cut_bytes: u64,
    /// Where the log ends.
    pub end: Place,
    /// Damaged places in what was scanned (the first thousand); readers tell of those in older segments.
    pub damage: Vec<Damage>,
    /// How many damaged places there were.
    pub damaged_places: u64,
}

/// The segment that is being written.
#[derive(Debug)]
pub(crate) struct Active<F> {
    pub(crate) file: F,
    pub(crate) number: SegmentNumber,
    pub(crate) base: Position,
    /// The durable end in the file.
    pub(crate) end: u64,
    pub(crate) length: u64,
    /// Readers know of it: something in it is durable.
    pub(crate) listed: bool,
}

/// A segment made ahead.
#[derive(Debug)]
pub(crate) struct Prepared<F> {
    pub(crate) file: F,
    pub(crate) number: SegmentNumber,
    pub(crate) length: u64,
}

/// What opening hands to the writer.
#[derive(Debug)]
pub(crate) struct Recovered<F> {
    pub(crate) state: State,
    pub(crate) table: Table,
    pub(crate) active: Option<Active<F>>,
    pub(crate) prepared: Option<Prepared<F>>,
    pub(crate) spares: BTreeSet<Spare>,
    /// Segments without any sound frame among the others; deleted when those before them are.
    pub(crate) dead: Vec<SegmentNumber>,
    pub(crate) next_number: SegmentNumber,
    pub(crate) reserve: u64,
    pub(crate) report: Recovery,
}

pub(crate) struct Recoverer<'a, D> {
    pub(crate) disk: &'a D,
    pub(crate) directory: &'a Path,
    pub(crate) config: &'a SpoolConfig,
}

impl<D: PositionalDisk> Recoverer<'_, D> {
    pub(crate) fn recover(&self) -> Result<Recovered<D::File>, SpoolError> {
        let mut older = segment_numbers(self.disk, self.directory)?;
        let mut recovered = Recovered {
            state: State::new(self.config.own_stream),
            table: Table::default(),
            active: None,
            prepared: None,
            spares: BTreeSet::new(),
            dead: Vec::new(),
            next_number: older.last().map_or(SegmentNumber::FIRST, |number| number.next()),
            reserve: self.reserve_bytes(),
            report: Recovery::default(),
        };
        let mut surveys = self.survey_last(&mut older)?;
        recovered.report.scanned_bytes = surveys.iter().map(|survey| survey.length).sum();
        let end = find_end(&surveys);
        match &end {
            Some(end) => {
                self.replay(&mut surveys, end, &mut recovered)?;
                self.make_durable(&mut surveys[end.survey], end, &mut recovered)?;
                self.list_damage(&surveys, end, &mut recovered.report);
                self.list_older(&older, &surveys, &mut recovered)?;
            }
            None => recovered.report.fresh = true,
        }
        self.sort_out(surveys, end.as_ref(), &mut recovered)?;
        recovered.spares = self.spares()?;
        self.disk.sync_dir(self.directory).map_err(EnvironmentError::at("sync", self.directory))?;
        recovered.state.settle();
        recovered.table.tail = recovered.state.tail;
        recovered.report.end = recovered.state.tail;
        Ok(recovered)
    }

    fn path(&self, number: SegmentNumber) -> PathBuf {
        number.path(self.directory)
    }

    fn open(&self, number: SegmentNumber) -> Result<Scan<D::File>, SpoolError> {
        let path = self.path(number);
        let file = self.disk.open_existing(&path).map_err(EnvironmentError::at("open", &path))?;
        Ok(Scan::new(file, number, None, self.config.window_bytes))
    }

    fn reserve_bytes(&self) -> u64 {
        let path = reserve_path(self.directory);
        self.disk.open_existing(&path).and_then(|file| file.length()).unwrap_or(0)
    }

    /// Room that is kept. Only a segment that was durable becomes a spare, so its room is.
    fn spares(&self) -> Result<BTreeSet<Spare>, SpoolError> {
        let names = self.disk.list(self.directory).map_err(EnvironmentError::at("list", self.directory))?;
        let mut spares = BTreeSet::new();
        for spare in names.iter().filter_map(|name| Spare::of_file_name(name.to_str()?)) {
            let path = self.directory.join(spare.file_name());
            let failed = |operation| EnvironmentError::at(operation, &path);
            let file = self.disk.open_existing(&path).map_err(failed("open"))?;
            let length = file.length().map_err(failed("look at"))?;
            if spare.0 < self.config.max_spares && length == self.config.segment_bytes {
                spares.insert(spare);
            } else {
                self.disk.remove(&path).map_err(failed("remove"))?;
            }
        }
        Ok(spares)
    }

    /// Surveys from the last segment back to one that begins with a sound checkpoint and is not void; all before are
    /// older. A void one was abandoned and could not be removed: the log may end in the one before.
    fn survey_last(&self, older: &mut Vec<SegmentNumber>) -> Result<Vec<Survey<D::File>>, SpoolError> {
        let mut surveys = Vec::new();
        while let Some(number) = older.pop() {
            let survey = Survey::of(self.open(number)?, &self.path(number))?;
            let later = surveys.iter().filter_map(Survey::base).min();
            let void = later.is_some_and(|later| survey.base().is_some_and(|base| base >= later));
            let sound = survey.starts_sound && (!void || is(Mutation::TrustAbandoned));
            surveys.push(survey);
            if sound {
                break;
            }
        }
        surveys.reverse();
        Ok(surveys)
    }

    /// Applies all sound frames up to the end to the state.
    fn replay(
        &self,
        surveys: &mut [Survey<D::File>],
        end: &End,
        recovered: &mut Recovered<D::File>,
    ) -> Result<(), SpoolError> {
        for index in 0..=end.survey {
            let limit = limit(surveys, index);
            let survey = &mut surveys[index];
            let Some(base) = survey.base() else { continue };
            let path = self.path(survey.number);
            let limit = limit.map_or(u64::MAX, |limit| limit.since(base));
            let until = if index == end.survey { end.offset } else { survey.end.min(limit) };
            let mut offset = 0;
            while offset < until {
                match survey.scan.at(offset, until).map_err(EnvironmentError::at("read", &path))? {
                    Found::Frame(header) => {
                        let header = if is(Mutation::MarksApart) { without_mark(header) } else { header };
                        let payload = survey.scan.payload(offset, &header);
                        recovered.state.apply(&header, payload).map_err(|error| Corruption {
                            path: path.clone(),
                            offset,
                            expected: format!("a payload of type {:?}", header.frame_type),
                            found: error.to_string(),
                        })?;
                        offset += u64::from(header.frame_length);
                    }
                    Found::BadPayload(header) => offset += u64::from(header.frame_length),
                    Found::Nothing(_) => {
                        let next = survey.scan.search(offset + FRAME_ALIGN as u64, until);
                        offset = next.map_err(EnvironmentError::at("read", &path))?.unwrap_or(until);
                    }
                }
            }
            recovered.state.settle();
        }
        let survey = &mut surveys[end.survey];
        let base = survey.base().expect("BUG: the end lies in a segment with frames");
        let position = base.after(end.offset);
        if recovered.state.tail.position != position {
            // The frames before the end are damaged. What follows it, torn as it is, says how much they counted.
            let path = self.path(survey.number);
            let failed = EnvironmentError::at("read", &path);
            let counts = match survey.scan.search(end.offset, survey.length).map_err(failed)? {
                Some(offset) => match survey.scan.at(offset, survey.length) {
                    Ok(Found::Frame(header) | Found::BadPayload(header)) => header.place,
                    _ => recovered.state.tail,
                },
                None => recovered.state.tail,
            };
            recovered.state.tail = Place { position, ..counts };
        }
        Ok(())
    }

    /// Writes what is not proven durable again, byte for byte; fills the last sector; zeroes what could be
    /// taken for frames behind the end. Then syncs.
    fn make_durable(
        &self,
        survey: &mut Survey<D::File>,
        end: &End,
        recovered: &mut Recovered<D::File>,
    ) -> Result<(), SpoolError> {
        const STEP: u64 = 1 << 20;
        let path = self.path(survey.number);
        let failed = |operation| EnvironmentError::at(operation, &path);
        let base = survey.base().expect("BUG: the end lies in a segment with frames");
        let report = &mut recovered.report;
        let mut buffer = Vec::new();
        let mut offset = end.proven.since(base).min(end.offset);
        if is(Mutation::BelieveTail) {
            offset = end.offset;
        }
        while offset < end.offset {
            buffer.resize(usize::try_from((end.offset - offset).min(STEP)).expect("BUG: at most a step"), 0);
            let read = survey.scan.file.read_from(offset, &mut buffer).map_err(failed("read"))?;
            buffer.truncate(read.max(1));
            survey.scan.file.write_to(offset, &buffer).map_err(failed("write again"))?;
            report.rewritten_bytes += buffer.len() as u64;
            offset += buffer.len() as u64;
        }
        let filler = fill_sector(&mut recovered.state, survey.number, base, end.offset, survey.length);
        survey.scan.file.write_to(end.offset, &filler).map_err(failed("fill"))?;
        let cut = end.offset + filler.len() as u64;
        offset = cut;
        // Also where nothing is seen: zeros may be in the page cache only, from a recovery whose sync failed.
        let until = survey.end.max(survey.length.min(cut + REMAINS_BYTES));
        if is(Mutation::LeaveRemains) {
            offset = until;
        }
        let zeros = vec![0; usize::try_from(until.saturating_sub(offset).min(STEP)).expect("BUG: a step")];
        while offset < until {
            let length = (until.min(survey.length) - offset).min(STEP);
            if length == 0 {
                break;
            }
            let zeros = &zeros[..usize::try_from(length).expect("BUG: a step")];
            survey.scan.file.write_to(offset, zeros).map_err(failed("cut"))?;
            report.cut_bytes += survey.end.saturating_sub(offset).min(length);
            offset += length;
        }
        survey.scan.file.sync_data().map_err(failed("sync"))?;
        survey.scan.forget();
        Ok(())
    }

    fn list_damage(&self, surveys: &[Survey<D::File>], end: &End, report: &mut Recovery) {
        report.damaged_places = end.damage.len() as u64;
        for (index, bad) in end.damage.iter().take(MAX_DAMAGES_LISTED) {
            let path = self.path(surveys[*index].number);
            report.damage.push(match &bad.header {
                Some(header) => Damage::payload(path, bad.offset, header),
                None => Damage::new(path, bad.offset, bad.length, bad.fault),
            });
        }
    }

    /// Older segments are not scanned: their first sound header says where they stand.
    fn list_older(
        &self,
        older: &[SegmentNumber],
        surveys: &[Survey<D::File>],
        recovered: &mut Recovered<D::File>,
    ) -> Result<(), SpoolError> {
        let mut next = surveys.iter().filter_map(Survey::base).min();
        for number in older.iter().rev() {
            let path = self.path(*number);
            let failed = |operation| EnvironmentError::at(operation, &path);
            let mut scan = self.open(*number)?;
            let length = scan.file.length().map_err(failed("look at"))?;
            let first = scan.search(0, length).map_err(failed("read"))?;
            let found = first.map(|offset| scan.at(offset, length)).transpose().map_err(failed("read"))?;
            let Some(Found::Frame(header) | Found::BadPayload(header)) = found else {
                recovered.dead.push(*number);
                continue;
            };
            let base = scan.base.expect("BUG: a header gives the base");
            if next.is_some_and(|next| base >= next) {
                self.disk.remove(&path).map_err(failed("remove"))?;
                continue;
            }
            next = Some(base);
            let start = Place { position: base, ..header.place };
            recovered.table.segments.push_front(Segment { number: *number, length, start });
        }
        Ok(())
    }

    /// Lists the segments that count, keeps one prepared, removes what lies behind the end.
    fn sort_out(
        &self,
        surveys: Vec<Survey<D::File>>,
        end: Option<&End>,
        recovered: &mut Recovered<D::File>,
    ) -> Result<(), SpoolError> {
        let limits: Vec<_> = (0..surveys.len()).map(|index| limit(&surveys, index)).collect();
        for (index, survey) in surveys.into_iter().enumerate() {
            let path = self.path(survey.number);
            let failed = |operation| EnvironmentError::at(operation, &path);
            let (number, length) = (survey.number, survey.length);
            let behind = end.is_none_or(|end| index > end.survey);
            let Some(start) = survey.start() else {
                let fits = length == self.config.segment_bytes && recovered.prepared.is_none();
                if !behind {
                    recovered.dead.push(number);
                } else if fits && survey.scan.file.sync_data().is_ok() {
                    recovered.prepared = Some(Prepared { file: survey.scan.file, number, length });
                } else {
                    self.disk.remove(&path).map_err(failed("remove"))?;
                }
                continue;
            };
            let is_last = end.is_some_and(|end| index == end.survey);
            let void = limits[index].is_some_and(|limit| start.position >= limit) && !is_last;
            if behind || void {
                self.disk.remove(&path).map_err(failed("remove"))?;
                continue;
            }
            recovered.table.segments.push_back(Segment { number, length, start });
            if is_last {
                let end = recovered.state.tail.position.since(start.position);
                let file = survey.scan.file;
                recovered.active =
                    Some(Active { file, number, base: start.position, end, length, listed: true });
            }
        }
        Ok(())
    }
}

/// Only for [`Mutation::MarksApart`].
fn without_mark(header: Header) -> Header {
    Header { source: header.source.filter(|_| !header.frame_type.is_numbered()), ..header }
}

/// A frame without meaning from the end to the next sector, if there is room for it.
fn fill_sector(state: &mut State, number: SegmentNumber, base: Position, end: u64, length: u64) -> Vec<u8> {
    if end.is_multiple_of(COMMIT_ALIGN) {
        return Vec::new();
    }
    let next = (end + HEADER_BYTES as u64).next_multiple_of(COMMIT_ALIGN);
    if next > length {
        return Vec::new();
    }
    let frame_length = u32::try_from(next - end).expect("BUG: less than two sectors");
    let header = Header {
        frame_type: FrameType::Filler,
        frame_length,
        payload_length: 0,
        payload_crc: 0,
        place: Place { position: base.after(end), ..state.tail },
        durable: base,
        received: state.received,
        source: None,
        count: 0,
        origin_length: 0,
    };
    state.apply(&header, &[]).expect("BUG: a filler has no payload");
    let mut bytes = header.encode(number).to_vec();
    bytes.resize(frame_length as usize, 0);
    bytes
}

pub(crate) fn reserve_path(directory: &Path) -> PathBuf {
    directory.join("reserve.oxr")
}

/// The numbers of all segments in a directory, ascending.
pub(crate) fn segment_numbers<D: PositionalDisk>(
    disk: &D,
    directory: &Path,
) -> Result<Vec<SegmentNumber>, EnvironmentError> {
    let names = disk.list(directory).map_err(EnvironmentError::at("list", directory))?;
    let mut numbers: Vec<_> =
        names.iter().filter_map(|name| SegmentNumber::of_file_name(name.to_str()?)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
