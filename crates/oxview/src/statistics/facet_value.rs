//! A field's value as people and machines read it, and tables of such values.

use super::Manner;
use super::table_view::member;
use crate::text;
use blueox_event::Value;
use blueox_query::facets::FacetValue;

/// Columns of a value at most.
const VALUE_COLUMNS: usize = 48;

/// What kind of value it is, as the page's API names them; `None`: there is no such field.
pub(crate) fn kind(value: Option<&FacetValue>) -> &'static str {
    match value {
        None => "missing",
        Some(FacetValue::Nil) => "null",
        Some(FacetValue::Bool(_)) => "bool",
        Some(FacetValue::Integer(_)) => "integer",
        Some(FacetValue::Fraction { .. }) => "range",
        Some(FacetValue::Special(_)) => "number",
        Some(FacetValue::Text(_)) => "text",
    }
}

/// A value as a person reads it.
pub(crate) fn shown(value: &FacetValue) -> String {
    match value {
        FacetValue::Text(bytes) if bytes.is_empty() => "\"\"".to_owned(),
        FacetValue::Text(bytes) => text::printable_text(bytes),
        other => other.to_string(),
    }
}

/// Appends the members `value` and `kind`. What is no JSON of its own (a range, bytes) is text.
pub(crate) fn write_json(value: Option<&FacetValue>, json: &mut String) {
    let as_value = match value {
        None | Some(FacetValue::Nil) => Value::Nil,
        Some(FacetValue::Bool(value)) => Value::Bool(*value),
        Some(FacetValue::Integer(number)) => u64::try_from(*number)
            .map(Value::from)
            .or_else(|_| i64::try_from(*number).map(Value::from))
            .unwrap_or_else(|_| Value::from(number.to_string())),
        Some(FacetValue::Special("0.0")) => Value::from(0),
        Some(FacetValue::Text(bytes)) => Value::Str(bytes.clone()),
        Some(other) => Value::from(other.to_string()),
    };
    member("value", &as_value, json);
    member("kind", &Value::from(kind(value)), json);
}

/// Appends rows in columns, the first of them the columns' names; those that are `left` begin at the left.
pub(crate) fn table<const N: usize>(
    rows: &[[String; N]],
    left: [bool; N],
    manner: &Manner,
    out: &mut Vec<u8>,
) {
    let cell = |text: &str| text::cut(text, VALUE_COLUMNS);
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| text::width(&cell(&row[column]))).max().unwrap_or(0)
    });
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, content) in row.iter().enumerate() {
            let content = cell(content);
            line.push_str(if column == 0 { "" } else { "  " });
            if left[column] {
                line.push_str(&text::pad(&content, widths[column]));
            } else {
                line.extend(std::iter::repeat_n(' ', widths[column] - text::width(&content)));
                line.push_str(&content);
            }
        }
        let line = text::cut(line.trim_end(), manner.columns.unwrap_or(usize::MAX));
        let style = if number == 0 { manner.palette.dim() } else { anstyle::Style::new() };
        out.extend_from_slice(format!("{style}{line}{style:#}\n").as_bytes());
    }
}
