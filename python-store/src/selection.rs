//! Which events are asked for.

use crate::failure::Failure;
use blueox_event::{EncodedEvent, Filter, Path, TypePattern};
use blueox_query::need::Need;
use pyo3::prelude::*;

/// The shortest part of an id that is taken for the whole, as `oxview --id` does.
const MIN_ID_PART: usize = 6;

/// Types, a span of time, an id, a filter. Cheap conditions come first; no body is decoded.
#[pyclass(frozen, from_py_object)]
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    types: Vec<TypePattern>,
    since: Option<f64>,
    until: Option<f64>,
    /// Whether the instant `until` belongs to the span.
    inclusive: bool,
    id: Option<String>,
    filter: Option<Filter>,
}

#[pymethods]
impl Selection {
    /// `since`, `until`: seconds since the epoch.
    #[new]
    #[pyo3(signature = (types, since, until, inclusive, id, filter))]
    fn new(
        types: Vec<String>,
        since: Option<f64>,
        until: Option<f64>,
        inclusive: bool,
        id: Option<String>,
        filter: Option<&str>,
    ) -> Result<Self, Failure> {
        if let (Some(since), Some(until)) = (since, until)
            && (since > until || (since >= until && !inclusive))
        {
            return Err(Failure::Asked("since is later than until: no event can be in between".to_owned()));
        }
        if let Some(id) = &id
            && id.chars().count() < MIN_ID_PART
            && !id.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(Failure::Asked(format!(
                "the id {id:?} is too short; give at least {MIN_ID_PART} characters of its beginning or end"
            )));
        }
        let wrong = |source: &str, error: blueox_event::filter::FilterError| {
            Failure::Asked(format!("the filter is wrong\n{}", error.render(source)))
        };
        let filter = filter.map(|source| Filter::parse(source).map_err(|error| wrong(source, error)));
        let types = if types.iter().any(|text| text == "*") { Vec::new() } else { types };
        Ok(Self {
            types: types.iter().map(TypePattern::new).collect(),
            since,
            until,
            inclusive,
            id,
            filter: filter.transpose()?,
        })
    }
}

impl Selection {
    pub(crate) fn matches(&self, event: &EncodedEvent<'_>) -> bool {
        self.matches_type(event.type_bytes())
            && self.id.as_ref().is_none_or(|id| has_id(event, id.as_bytes()))
            && self.holds(event.end())
            && self.filter.as_ref().is_none_or(|filter| filter.matches(event))
    }

    fn matches_type(&self, name: &[u8]) -> bool {
        self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether events of the type `name` can be among those asked for.
    pub(crate) fn may_match_type(&self, name: &[u8]) -> bool {
        let patterns = self.filter.as_ref().and_then(Filter::type_patterns);
        self.matches_type(name)
            && patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(name)))
    }

    /// An event of which it is not known when it ended is in no span.
    fn holds(&self, end: Option<f64>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let Some(end) = end else { return false };
        self.since.is_none_or(|since| end >= since)
            && self.until.is_none_or(|until| end < until || (self.inclusive && end <= until))
    }

    pub(crate) fn since(&self) -> Option<f64> {
        self.since
    }

    pub(crate) fn until(&self) -> Option<f64> {
        self.until
    }

    /// What is needed of events to know whether they are asked for, and these fields of those that are; `None`: all of them.
    pub(crate) fn need(&self, fields: Option<Vec<Path>>) -> Need {
        let id = self.id.as_ref().filter(|id| is_whole_id(id.as_bytes())).map(|id| id.clone().into_bytes());
        let own = self.id.as_ref().map(|_| Path::parse("id").expect("BUG: a name is a path"));
        let filter = self.filter.iter().flat_map(Filter::paths).cloned();
        Need { since: self.since, until: self.until, id, paths: fields }.and(own.into_iter().chain(filter))
    }
}

fn has_id(event: &EncodedEvent<'_>, wanted: &[u8]) -> bool {
    let Some(id) = event.id_text() else { return false };
    *id == *wanted
        || (!is_whole_id(wanted)
            && wanted.len() >= MIN_ID_PART
            && (id.starts_with(wanted) || id.ends_with(wanted)))
}

/// Whether it is an id as BlueOx makes them.
fn is_whole_id(id: &[u8]) -> bool {
    id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit)
}
