//! Which events a request is about: type, filter and time, and a box within them.

use super::parameters::Parameters;
use super::refusal::{Refusal, parse_filter};
use crate::selection::Selection;
use crate::when::{Span, Until};
use blueox_event::event::Found;
use blueox_event::{EncodedEvent, Filter, Path};

/// From when on, unless told otherwise.
pub(crate) const SINCE: &str = "-15m";

/// The events that are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) selection: Selection,
    /// As they were given, for commands that ask the same.
    pub(crate) types: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) since_text: String,
    pub(crate) until_text: Option<String>,
    /// Seconds since the epoch.
    pub(crate) since: f64,
    pub(crate) until: f64,
    /// Neither end moves with the clock.
    pub(crate) is_fixed: bool,
}

impl Asked {
    /// Reads `type`, `filter`, `since` and `until`. `id`: only events with this id.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub(crate) fn read(
        parameters: &mut Parameters,
        id: Option<String>,
        since: &str,
        now: f64,
    ) -> Result<Self, Refusal> {
        let types = parameters.all("type");
        let filter = parameters.one("filter")?;
        if let Some(filter) = &filter {
            parse_filter("filter", filter)?;
        }
        let (span, since_text, until_text) = span(parameters, since, now)?;
        let later = Span::parse(Some(&since_text), until_text.as_deref(), now + 1.0)?;
        let until = span.until.map_or(now, Until::seconds);
        let selection = Selection::new(&types, id, span, filter.as_deref())?;
        Ok(Self {
            selection,
            types,
            filter,
            since: span.since.unwrap_or(0.0),
            until,
            is_fixed: later == span && span.until.is_some() && until <= now,
            since_text,
            until_text,
        })
    }

    /// How long it is, in seconds: a millisecond at least.
    pub(crate) fn seconds(&self) -> f64 {
        (self.until - self.since).max(0.001)
    }
}

/// Reads `since` and `until`; gives the texts, too.
///
/// # Errors
/// When they are no times.
pub(crate) fn span(
    parameters: &mut Parameters,
    default: &str,
    now: f64,
) -> Result<(Span, String, Option<String>), Refusal> {
    let since = parameters.one("since")?.unwrap_or_else(|| default.to_owned());
    let until = parameters.one("until")?.filter(|until| until != "now");
    let name = |refusal: Refusal, name: &str| refusal.with("parameter", name);
    Span::parse(Some(&since), None, now).map_err(|usage| name(usage.into(), "since"))?;
    let span =
        Span::parse(Some(&since), until.as_deref(), now).map_err(|usage| name(usage.into(), "until"))?;
    // What comes from a clock that is ahead is not of now.
    let span = Span { until: Some(span.until.unwrap_or(Until::Included(now))), ..span };
    if span.since.is_some_and(|since| since > now && until.is_none()) {
        return Err(Refusal::parameter("since", "since is later than now: no event can be in between"));
    }
    Ok((span, since, until))
}

/// Some of the events.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    from: Option<f64>,
    to: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    pub(crate) field: Path,
    select: Option<Filter>,
}

impl Region {
    /// Reads `from`, `to`, `low`, `high`, `field` and `select`.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub(crate) fn read(parameters: &mut Parameters, now: f64) -> Result<Self, Refusal> {
        let mut instant = |name: &'static str| -> Result<Option<f64>, Refusal> {
            let Some(text) = parameters.one(name)? else { return Ok(None) };
            let span = Span::parse(Some(&text), None, now)
                .map_err(|usage| Refusal::parameter(name, usage.0.replace("--since", name)))?;
            Ok(span.since)
        };
        let (from, to) = (instant("from")?, instant("to")?);
        let (low, high) = (parameters.number("low")?, parameters.number("high")?);
        let select = parameters.one("select")?;
        let select = select.map(|select| parse_filter("select", &select)).transpose()?;
        Ok(Self { from, to, low, high, field: field(parameters)?, select })
    }

    /// Whether it is all events.
    pub(crate) fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none() && !self.has_bounds() && self.select.is_none()
    }

    /// Whether it is about numbers of the field.
    pub(crate) fn has_bounds(&self) -> bool {
        self.low.is_some() || self.high.is_some()
    }

    pub(crate) fn holds(&self, event: &EncodedEvent<'_>) -> bool {
        self.holds_time(event)
            && (!self.has_bounds()
                || number(event, &self.field).is_some_and(|number| {
                    self.low.is_none_or(|low| number >= low) && self.high.is_none_or(|high| number < high)
                }))
            && self.select.as_ref().is_none_or(|select| select.matches(event))
    }

    fn holds_time(&self, event: &EncodedEvent<'_>) -> bool {
        (self.from.is_none() && self.to.is_none())
            || event.end().is_some_and(|end| {
                self.from.is_none_or(|from| end >= from) && self.to.is_none_or(|to| end < to)
            })
    }

    /// The box as a filter, where it is more than the whole.
    pub(crate) fn as_filter(&self) -> Option<String> {
        let field = super::filter_text::path(&self.field)?;
        let unit = if self.field.segments() == ["duration"] { "s" } else { "" };
        let terms = [
            self.from.map(|from| format!("end >= {from}")),
            self.to.map(|to| format!("end < {to}")),
            self.low.map(|low| format!("{field} >= {low}{unit}")),
            self.high.map(|high| format!("{field} < {high}{unit}")),
            self.select.as_ref().map(|select| format!("({})", select.source())),
        ];
        let terms: Vec<String> = terms.into_iter().flatten().collect();
        (!terms.is_empty()).then(|| terms.join(" and "))
    }
}

/// Reads `field`.
///
/// # Errors
/// When it is no path.
pub(crate) fn field(parameters: &mut Parameters) -> Result<Path, Refusal> {
    let name = parameters.one("field")?.unwrap_or_else(|| "duration".to_owned());
    path("field", &name)
}

/// Reads a path that stands in the parameter `name`.
///
/// # Errors
/// When it is none.
pub(crate) fn path(name: &str, text: &str) -> Result<Path, Refusal> {
    Path::parse(text.trim())
        .map_err(|error| Refusal::parameter(name, format!("{text:?} is no field: {error}")))
}

/// The number that a path leads to.
pub(crate) fn number(event: &EncodedEvent<'_>, path: &Path) -> Option<f64> {
    let number = match event.lookup(path)? {
        Found::Value(value) => value.as_f64()?,
        Found::Duration(seconds) => seconds,
    };
    number.is_finite().then_some(number)
}
