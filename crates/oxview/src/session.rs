//! One run of the viewer.

use crate::args::{Args, Command, OutputForm};
use crate::damage::DamageReport;
use crate::failure::{Outcome, Usage};
use crate::form::{self, Audience};
use crate::output::{self, Output};
use crate::palette::Palette;
use crate::progress::Progress;
use crate::projection::Projection;
use crate::read::Reading;
use crate::selection::Selection;
use crate::source::{Extent, Source};
use crate::trace::Trace;
use crate::view::View;
use crate::when::Span;
use crate::{clock, generate, log_path, sql, statistics, stores, tui};
use clap::CommandFactory;
use std::path::PathBuf;

/// Does what the command line says.
///
/// # Errors
/// Everything that [`crate::failure::exit_code`] tells apart.
pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if !args.generate.is_empty() {
        let mut output = Output::open(None)?;
        output.buffer = generate::generate(Args::command(), &args.generate)?;
        output.flush()?;
        return Ok(Outcome::Fine);
    }
    if stores::are_beyond(&[&args.files, &args.log_path]) {
        return Err(stores::hand_over());
    }
    match &args.command {
        Some(Command::Web(web)) => return crate::web::run(args, web),
        Some(Command::Demo(demo)) => return crate::demo::run(demo),
        Some(Command::Trace { .. }) | None => {}
    }
    if let Some(query) = &args.sql {
        match sql::hand_over(args, query)? {}
    }
    let span = Span::parse(args.since.as_deref(), args.until.as_deref(), clock::now())?;
    let slack = log_path::parse_slack(&args.slack)?;
    let (id, files): (_, Vec<PathBuf>) = match &args.command {
        Some(Command::Trace { id, files }) => (Some(id.clone()), [&args.files[..], files].concat()),
        _ => (args.id.clone(), args.files.clone()),
    };
    let selection = Selection::new(&args.type_name, id, span, args.filter.as_deref())?;
    let projection = Projection::new(&args.fields, &args.hide)?;
    let host = match &args.host[..] {
        [] => None,
        [one] => Some(one.as_str()),
        _ => return Err(Usage("-H is given once; only oxview web watches several daemons".to_owned()).into()),
    };
    let source = Source::choose(files, args.log_path.clone(), slack, host)?;
    let mut progress = Progress::new();
    if args.verbose > 0 {
        progress.say(&format!("reading from {source:?}"));
    }
    let mut damage = DamageReport::default();
    let mut reading =
        Reading { selection: &selection, damage: &mut damage, progress: &mut progress, unreadable: 0 };
    let outcome = match args.command {
        Some(Command::Trace { .. }) => trace(args, &source, &mut reading),
        _ if args.tui => tui::run(args, &source, &mut reading),
        _ if args.statistics.is_asked() => statistics::run(args, &source, &mut reading),
        _ => view(args, &source, projection, &mut reading),
    };
    let unreadable = reading.unreadable;
    reading.progress.clear();
    reading.sum_up_unreadable();
    for line in damage.take_lines() {
        progress.say(&line);
    }
    match outcome? {
        Outcome::Fine if unreadable > 0 => Ok(Outcome::Failed),
        Outcome::Fine if !damage.is_empty() => Ok(Outcome::Damaged),
        outcome => Ok(outcome),
    }
}

fn view(
    args: &Args,
    source: &Source,
    projection: Projection,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Outcome> {
    let columns = output::columns();
    refuse_bytes(args.output, columns.is_some())?;
    let pager =
        output::pager().filter(|_| columns.is_some() && !args.follow && !args.no_pager && source.is_finite());
    let palette = Palette::choose(args.color, columns.is_some());
    let form = if args.pretty { OutputForm::Pretty } else { args.output };
    let form = form::form(form, projection.clone(), Audience { palette, columns });
    let mut view = View::new(form, projection, args.group, Output::open(pager)?);
    let extent = Extent { follow: args.follow, tail: args.tail };
    let outcome = source.run(extent, reading, &mut view)?;
    reading.progress.output_begins();
    if let Some(remark) = view.finish()? {
        reading.progress.say(&remark);
    }
    Ok(outcome)
}

/// A terminal would obey the bytes of events.
fn refuse_bytes(form: OutputForm, terminal: bool) -> Result<(), Usage> {
    if form == OutputForm::Msgpack && terminal {
        return Err(Usage(
            "-o msgpack writes bytes that are not for a terminal; write them to a file: oxview ... -o msgpack > FILE"
                .to_owned(),
        ));
    }
    Ok(())
}

fn trace(args: &Args, source: &Source, reading: &mut Reading<'_>) -> anyhow::Result<Outcome> {
    let columns = output::columns();
    let palette = Palette::choose(args.color, columns.is_some());
    let mut trace = Trace::new(source.is_live());
    let outcome = source.run(Extent { follow: false, tail: None }, reading, &mut trace)?;
    reading.progress.clear();
    let drawn = trace.draw(palette, columns, &mut Output::open(None)?)?;
    if !drawn && outcome == Outcome::Fine {
        let id = reading.selection.id().unwrap_or_default();
        reading.progress.say(&format!(
            "no event has the id {id}; give the whole id, or at least 6 characters of its beginning or end"
        ));
        return Ok(Outcome::Failed);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_refused_on_a_terminal_only() {
        assert!(refuse_bytes(OutputForm::Msgpack, true).is_err());
        assert!(refuse_bytes(OutputForm::Msgpack, false).is_ok());
        assert!(refuse_bytes(OutputForm::Json, true).is_ok());
    }
}
