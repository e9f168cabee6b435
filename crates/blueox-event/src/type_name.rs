//! The dotted name of a kind of event, and patterns over such names.

use crate::limits::MAX_TYPE_BYTES;
use std::fmt;

/// A type name: 1 to [`MAX_TYPE_BYTES`] bytes, any bytes. It comes from the network; for a file name it is
/// encoded by the code that makes the path (`blueox-log`), never used as it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName<'a>(&'a [u8]);

/// A name that cannot be a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TypeNameError {
    /// The name is empty.
    #[error("the event's type is empty")]
    Empty,
    /// The name is longer than [`MAX_TYPE_BYTES`].
    #[error("the event's type has {length} bytes; at most {MAX_TYPE_BYTES} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
}

impl<'a> TypeName<'a> {
    /// Takes `name` as a type.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(name: &'a [u8]) -> Result<Self, TypeNameError> {
        match name.len() {
            0 => Err(TypeNameError::Empty),
            length if length > MAX_TYPE_BYTES => Err(TypeNameError::TooLong { length }),
            _ => Ok(Self(name)),
        }
    }

    /// The name's bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether this is the name of a parent event: one without a dot.
    #[must_use]
    pub fn is_root(self) -> bool {
        !self.0.contains(&b'.')
    }
}

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::json::write_text_lossless(self.0, f)
    }
}

impl fmt::Debug for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeName({self})")
    }
}

/// A pattern over type names: a name, or a glob in which `*` stands for any run of bytes and `?` for one.
///
/// ```
/// use blueox_event::TypePattern;
/// assert!(TypePattern::new("request*").matches(b"request.sql"));
/// assert!(!TypePattern::new("request").matches(b"request.sql"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypePattern {
    pattern: Vec<u8>,
}

impl TypePattern {
    /// The pattern written as `text`.
    #[must_use]
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        Self { pattern: text.as_ref().to_vec() }
    }

    /// Whether `name` is one that the pattern means.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        glob_matches(&self.pattern, name)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.pattern
    }

    /// The name, if the pattern stands for exactly one.
    #[must_use]
    pub fn as_exact(&self) -> Option<&[u8]> {
        (!self.pattern.iter().any(|byte| matches!(byte, b'*' | b'?'))).then_some(&self.pattern[..])
    }
}

/// Whether `text` is what the glob `pattern` means (`*`: any run of bytes, `?`: one byte). Time is bounded by
/// the product of the lengths: on a mismatch only the last star is tried again.
#[must_use]
pub fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("*.sql", "request.sql", true),
            ("a?c", "abc", true),
            ("", "", true),
            ("", "a", false),
            ("**a**", "bab", true),
        ] {
            assert_eq!(TypePattern::new(pattern).matches(name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn names_have_bounds() {
        assert_eq!(TypeName::new(b""), Err(TypeNameError::Empty));
        assert!(TypeName::new(&[b'x'; MAX_TYPE_BYTES]).is_ok());
        assert!(TypeName::new(&[b'x'; MAX_TYPE_BYTES + 1]).is_err());
    }
}
