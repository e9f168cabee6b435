//! `number(x)`: numbers as they are, and those in text; nothing for other text.

use datafusion::arrow::array::{Array, ArrayRef, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_boolean_array, as_string_array};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::{Arc, LazyLock};

/// Its name in SQL.
pub(crate) const NAME: &str = "number";

static NUMBER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::new_from_impl(Number { signature: Signature::any(1, Volatility::Immutable) }))
});

/// The function.
pub(crate) fn function() -> Arc<ScalarUDF> {
    Arc::clone(&NUMBER)
}

/// `number(expr)`.
pub(crate) fn of(expr: Expr) -> Expr {
    function().call(vec![expr])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Number {
    signature: Signature,
}

/// Whether values of a type are text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_translated(data_type: &DataType) -> bool {
    is_text(data_type) || *data_type == DataType::Boolean || *data_type == DataType::Null
}

impl ScalarUDFImpl for Number {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let argument = arguments.first().unwrap_or(&DataType::Null);
        Ok(if is_translated(argument) { DataType::Float64 } else { argument.clone() })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(argument) = arguments.args.into_iter().next() else {
            return datafusion::common::exec_err!("number takes one value");
        };
        if !is_translated(&argument.data_type()) {
            return Ok(argument);
        }
        let scalar = matches!(argument, ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { arguments.number_rows };
        let numbers: ArrayRef = Arc::new(numbers(&argument.into_array(rows)?)?);
        if scalar {
            return datafusion::common::ScalarValue::try_from_array(&numbers, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(numbers))
    }

    fn simplify(&self, arguments: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match &arguments[..] {
            [argument] if !is_translated(&context.get_data_type(argument)?) => {
                let argument = arguments.into_iter().next().expect("BUG: there is one");
                Ok(ExprSimplifyResult::Simplified(argument))
            }
            _ => Ok(ExprSimplifyResult::Original(arguments)),
        }
    }
}

fn numbers(values: &ArrayRef) -> Result<Float64Array> {
    match values.data_type() {
        DataType::Null => Ok(Float64Array::new_null(values.len())),
        DataType::Boolean => {
            let values = as_boolean_array(values)?;
            Ok(values.iter().map(|value| value.map(|value| f64::from(u8::from(value)))).collect())
        }
        _ => {
            let text = cast(values, &DataType::Utf8)?;
            Ok(as_string_array(&text)?.iter().map(|text| number(text?)).collect())
        }
    }
}

/// What is a number, and a finite one; `NaN` and `inf` are words too.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    text.parse().ok().filter(|number: &f64| number.is_finite() && !text.ends_with(char::is_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_are() {
        for (text, expected) in
            [("500", Some(500.0)), (" -1.5e3 ", Some(-1500.0)), ("1e999", None), ("inf", None)]
        {
            assert_eq!(number(text), expected);
        }
        for text in ["", "-", "NaN", "12ms", "0x10", "1,000", "[1]"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
