//! Why text is no filter, and how that is shown.

use std::fmt;
use std::ops::Range;

/// How many characters of the source are shown around an error.
const SHOWN_LINE_CHARS: usize = 160;
/// How many of them stand before the error, when the line is longer.
const SHOWN_BEFORE_CHARS: usize = 60;
/// How many characters of a word are quoted in a message.
const SHOWN_WORD_CHARS: usize = 48;

/// Why text is no filter. Displayed it is one line; [`FilterError::render`] also shows where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in bytes of the source; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write in the span's place.
    pub suggestion: Option<String>,
}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), suggestion: None }
    }

    pub(super) fn suggest(self, suggestion: impl Into<Option<String>>) -> Self {
        Self { suggestion: suggestion.into(), ..self }
    }

    /// The line of `source` that is wrong, the span underlined, the message, and the suggestion; without a line
    /// feed at the end. Control characters are shown as `�`, a long line is cut.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let start = char_boundary(source, self.span.start);
        let end = char_boundary(source, self.span.end.max(start));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let before = source[line_start..start].chars().count();
        let marked = source[start..end.min(line_end)].chars().count().max(1);
        let line: Vec<char> = source[line_start..line_end].chars().map(printable).collect();

        let mut first = 0;
        let mut last = line.len();
        if line.len() > SHOWN_LINE_CHARS {
            first = before.saturating_sub(SHOWN_BEFORE_CHARS);
            last = line.len().min(first + SHOWN_LINE_CHARS);
        }
        let mut shown: Vec<char> = line[first..last].to_vec();
        if first > 0 {
            shown[0] = '…';
        }
        if last < line.len() {
            shown.push('…');
        }
        let before = before - first;
        // A tab takes as much room below as above.
        let indent = shown.iter().take(before).map(|c| if *c == '\t' { '\t' } else { ' ' });
        let carets = marked.min(shown.len().saturating_sub(before).max(1));
        let mut text: String = shown.iter().collect();
        text.push('\n');
        text.extend(indent);
        text.extend(std::iter::repeat_n('^', carets));
        text.push('\n');
        text.push_str(&self.message);
        if let Some(suggestion) = &self.suggestion {
            text.push_str(&format!("\ndid you mean {}?", shown_word(suggestion)));
        }
        text
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean {}?", shown_word(suggestion)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}

/// `word` in backticks, fit for a message: one line, not too long, nothing that moves a terminal's cursor.
pub(super) fn shown_word(word: &str) -> String {
    let mut text: String = word.chars().take(SHOWN_WORD_CHARS).map(printable).map(untabbed).collect();
    if word.chars().nth(SHOWN_WORD_CHARS).is_some() {
        text.push('…');
    }
    format!("`{text}`")
}

fn printable(c: char) -> char {
    if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }
}

fn untabbed(c: char) -> char {
    if c == '\t' { ' ' } else { c }
}

/// The beginning of the character that `at` falls into.
fn char_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}
