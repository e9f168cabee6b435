//! Which events are asked for.

use crate::failure::Usage;
use crate::when::{Span, Until};
use blueox_event::{EncodedEvent, Filter, Path, TypePattern};
use blueox_query::need::Need;

/// The shortest part of an id that `--id` takes for the whole.
const MIN_ID_PART: usize = 6;

/// What an event must be to be shown. Cheap conditions come first; no body is decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    types: Vec<TypePattern>,
    id: Option<String>,
    span: Span,
    filter: Option<Filter>,
}

impl Selection {
    /// # Errors
    /// [`Usage`] with the filter's error underlined, or when the id is too short.
    pub(crate) fn new(
        types: &[String],
        id: Option<String>,
        span: Span,
        filter: Option<&str>,
    ) -> Result<Self, Usage> {
        let filter = filter
            .map(|source| {
                Filter::parse(source)
                    .map_err(|error| Usage(format!("the filter is wrong\n{}", error.render(source))))
            })
            .transpose()?;
        if let Some(id) = &id
            && id.chars().count() < MIN_ID_PART
            // Applications of 2012 may have numbers as ids; those are taken as a whole.
            && !id.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(Usage(format!(
                "the id {id:?} is too short; give at least {MIN_ID_PART} characters of its beginning or end (an id \
                 that is that short as a whole: -q 'id = {id:?}')"
            )));
        }
        // A pattern that means everything, and the bare -n, ask for nothing.
        let types = if types.iter().any(|text| text == "*") { &[] } else { types };
        Ok(Self { types: types.iter().map(TypePattern::new).collect(), id, span, filter })
    }

    pub(crate) fn matches(&self, event: &EncodedEvent<'_>) -> bool {
        self.matches_type(event.type_bytes())
            && self.id.as_ref().is_none_or(|id| has_id(event, id.as_bytes()))
            && (self.span.is_open() || self.span.holds(event.end()))
            && self.filter.as_ref().is_none_or(|filter| filter.matches(event))
    }

    fn matches_type(&self, name: &[u8]) -> bool {
        self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether events of the type `name` can be among those asked for.
    pub(crate) fn may_match_type(&self, name: &[u8]) -> bool {
        self.matches_type(name)
            && self
                .filter
                .as_ref()
                .and_then(Filter::type_patterns)
                .is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(name)))
    }

    /// The types asked for by name; none: all.
    pub(crate) fn types(&self) -> &[TypePattern] {
        &self.types
    }

    pub(crate) fn filter_source(&self) -> Option<&str> {
        self.filter.as_ref().map(Filter::source)
    }

    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// What is needed of events to know whether they are asked for, and all of those that are.
    pub(crate) fn need(&self) -> Need {
        let until = self.span.until.map(Until::seconds);
        let id = self.id.as_ref().filter(|id| is_whole_id(id.as_bytes())).map(|id| id.clone().into_bytes());
        Need { since: self.span.since, until, id, paths: None }
    }

    /// As [`Selection::need`], where only these fields are looked at of those that are asked for.
    pub(crate) fn need_of(&self, fields: Vec<Path>) -> Need {
        let id = self.id.as_ref().map(|_| Path::parse("id").expect("BUG: a name is a path"));
        let filter = self.filter.iter().flat_map(Filter::paths).cloned();
        Need { paths: Some(fields), ..self.need() }.and(id.into_iter().chain(filter))
    }
}

fn has_id(event: &EncodedEvent<'_>, wanted: &[u8]) -> bool {
    let Some(id) = event.id_text() else { return false };
    // An id of the usual length is taken as a whole: nothing has to be looked through for ids that hold it.
    *id == *wanted
        || (!is_whole_id(wanted)
            && wanted.len() >= MIN_ID_PART
            && (id.starts_with(wanted) || id.ends_with(wanted)))
}

/// Whether it is an id as BlueOx makes them.
fn is_whole_id(id: &[u8]) -> bool {
    id.len() == 32 && id.iter().all(u8::is_ascii_hexdigit)
}
