//! The one filter language of BlueOx: for files, live streams, the page and the HTTP interface.
//!
//! ```
//! use blueox_event::{EncodedEvent, Event, Filter, Value};
//! let filter = Filter::parse("type = request* and status >= 500 and duration > 250ms").unwrap();
//! let event = Event {
//!     type_name: "request".into(),
//!     id: Value::from(17),
//!     host: "web-2".into(),
//!     pid: 4121,
//!     start: 1331640000.0,
//!     end: 1331640000.8,
//!     body: Value::map([("status", Value::from(500))]),
//! };
//! assert!(filter.matches(&EncodedEvent::parse(&event.to_msgpack()).unwrap()));
//! ```
//!
//! # Grammar
//!
//! | rule | is |
//! | --- | --- |
//! | filter | and-group { `or` and-group } |
//! | and-group | term { `and` term } |
//! | term | `not` term · `(` filter `)` · condition |
//! | condition | path operator value · path \[`not`\] `in` `(` value { `,` value } `)` · path \[`not`\] `exists` · `exists` path · `exists(`path`)` |
//! | operator | `=` `==` `!=` `<` `<=` `>` `>=` `~` `!~` |
//! | path | names joined by dots, as [`crate::Path`]; `body.` is optional; a name with other characters or that is a keyword stands in backticks |
//! | value | a bare word · text in `"` or `'` |
//!
//! Keywords are case-insensitive; `&&`, `||` and `!` mean `and`, `or` and `not`.
//!
//! # Values
//!
//! | written | equals |
//! | --- | --- |
//! | a bare word | the text as written, in which `*` stands for any run of bytes and `?` for one |
//! | a bare number, `500` `-1.5` `1e6` | also that number |
//! | a duration, `5ns 10us 250ms 1.5s 2m 3h 1d` | also that many seconds (`duration`, `start` and `end` are in seconds) |
//! | a size, `10KB 4KiB 2MB 1GiB` | also that many bytes |
//! | bare `true` `false` `null` `nil` | also that boolean, or nil |
//! | `"text"`, `'text'` | that text and nothing else, with the escapes `\" \' \\ \n \r \t \xNN` |
//!
//! A bare word ends at white space, `)`, `,`, `&&` or `||`. It holds no quotes and none of `( < >`, and does not begin
//! with an operator; such text stands in quotes.
//!
//! # Meaning
//!
//! - Text is bytes, of the `str` and the `bin` family alike, compared byte by byte; it need not be UTF-8.
//! - `=` compares kinds as the table says; different kinds are never equal, so `status = "500"` does not find the
//!   number. A pattern with `*` or `?` sees an integer as its digits: `status = 5*`.
//! - `a != b` is exactly `not (a = b)`, `!~` and `not in` likewise: they hold for an event that has no such field. All
//!   other conditions fail when the field is missing.
//! - `< <= > >=` order numbers by a bare number, and text by text in quotes or a bare word that is no number.
//!   Other kinds match neither way.
//! - Numbers compare exactly: an integer never loses digits to a float. A 32-bit float is compared with the literal as
//!   a 32-bit float, if the literal has a fraction. NaN matches nothing.
//! - `start` and `end` take seconds since the epoch or an instant in UTC: `2012-03-13`, `20120313`,
//!   `"2012-03-13 12:00"`, `2012-03-13T12:00:00.25Z`, `...+02:00`. A day is its first instant, also to `=`.
//! - `~` searches for a regular expression (crate `regex`) in text, and in the digits of an integer. It works on bytes:
//!   `.` is any byte, `\w \d \s \b` are ASCII; one with a character beyond ASCII or `\p{..}` works on characters. In
//!   quotes it is taken as written: backslashes are the regular expression's.
//! - A list matches if one of its items does (items that are lists themselves do not); so `tags != x` holds if no
//!   item is `x`. Maps and extensions match nothing but `exists`.
//! - `exists` holds when the path leads to a value, be it nil; `a != null and a exists` asks for more.
//!
//! A filter is pure, takes no memory per event and never fails on an event. The ways in: `lexer` → `parser` (with
//! `literal`, `number`, `instant` and, for errors, `hint`) → `expression`, which evaluates.

mod error;
mod expression;
mod hint;
mod instant;
mod lexer;
mod literal;
mod number;
mod parser;

#[cfg(test)]
mod tests;

pub use error::FilterError;

use crate::event::EncodedEvent;
use crate::path::Path;
use crate::type_name::TypePattern;
use expression::Expression;
use std::fmt;
use std::str::FromStr;

/// A parsed filter. See the [module](self) for the language.
///
/// ```
/// use blueox_event::Filter;
/// let source = "duration > 250msec";
/// let error = Filter::parse(source).unwrap_err();
/// assert_eq!(
///     error.render(source),
///     "duration > 250msec\n\
///     \x20          ^^^^^^^\n\
///      `msec` is no unit; times: ns us ms s m h d, sizes: B KB MB GB TB KiB MiB GiB TiB\n\
///      did you mean `250ms`?"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Filter {
    source: String,
    root: Expression,
}

impl Filter {
    /// Parses `source`. Takes time and memory bounded by [`crate::limits`].
    ///
    /// # Errors
    /// What is wrong, where, and often what to write instead.
    pub fn parse(source: &str) -> Result<Self, FilterError> {
        let root = parser::parse(source)?;
        Ok(Self { source: source.to_owned(), root })
    }

    /// Whether the event is one that the filter asks for.
    #[must_use]
    #[inline]
    pub fn matches(&self, event: &EncodedEvent<'_>) -> bool {
        self.root.matches(event)
    }

    /// The filter as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Patterns for the types that can match: an event with a type ([`EncodedEvent::type_name`]) that none of them
    /// matches is none that the filter asks for. They may match more than the filter does. `None` when any type can.
    ///
    /// ```
    /// use blueox_event::Filter;
    /// let types = |source| Filter::parse(source).unwrap().type_patterns().map(|types| types.len());
    /// assert_eq!(types("type in (a, b*) and status = 500"), Some(2));
    /// assert_eq!(types("type = a or status = 500"), None);
    /// ```
    #[must_use]
    pub fn type_patterns(&self) -> Option<Vec<TypePattern>> {
        self.root.type_patterns()
    }

    /// The paths that are looked up: all that a filter needs of an event.
    ///
    /// ```
    /// use blueox_event::Filter;
    /// let filter = Filter::parse("type = a and response.status >= 500").unwrap();
    /// let paths: Vec<String> = filter.paths().iter().map(|path| path.to_string()).collect();
    /// assert_eq!(paths, ["type", "response.status"]);
    /// ```
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.root.collect_paths(&mut paths);
        paths
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(source: &str) -> Result<Self, FilterError> {
        Self::parse(source)
    }
}

/// The filter as it was written.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
