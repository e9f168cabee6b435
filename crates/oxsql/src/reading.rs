//! The parts of a table, one after another: each on a thread of its own, as far ahead as two batches.
//!
//! Of sealed files columns are taken as they are where they hold all there is; everything else goes event by event through the
//! scan that `oxview` counts with, so that both see the same.

use crate::field::{Field, Form, Place};
use crate::heard::Heard;
use crate::input::Input;
use crate::rows::Rows;
use crate::store::Store;
use crate::text::printable_text;
use crate::when::{Span, Until};
use blueox_event::json::write_text_lossless;
use blueox_event::{EncodedEvent, Path as FieldPath};
use blueox_log::day_log::scan::{Scanner, Step};
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::need::Need;
use blueox_query::scan::{Report, scan_store};
use blueox_query::sealed::{SealedFile, Standing};
use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, RecordBatchOptions, new_null_array,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::Sender;

/// How many batches wait to be taken.
const AHEAD: usize = 2;

/// What a query needs, within the span that is asked for.
pub(crate) fn needs_of(span: Span, need: Need) -> Need {
    let later = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::max);
    let earlier = |a: Option<f64>, b: Option<f64>| a.into_iter().chain(b).reduce(f64::min);
    let until = span.until.map(Until::seconds);
    Need { since: later(need.since, span.since), until: earlier(need.until, until), ..need }
}

/// Gives the events of files to `each`, with one of `parts`; there are as many threads as parts. Gives the parts back; none
/// when `each` has failed.
pub(crate) fn events_of<P: Send, E: Send>(
    files: &[StoreFile],
    need: &Need,
    parts: Vec<P>,
    heard: &Heard,
    each: impl Fn(&mut P, &EncodedEvent<'_>) -> std::result::Result<(), E> + Sync,
) -> Vec<P> {
    let (archives, scanned): (Vec<StoreFile>, Vec<StoreFile>) =
        files.iter().cloned().partition(|file| file.kind == Kind::Archive);
    let report = |report: Report| {
        let file = match &report {
            Report::Read(_) => None,
            Report::Damage(file, _)
            | Report::MoreDamage(file)
            | Report::Unreadable(file, _)
            | Report::Broken(file, _) => Some(*file),
        };
        heard.report(file.map_or(Path::new(""), |file| scanned[file].path.as_path()), report);
    };
    let Ok((mut parts, _)) = scan_store(&scanned, need, parts, heard.stop_flag(), &each, report) else {
        return Vec::new();
    };
    for file in archives {
        let Some(part) = parts.first_mut() else { break };
        if archived(&file.path, heard, |event| each(part, event)).is_err() {
            return Vec::new();
        }
    }
    parts
}

/// The events of a compressed file.
fn archived<E>(
    path: &Path,
    heard: &Heard,
    mut each: impl FnMut(&EncodedEvent<'_>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut input = match Input::open(path) {
        Ok(input) => input,
        Err(error) => {
            heard.unreadable(format!("{error:#}"));
            return Ok(());
        }
    };
    let consumed = std::rc::Rc::clone(&input.consumed);
    let mut told = 0;
    let mut scanner = Scanner::new(&mut input.reader);
    loop {
        match scanner.step() {
            Step::Event { .. } => each(&scanner.event())?,
            Step::Damage(damage) => heard.report(path, Report::Damage(0, damage)),
            Step::End => return Ok(()),
            Step::More if heard.stop_flag().load(Ordering::Relaxed) => return Ok(()),
            Step::More => match scanner.fill() {
                Ok(0) => scanner.finish(),
                Ok(_) => {
                    heard.read(consumed.get() - told);
                    told = consumed.get();
                }
                Err(error) => {
                    let name = printable_text(path.as_os_str().as_encoded_bytes());
                    heard.damaged(format!(
                        "{name}: its compressed content is damaged or cut off ({error}); what follows is lost"
                    ));
                    return Ok(());
                }
            },
        }
    }
}

/// What is read at once.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// The type of the file's events.
    pub(crate) type_name: Vec<u8>,
    pub(crate) file: StoreFile,
    /// Of a sealed file that [`has_columns`]; all others are read as a whole, event by event.
    pub(crate) groups: Option<Vec<usize>>,
    /// About how much there is to read, in bytes.
    pub(crate) bytes: u64,
}

/// Whether a sealed file has all that is asked for in columns: then its row groups are read each by itself.
pub(crate) fn has_columns(sealed: &SealedFile, type_name: &[u8], fields: &[Field], span: Span) -> bool {
    Taken::columns(sealed, type_name, fields, span).is_some()
}

/// Some of a table.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) schema: SchemaRef,
    pub(crate) fields: Vec<Field>,
    pub(crate) units: Vec<Unit>,
    pub(crate) need: Need,
    pub(crate) store: Arc<Store>,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), AHEAD);
        let batches = stream.tx();
        let reader = Reader {
            schema: Arc::clone(&self.schema),
            fields: self.fields.clone(),
            need: self.need.clone(),
            store: Arc::clone(&self.store),
            batches,
        };
        let units = self.units.clone();
        stream.spawn_blocking(move || {
            for unit in &units {
                if reader.is_stopped() || reader.unit(unit).is_err() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

/// Nobody takes any more batches: the answer is complete without them, or has failed.
struct Gone;

struct Reader {
    schema: SchemaRef,
    fields: Vec<Field>,
    need: Need,
    store: Arc<Store>,
    batches: Sender<Result<RecordBatch>>,
}

impl Reader {
    fn is_stopped(&self) -> bool {
        self.store.heard.stop_flag().load(Ordering::Relaxed)
    }

    fn send(&self, batch: Result<RecordBatch>) -> std::result::Result<(), Gone> {
        let failed = batch.is_err();
        self.batches.blocking_send(batch).map_err(|_| Gone)?;
        if failed { Err(Gone) } else { Ok(()) }
    }

    fn unit(&self, unit: &Unit) -> std::result::Result<(), Gone> {
        let Some(groups) = &unit.groups else { return self.by_event(unit) };
        let sealed = match SealedFile::open(&unit.file.path) {
            Ok(sealed) => sealed,
            Err(error) => {
                self.store.heard.damaged(error.to_string());
                return Ok(());
            }
        };
        let taken = Taken::columns(&sealed, &unit.type_name, &self.fields, self.store.span);
        self.by_column(&sealed, unit, groups, &taken.expect("BUG: the file has columns for all fields"))
    }

    fn by_event(&self, unit: &Unit) -> std::result::Result<(), Gone> {
        let mut rows = Rows::new(Arc::clone(&self.schema), &self.fields);
        let span = self.store.span;
        let (since, until) = (self.need.since, self.need.until);
        let timed = since.is_some() || until.is_some();
        let is_meant = |event: &EncodedEvent<'_>| {
            if event.type_bytes() != unit.type_name {
                return false;
            }
            let end = event.end();
            span.holds(end)
                && (!timed
                    || end.is_some_and(|end| {
                        since.is_none_or(|since| end >= since) && until.is_none_or(|until| end <= until)
                    }))
        };
        let each = |rows: &mut &mut Rows, event: &EncodedEvent<'_>| -> std::result::Result<(), Gone> {
            if is_meant(event) && rows.add(event) { self.take(rows) } else { Ok(()) }
        };
        let files = [unit.file.clone()];
        let need = Need { paths: Some(paths(&self.fields)), ..self.need.clone() };
        if events_of(&files, &need, vec![&mut rows], &self.store.heard, each).is_empty() {
            return Err(Gone);
        }
        self.take(&mut rows)
    }

    fn take(&self, rows: &mut Rows) -> std::result::Result<(), Gone> {
        match rows.take() {
            Ok(None) => Ok(()),
            Ok(Some(batch)) => self.send(Ok(batch)),
            Err(error) => self.send(Err(DataFusionError::from(error))),
        }
    }

    fn by_column(
        &self,
        sealed: &SealedFile,
        unit: &Unit,
        groups: &[usize],
        taken: &[Taken],
    ) -> std::result::Result<(), Gone> {
        let mut names: Vec<&str> = taken.iter().flat_map(Taken::columns_read).collect();
        if !self.store.span.is_open() {
            names.push("end");
        }
        let batches = match sealed.batches(&names, groups.to_vec()) {
            Ok(batches) => batches,
            Err(error) => {
                self.store.heard.damaged(error.to_string());
                return Ok(());
            }
        };
        for next in batches {
            if self.is_stopped() {
                break;
            }
            match next {
                Ok((first, batch)) => self.send(self.batch(&batch, first, unit, taken))?,
                Err(error) => {
                    self.store.heard.damaged(error.to_string());
                    break;
                }
            }
        }
        self.store.heard.read(unit.bytes);
        Ok(())
    }

    /// The columns that are asked for, without rows that another file has too, or that are of another time.
    fn batch(&self, read: &RecordBatch, first: u64, unit: &Unit, taken: &[Taken]) -> Result<RecordBatch> {
        let arrays = taken
            .iter()
            .zip(&self.fields)
            .map(|(taken, field)| taken.array(read, &field.form.data_type()))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        let span = self.store.span;
        if span.is_open() && unit.file.dropped.is_empty() {
            return Ok(batch);
        }
        let end = if span.is_open() { None } else { Some(floats(read, "end")?) };
        let is_kept = |row: usize| {
            let time = end.as_ref().and_then(|end| end.is_valid(row).then(|| end.value(row)));
            !unit.file.dropped.holds(first + row as u64) && span.holds(time)
        };
        let kept: BooleanArray = (0..read.num_rows()).map(|row| Some(is_kept(row))).collect();
        Ok(filter_record_batch(&batch, &kept)?)
    }
}

/// What fields need of events.
fn paths(fields: &[Field]) -> Vec<FieldPath> {
    let own = |name: &str| FieldPath::parse(name).expect("BUG: a name without dots is a path");
    let mut paths = Vec::new();
    for field in fields {
        match &field.place {
            Place::Path(path) => paths.push(path.clone()),
            Place::Own(name) => paths.push(own(name)),
            Place::Id => paths.push(own("id")),
            Place::Start => paths.push(own("start")),
            Place::Duration => paths.push(own("duration")),
            Place::Failed => {
                let names = blueox_query::failed::STATUS.into_iter().chain([blueox_query::failed::EXCEPTION]);
                paths.extend(names.filter_map(|name| FieldPath::parse(&format!("body.{name}")).ok()));
            }
            // These come with every event.
            Place::Time | Place::Type | Place::End | Place::Weight => {}
        }
    }
    paths
}

/// How a column of the table comes from those of a sealed file.
#[derive(Debug, Clone, PartialEq)]
enum Taken {
    Column(String),
    /// The same for all rows.
    Constant(ScalarValue),
    /// The difference of `end` and `start`.
    Duration,
    Time,
}

impl Taken {
    /// `None`: not all that is asked for is in columns.
    fn columns(sealed: &SealedFile, type_name: &[u8], fields: &[Field], span: Span) -> Option<Vec<Self>> {
        let is_number = |own: &str| {
            Self::typed(sealed, sealed.own_standing(own), Form::Float).is_some_and(|taken| taken.is_column())
        };
        if !sealed.is_of_one_type()
            || sealed.type_name() != type_name
            || !(span.is_open() || is_number("end"))
        {
            return None;
        }
        let null = |form: Form| ScalarValue::try_from(form.data_type()).ok().map(Self::Constant);
        let one = |field: &Field| match &field.place {
            Place::Time => Some(Self::Time),
            Place::Type => {
                let name = ScalarValue::Utf8(Some(printable_type(sealed.type_name())));
                Some(Self::Constant(name))
            }
            Place::Id => Self::typed(sealed, sealed.own_standing("id"), Form::Text),
            Place::Start => Self::typed(sealed, sealed.own_standing("start"), Form::Float),
            Place::End => Self::typed(sealed, sealed.own_standing("end"), Form::Float),
            Place::Duration if is_number("start") && is_number("end") => Some(Self::Duration),
            Place::Duration => {
                let nowhere = |own: &str| sealed.own_standing(own) == Standing::Nowhere;
                if nowhere("start") || nowhere("end") { null(Form::Float) } else { None }
            }
            Place::Weight => {
                let unsampled = sealed.own_standing("sample_rate") == Standing::Nowhere;
                unsampled.then_some(Self::Constant(ScalarValue::Float64(Some(1.0))))
            }
            Place::Failed => None,
            Place::Own(name) => Self::typed(sealed, sealed.own_standing(name), field.form),
            Place::Path(path) => Self::typed(sealed, sealed.standing(path), field.form),
        };
        fields.iter().map(one).collect()
    }

    /// A column that becomes one of this type without its values being other than those of events.
    fn typed(sealed: &SealedFile, standing: Standing, form: Form) -> Option<Self> {
        match standing {
            Standing::Nowhere => ScalarValue::try_from(form.data_type()).ok().map(Self::Constant),
            Standing::Scattered => None,
            Standing::Column(name) => {
                let (_, data_type) = sealed.event_columns().find(|(column, _)| *column == name)?;
                let same = *data_type == form.data_type();
                let wider = matches!(
                    (data_type, form),
                    (DataType::Int64, Form::Float | Form::Text) | (DataType::Boolean, Form::Text)
                );
                (same || wider).then_some(Self::Column(name))
            }
        }
    }

    fn is_column(&self) -> bool {
        matches!(self, Self::Column(_))
    }

    fn columns_read(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::Constant(_) => vec![],
            Self::Duration => vec!["start", "end"],
            Self::Time => vec!["time"],
        }
    }

    fn array(&self, read: &RecordBatch, data_type: &DataType) -> Result<ArrayRef> {
        match self {
            Self::Column(name) => Ok(cast(column(read, name)?, data_type)?),
            Self::Time => Ok(cast(column(read, "time")?, data_type)?),
            Self::Constant(value) if value.is_null() => Ok(new_null_array(data_type, read.num_rows())),
            Self::Constant(value) => value.to_array_of_size(read.num_rows()),
            Self::Duration => {
                let (start, end) = (floats(read, "start")?, floats(read, "end")?);
                let durations: Float64Array =
                    start.iter().zip(&end).map(|(start, end)| Some(end? - start?)).collect();
                Ok(Arc::new(durations))
            }
        }
    }
}

/// A type as the column `type` has it.
fn printable_type(bytes: &[u8]) -> String {
    let mut name = String::new();
    match str::from_utf8(bytes) {
        Ok(text) => name.push_str(text),
        Err(_) => write_text_lossless(bytes, &mut name).expect("BUG: writing to memory failed"),
    }
    name
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| DataFusionError::Internal(format!("{name} was not read")))
}

fn floats(batch: &RecordBatch, name: &str) -> Result<Float64Array> {
    let array = cast(column(batch, name)?, &DataType::Float64)?;
    Ok(array.as_any().downcast_ref::<Float64Array>().expect("BUG: it was cast to that").clone())
}
