//! What a daemon beyond loopback wants to see before it changes anything.

use crate::limits::MAX_TOKEN_BYTES;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A bearer token. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no token.
    #[error("the token file {} must hold one line of visible ASCII characters, at most {MAX_TOKEN_BYTES}", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// Takes `text` as a token: visible ASCII, not empty, space around it ignored.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.len() <= MAX_TOKEN_BYTES;
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// Reads the token that the file at `path` holds.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| file.take(2 * MAX_TOKEN_BYTES as u64).read_to_end(&mut text))
            .map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
        str::from_utf8(&text)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| TokenError::NoToken { path: path.to_owned() })
    }

    /// Whether `given` is this token; how long that takes does not tell how much of it was right.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        equal_in_constant_time(given, self.0.as_bytes())
    }

    /// The token itself, for the person whom it was made up for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The value of an `Authorization` header.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

/// Compares secrets without telling by its time how much was right.
#[must_use]
pub fn equal_in_constant_time(given: &[u8], secret: &[u8]) -> bool {
    given.len() == secret.len() && given.iter().zip(secret).fold(0, |unequal, (a, b)| unequal | (a ^ b)) == 0
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_visible_word() {
        assert_eq!(Token::new(" s3cret\n").unwrap().authorization(), "Bearer s3cret");
        assert_eq!(format!("{:?}", Token::new("s3cret")), "Some(Token(...))");
        for text in ["", "\n", "two words", "a\r\nX-Other: 1", "é"] {
            assert_eq!(Token::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_holds_none_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Token::read(file.path()).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        assert!(matches!(Token::read(Path::new("/nowhere")), Err(TokenError::Read { .. })));
    }
}
