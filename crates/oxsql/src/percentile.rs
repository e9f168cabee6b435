//! `p(99, x)`: the value that 99 % of the numbers do not exceed, as `oxview --stats p99` counts it, by the same sketch.
//!
//! `p(99, x, _weight)` counts an event that was sampled as often as it stands for, as `oxview` does always.

use blueox_query::quantiles::Quantiles;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::cast::{as_binary_array, as_float64_array};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Signature, TypeSignature, Volatility,
};
use std::sync::Arc;

/// Its name in SQL.
pub(crate) const NAME: &str = "p";

/// The aggregate.
pub(crate) fn aggregate() -> AggregateUDF {
    let numbers = |count| TypeSignature::Exact(vec![DataType::Float64; count]);
    let signature = Signature::one_of(vec![numbers(2), numbers(3)], Volatility::Immutable);
    AggregateUDF::new_from_impl(Percentile { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Percentile {
    signature: Signature,
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if arguments.is_distinct {
            return datafusion::common::not_impl_err!("p(DISTINCT ...) is not counted");
        }
        let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let percent = match arguments.exprs.first().map(|percent| percent.evaluate(&nothing)) {
            Some(Ok(ColumnarValue::Scalar(percent))) => percent.cast_to(&DataType::Float64)?,
            _ => {
                return datafusion::common::plan_err!(
                    "the percentage of p is a number that does not change: p(99, duration)"
                );
            }
        };
        let ScalarValue::Float64(Some(percent)) = percent else {
            return datafusion::common::plan_err!("the percentage of p is a number: p(99, duration)");
        };
        Ok(Box::new(Counting { share: share(percent), quantiles: Quantiles::default() }))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(arguments.name, "quantiles");
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, false))])
    }
}

/// Of a percentage, read as one decimal, so that 99.9 % is exactly the number that 0.999 is.
fn share(percent: f64) -> f64 {
    let text = format!("{percent}e-2");
    text.parse().unwrap_or(percent / 100.0)
}

#[derive(Debug)]
struct Counting {
    share: f64,
    quantiles: Quantiles,
}

impl Accumulator for Counting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let numbers = as_float64_array(&values[1])?;
        let weights = values.get(2).map(|weights| as_float64_array(weights)).transpose()?;
        for row in 0..numbers.len() {
            if numbers.is_null(row) {
                continue;
            }
            let weight =
                weights.map_or(1.0, |weights| if weights.is_null(row) { 1.0 } else { weights.value(row) });
            self.quantiles.add(numbers.value(row), weight);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.quantiles.value(self.share)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.quantiles.bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(Some(self.quantiles.to_bytes()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in as_binary_array(&states[0])?.iter().flatten() {
            let other = Quantiles::from_bytes(state)
                .ok_or_else(|| DataFusionError::Internal("a part of p was changed on its way".to_owned()))?;
            self.quantiles.merge(&other);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_the_share_that_oxview_reads() {
        for (percent, expected) in
            [(99.0, 0.99), (99.9, 0.999), (50.0, 0.5), (100.0, 1.0), (5.0, 0.05), (99.99, 0.9999)]
        {
            assert_eq!(share(percent), expected);
        }
    }
}
