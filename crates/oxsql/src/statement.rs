//! The text of a query: what it asks for, and how it is made what DataFusion understands.
//!
//! Dotted names need no quotes: `request.path` is the column `"request.path"` where there is one, `FROM request.sql` the table
//! `"request.sql"`. Capital letters count where a name is known by them. A column of an answer is named as it was written.

use crate::mistake::{Mistake, Place};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, SelectItem, Statement as SqlStatement,
    TableFactor, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

/// How deep a query nests.
const MAX_DEPTH: usize = 64;
/// So many values of `IN (...)` become comparisons; more must be of the column's type.
const MAX_IN_COMPARISONS: usize = 1_000;

/// A query.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: String,
    statement: Statement,
    tokens: Vec<TokenWithSpan>,
}

/// Which columns a query may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    All,
    /// These names, and whatever else stands in it.
    Names(BTreeSet<String>),
}

impl Query {
    /// # Errors
    /// When it is no SQL, more than one statement, or one that would write.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let tokens = Tokenizer::new(&GenericDialect {}, text)
            .tokenize_with_location()
            .map_err(|error| Mistake::of_parser(text, &error.to_string()))?;
        let tokens: Vec<_> =
            tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        let parsed = DFParserBuilder::new(text)
            .with_dialect(&GenericDialect {})
            .with_recursion_limit(MAX_DEPTH)
            .build()
            .and_then(|mut parser| parser.parse_statements());
        let mut statements = parsed.map_err(|error| Mistake::of_parser(text, &error.strip_backtrace()))?;
        let statement = statements.pop_front().ok_or_else(|| Mistake::plain("the query is empty"))?;
        if !statements.is_empty() {
            return Err(Mistake::plain("that is more than one query; ask one after another"));
        }
        if !only_reads(&statement) {
            let place = tokens.first().map(|token| Place::of_span(text, token.span));
            return Err(Mistake::new(
                text,
                "oxsql only reads: write SELECT, WITH, SHOW, DESCRIBE or EXPLAIN",
                place,
            ));
        }
        let statement = if matches!(&statement, Statement::Statement(show) if matches!(**show, SqlStatement::ShowTables { .. }))
        {
            shown_tables().unwrap_or(statement)
        } else {
            statement
        };
        Ok(Self { text: text.to_owned(), statement, tokens })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn statement(&self) -> Statement {
        self.statement.clone()
    }

    /// What it may ask for: everything where a `*` stands for columns, else all words in it, alone and joined by dots.
    pub(crate) fn asked(&self) -> Asked {
        let all = [Keyword::SELECT, Keyword::DISTINCT, Keyword::ALL];
        for (at, token) in self.tokens.iter().enumerate() {
            let before = at.checked_sub(1);
            let follows =
                |keywords: &[Keyword]| before.is_some_and(|before| self.is_keyword(before, keywords));
            let begins =
                before.is_some_and(|at| matches!(self.tokens[at].token, Token::Comma | Token::Period));
            let star = token.token == Token::Mul && (follows(&all) || begins);
            if star
                || self.is_keyword(at, &[Keyword::NATURAL, Keyword::DESCRIBE, Keyword::SHOW])
                || (self.is_keyword(at, &[Keyword::ON]) && follows(&[Keyword::DISTINCT]))
                || (at == 0 && self.is_keyword(at, &[Keyword::DESC]))
            {
                return Asked::All;
            }
        }
        Asked::Names(self.words())
    }

    /// The names in it that may be those of a column that was not found, the longest first.
    pub(crate) fn names_like(&self, missing: &str) -> Vec<String> {
        let missing = missing.to_lowercase();
        let is_like = |name: &String| {
            let name = name.to_lowercase();
            let ends = |whole: &str, end: &str| {
                whole.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            ends(&name, &missing) || ends(&missing, &name)
        };
        let mut names: Vec<String> = self.words().into_iter().filter(is_like).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names
    }

    fn word(&self, at: usize) -> Option<&Word> {
        match self.tokens.get(at).map(|token| &token.token) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is_keyword(&self, at: usize, keywords: &[Keyword]) -> bool {
        self.word(at).is_some_and(|word| word.quote_style.is_none() && keywords.contains(&word.keyword))
    }

    fn words(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for at in 0..self.tokens.len() {
            let Some(first) = self.word(at) else { continue };
            let mut name = first.value.clone();
            names.insert(name.to_lowercase());
            names.insert(name.clone());
            let mut next = at + 1;
            while self.tokens.get(next).is_some_and(|token| token.token == Token::Period) {
                let Some(further) = self.word(next + 1) else { break };
                name.push('.');
                name.push_str(&further.value);
                names.insert(name.clone());
                next += 2;
            }
        }
        names
    }

    /// The words of its tokens that a name may be written with, and where they stand.
    pub(crate) fn place_of(&self, name: &str) -> Option<Place> {
        for at in 0..self.tokens.len() {
            let mut joined = String::new();
            let mut next = at;
            while let Some(Token::Word(word)) = self.tokens.get(next).map(|token| &token.token) {
                joined.push_str(&word.value);
                if joined.eq_ignore_ascii_case(name) {
                    let (first, last) = (&self.tokens[at].span, &self.tokens[next].span);
                    return Some(Place::between(&self.text, *first, *last));
                }
                if self.tokens.get(next + 1).is_none_or(|token| token.token != Token::Period) {
                    break;
                }
                joined.push('.');
                next += 2;
            }
        }
        None
    }

    /// The names of tables as it has them, in lower case where they are not quoted and no table is named otherwise.
    pub(crate) fn with_tables(&mut self, is_table: &dyn Fn(&str) -> bool) {
        let mut visitor = Tables { is_table };
        self.visit(&mut visitor);
    }

    /// The tables that it reads.
    pub(crate) fn relations(&mut self) -> Relations {
        let mut relations = Relations::default();
        self.visit(&mut relations);
        relations
    }

    /// Makes columns of what is named with dots or capital letters, and lets comparisons be of fields whose type changes.
    /// Gives the dotted names that are no columns.
    pub(crate) fn with_columns(&mut self, is_column: &dyn Fn(&str) -> bool) -> Vec<String> {
        let Relations { tables, mut aliases } = self.relations();
        aliases.extend(tables);
        let mut columns = Columns { is_column, relations: &aliases, unknown: Vec::new() };
        self.visit(&mut columns);
        columns.unknown
    }

    fn visit<V: VisitorMut<Break = ()>>(&mut self, visitor: &mut V) {
        let mut statement = &mut self.statement;
        while let Statement::Explain(explain) = statement {
            statement = &mut explain.statement;
        }
        if let Statement::Statement(statement) = statement {
            let _ = statement.visit(visitor);
        }
    }
}

fn only_reads(statement: &Statement) -> bool {
    match statement {
        Statement::Explain(explain) => only_reads(&explain.statement),
        Statement::Statement(statement) => matches!(
            **statement,
            SqlStatement::Query(_)
                | SqlStatement::ExplainTable { .. }
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
                | SqlStatement::ShowFunctions { .. }
        ),
        _ => false,
    }
}

/// `SHOW TABLES` without what DataFusion has for itself.
fn shown_tables() -> Option<Statement> {
    let query = "SELECT table_name AS \"table\" FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    let mut parser = DFParserBuilder::new(query).with_dialect(&GenericDialect {}).build().ok()?;
    parser.parse_statements().ok()?.pop_front()
}

fn quoted(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn joined(idents: &[Ident]) -> String {
    idents.iter().map(|ident| ident.value.as_str()).collect::<Vec<_>>().join(".")
}

/// Names of tables.
struct Tables<'a> {
    is_table: &'a dyn Fn(&str) -> bool,
}

impl VisitorMut for Tables<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        let idents: Option<Vec<Ident>> = relation.0.iter().map(|part| part.as_ident().cloned()).collect();
        if let Some(idents) = idents {
            let name = joined(&idents);
            if (self.is_table)(&name) {
                relation.0 = vec![ObjectNamePart::Identifier(quoted(name))];
            }
        }
        ControlFlow::Continue(())
    }
}

/// What is read from.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    /// The names of tables, and of what [`Relations::aliases`] names.
    pub(crate) tables: BTreeSet<String>,
    /// What tables and queries are called in this one.
    pub(crate) aliases: BTreeSet<String>,
}

impl VisitorMut for Relations {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut datafusion::sql::sqlparser::ast::Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.aliases.insert(folded(&table.alias.name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        // Of several names the first is that of a schema, such as information_schema.
        if let [name] = &relation.0[..] {
            self.tables.extend(name.as_ident().map(folded));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            // A function that gives rows.
            self.aliases.extend(name.0.last().and_then(|part| part.as_ident()).map(folded));
        }
        if let TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } = factor
        {
            self.aliases.insert(folded(&alias.name));
        }
        ControlFlow::Continue(())
    }
}

/// Names of columns, and what is compared.
struct Columns<'a> {
    is_column: &'a dyn Fn(&str) -> bool,
    relations: &'a BTreeSet<String>,
    unknown: Vec<String>,
}

impl Columns<'_> {
    /// A single name that is known by its capital letters.
    fn known(&self, ident: &mut Ident) {
        if ident.quote_style.is_none() && !(self.is_column)(&folded(ident)) && (self.is_column)(&ident.value)
        {
            *ident = quoted(ident.value.clone());
        }
    }

    fn compound(&self, idents: &[Ident]) -> Option<Expr> {
        let (first, rest) = idents.split_first()?;
        if self.relations.contains(&folded(first)) {
            let name = joined(rest);
            let lower =
                rest.len() == 1 && rest[0].quote_style.is_none() && (self.is_column)(&folded(&rest[0]));
            if lower {
                return None;
            }
            if (self.is_column)(&name) {
                return Some(Expr::CompoundIdentifier(vec![first.clone(), quoted(name)]));
            }
        }
        let name = joined(idents);
        (self.is_column)(&name).then(|| Expr::Identifier(quoted(name)))
    }
}

impl VisitorMut for Columns<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut datafusion::sql::sqlparser::ast::Select) -> ControlFlow<()> {
        let mut taken = HashSet::new();
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            if matches!(expr, Expr::Identifier(_)) {
                continue;
            }
            let name = match &*expr {
                Expr::CompoundIdentifier(idents) => match self.compound(idents) {
                    Some(_) => joined(idents),
                    None => continue,
                },
                expr => expr.to_string(),
            };
            // Of two that are written alike DataFusion says so itself.
            if taken.insert(name.clone()) {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: quoted(name) };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.known(ident),
            Expr::CompoundIdentifier(idents) => {
                if let Some(column) = self.compound(idents) {
                    *expr = column;
                } else if !self.relations.contains(&folded(&idents[0])) {
                    self.unknown.push(joined(idents));
                } else if idents.len() > 2 {
                    self.unknown.push(joined(&idents[1..]));
                }
            }
            Expr::Between { expr: value, negated, low, high } => {
                let compare =
                    |op, bound: &Expr| Expr::Nested(Box::new(binary((**value).clone(), op, bound.clone())));
                let (least, most, both) = if *negated {
                    (BinaryOperator::Lt, BinaryOperator::Gt, BinaryOperator::Or)
                } else {
                    (BinaryOperator::GtEq, BinaryOperator::LtEq, BinaryOperator::And)
                };
                *expr = Expr::Nested(Box::new(binary(compare(least, low), both, compare(most, high))));
            }
            Expr::InList { expr: value, list, negated } if (1..=MAX_IN_COMPARISONS).contains(&list.len()) => {
                let (op, both) = if *negated {
                    (BinaryOperator::NotEq, BinaryOperator::And)
                } else {
                    (BinaryOperator::Eq, BinaryOperator::Or)
                };
                let each =
                    |item: &Expr| Expr::Nested(Box::new(binary((**value).clone(), op.clone(), item.clone())));
                *expr = Expr::Nested(Box::new(all_of(list.iter().map(each).collect(), &both)));
            }
            Expr::Like { expr: value, .. } | Expr::ILike { expr: value, .. } => {
                **value = as_text((**value).clone());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// Joined two by two: a long list does not nest deep.
fn all_of(mut parts: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while parts.len() > 1 {
        let pairs = parts.chunks(2).map(|pair| match pair {
            [left, right] => Expr::Nested(Box::new(binary(left.clone(), op.clone(), right.clone()))),
            other => other[0].clone(),
        });
        parts = pairs.collect();
    }
    parts.remove(0)
}

/// What is compared with a pattern is text.
fn as_text(value: Expr) -> Expr {
    let cast = Parser::new(&GenericDialect {})
        .try_with_sql("CAST(NULL AS VARCHAR)")
        .and_then(|mut p| p.parse_expr());
    match cast {
        Ok(Expr::Cast { kind, data_type, array, format, .. }) => {
            Expr::Cast { kind, expr: Box::new(value), data_type, array, format }
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Query::parse(text).unwrap().asked()
    }

    #[test]
    fn what_may_be_asked_for_is_every_word_unless_a_star_stands_for_columns() {
        for text in [
            "SELECT * FROM t",
            "SELECT DISTINCT * FROM t",
            "SELECT a, t.* FROM t",
            "SELECT 1, * FROM t",
            "DESCRIBE t",
            "SHOW TABLES",
            "SELECT a FROM t NATURAL JOIN u",
        ] {
            assert_eq!(asked(text), Asked::All, "{text}");
        }
        let Asked::Names(names) = asked("SELECT count(*), a * b, \"C.d\", r.user.Id FROM t r") else {
            panic!("no star stands for columns here")
        };
        for name in ["a", "b", "C.d", "r", "r.user", "r.user.Id", "user.Id", "id", "Id"] {
            assert!(names.contains(name), "{name} in {names:?}");
        }
    }

    fn rewritten(text: &str) -> String {
        let mut query = Query::parse(text).unwrap();
        query.with_tables(&|name| ["request", "request.sql", "Shop"].contains(&name));
        query.with_columns(&|name| ["path", "request.path", "user.Id", "user", "x", "Big"].contains(&name));
        query.statement().to_string()
    }

    #[test]
    fn dotted_names_and_capital_letters_need_no_quotes() {
        for (text, expected) in [
            ("SELECT request.path AS p FROM request", "SELECT request.\"path\" AS p FROM \"request\""),
            ("SELECT user.Id FROM request.sql", "SELECT \"user.Id\" AS \"user.Id\" FROM \"request.sql\""),
            ("SELECT q.user.Id AS i FROM Shop q", "SELECT q.\"user.Id\" AS i FROM \"Shop\" q"),
            ("SELECT Big, X FROM Shop", "SELECT \"Big\", X FROM \"Shop\""),
            ("SELECT e.request.path AS p FROM events e", "SELECT e.\"request.path\" AS p FROM events e"),
            ("SELECT nothing.at.all AS n FROM request", "SELECT nothing.at.all AS n FROM \"request\""),
        ] {
            assert_eq!(rewritten(text).replace(" AS q", " q").replace(" AS e", " e"), expected);
        }
    }

    #[test]
    fn only_one_query_that_reads_is_taken() {
        for text in [
            "",
            ";",
            "SELECT 1; SELECT 2",
            "DROP TABLE t",
            "INSERT INTO t VALUES (1)",
            "COPY t TO 'x'",
            "SET a = 1",
        ] {
            Query::parse(text).unwrap_err();
        }
        for text in [
            "SELECT 1;",
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "WITH a AS (SELECT 1) SELECT * FROM a",
        ] {
            Query::parse(text).unwrap();
        }
    }

    #[test]
    fn names_are_found_where_they_stand() {
        let query = Query::parse("SELECT a,\n  user . Id FROM t").unwrap();
        let mistake = Mistake::new(query.text(), "what", query.place_of("user.id"));
        assert_eq!(mistake.to_string(), "what\n  user . Id FROM t\n  ^^^^^^^^^");
        assert!(query.place_of("nothing").is_none());
    }
}
