//! Dotted paths into an event.

use crate::msgpack::{RawValue, Reader, Token};
use std::fmt;

/// A path such as `response.status`, split at its dots. A key that itself holds a dot is written in backticks:
/// `` headers.`x.y` ``.
///
/// Looked up in an event ([`crate::EncodedEvent::lookup`]) the event's own fields win; `body.` is optional.
/// Digits index a list: `items.0.price`. A key of the body with dots in it (`{"a.b": 1}`) is found under `a.b` too.
///
/// ```
/// use blueox_event::Path;
/// assert_eq!(Path::parse("headers.`x.y`").unwrap().segments(), ["headers", "x.y"]);
/// assert!(Path::parse("a..b").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    segments: Vec<String>,
}

/// Text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Nothing between two dots, or nothing at all.
    #[error("a path is names joined by dots; one of them is empty")]
    EmptySegment,
    /// A backtick without its partner.
    #[error("a backtick is not closed; write names with dots as `like.this`")]
    OpenBacktick,
}

impl Path {
    /// Splits `text` at its dots.
    ///
    /// # Errors
    /// When a name is empty or a backtick is not closed.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = if let Some(quoted) = rest.strip_prefix('`') {
                quoted.split_once('`').ok_or(PathError::OpenBacktick)?
            } else {
                rest.split_at(rest.find('.').unwrap_or(rest.len()))
            };
            if segment.is_empty() {
                return Err(PathError::EmptySegment);
            }
            segments.push(segment.to_owned());
            match after.strip_prefix('.') {
                Some(next) => rest = next,
                None if after.is_empty() => return Ok(Self { segments }),
                None => return Err(PathError::OpenBacktick),
            }
        }
    }

    /// The names, outermost first; at least one.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The value at this path below `value`.
    #[must_use]
    pub fn find<'a>(&self, value: RawValue<'a>) -> Option<RawValue<'a>> {
        find(value, &self.segments)
    }
}

/// Follows `segments` below `value`: at every map a key that is one segment is tried first and one that joins
/// several by dots last, since nested maps are the rule and dots in keys the exception.
pub(crate) fn find<'a>(value: RawValue<'a>, segments: &[String]) -> Option<RawValue<'a>> {
    find_next(Reader::new(value.bytes()), segments)
}

/// The reader stands before the value; only what is passed over is walked.
fn find_next<'a>(mut reader: Reader<'a>, segments: &[String]) -> Option<RawValue<'a>> {
    let Some((first, rest)) = segments.split_first() else { return reader.value(0).ok() };
    match reader.token().ok()? {
        Token::Map(pairs) => {
            let mut dotted = None;
            for _ in 0..pairs {
                let key = reader.value(0).ok()?.as_text();
                if key == Some(first.as_bytes()) {
                    if let Some(found) = find_next(reader, rest) {
                        return Some(found);
                    }
                } else if dotted.is_none()
                    && let Some(taken) = key.and_then(|key| leading_segments(key, segments))
                {
                    dotted = Some((reader, taken));
                }
                reader.skip(0).ok()?;
            }
            let (inner, taken) = dotted?;
            find_next(inner, &segments[taken..])
        }
        Token::Array(items) => {
            let index: u32 = first.parse().ok()?;
            if index >= items {
                return None;
            }
            for _ in 0..index {
                reader.skip(0).ok()?;
            }
            find_next(reader, rest)
        }
        _ => None,
    }
}

/// How many of the first `segments`, at least two, joined by dots make up `key`.
fn leading_segments(key: &[u8], segments: &[String]) -> Option<usize> {
    let mut left = key.strip_prefix(segments.first()?.as_bytes())?;
    for (index, segment) in segments.iter().enumerate().skip(1) {
        left = left.strip_prefix(b".")?.strip_prefix(segment.as_bytes())?;
        if left.is_empty() {
            return Some(index + 1);
        }
    }
    None
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if segment.contains('.') {
                write!(f, "`{segment}`")?;
            } else {
                f.write_str(segment)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn nested_dotted_and_indexed() {
        let body = Value::map([
            ("a", Value::map([("b", Value::from(1)), ("list", Value::Array(vec![7.into(), 8.into()]))])),
            ("x.y", Value::map([("z", Value::from(2))])),
            ("a.c", Value::from(3)),
        ]);
        let bytes = body.to_msgpack();
        let raw = RawValue::parse(&bytes).unwrap().unwrap();
        for (path, expected) in [
            ("a.b", Some(1)),
            ("x.y.z", Some(2)),
            ("`x.y`.z", Some(2)),
            ("a.c", Some(3)),
            ("a.list.1", Some(8)),
            ("a.list.2", None),
            ("a.b.c", None),
            ("x", None),
        ] {
            let found = Path::parse(path).unwrap().find(raw).and_then(RawValue::as_f64);
            assert_eq!(found, expected.map(f64::from), "{path}");
        }
    }

    #[test]
    fn a_path_is_read_as_it_is_written() {
        for text in ["a", "a.b", "`x.y`.z"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Path::parse(""), Err(PathError::EmptySegment));
        assert_eq!(Path::parse("`a"), Err(PathError::OpenBacktick));
        assert_eq!(Path::parse("`a`b"), Err(PathError::OpenBacktick));
    }
}
