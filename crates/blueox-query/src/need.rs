//! What a question needs of events, so that what it does not need is not read.
//!
//! It only ever leaves out: files, parts of files and fields that cannot matter. Whether an event is asked for is for the one
//! who asks to test, as with files of which everything is read.

use blueox_event::Path;

/// What a question needs. [`Need::default`] is everything.
///
/// ```
/// use blueox_event::Path;
/// use blueox_query::need::Need;
/// let need = Need { since: Some(1_331_640_000.0), ..Need::of([Path::parse("response.status").unwrap()]) };
/// assert!(need.paths.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Need {
    /// Events that ended before are not needed, nor those of which it is not known. Seconds since the epoch.
    pub since: Option<f64>,
    /// Events that ended after it are not needed, nor those of which it is not known.
    pub until: Option<f64>,
    /// Only events with this id are needed ([`blueox_event::EncodedEvent::id_text`]).
    pub id: Option<Vec<u8>>,
    /// Only what these paths lead to is needed, and an event's type, end and weight; `None`: the whole event.
    pub paths: Option<Vec<Path>>,
}

impl Need {
    /// These fields of all events.
    pub fn of(paths: impl IntoIterator<Item = Path>) -> Self {
        Self { paths: Some(paths.into_iter().collect()), ..Self::default() }
    }

    /// More fields, if not all are needed anyway.
    #[must_use]
    pub fn and(mut self, more: impl IntoIterator<Item = Path>) -> Self {
        if let Some(paths) = &mut self.paths {
            paths.extend(more);
        }
        self
    }

    /// Whether an event is needed that ended then.
    pub(crate) fn spans_time(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }

    /// Whether some instant from `first` to `last` is needed.
    pub(crate) fn overlaps(&self, first: f64, last: f64) -> bool {
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first <= until)
    }
}
