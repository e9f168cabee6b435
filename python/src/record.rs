//! `append` and `add` in the current context; they and `set` in a given one.

use crate::context::text;
use crate::current;
use crate::value::{self, Encoder};
use blueox::{Handle, Number};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyTuple};

/// Appends a value to the list under a key in the current context.
#[pyfunction]
#[pyo3(signature = (key, value, /))]
pub(crate) fn append(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if !blueox::is_configured() {
        return Ok(());
    }
    current::with_current(key.py(), |context| match context {
        Some(context) => append_in(context.handle(), key, value),
        None => Ok(()),
    })?
}

/// Adds to the counter under a key in the current context; it begins with 0.
#[pyfunction]
#[pyo3(signature = (key, value=None, /))]
pub(crate) fn add(key: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    if !blueox::is_configured() {
        return Ok(());
    }
    current::with_current(key.py(), |context| match context {
        Some(context) => add_in(context.handle(), key, value),
        None => Ok(()),
    })?
}

/// As Python's `set(key, value)`. What most values are is handed over as it is; all else, and what has to be cut, goes through the encoder.
#[inline]
pub(crate) fn set_value(handle: &Handle, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let name = text(key);
    if let Ok(string) = value.cast_exact::<PyString>() {
        if let Some(string) = value::short_text(string) {
            handle.set(&name, string);
            return Ok(());
        }
    } else if let Ok(int) = value.cast_exact::<PyInt>() {
        if let Ok(number) = int.extract::<i64>() {
            handle.set(&name, number);
            return Ok(());
        }
    } else if let Ok(float) = value.cast_exact::<PyFloat>() {
        handle.set(&name, float.value());
        return Ok(());
    } else if let Ok(is_true) = value.cast_exact::<PyBool>() {
        handle.set(&name, is_true.is_true());
        return Ok(());
    }
    set_encoded(handle, &name, value)
}

#[inline(never)]
fn set_encoded(handle: &Handle, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut encoder = Encoder::new();
    handle.set_with(name, |to| encoder.value(to, value));
    encoder.finish()
}

/// As Python's `set(key, value, *more, **fields)`.
pub(crate) fn set_in(
    handle: &Handle,
    key: &Bound<'_, PyAny>,
    value: Option<&Bound<'_, PyAny>>,
    more: &Bound<'_, PyTuple>,
    fields: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let mut encoder = Encoder::new();
    let name = text(key);
    match value {
        Some(value) if more.is_empty() => handle.set_with(&name, |to| encoder.value(to, value)),
        Some(value) => handle.set_with(&name, |to| {
            to.list(|items| {
                items.item_with(|to| encoder.value(to, value));
                more.iter_borrowed().all(|item| items.item_with(|to| encoder.value(to, &item)));
            });
        }),
        None if fields.is_none() => handle.set(&name, ()),
        None => {}
    }
    if let Some(fields) = fields {
        set_fields(handle, &name, fields, &mut encoder);
    }
    encoder.finish()
}

fn set_fields(handle: &Handle, key: &str, fields: &Bound<'_, PyDict>, encoder: &mut Encoder) {
    let mut path: Vec<&str> = key.split('.').collect();
    let depth = path.len();
    for (name, value) in fields.iter() {
        let name = text(&name).into_owned();
        path.truncate(depth);
        let mut path = path.clone();
        path.push(&name);
        handle.set_at(&path, |to| encoder.value(to, &value));
    }
}

pub(crate) fn append_in(handle: &Handle, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let mut encoder = Encoder::new();
    handle.append_with(&text(key), |to| encoder.value(to, value));
    encoder.finish()
}

pub(crate) fn add_in(
    handle: &Handle,
    key: &Bound<'_, PyAny>,
    value: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let key = text(key);
    let Some(value) = value else {
        handle.add(&key, 1u8);
        return Ok(());
    };
    match number(value) {
        Some(number) => handle.add(&key, number),
        None if crate::settings::is_strict() => {
            return Err(PyValueError::new_err(format!("what is added to {key:?} is no number")));
        }
        // The counter stays a number; what was no number is shown beside it.
        None => {
            let mut encoder = Encoder::new();
            handle.append_with(&format!("{key}_not_added"), |to| encoder.value(to, value));
            return encoder.finish();
        }
    }
    Ok(())
}

fn number(value: &Bound<'_, PyAny>) -> Option<Number> {
    if value.is_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            return Some(number.into());
        }
        if let Ok(number) = value.extract::<u64>() {
            return Some(number.into());
        }
    }
    if value.is_instance_of::<PyString>() {
        return None;
    }
    value.extract::<f64>().ok().map(Number::from)
}
