//! A filter as a tree, and its evaluation.
//!
//! The tree is at most a few times as deep as [`crate::limits::MAX_FILTER_DEPTH`], so recursion over it is bounded.

use super::literal::{Bound, Literal};
use super::number::with_digits;
use crate::event::{EncodedEvent, Found};
use crate::msgpack::Token;
use crate::path::Path;
use crate::type_name::TypePattern;
use regex::bytes::Regex;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Not(Box<Expression>),
    Exists(Path),
    Compare(Path, Test),
}

/// What is asked of the value at a path.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Equal to one of them.
    AnyOf(Vec<Literal>),
    /// Less or greater.
    Order(Order, Bound),
    /// Holds what the regular expression means.
    Search(Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Expression {
    /// All of `terms`, cheapest first: evaluation has no effects, so the order is free.
    pub(super) fn and(terms: Vec<Self>) -> Self {
        Self::group(terms, Self::And)
    }

    /// One of `terms`, cheapest first.
    pub(super) fn or(terms: Vec<Self>) -> Self {
        Self::group(terms, Self::Or)
    }

    fn group(mut terms: Vec<Self>, join: impl FnOnce(Vec<Self>) -> Self) -> Self {
        match terms.pop() {
            Some(only) if terms.is_empty() => only,
            last => {
                terms.extend(last);
                terms.sort_by_cached_key(Self::cost);
                join(terms)
            }
        }
    }

    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    pub(super) fn matches(&self, event: &EncodedEvent<'_>) -> bool {
        match self {
            Self::And(terms) => terms.iter().all(|term| term.matches(event)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(event)),
            Self::Not(term) => !term.matches(event),
            Self::Exists(path) => event.lookup(path).is_some(),
            Self::Compare(path, test) => match event.lookup(path) {
                None => false,
                Some(Found::Duration(seconds)) => test.accepts(Token::F64(seconds)),
                Some(Found::Value(value)) => match value.token() {
                    Token::Array(_) => {
                        value.items().into_iter().flatten().any(|item| test.accepts(item.token()))
                    }
                    scalar => test.accepts(scalar),
                },
            },
        }
    }

    /// Appends the paths that evaluation looks up.
    pub(super) fn collect_paths<'a>(&'a self, paths: &mut Vec<&'a Path>) {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().for_each(|term| term.collect_paths(paths)),
            Self::Not(term) => term.collect_paths(paths),
            Self::Exists(path) | Self::Compare(path, _) => paths.push(path),
        }
    }

    /// A rough measure of the time that evaluation takes.
    fn cost(&self) -> usize {
        match self {
            Self::And(terms) | Self::Or(terms) => terms.iter().map(Self::cost).sum(),
            Self::Not(term) => term.cost(),
            Self::Exists(path) => lookup_cost(path),
            Self::Compare(path, test) => lookup_cost(path) + test.cost(),
        }
    }

    /// See [`super::Filter::type_patterns`].
    pub(super) fn type_patterns(&self) -> Option<Vec<TypePattern>> {
        match self {
            // Every one of them holds, so the shortest list may be taken.
            Self::And(terms) => terms.iter().filter_map(Self::type_patterns).min_by_key(Vec::len),
            Self::Or(terms) => {
                let patterns: Option<Vec<_>> = terms.iter().map(Self::type_patterns).collect();
                Some(patterns?.into_iter().flatten().collect())
            }
            Self::Compare(path, Test::AnyOf(literals)) if path.segments() == ["type"] => {
                Some(literals.iter().map(|literal| TypePattern::new(literal.pattern())).collect())
            }
            Self::Not(_) | Self::Exists(_) | Self::Compare(..) => None,
        }
    }
}

/// The event's own fields are at hand; the body is walked.
fn lookup_cost(path: &Path) -> usize {
    match path.segments() {
        [own] if matches!(own.as_str(), "type" | "id" | "host" | "pid" | "start" | "end") => 1,
        [own] if own == "duration" => 2,
        segments => 16 + segments.len(),
    }
}

impl Test {
    /// Whether a value that is no list passes.
    #[inline]
    fn accepts(&self, value: Token<'_>) -> bool {
        match self {
            Self::AnyOf(literals) => literals.iter().any(|literal| literal.equals(value)),
            Self::Order(order, bound) => bound.order(value).is_some_and(|found| order.holds(found)),
            Self::Search(regex) => match value {
                Token::Str(text) | Token::Bin(text) => regex.is_match(text),
                _ => with_digits(value, |digits| regex.is_match(digits)),
            },
        }
    }

    fn cost(&self) -> usize {
        match self {
            Self::AnyOf(literals) => literals.len(),
            Self::Order(..) => 1,
            Self::Search(_) => 8,
        }
    }
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}
