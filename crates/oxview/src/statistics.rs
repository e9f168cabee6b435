//! Numbers instead of events: `--by`, `--stats`, `--every`, `--top`, `--heatmap`, `--facets`, `--compare`.
//!
//! Day files that are not compressed are scanned by several threads, in no order; everything else goes event by event
//! through [`Counting`], a sink like any other. The numbers are the same.

mod comparison;
mod counting;
mod facet_value;
mod facets;
mod files;
mod heatmap_view;
mod live_view;
mod number;
mod table_view;

use crate::args::{Args, OutputForm};
use crate::failure::{Outcome, Usage};
use crate::interrupt::Interrupt;
use crate::output::{self, Output};
use crate::palette::Palette;
use crate::read::Reading;
use crate::source::{Extent, Source};
use crate::when::Span;
use crate::{clock, duration};
use blueox_event::{Filter, Path};
use blueox_query::heatmap::Heatmap;
use blueox_query::measure::Measure;
use blueox_query::statistics::{Every, Question, Statistics};
use blueox_query::table::Wanted;
use clap::{ArgAction, ArgGroup};
use comparison::Comparison;
use counting::{Counter, Counting, Stopped};
use facets::FacetCounts;
use files::Scannable;
use live_view::LiveView;
use std::sync::Arc;

/// What is counted when nothing is said.
const MEASURES: &str = "count,err,p50,p95,p99";
/// How many groups a table for people has when nothing is said.
const TOP: usize = 20;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("ranked").args(["by", "facets", "compare"]).multiple(true)))]
pub(crate) struct StatisticsArgs {
    /// Count events by the values of these fields, such as type,response.status
    #[arg(long, value_name = "FIELD", value_delimiter = ',', action = ArgAction::Append,
          conflicts_with_all = ["group", "tail", "fields", "hide", "pretty"])]
    by: Vec<String>,

    /// What to count: count, rate, err (share of errors), sum(x), avg(x), min(x), max(x), p50, p99, p999 (of the
    /// duration, or p99(x)), distinct(x)
    #[arg(long, value_name = "LIST", conflicts_with_all = ["group", "tail", "fields", "hide", "pretty"])]
    stats: Option<String>,

    /// Once for every step of time, such as 10s, 1m or 1h
    #[arg(long, value_name = "STEP", conflicts_with_all = ["group", "tail", "fields", "hide", "pretty"])]
    every: Option<String>,

    /// Only the N groups with the most of what --stats names first; the others as one [default: 20 in a table, all in
    /// JSON and CSV]. With --facets N values of each field, with --compare N fields
    #[arg(long, value_name = "N", requires = "ranked")]
    top: Option<usize>,

    /// Draw how often which value of a field, such as duration, occurred when
    #[arg(long, value_name = "FIELD", conflicts_with_all =
          ["by", "stats", "every", "top", "group", "tail", "fields", "hide", "pretty"])]
    heatmap: Option<String>,

    /// Show the most frequent values of all fields, or of some: --facets=user.plan,request
    #[arg(long, value_name = "FIELD", value_delimiter = ',', num_args = 0.., require_equals = true, conflicts_with_all =
          ["by", "stats", "every", "heatmap", "compare", "group", "tail", "fields", "hide", "pretty"])]
    facets: Option<Vec<String>>,

    /// Show in which fields the events that FILTER matches differ most from all others, such as 'duration > 1s'
    #[arg(long, value_name = "FILTER", conflicts_with_all =
          ["by", "stats", "every", "heatmap", "group", "tail", "fields", "hide", "pretty"])]
    compare: Option<String>,
}

impl StatisticsArgs {
    pub(crate) fn is_asked(&self) -> bool {
        !self.by.is_empty()
            || self.stats.is_some()
            || self.every.is_some()
            || self.heatmap.is_some()
            || self.facets.is_some()
            || self.compare.is_some()
    }

    fn question(&self) -> Result<Question, Usage> {
        let by = self.by.iter().map(|name| path(name)).collect::<Result<_, _>>()?;
        let measures = Measure::parse_list(self.stats.as_deref().unwrap_or(MEASURES))
            .map_err(|error| Usage(format!("--stats: {error}")))?;
        if measures.is_empty() {
            return Err(Usage("--stats names nothing to count; write --stats count,err,p99".to_owned()));
        }
        let every = self.every.as_deref().map(every).transpose()?;
        Ok(Question { by, measures, every })
    }

    fn counter(&self) -> Result<Counter, Usage> {
        if let Some(field) = &self.heatmap {
            return Ok(Counter::Heatmap(Heatmap::new(&path(field)?)));
        }
        if let Some(fields) = &self.facets {
            let fields = fields.iter().map(|name| path(name)).collect::<Result<_, _>>()?;
            return Ok(Counter::Facets(FacetCounts::new(fields)));
        }
        if let Some(source) = &self.compare {
            let filter = Filter::parse(source).map_err(|error| {
                Usage(format!("the filter of --compare is wrong\n{}", error.render(source)))
            })?;
            return Ok(Counter::Comparison(Comparison::new(Arc::new(filter))));
        }
        let statistics = Statistics::new(&self.question()?).map_err(|error| Usage(error.to_string()))?;
        Ok(Counter::Statistics(statistics))
    }
}

fn path(name: &str) -> Result<Path, Usage> {
    Path::parse(name.trim()).map_err(|error| Usage(format!("{name:?} is no field: {error}")))
}

fn every(text: &str) -> Result<Every, Usage> {
    duration::parse(text).and_then(Every::from_seconds).ok_or_else(|| {
        Usage(format!("--every {text:?} is no step of time; write 10s, 1m or 1h, from 1ms to a year"))
    })
}

/// How an answer is written.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) form: Form,
    pub(crate) palette: Palette,
    /// Of the terminal, if standard output is one.
    pub(crate) columns: Option<usize>,
    pub(crate) wanted: Wanted,
    /// `--top`, if it was given.
    pub(crate) top: Option<usize>,
    /// The field of a heatmap.
    pub(crate) heatmap: Option<String>,
    /// Whether CSV begins with the columns' names.
    pub(crate) header: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Table,
    Json,
    Csv,
}

impl Manner {
    fn choose(args: &Args, span: Span) -> Result<Self, Usage> {
        let columns = output::columns();
        let form = match args.output {
            OutputForm::Auto if columns.is_none() => Form::Json,
            OutputForm::Auto | OutputForm::Line => Form::Table,
            OutputForm::Json => Form::Json,
            OutputForm::Csv => Form::Csv,
            OutputForm::Pretty | OutputForm::Logfmt | OutputForm::Msgpack => {
                return Err(Usage("statistics are written with -o line (a table), json or csv".to_owned()));
            }
        };
        let top = args.statistics.top.or((form == Form::Table).then_some(TOP));
        let until = || span.until.map_or_else(clock::now, |until| until.seconds().min(clock::now()));
        let seconds = span.since.map(|since| until() - since).filter(|seconds| *seconds > 0.0);
        Ok(Self {
            form,
            palette: Palette::choose(args.color, columns.is_some()),
            columns,
            wanted: Wanted { top, seconds },
            top: args.statistics.top,
            heatmap: args.statistics.heatmap.clone(),
            header: true,
        })
    }
}

/// Counts what `source` has, and writes the answer.
///
/// # Errors
/// When the question makes no sense or takes too much memory; those of the source and of standard output.
pub(crate) fn run(args: &Args, source: &Source, reading: &mut Reading<'_>) -> anyhow::Result<Outcome> {
    let mut counter = args.statistics.counter()?;
    let manner = Manner::choose(args, reading.selection.span())?;
    let interrupt = Interrupt::listen()?;
    if args.follow || !source.is_finite() {
        return watch(args, source, counter, manner, interrupt, reading);
    }
    let mut outcome = Outcome::Fine;
    match files::scannable(source, reading)? {
        Scannable::Files(files) => counter = files::count(&files, counter, &interrupt, reading)?,
        Scannable::Nothing => return Ok(Outcome::Failed),
        Scannable::Other => {
            let mut counting = Counting::new(counter, None, interrupt.clone());
            outcome = source.run(Extent { follow: false, tail: None }, reading, &mut counting)?;
            counter = counting.into_parts().0;
        }
    }
    reading.progress.clear();
    let mut output = Output::open(None)?;
    let remarks = write(&counter, &manner, &mut output.buffer);
    output.flush()?;
    remarks.iter().for_each(|remark| reading.progress.say(remark));
    if interrupt.is_asked() {
        reading.progress.say("interrupted: the numbers are of what was read so far");
        return Ok(Outcome::Failed);
    }
    Ok(outcome)
}

/// Counts what comes until it is interrupted.
fn watch(
    args: &Args,
    source: &Source,
    counter: Counter,
    manner: Manner,
    interrupt: Interrupt,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Outcome> {
    let view = LiveView::open(manner)?;
    let mut counting = Counting::new(counter, Some(view), interrupt);
    // Events of the past are counted when a time is asked for.
    let tail = Some(0).filter(|_| args.follow && reading.selection.span().since.is_none());
    let outcome = match source.run(Extent { follow: args.follow, tail }, reading, &mut counting) {
        Err(error) if error.is::<Stopped>() => Outcome::Fine,
        outcome => outcome?,
    };
    reading.progress.clear();
    let (counter, view) = counting.into_parts();
    for remark in view.map(|mut view| view.end(&counter)).transpose()?.unwrap_or_default() {
        reading.progress.say(&remark);
    }
    Ok(outcome)
}

/// Writes an answer, and gives what there is to say about it.
pub(crate) fn write(counter: &Counter, manner: &Manner, out: &mut Vec<u8>) -> Vec<String> {
    match counter {
        Counter::Statistics(statistics) => {
            let table = statistics.finish(manner.wanted);
            table_view::write(&table, manner, out);
            table_view::remarks(&table)
        }
        Counter::Heatmap(heatmap) => heatmap_view::write(heatmap, manner, out),
        Counter::Facets(facets) => facets.write(manner, out),
        Counter::Comparison(comparison) => comparison.write(manner, out),
    }
}
