//! `-l`: which files of a store are meant, and what to say when there are none.

use crate::duration;
use crate::selection::Selection;
use crate::stores;
use crate::when::Until;
use blueox_query::catalog::{Catalog, Meant};
use std::path::{Path, PathBuf};

/// How many types are listed when there is none of the name asked for.
const LISTED_TYPES: usize = 12;

/// Looks through log paths, buckets among them. `slack` is in seconds. `days`: only so many of the last days.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn open(
    dirs: &[PathBuf],
    selection: &Selection,
    slack: f64,
    days: Option<usize>,
) -> anyhow::Result<Catalog> {
    let span = selection.span();
    let meant = Meant {
        since: span.since,
        until: span.until.map(Until::seconds),
        slack,
        is_type: &|name| selection.may_match_type(name),
        days,
    };
    let (urls, dirs): (Vec<&Path>, Vec<&Path>) =
        dirs.iter().map(PathBuf::as_path).partition(|dir| stores::is_url(dir));
    let dirs: Vec<PathBuf> = dirs.into_iter().map(Path::to_path_buf).collect();
    Ok(Catalog::open_with(&dirs, stores::objects(&urls)?, &meant)?)
}

/// What there is, when nothing that was asked for is there. The `bool` says whether a type is unknown.
pub(crate) fn explain_nothing(catalog: &Catalog, dirs: &[PathBuf], selection: &Selection) -> (String, bool) {
    let place = dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ");
    let Some((first, last)) = catalog.span() else {
        return (
            format!(
                "no day files below {place} (such as {place}/20120313/request-20120313.log); is it the log \
                 path of an oxd?"
            ),
            true,
        );
    };
    if catalog.types().is_empty() {
        return (
            format!(
                "no files of that time below {place}; there are days {first} to {last} (a file's day is that \
                 of arrival: for events that came late, --slack 30d looks further)"
            ),
            false,
        );
    }
    let asked: Vec<String> =
        selection.types().iter().map(|pattern| crate::text::printable_text(pattern.bytes())).collect();
    let known: Vec<String> = catalog.types().iter().map(|name| crate::text::printable_text(name)).collect();
    let hint = asked
        .iter()
        .filter_map(|asked| {
            let score = |name: &&String| (strsim::jaro_winkler(asked, name) * 1000.0) as u32;
            known.iter().max_by_key(score).filter(|name| score(name) > 800)
        })
        .map(|name| format!("; did you mean {name}?"))
        .next()
        .unwrap_or_default();
    let more = if known.len() > LISTED_TYPES { ", ..." } else { "" };
    let listed = known.iter().take(LISTED_TYPES).cloned().collect::<Vec<_>>().join(", ");
    let what = if asked.is_empty() { "that type".to_owned() } else { format!("type {}", asked.join(", ")) };
    (format!("no files of {what} below {place}{hint}\ntypes there: {listed}{more}"), true)
}

/// The seconds in `--slack`.
///
/// # Errors
/// [`crate::failure::Usage`] when it is no duration.
pub(crate) fn parse_slack(text: &str) -> Result<f64, crate::failure::Usage> {
    duration::parse(text).ok_or_else(|| {
        crate::failure::Usage(format!("--slack {text:?} is no duration; write 30m, 2h, 1d or 7d"))
    })
}
