//! From words to a tree: recursive descent, no deeper than [`MAX_FILTER_DEPTH`].

use super::error::{FilterError, shown_word};
use super::expression::{Expression, Order, Test};
use super::hint::{self, AFTER_PATH, CONNECTIVES};
use super::lexer::{Kind, Lexer, Operand, Operator, Token};
use super::literal::{Bound, Literal, Quantity};
use super::number::{is_number, is_unit};
use crate::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH, MAX_FILTER_REGEX_BYTES};
use crate::path::Path;
use regex::bytes::{Regex, RegexBuilder};

/// Parses a whole filter.
pub(super) fn parse(source: &str) -> Result<Expression, FilterError> {
    if source.len() > MAX_FILTER_BYTES {
        let message =
            format!("the filter has {} bytes; at most {MAX_FILTER_BYTES} are allowed", source.len());
        return Err(FilterError::new(source.floor_char_boundary(MAX_FILTER_BYTES)..source.len(), message));
    }
    if source.trim().is_empty() {
        let message = "the filter is empty; write for example type = request* and duration > 250ms";
        return Err(FilterError::new(0..0, message));
    }
    // All regular expressions of a filter share what one may take. There are no more of them than tildes.
    let tildes = source.bytes().filter(|byte| *byte == b'~').count();
    let regex_bytes = MAX_FILTER_REGEX_BYTES / tildes.max(1);
    let mut parser = Parser { lexer: Lexer::new(source), depth: 0, regex_bytes, last_value: None };
    let root = parser.filter()?;
    match parser.lexer.token()? {
        Token { kind: Kind::End, .. } => Ok(root),
        token => Err(parser.unexpected(&token)),
    }
}

struct Parser<'s> {
    lexer: Lexer<'s>,
    /// How many parentheses and `not` are open.
    depth: usize,
    /// What one regular expression may take.
    regex_bytes: usize,
    /// The value just read, while nothing follows it.
    last_value: Option<Operand<'s>>,
}

impl<'s> Parser<'s> {
    fn filter(&mut self) -> Result<Expression, FilterError> {
        let mut groups = vec![self.and_group()?];
        while self.lexer.peek()?.kind == Kind::Or {
            self.lexer.token()?;
            groups.push(self.and_group()?);
        }
        Ok(Expression::or(groups))
    }

    fn and_group(&mut self) -> Result<Expression, FilterError> {
        let mut terms = vec![self.term()?];
        while self.lexer.peek()?.kind == Kind::And {
            self.lexer.token()?;
            terms.push(self.term()?);
        }
        Ok(Expression::and(terms))
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        let token = self.lexer.token()?;
        self.last_value = None;
        match token.kind {
            Kind::Word => self.condition(&token),
            Kind::Not if !self.is_operator_next()? => {
                self.enter(&token)?;
                let term = self.term()?;
                self.depth -= 1;
                Ok(term.not())
            }
            Kind::Open => {
                self.enter(&token)?;
                let group = self.filter()?;
                self.close(&token)?;
                self.depth -= 1;
                Ok(group)
            }
            Kind::Exists if !self.is_operator_next()? => self.exists(),
            _ => Err(self.no_condition(&token)),
        }
    }

    fn enter(&mut self, token: &Token) -> Result<(), FilterError> {
        self.depth += 1;
        if self.depth > MAX_FILTER_DEPTH {
            let message = format!("parentheses and `not` nest deeper than {MAX_FILTER_DEPTH}");
            return Err(FilterError::new(token.span.clone(), message));
        }
        Ok(())
    }

    /// The parenthesis that closes `open`.
    fn close(&mut self, open: &Token) -> Result<(), FilterError> {
        let token = self.lexer.token()?;
        match token.kind {
            Kind::Close => {
                self.last_value = None;
                Ok(())
            }
            Kind::End => Err(FilterError::new(open.span.clone(), "this `(` is not closed; `)` is missing")),
            _ => Err(self.unexpected(&token)),
        }
    }

    /// What follows `exists`: a path, perhaps in parentheses.
    fn exists(&mut self) -> Result<Expression, FilterError> {
        let token = self.lexer.token()?;
        if token.kind != Kind::Open {
            return self.path(&token).map(Expression::Exists);
        }
        let word = self.lexer.token()?;
        let path = self.path(&word)?;
        match self.lexer.token()? {
            Token { kind: Kind::Close, .. } => Ok(Expression::Exists(path)),
            Token { kind: Kind::End, .. } => {
                Err(FilterError::new(token.span, "this `(` is not closed; `)` is missing"))
            }
            other => Err(FilterError::new(other.span, "`exists` takes one path; `)` belongs here")),
        }
    }

    /// What begins with a path.
    fn condition(&mut self, word: &Token) -> Result<Expression, FilterError> {
        let next = self.lexer.peek()?;
        if let (Kind::Word, false) = (next.kind, is_number(self.lexer.text(&word.span)))
            && let Some(error) = self.misspelled_before(word, &next)
        {
            return Err(error);
        }
        let path = self.path(word)?;
        match next.kind {
            Kind::Operator(operator) => {
                self.lexer.token()?;
                self.comparison(path, operator, &next)
            }
            Kind::In => {
                self.lexer.token()?;
                self.list(path)
            }
            Kind::Exists => {
                self.lexer.token()?;
                Ok(Expression::Exists(path))
            }
            Kind::Not => {
                self.lexer.token()?;
                self.negated(path, &next)
            }
            Kind::Word => Err(self.no_operator(word, &next)),
            _ => Err(self.lone_path(word, &next)),
        }
    }

    /// What follows a path and `not`.
    fn negated(&mut self, path: Path, not: &Token) -> Result<Expression, FilterError> {
        let token = self.lexer.token()?;
        let whole = not.span.start..token.span.end;
        let replaced = match token.kind {
            Kind::In => return self.list(path).map(Expression::not),
            Kind::Exists => return Ok(Expression::Exists(path).not()),
            Kind::Operator(Operator::Equal) => Some("!="),
            Kind::Operator(Operator::Search) => Some("!~"),
            _ => None,
        };
        let message =
            "after a path `not` goes with `in` and `exists`; elsewhere it stands before the condition";
        Err(FilterError::new(whole, message).suggest(replaced.map(str::to_owned)))
    }

    fn comparison(
        &mut self,
        path: Path,
        operator: Operator,
        token: &Token,
    ) -> Result<Expression, FilterError> {
        let is_regex = matches!(operator, Operator::Search | Operator::NotSearch);
        let quantity = quantity_of(&path);
        if is_regex && quantity != Quantity::Any {
            let message = format!("`{path}` is a number; `~` searches text");
            return Err(FilterError::new(token.span.clone(), message));
        }
        let operand = self.lexer.value(self.lexer.text(&token.span), is_regex)?;
        let order = |order| Ok::<_, FilterError>(Test::Order(order, Bound::read(&operand, quantity)?));
        let test = match operator {
            Operator::Equal | Operator::NotEqual => Test::AnyOf(vec![Literal::read(&operand, quantity)?]),
            Operator::Less => order(Order::Less)?,
            Operator::LessOrEqual => order(Order::LessOrEqual)?,
            Operator::Greater => order(Order::Greater)?,
            Operator::GreaterOrEqual => order(Order::GreaterOrEqual)?,
            Operator::Search | Operator::NotSearch => Test::Search(self.regex(&operand)?),
        };
        self.last_value = Some(operand);
        let comparison = Expression::Compare(path, test);
        let is_negated = matches!(operator, Operator::NotEqual | Operator::NotSearch);
        Ok(if is_negated { comparison.not() } else { comparison })
    }

    /// The values after `in`.
    fn list(&mut self, path: Path) -> Result<Expression, FilterError> {
        let open = self.lexer.token()?;
        if open.kind != Kind::Open {
            let text = self.lexer.text(&open.span);
            let is_value = matches!(open.kind, Kind::Word | Kind::Quoted) && !text.starts_with('[');
            let message = "`in` needs a list in parentheses: in (a, b)";
            return Err(FilterError::new(open.span, message).suggest(is_value.then(|| format!("({text})"))));
        }
        let mut literals = Vec::new();
        loop {
            let operand = self.lexer.value("in", false)?;
            literals.push(Literal::read(&operand, quantity_of(&path))?);
            let token = self.lexer.token()?;
            match token.kind {
                Kind::Comma => {}
                Kind::Close => return Ok(Expression::Compare(path, Test::AnyOf(literals))),
                Kind::End => {
                    return Err(FilterError::new(open.span, "this `(` is not closed; `)` is missing"));
                }
                kind => {
                    let message = "values of a list are separated by `,` and end with `)`";
                    let is_value = matches!(kind, Kind::Word | Kind::Quoted);
                    let separated = is_value.then(|| format!(", {}", self.lexer.text(&token.span)));
                    return Err(FilterError::new(token.span, message).suggest(separated));
                }
            }
        }
    }

    fn regex(&self, operand: &Operand<'_>) -> Result<Regex, FilterError> {
        let compile = |is_unicode| {
            RegexBuilder::new(operand.text)
                .unicode(is_unicode)
                .size_limit(self.regex_bytes)
                .dfa_size_limit(self.regex_bytes)
                .build()
        };
        // Over bytes whenever that says the same; classes and case of other alphabets need characters.
        let compiled = compile(!operand.text.is_ascii()).or_else(|error| match error {
            regex::Error::Syntax(_) => compile(true),
            error => Err(error),
        });
        compiled.map_err(|error| {
            let message = match error {
                regex::Error::Syntax(text) => {
                    let reason =
                        text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    format!("this is no regular expression: {reason}")
                }
                _ => format!(
                    "this regular expression takes more than {} KiB of memory, its share of {} for a filter",
                    self.regex_bytes.div_ceil(1024),
                    MAX_FILTER_REGEX_BYTES / 1024
                ),
            };
            FilterError::new(operand.span.clone(), message)
        })
    }

    fn path(&self, token: &Token) -> Result<Path, FilterError> {
        let text = self.lexer.text(&token.span);
        let error = |message: String| Err(FilterError::new(token.span.clone(), message));
        if token.kind != Kind::Word {
            return Err(self.no_condition(token));
        }
        if is_number(text) {
            return error(format!(
                "a comparison begins with a path; {} belongs on its right",
                shown_word(text)
            ));
        }
        if text.split('`').step_by(2).any(|plain| plain.contains(['*', '?'])) {
            return error("a path has no patterns; a name with such signs stands in backticks".to_owned());
        }
        Path::parse(text).or_else(|cause| error(cause.to_string()))
    }

    fn is_operator_next(&self) -> Result<bool, FilterError> {
        Ok(matches!(self.lexer.peek()?.kind, Kind::Operator(_)))
    }
}

/// Errors.
impl Parser<'_> {
    /// `token` stands where a condition must begin.
    fn no_condition(&self, token: &Token) -> FilterError {
        let text = self.lexer.text(&token.span);
        let error = |message: &str| FilterError::new(token.span.clone(), message);
        let is_keyword = matches!(token.kind, Kind::And | Kind::Or | Kind::Not | Kind::In | Kind::Exists);
        if is_keyword && text.chars().all(char::is_alphabetic) && self.is_operator_next().unwrap_or(false) {
            return error("this is a keyword; a field of that name stands in backticks")
                .suggest(format!("`{text}`"));
        }
        match token.kind {
            Kind::End => error("a condition is missing here, such as status = 500"),
            Kind::Close => error("a condition is missing before this `)`"),
            Kind::Quoted => {
                error("a comparison begins with a path, without quotes; text belongs on its right")
            }
            Kind::Operator(_) => error("a path is missing before this operator"),
            _ => error("a condition such as status = 500 is missing here"),
        }
    }

    /// `token` stands after a whole condition where only `and`, `or` and `)` may.
    fn unexpected(&self, token: &Token) -> FilterError {
        let text = self.lexer.text(&token.span);
        let error = |message: &str| FilterError::new(token.span.clone(), message);
        match token.kind {
            Kind::Close => error("no `(` belongs to this `)`"),
            Kind::Comma => error("a list stands behind `in`: in (a, b); text with a comma stands in quotes"),
            Kind::Operator(_) | Kind::In => {
                error("`and` or `or` and a path are missing before this operator")
            }
            Kind::Word => self.unexpected_word(token),
            _ => error("`and` or `or` is missing here").suggest(format!("and {text}")),
        }
    }

    fn unexpected_word(&self, token: &Token) -> FilterError {
        let text = self.lexer.text(&token.span);
        let error = FilterError::new(token.span.clone(), "`and` or `or` is missing here");
        // The parser has taken the token; what follows may be damaged itself, and then tells nothing.
        let next = self.lexer.peek().map(|next| next.kind);
        if matches!(next, Ok(Kind::Operator(_) | Kind::In | Kind::Exists)) {
            return error.suggest(format!("and {text}"));
        }
        if let Some(keyword) = hint::closest(text, &CONNECTIVES[..2]).filter(|_| next != Ok(Kind::End)) {
            let message = format!("{} is no keyword; `and` or `or` belongs here", shown_word(text));
            return FilterError::new(token.span.clone(), message).suggest(keyword.to_owned());
        }
        let Some(value) = self.last_value.as_ref().filter(|value| !value.is_quoted) else { return error };
        let span = value.span.start..token.span.end;
        if is_unit(text) && is_number(value.text) {
            let joined = format!("{}{text}", value.text);
            return FilterError::new(span, "a number and its unit are one word").suggest(joined);
        }
        let meant = hint::quoted(self.lexer.text(&span));
        FilterError::new(span, "`and` or `or` is missing, or text with spaces stands in quotes")
            .suggest(meant)
    }

    /// A word that two words show to be a misspelled keyword: `nto a = 1`.
    fn misspelled_before(&self, word: &Token, next: &Token) -> Option<FilterError> {
        let mut after = self.lexer.clone();
        after.token().ok()?;
        let follows = after.token().ok()?.kind;
        if !matches!(follows, Kind::Operator(_) | Kind::In)
            || hint::for_word_operator(self.lexer.text(&next.span)).is_some()
        {
            return None;
        }
        let text = self.lexer.text(&word.span);
        let keyword = hint::closest(text, &["not", "exists"])?;
        let message = format!("{} is no keyword", shown_word(text));
        Some(FilterError::new(word.span.clone(), message).suggest(keyword.to_owned()))
    }

    /// `next` is a word where an operator must stand.
    fn no_operator(&self, word: &Token, next: &Token) -> FilterError {
        let text = self.lexer.text(&next.span);
        if let Some((operator, remark)) = hint::for_word_operator(text) {
            let mut after = self.lexer.clone();
            let negation = after.token().and_then(|_| after.token()).ok();
            let message = format!("{} is no operator{remark}", shown_word(text));
            return match negation {
                Some(not) if not.kind == Kind::Not && operator == "=" => {
                    FilterError::new(next.span.start..not.span.end, message).suggest("!=".to_owned())
                }
                _ => FilterError::new(next.span.clone(), message).suggest(operator.to_owned()),
            };
        }
        let message = format!("an operator is missing after {}", shown_word(self.lexer.text(&word.span)));
        let candidates: Vec<_> = AFTER_PATH.into_iter().chain(CONNECTIVES).collect();
        if let Some(keyword) = hint::closest(text, &candidates) {
            let message = format!("{} is no operator", shown_word(text));
            return FilterError::new(next.span.clone(), message).suggest(keyword.to_owned());
        }
        if let Some(keyword) = hint::closest(self.lexer.text(&word.span), &["not", "exists"]) {
            return FilterError::new(word.span.clone(), message).suggest(keyword.to_owned());
        }
        FilterError::new(next.span.clone(), message).suggest(format!("= {text}"))
    }

    /// A path with nothing behind it.
    fn lone_path(&self, word: &Token, next: &Token) -> FilterError {
        let text = self.lexer.text(&word.span);
        let shown = shown_word(text);
        if matches!(next.kind, Kind::And | Kind::Or | Kind::Close | Kind::End) {
            let message = format!("{shown} alone is no condition; write what is asked of it");
            let meant = match text.split_once(':') {
                Some((path, value)) if !path.is_empty() && !value.is_empty() => format!("{path} = {value}"),
                _ => format!("{text} exists"),
            };
            return FilterError::new(word.span.clone(), message).suggest(meant);
        }
        FilterError::new(next.span.clone(), format!("an operator is missing after {shown}"))
    }
}

fn quantity_of(path: &Path) -> Quantity {
    match path.segments() {
        [own] if own == "duration" => Quantity::Seconds,
        [own] if own == "start" || own == "end" => Quantity::Instant,
        _ => Quantity::Any,
    }
}
