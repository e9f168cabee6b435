//! MsgPack as Python's values.
//!
//! | MsgPack | Python |
//! | --- | --- |
//! | the `str` and the `bin` family | `str` where it is UTF-8, else `bytes`: some original applications wrote all text as `bin` |
//! | a timestamp (extension -1) | RFC 3339 text, as in JSON |
//! | another extension | `{"$ext": code, "data": bytes}` |
//! | map keys | text where they are, in either family; an array, a map or an extension as its JSON text; others as they are |

use blueox_event::json;
use blueox_event::msgpack::{Reader, Token};
use blueox_event::time::rfc3339;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyList, PyString};
use std::collections::HashMap;

/// Keys repeat from event to event: this many are kept as Python strings.
const KEPT_KEYS: usize = 4096;
/// Longer keys are no names.
const KEPT_KEY_BYTES: usize = 64;

/// Makes Python's values. The bytes were walked before: nothing is missing, and recursion ends at [`blueox_event::limits::MAX_DEPTH`].
pub(crate) struct Values {
    keys: HashMap<Box<[u8]>, Py<PyString>>,
}

impl Values {
    pub(crate) fn new() -> Self {
        Self { keys: HashMap::new() }
    }

    pub(crate) fn value<'py>(
        &mut self,
        py: Python<'py>,
        reader: &mut Reader<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(match reader.token().expect("BUG: the value was walked before") {
            Token::Nil => py.None().into_bound(py),
            Token::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
            Token::UInt(value) => value.into_pyobject(py)?.into_any(),
            Token::Int(value) => value.into_pyobject(py)?.into_any(),
            Token::F32(value) => PyFloat::new(py, f64::from(value)).into_any(),
            Token::F64(value) => PyFloat::new(py, value).into_any(),
            Token::Str(text) | Token::Bin(text) => text_or_bytes(py, text),
            Token::Ext(code, content) => extension(py, code, content)?,
            Token::Array(count) => {
                let list = PyList::empty(py);
                for _ in 0..count {
                    list.append(self.value(py, reader)?)?;
                }
                list.into_any()
            }
            Token::Map(count) => self.map(py, reader, count)?.into_any(),
        })
    }

    fn map<'py>(
        &mut self,
        py: Python<'py>,
        reader: &mut Reader<'_>,
        pairs: u32,
    ) -> PyResult<Bound<'py, PyDict>> {
        let start = *reader;
        let map = PyDict::new(py);
        for _ in 0..pairs {
            let key = self.key(py, reader)?;
            map.set_item(key, self.value(py, reader)?)?;
        }
        if map.len() < pairs as usize {
            // Of several equal keys the first counts, as everywhere.
            *reader = start;
            map.clear();
            for _ in 0..pairs {
                let key = self.key(py, reader)?;
                let value = self.value(py, reader)?;
                if !map.contains(&key)? {
                    map.set_item(key, value)?;
                }
            }
        }
        Ok(map)
    }

    fn key<'py>(&mut self, py: Python<'py>, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
        let raw = reader.value(0).expect("BUG: the value was walked before");
        match raw.token() {
            Token::Str(text) | Token::Bin(text) => Ok(self.text_key(py, text)),
            Token::Array(_) | Token::Map(_) | Token::Ext(..) => {
                let mut text = String::new();
                json::write(raw, &mut text);
                Ok(PyString::new(py, &text).into_any())
            }
            _ => self.value(py, &mut Reader::new(raw.bytes())),
        }
    }

    fn text_key<'py>(&mut self, py: Python<'py>, text: &[u8]) -> Bound<'py, PyAny> {
        if let Some(key) = self.keys.get(text) {
            return key.bind(py).clone().into_any();
        }
        let key = text_or_bytes(py, text);
        let is_kept = text.len() <= KEPT_KEY_BYTES && self.keys.len() < KEPT_KEYS;
        if let Some(name) = key.cast::<PyString>().ok().filter(|_| is_kept) {
            self.keys.insert(text.into(), name.clone().unbind());
        }
        key
    }
}

fn text_or_bytes<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyAny> {
    match std::str::from_utf8(text) {
        Ok(text) => PyString::new(py, text).into_any(),
        Err(_) => PyBytes::new(py, text).into_any(),
    }
}

fn extension<'py>(py: Python<'py>, code: i8, content: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if let (-1, Some((seconds, nanoseconds))) = (code, json::timestamp(content)) {
        return Ok(PyString::new(py, &rfc3339(seconds, nanoseconds)).into_any());
    }
    let map = PyDict::new(py);
    map.set_item("$ext", code)?;
    map.set_item("data", PyBytes::new(py, content))?;
    Ok(map.into_any())
}
