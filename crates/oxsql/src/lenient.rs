//! Comparisons and sums over fields whose type has changed, so that no query fails for it.
//!
//! A field that was a number yesterday and is text in one event today is text in an answer over both. What is compared or
//! added with a number is then compared and added as a number, where it is one; what is compared with text as text.

use crate::number;
use crate::percentile;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Aggregates of numbers.
const OF_NUMBERS: [&str; 23] = [
    "sum",
    "avg",
    "mean",
    "median",
    "stddev",
    "stddev_samp",
    "stddev_pop",
    "var",
    "var_samp",
    "var_pop",
    "corr",
    "covar_samp",
    "covar_pop",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
    "approx_median",
    "approx_percentile_cont",
    "percentile_cont",
    "var_population",
    "var_sample",
    percentile::NAME,
];

/// Tells the planner.
#[derive(Debug)]
pub(crate) struct Lenient;

impl ExprPlanner for Lenient {
    fn plan_binary_op(
        &self,
        mut expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expr));
        };
        let (compares, equals) = match expr.op {
            BinaryOperator::Eq | BinaryOperator::NotEq => (true, true),
            BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => {
                (true, false)
            }
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo => (false, false),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let plain = |data_type: &DataType| {
            data_type.is_numeric() || number::is_text(data_type) || *data_type == DataType::Boolean
        };
        if !plain(&left) || !plain(&right) || (left.is_numeric() && right.is_numeric()) {
            return Ok(PlannerResult::Original(expr));
        }
        if compares && left == right {
            return Ok(PlannerResult::Original(expr));
        }
        let is_word = |side: &Expr| literal_text(side).is_some_and(|text| number::number(text).is_none());
        let both_text = number::is_text(&left) && number::is_text(&right);
        // A word is nothing that a number is greater than, but it may be what a number is not.
        let has_word = equals && (is_word(&expr.left) || is_word(&expr.right));
        let has_bool = left == DataType::Boolean || right == DataType::Boolean;
        let has_text = number::is_text(&left) || number::is_text(&right);
        if has_word || (compares && both_text) || (compares && has_bool && has_text) {
            (expr.left, expr.right) = (as_text(expr.left, &left), as_text(expr.right, &right));
        } else {
            (expr.left, expr.right) = (as_number(expr.left, &left), as_number(expr.right, &right));
        }
        Ok(PlannerResult::Original(expr))
    }

    fn plan_aggregate(&self, mut expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        if !OF_NUMBERS.contains(&expr.func.name()) {
            return Ok(PlannerResult::Original(expr));
        }
        if expr.func.name() == percentile::NAME {
            check_percent(&expr.args)?;
        }
        let named = AggregateFunction::new_udf(
            expr.func.clone(),
            expr.args.clone(),
            expr.distinct,
            expr.filter.clone(),
            expr.order_by.clone(),
            expr.null_treatment,
        );
        let name = Expr::AggregateFunction(named).schema_name().to_string();
        let of_number = |argument: Expr| match argument {
            Expr::Literal(..) => argument,
            argument => number::of(argument),
        };
        expr.args = expr.args.into_iter().map(of_number).collect();
        let RawAggregateExpr { func, args, distinct, filter, order_by, null_treatment } = expr;
        let inner = AggregateFunction::new_udf(func, args, distinct, filter, order_by, null_treatment);
        Ok(PlannerResult::Planned(Expr::AggregateFunction(inner).alias(name)))
    }
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn as_text(expr: Expr, data_type: &DataType) -> Expr {
    if number::is_text(data_type) { expr } else { cast(expr, DataType::Utf8) }
}

fn as_number(expr: Expr, data_type: &DataType) -> Expr {
    match literal_text(&expr).and_then(number::number) {
        Some(number) => Expr::Literal(ScalarValue::Float64(Some(number)), None),
        None if data_type.is_numeric() => expr,
        None => number::of(expr),
    }
}

fn check_percent(arguments: &[Expr]) -> Result<()> {
    let percent = match arguments.first() {
        Some(Expr::Literal(ScalarValue::Int64(Some(percent)), _)) => *percent as f64,
        Some(Expr::Literal(ScalarValue::UInt64(Some(percent)), _)) => *percent as f64,
        Some(Expr::Literal(ScalarValue::Float64(Some(percent)), _)) => *percent,
        _ => return plan_err!("p takes a percentage and a field: p(99, duration), p(99.9, response.size)"),
    };
    if !(2..=3).contains(&arguments.len()) {
        return plan_err!(
            "p takes a percentage and a field, and how often a value counts: p(99, duration, _weight)"
        );
    }
    if percent > 0.0 && percent <= 100.0 {
        return Ok(());
    }
    plan_err!("p takes a percentage above 0 and up to 100: p(99, duration)")
}
