//! The words of a filter. What a word may hold depends on its place: left of an operator stand paths, right of it
//! values ([`Lexer::value`]), and only the parser knows which comes next.

use super::error::{FilterError, shown_word};
use super::hint;
use std::ops::Range;

/// A comparison's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Search,
    NotSearch,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A path, or a word where none belongs.
    Word,
    /// Text in quotes, where none belongs.
    Quoted,
    Operator(Operator),
    And,
    Or,
    Not,
    In,
    Exists,
    Open,
    Close,
    Comma,
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// A value right of an operator, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operand<'s> {
    /// Where it stands, with its quotes.
    pub(super) span: Range<usize>,
    /// The text without its quotes; escapes are as written.
    pub(super) text: &'s str,
    /// Whether it stands in quotes.
    pub(super) is_quoted: bool,
}

/// Reads a filter word by word.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'s> {
    source: &'s str,
    position: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, position: 0 }
    }

    /// The source at a token.
    pub(super) fn text(&self, span: &Range<usize>) -> &'s str {
        &self.source[span.clone()]
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> Result<Token, FilterError> {
        self.clone().token()
    }

    /// The next token, in a place where a path, a keyword, an operator or a parenthesis may stand.
    pub(super) fn token(&mut self) -> Result<Token, FilterError> {
        self.skip_space();
        let start = self.position;
        let Some(first) = self.rest().chars().next() else {
            let end = self.source.trim_end().len();
            return Ok(Token { kind: Kind::End, span: end..end });
        };
        let kind = match first {
            '(' => self.single(Kind::Open),
            ')' => self.single(Kind::Close),
            ',' => self.single(Kind::Comma),
            '"' | '\'' => {
                self.quoted(first)?;
                Kind::Quoted
            }
            _ if is_sign(first) => self.signs()?,
            _ => self.word()?,
        };
        Ok(Token { kind, span: start..self.position })
    }

    /// The value right of `operator`, as it is called in messages.
    pub(super) fn value(&mut self, operator: &str, is_regex: bool) -> Result<Operand<'s>, FilterError> {
        self.skip_space();
        let start = self.position;
        let missing = |span| Err(FilterError::new(span, format!("`{operator}` needs a value on its right")));
        match self.rest().chars().next() {
            None => {
                let end = self.source.trim_end().len();
                missing(end..end)
            }
            Some(sign @ (')' | ',')) => missing(start..start + sign.len_utf8()),
            Some(quote @ ('"' | '\'')) => {
                let text = self.quoted(quote)?;
                Ok(Operand { span: start..self.position, text, is_quoted: true })
            }
            Some(_) => self.bare(operator, is_regex),
        }
    }

    fn bare(&mut self, operator: &str, is_regex: bool) -> Result<Operand<'s>, FilterError> {
        let start = self.position;
        let rest = self.rest();
        let length = bare_length(rest);
        let text = &rest[..length];
        let after = rest[length..].chars().next();
        // A comma in a list, a closing parenthesis or white space ends the word; the others are part of what was meant.
        let is_cut =
            matches!(after, Some('(' | '<' | '>' | '"' | '\'' | '`')) || (is_regex && after == Some(','));
        if is_cut || text.is_empty() || text.starts_with(is_sign) {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            // Parentheses that close groups outside do not belong to the word.
            let closing = rest[..end].len() - rest[..end].trim_end_matches(')').len();
            let surplus = rest[..end].matches(')').count().saturating_sub(rest[..end].matches('(').count());
            let end = end - closing.min(surplus);
            let meant = &rest[..end];
            let quoted = if is_regex { hint::quoted_regex(meant) } else { Some(hint::quoted(meant)) };
            let message =
                format!("`{operator}` needs a value on its right; text with such signs stands in quotes");
            return Err(FilterError::new(start..start + end, message).suggest(quoted));
        }
        let span = start..start + length;
        if text.starts_with(['“', '”', '„', '‘', '’']) {
            let inner = rest.split(['“', '”', '„', '‘', '’']).nth(1).unwrap_or_default();
            let message = "text stands in straight quotes, \" or '";
            return Err(FilterError::new(span, message).suggest(hint::quoted(inner)));
        }
        if keyword(text).is_some() {
            let message = format!(
                "`{operator}` needs a value on its right; the text {} stands in quotes",
                shown_word(text)
            );
            return Err(FilterError::new(span, message).suggest(hint::quoted(text)));
        }
        self.position = span.end;
        Ok(Operand { span, text, is_quoted: false })
    }

    /// Text in quotes, without them. A backslash keeps the character after it from ending the text.
    fn quoted(&mut self, quote: char) -> Result<&'s str, FilterError> {
        let start = self.position;
        let inside = &self.source[start + 1..];
        let mut is_escaped = false;
        for (at, c) in inside.char_indices() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if c == quote => {
                    self.position = start + 1 + at + 1;
                    return Ok(&inside[..at]);
                }
                _ => {}
            }
        }
        let line = self.rest().lines().next().unwrap_or_default().trim_end();
        let closed = (!line.ends_with('\\')).then(|| format!("{line}{quote}"));
        let message = format!("this quote is not closed; {quote} is missing");
        Err(FilterError::new(start..start + line.len(), message).suggest(closed))
    }

    fn signs(&mut self) -> Result<Kind, FilterError> {
        let start = self.position;
        let rest = self.rest();
        let signs = &rest[..rest.find(|c| !is_sign(c)).unwrap_or(rest.len())];
        let (kind, length) = match signs {
            "=" | "==" => (Kind::Operator(Operator::Equal), signs.len()),
            "!=" => (Kind::Operator(Operator::NotEqual), 2),
            "<" => (Kind::Operator(Operator::Less), 1),
            "<=" => (Kind::Operator(Operator::LessOrEqual), 2),
            ">" => (Kind::Operator(Operator::Greater), 1),
            ">=" => (Kind::Operator(Operator::GreaterOrEqual), 2),
            "~" => (Kind::Operator(Operator::Search), 1),
            "!~" => (Kind::Operator(Operator::NotSearch), 2),
            _ => match signs.trim_end_matches('!') {
                "" => (Kind::Not, 1),
                "&&" => (Kind::And, 2),
                "||" => (Kind::Or, 2),
                _ => {
                    let message = format!("{} is no operator", shown_word(signs));
                    let meant = hint::for_signs(signs).map(str::to_owned);
                    return Err(FilterError::new(start..start + signs.len(), message).suggest(meant));
                }
            },
        };
        self.position += length;
        Ok(kind)
    }

    /// A path or a keyword. What stands in backticks is part of a path, whatever it is.
    fn word(&mut self) -> Result<Kind, FilterError> {
        let start = self.position;
        let mut open = None;
        let mut end = self.source.len();
        for (at, c) in self.rest().char_indices() {
            match c {
                '`' if open.is_some() => open = None,
                '`' => open = Some(start + at),
                _ if open.is_none() && ends_path(c) => {
                    end = start + at;
                    break;
                }
                _ => {}
            }
        }
        if let Some(open) = open {
            return Err(FilterError::new(open..open + 1, "this backtick is not closed"));
        }
        self.position = end;
        Ok(keyword(&self.source[start..end]).unwrap_or(Kind::Word))
    }

    fn single(&mut self, kind: Kind) -> Kind {
        self.position += 1;
        kind
    }

    fn skip_space(&mut self) {
        self.position = self.source.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'s str {
        &self.source[self.position..]
    }
}

fn keyword(word: &str) -> Option<Kind> {
    const KEYWORDS: [(&str, Kind); 5] = [
        ("and", Kind::And),
        ("or", Kind::Or),
        ("not", Kind::Not),
        ("in", Kind::In),
        ("exists", Kind::Exists),
    ];
    KEYWORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '<' | '>' | '!' | '~' | '&' | '|')
}

fn ends_path(c: char) -> bool {
    c.is_whitespace() || is_sign(c) || matches!(c, '(' | ')' | ',' | '"' | '\'')
}

/// How much of `rest` is one bare value.
fn bare_length(rest: &str) -> usize {
    rest.char_indices()
        .find(|(at, c)| {
            c.is_whitespace()
                || matches!(c, '(' | ')' | ',' | '"' | '\'' | '`' | '<' | '>')
                || rest[*at..].starts_with("&&")
                || rest[*at..].starts_with("||")
        })
        .map_or(rest.len(), |(at, _)| at)
}
