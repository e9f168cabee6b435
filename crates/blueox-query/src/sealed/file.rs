//! One sealed file: what it says of itself, and which of it a question needs.

use super::columns::Kind;
use super::metadata::{Metadata, SealedSource};
use super::positional::Positional;
use super::ranged::{LocalFile, Ranged};
use super::rows::{Expected, SealedNumbers, SealedRows};
use super::split::{self, OWN};
use super::{END, ID, REST, SealError};
use crate::need::Need;
use blueox_event::Path as FieldPath;
use blueox_log::ranges::Spans;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an event is always given with, whatever is asked for: its type is in the metadata, or in `_rest`.
const ALWAYS: [&str; 2] = [END, "sample_rate"];

/// A sealed file, open. Only its footer has been read.
#[derive(Debug)]
pub struct SealedFile {
    path: PathBuf,
    file: Positional,
    footer: ArrowReaderMetadata,
    metadata: Metadata,
}

impl SealedFile {
    /// Opens a sealed file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let file = File::open(path).map_err(SealError::io("open", path))?;
        let file = LocalFile::new(file).map_err(SealError::io("look at", path))?;
        Self::open_ranged(path, Arc::new(file))
    }

    /// Opens a sealed file of these bytes. `path` says where they are, to people.
    ///
    /// # Errors
    /// As [`SealedFile::open`].
    pub fn open_ranged(path: &Path, bytes: Arc<dyn Ranged>) -> Result<Self, SealError> {
        let file = Positional::new(bytes);
        let footer =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(SealError::corrupt(path))?;
        let metadata = Metadata::read(footer.metadata().file_metadata(), path)?;
        Ok(Self { path: path.to_owned(), file, footer, metadata })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The type of its events, unless they say otherwise.
    #[must_use]
    pub fn type_name(&self) -> &[u8] {
        &self.metadata.type_name
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.file.ranged().length()
    }

    /// The day files that it was made of.
    #[must_use]
    pub fn sources(&self) -> &[SealedSource] {
        &self.metadata.sources
    }

    /// Names of sealed files beside it that it has taken the place of: they are not to be read.
    #[must_use]
    pub fn replaces(&self) -> &[String] {
        &self.metadata.replaces
    }

    /// Whether it has taken the place of another: it names that, and holds all that it was made of. (A name alone says
    /// little where files of several daemons, or of several times, come together.)
    #[must_use]
    pub fn has_replaced(&self, other: &Self) -> bool {
        let name = other.path.file_name().unwrap_or_default().to_string_lossy();
        self.replaces().iter().any(|replaced| *replaced == name) && self.holds_all_of(other)
    }

    /// Whether all that another was made of is in this one.
    #[must_use]
    pub fn holds_all_of(&self, other: &Self) -> bool {
        let sources = &other.metadata.sources;
        !sources.is_empty() && sources.iter().all(|source| self.metadata.sources.contains(source))
    }

    /// How many events it holds.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.footer.metadata().file_metadata().num_rows().try_into().unwrap_or(0)
    }

    /// How many row groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.footer.metadata().num_row_groups()
    }

    /// The row groups that may hold events that are needed.
    #[must_use]
    pub fn groups_needed(&self, need: &Need) -> Vec<usize> {
        (0..self.groups()).filter(|group| self.may_hold(*group, need)).collect()
    }

    /// The events of some row groups, in their order, without those in the rows of `dropped`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rows(&self, need: &Need, groups: Vec<usize>, dropped: Spans) -> Result<SealedRows, SealError> {
        SealedRows::new(self, need, groups, dropped)
    }

    /// The batches that its rows came in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn numbers(&self) -> Result<SealedNumbers, SealError> {
        SealedNumbers::new(self)
    }

    /// Where some columns of a row group are.
    pub(super) fn expected(&self, group: usize, columns: &[usize]) -> Expected {
        let column = |column: &usize| {
            let (start, length) = self.group(group).column(*column).byte_range();
            start..start.saturating_add(length)
        };
        Expected { bytes: self.file.clone(), ranges: columns.iter().map(column).collect() }
    }

    /// The first row of a row group.
    pub(super) fn first_row(&self, group: usize) -> u64 {
        let before = &self.footer.metadata().row_groups()[..group];
        before.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    pub(super) fn group(&self, group: usize) -> &RowGroupMetaData {
        self.footer.metadata().row_group(group)
    }

    pub(super) fn builder(&self) -> ParquetRecordBatchReaderBuilder<Positional> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.footer.clone())
    }

    /// One that knows where pages begin, so that those without a row that is needed are passed over.
    pub(super) fn builder_with_pages(
        &self,
    ) -> Result<ParquetRecordBatchReaderBuilder<Positional>, SealError> {
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let footer =
            ArrowReaderMetadata::load(&self.file, options).map_err(SealError::corrupt(&self.path))?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), footer))
    }

    /// The events that a batch may have: of long ones few.
    pub(super) fn batch_events(&self) -> usize {
        self.metadata.batch_events()
    }

    /// The columns in which the fields are that are needed.
    pub(super) fn columns(&self, need: &Need) -> Vec<usize> {
        let fields = self.footer.schema().fields().iter().enumerate();
        let paths = need.paths.as_ref();
        fields
            .filter(|(at, field)| {
                let name = field.name().as_str();
                if name == REST {
                    return self.needs_rest(need);
                }
                super::is_event_column(name)
                    && self.has_values(*at)
                    && (ALWAYS.contains(&name)
                        || paths.is_none_or(|paths| {
                            paths.iter().any(|path| may_lead_to(path, &place_of_column(name)))
                        }))
            })
            .map(|(at, _)| at)
            .collect()
    }

    /// Whether any event may have a value there: a column that stays because earlier files had it is not worth reading.
    pub(super) fn has_values(&self, at: usize) -> bool {
        self.footer.metadata().row_groups().iter().any(|group| {
            let nulls = group.column(at).statistics().and_then(Statistics::null_count_opt);
            nulls.is_none_or(|nulls| i64::try_from(nulls) != Ok(group.num_rows()))
        })
    }

    /// The columns that hold fields of events, and their types.
    pub(super) fn kinds(&self) -> Vec<(String, Kind)> {
        let fields = self.footer.schema().fields().iter();
        fields
            .filter(|field| super::is_event_column(field.name()))
            .filter_map(|field| Some((field.name().clone(), Kind::from_data_type(field.data_type())?)))
            .collect()
    }

    pub(super) fn arrow_schema(&self) -> &arrow_schema::Schema {
        self.footer.schema()
    }

    /// Paths of values that stand in `_rest`, from the event's map on; an empty one: any.
    pub(super) fn rest_paths(&self) -> &[String] {
        &self.metadata.rest
    }

    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.footer.schema().fields().iter().position(|field| field.name() == name)
    }

    /// Whether `_rest` may hold something that is needed.
    fn needs_rest(&self, need: &Need) -> bool {
        let Some(paths) = &need.paths else { return true };
        self.metadata.rest.iter().any(|rest| {
            let place: Vec<&str> = if rest.is_empty() { Vec::new() } else { rest.split('.').collect() };
            place.first().is_none_or(|first| *first == "type" || ALWAYS.contains(first))
                || paths.iter().any(|path| may_lead_to(path, &place))
        })
    }

    /// Whether all values of an own field that any event has are in its column.
    pub(super) fn column_has_all(&self, own: &str) -> bool {
        !self.metadata.rest.iter().any(|rest| rest.is_empty() || rest.split('.').next() == Some(own))
    }

    fn may_hold(&self, group: usize, need: &Need) -> bool {
        let metadata = self.group(group);
        if need.spans_time() && self.column_has_all(END) {
            let column = self.column(END);
            let Some((first, last)) = column.and_then(|at| range(metadata.column(at).statistics()?)) else {
                // No statistics, or no event says when it ended.
                return column.is_some_and(|at| {
                    let nulls = metadata.column(at).statistics().and_then(Statistics::null_count_opt);
                    nulls.is_none_or(|nulls| i64::try_from(nulls) != Ok(metadata.num_rows()))
                });
            };
            if !need.overlaps(first, last) {
                return false;
            }
        }
        need.id.as_ref().is_none_or(|id| self.may_hold_id(group, id))
    }

    fn may_hold_id(&self, group: usize, id: &[u8]) -> bool {
        let Some(column) = self.id_column() else { return true };
        let bloom = self.builder().get_row_group_column_bloom_filter(group, column).ok().flatten();
        bloom.is_none_or(|bloom| bloom.check(id))
    }

    /// The column of ids, if those of all events are there, as text.
    pub(super) fn id_column(&self) -> Option<usize> {
        let at = self.column(ID).filter(|_| self.column_has_all(ID))?;
        let is_text = *self.footer.schema().field(at).data_type() == arrow_schema::DataType::Utf8;
        is_text.then_some(at)
    }
}

/// The least and the greatest number of a column.
fn range(statistics: &Statistics) -> Option<(f64, f64)> {
    match statistics {
        Statistics::Double(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        Statistics::Int64(values) => Some((*values.min_opt()? as f64, *values.max_opt()? as f64)),
        _ => None,
    }
}

/// Where in an event the values of a column stand.
pub(super) fn place_of_column(name: &str) -> Vec<&str> {
    if OWN.contains(&name) {
        return vec![name];
    }
    std::iter::once(split::BODY).chain(split::body_path(name).split('.')).collect()
}

/// Whether looking a path up may lead to this place in the event, above or below it.
pub(super) fn may_lead_to(path: &FieldPath, place: &[&str]) -> bool {
    let names = path.segments();
    // A name may have dots, and a key may join several: then what is common is not certain.
    let joined: Vec<&str> = names.iter().flat_map(|name| name.split('.')).collect();
    if joined == ["duration"] && matches!(place, ["start" | END]) {
        return true;
    }
    let is_common = |place: &[&str]| place.iter().zip(&joined).all(|(a, b)| a == b);
    is_common(place) || (place.first() == Some(&split::BODY) && is_common(&place[1..]))
}
