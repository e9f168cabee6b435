//! The filters of a query, as what is needed of a store: so much less is read. They are tested again on what was read.

use blueox_query::need::Need;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use std::collections::BTreeSet;

/// A timestamp is rounded to the microsecond.
const ROUNDING: f64 = 2e-6;

/// What is needed of a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pushed {
    since: Option<f64>,
    until: Option<f64>,
    id: Option<String>,
    /// Only these types.
    types: Option<BTreeSet<String>>,
}

impl Pushed {
    /// Of filters that all hold.
    pub(crate) fn of<'e>(filters: impl IntoIterator<Item = &'e Expr>) -> Self {
        let mut pushed = Self::default();
        for filter in filters {
            pushed.add(filter);
        }
        pushed
    }

    pub(crate) fn need(&self) -> Need {
        let id = self.id.clone().map(String::into_bytes);
        Need { since: self.since, until: self.until, id, paths: None }
    }

    pub(crate) fn is_type(&self, name: &str) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, filter: &Expr) {
        if let Some(types) = types_of(filter) {
            return self.only_types(types);
        }
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.add(left);
                self.add(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
                (Expr::Column(column), Expr::Literal(value, _)) => self.compare(&column.name, *op, value),
                (Expr::Literal(value, _), Expr::Column(column)) => {
                    if let Some(op) = op.swap() {
                        self.compare(&column.name, op, value);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn compare(&mut self, column: &str, op: Operator, value: &ScalarValue) {
        match column {
            "end" | "time" => {
                let seconds = if column == "end" { number(value) } else { instant(value) };
                let Some(seconds) = seconds else { return };
                if matches!(op, Operator::Gt | Operator::GtEq | Operator::Eq) {
                    let since = seconds - ROUNDING;
                    self.since = Some(self.since.map_or(since, |known| known.max(since)));
                }
                if matches!(op, Operator::Lt | Operator::LtEq | Operator::Eq) {
                    let until = seconds + ROUNDING;
                    self.until = Some(self.until.map_or(until, |known| known.min(until)));
                }
            }
            "id" if op == Operator::Eq && self.id.is_none() => self.id = text(value),
            _ => {}
        }
    }

    fn only_types(&mut self, types: BTreeSet<String>) {
        self.types = Some(match self.types.take() {
            Some(known) => known.intersection(&types).cloned().collect(),
            None => types,
        });
    }
}

/// The types that a filter leaves, if it is about nothing else.
fn types_of(filter: &Expr) -> Option<BTreeSet<String>> {
    let is_type = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "type");
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(types_of(left)?.union(&types_of(right)?).cloned().collect())
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let value = if is_type(left) { right } else { Some(left).filter(|_| is_type(right))? };
            Some(BTreeSet::from([text_of(value)?]))
        }
        Expr::InList(list) if !list.negated && is_type(&list.expr) => list.list.iter().map(text_of).collect(),
        _ => None,
    }
}

fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => text(value),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}

fn number(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(value) => value.filter(|value| value.is_finite()),
        ScalarValue::Int64(value) => value.map(|value| value as f64),
        _ => None,
    }
}

fn instant(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::TimestampSecond(value, _) => value.map(|value| value as f64),
        ScalarValue::TimestampMillisecond(value, _) => value.map(|value| value as f64 / 1e3),
        ScalarValue::TimestampMicrosecond(value, _) => value.map(|value| value as f64 / 1e6),
        ScalarValue::TimestampNanosecond(value, _) => value.map(|value| value as f64 / 1e9),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, ident, lit};

    #[test]
    fn times_ids_and_types_are_pushed_down() {
        let time = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
        let filters = [
            ident("end").gt_eq(lit(10.0)).and(lit(20i64).gt(ident("end"))),
            col("time").gt(time(11_000_000)),
            col("id").eq(lit("abc")),
            col("type").in_list(vec![lit("a"), lit("b")], false),
            col("type").eq(lit("b")).or(lit("c").eq(col("type"))),
            ident("response.status").gt_eq(lit(500)),
        ];
        let pushed = Pushed::of(&filters);
        let need = pushed.need();
        assert!((need.since.unwrap() - 11.0).abs() < 1e-5 && (need.until.unwrap() - 20.0).abs() < 1e-5);
        assert_eq!(need.id.as_deref(), Some(&b"abc"[..]));
        assert!(pushed.is_type("b") && !pushed.is_type("a"));
    }

    #[test]
    fn what_may_hold_for_more_is_not() {
        for filter in [
            col("id").eq(lit("a")).or(col("id").eq(lit("b"))),
            col("type").in_list(vec![lit("a")], true),
            col("type").not_eq(lit("a")),
            col("type").eq(lit("a")).or(col("id").eq(lit("b"))),
            ident("start").gt(lit(1.0)),
            ident("end").not_eq(lit(1.0)),
            ident("end").gt(lit(f64::NAN)),
        ] {
            assert!(Pushed::of([&filter]).is_empty(), "{filter}");
        }
    }
}
