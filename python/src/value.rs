//! Python's values as MsgPack. A value that cannot be kept as it is degrades by itself, with a mark; all around it is kept.
//!
//! | what | becomes |
//! | --- | --- |
//! | `None`, `bool`, `int`, `float`, `str`, `bytes` | itself; an `int` beyond 64 bits its digits, beyond 1,024 bits the first ones in hex |
//! | lists, tuples, sets, ranges, deques, arrays | a list |
//! | dicts, mappings, dataclasses, attrs, pydantic models, named tuples | a map |
//! | `datetime`, `date`, `time` | its ISO 8601 text |
//! | `timedelta` | seconds |
//! | `Decimal` | a float where that is exact, else its digits |
//! | an `Enum` | its value |
//! | an exception | a map `{"type": ..., "message": ...}` |
//! | anything else | `str()` of it |
//! | what contains itself | `[cycle]` |
//! | what raises when it is looked at | `[unprintable module.Class]` |
//!
//! Limits, secrets and their marks are [`blueox::Writer`]'s.

use crate::kind::{self, Kind};
use blueox::{Entries, Items, Writer};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyIterator, PyString, PyTuple};

/// A text of more characters than this is cut before it is encoded. It is more than any text may have bytes.
const LONG_TEXT: usize = blueox::limits::MAX_EVENT_BYTES;

/// An integer of more bits than this is shown by its first ones.
const LONG_INT: usize = 1024;

/// Values that contain, or are derived from, others nest no deeper.
const DEPTH: usize = 2 * blueox::limits::VALUE_DEPTH;

/// Writes values, and remembers inside of which it is.
pub(crate) struct Encoder {
    inside: Vec<usize>,
    /// What must not be swallowed: `KeyboardInterrupt` and the like.
    fatal: Option<PyErr>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { inside: Vec::new(), fatal: None }
    }

    /// Gives what must not be swallowed.
    pub(crate) fn finish(self) -> PyResult<()> {
        self.fatal.map_or(Ok(()), Err)
    }

    /// Writes `object`.
    #[inline]
    pub(crate) fn value(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        if let Ok(text) = object.cast_exact::<PyString>() {
            self.text(to, text);
        } else if let Ok(int) = object.cast_exact::<PyInt>() {
            self.int(to, int.as_any());
        } else if object.is_none() {
            to.nil();
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            to.float(float.value());
        } else if let Ok(value) = object.cast_exact::<PyBool>() {
            to.bool(value.is_true());
        } else {
            self.rich(to, object);
        }
    }

    fn text(&mut self, to: Writer<'_>, text: &Bound<'_, PyString>) {
        if let Some(text) = short_text(text) {
            return to.text(text);
        }
        let length = text.code_point_len().unwrap_or(0);
        if length > LONG_TEXT {
            return self.long_text(to, text, length);
        }
        match text.call_method1("encode", ("utf-8", "backslashreplace")) {
            Ok(bytes) => match bytes.cast::<PyBytes>() {
                Ok(bytes) => to.text_bytes(bytes.as_bytes()),
                Err(_) => to.text(&text.to_string_lossy()),
            },
            Err(_) => to.text(&text.to_string_lossy()),
        }
    }

    /// Encoding all of it would take its memory once more.
    fn long_text(&mut self, to: Writer<'_>, text: &Bound<'_, PyString>, length: usize) {
        let slice = pyo3::types::PySlice::new(text.py(), 0, LONG_TEXT as isize, 1);
        match text.as_any().get_item(slice).and_then(|beginning| Ok(beginning.cast_into::<PyString>()?)) {
            Ok(beginning) => to.beginning(&beginning.to_string_lossy(), &format!("{length} characters")),
            Err(error) => self.unprintable(to, text.as_any(), error),
        }
    }

    fn int(&mut self, to: Writer<'_>, int: &Bound<'_, PyAny>) {
        if let Ok(value) = int.extract::<i64>() {
            to.int(value);
        } else if let Ok(value) = int.extract::<u64>() {
            to.uint(value);
        } else if let Err(error) = self.long_int(int).map(|text| to.text(&text)) {
            self.note(error);
        }
    }

    fn long_int(&mut self, int: &Bound<'_, PyAny>) -> PyResult<String> {
        let bits: usize = int.call_method0("bit_length")?.extract()?;
        if bits <= LONG_INT {
            return Ok(int.str()?.to_string_lossy().into_owned());
        }
        let first = int.call_method0("__abs__")?.call_method1("__rshift__", (bits - 256,))?;
        let digits = first.call_method1("__format__", ("x",))?;
        let sign = if int.lt(0)? { "-" } else { "" };
        Ok(format!("{sign}0x{digits}…[{bits} bits]"))
    }

    fn rich(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        match kind::of(object) {
            Kind::Text => match object.cast::<PyString>() {
                Ok(text) => self.text(to, text),
                Err(_) => self.other(to, object),
            },
            Kind::Int => self.int(to, object),
            Kind::Float => match object.extract::<f64>() {
                Ok(value) => to.float(value),
                Err(error) => self.unprintable(to, object, error),
            },
            Kind::Bytes => match object.cast::<PyBytes>() {
                Ok(bytes) => to.bytes(bytes.as_bytes()),
                Err(_) => self.other(to, object),
            },
            Kind::BytesLike => self.bytes_like(to, object),
            Kind::List => self.inside(to, object, |encoder, to| encoder.list(to, object)),
            Kind::Mapping => self.inside(to, object, |encoder, to| encoder.mapping(to, object)),
            Kind::Fields => self.inside(to, object, |encoder, to| encoder.fields(to, object)),
            Kind::NamedTuple => self.inside(to, object, |encoder, to| encoder.named_tuple(to, object)),
            Kind::Enum => self.attribute(to, object, "value"),
            Kind::Scalar => self.derived(to, object, |object| object.call_method0("item")),
            Kind::Array => self.array(to, object),
            Kind::Time => self.derived(to, object, |object| object.call_method0("isoformat")),
            Kind::TimeDelta => self.derived(to, object, |object| object.call_method0("total_seconds")),
            Kind::Decimal => match decimal(object) {
                Ok(decimal) => self.value(to, &decimal),
                Err(_) => self.other(to, object), // a NaN with a payload
            },
            Kind::Exception => self.inside(to, object, |encoder, to| encoder.exception(to, object)),
            Kind::Other => self.other(to, object),
        }
    }

    /// Lets `write` write a container, unless it is inside of itself.
    fn inside(
        &mut self,
        to: Writer<'_>,
        object: &Bound<'_, PyAny>,
        write: impl FnOnce(&mut Self, Writer<'_>),
    ) {
        let address = object.as_ptr() as usize;
        if self.inside.contains(&address) {
            return to.text("[cycle]");
        }
        if self.inside.len() >= DEPTH {
            return to.text("[left out]"); // the writer's own limit does not count what a value is derived from
        }
        self.inside.push(address);
        write(self, to);
        self.inside.pop();
    }

    fn list(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            return to.list(|items| {
                tuple.iter_borrowed().all(|item| items.item_with(|to| self.value(to, &item)));
            });
        }
        match object.try_iter() {
            Ok(iterator) => to.list(|items| self.items(items, &iterator)),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    /// Python's own iteration: a list may change while its items are looked at.
    fn items(&mut self, items: &mut Items<'_>, iterator: &Bound<'_, PyIterator>) {
        for item in iterator {
            let has_room = match item {
                Ok(item) => items.item_with(|to| self.value(to, &item)),
                Err(error) => {
                    items.item(error_mark(&error).as_str());
                    self.note(error);
                    false
                }
            };
            if !has_room || self.fatal.is_some() {
                return;
            }
        }
    }

    fn mapping(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        let pairs = match object.cast::<PyDict>() {
            Ok(dict) => dict.as_any().call_method0("items"),
            Err(_) => object.call_method0("items"),
        };
        match pairs.and_then(|pairs| pairs.try_iter()) {
            Ok(iterator) => to.map(|entries| self.entries(entries, &iterator)),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn entries(&mut self, entries: &mut Entries<'_>, iterator: &Bound<'_, PyIterator>) {
        for pair in iterator {
            let pair = pair.and_then(|pair| pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>());
            let has_room = match pair {
                Ok((key, value)) => self.entry(entries, &key, &value),
                Err(error) => {
                    entries.entry("…", error_mark(&error).as_str());
                    self.note(error);
                    false
                }
            };
            if !has_room || self.fatal.is_some() {
                return;
            }
        }
    }

    fn entry(&mut self, entries: &mut Entries<'_>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> bool {
        if let Ok(text) = key.cast_exact::<PyString>()
            && let Ok(text) = text.to_str()
        {
            return entries.entry_with(text.as_bytes(), |to| self.value(to, value));
        }
        if let Ok(bytes) = key.cast::<PyBytes>() {
            let text = String::from_utf8_lossy(bytes.as_bytes()).into_owned();
            return entries.entry_with(text.as_bytes(), |to| self.value(to, value));
        }
        let key = self.string(key);
        entries.entry_with(key.as_bytes(), |to| self.value(to, value))
    }

    fn fields(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        match field_names(object) {
            Ok(names) => to.map(|entries| {
                for name in names {
                    let value = object.getattr(name.as_str());
                    let has_room = match value {
                        Ok(value) => entries.entry_with(name.as_bytes(), |to| self.value(to, &value)),
                        Err(error) => {
                            let mark = error_mark(&error);
                            self.note(error);
                            entries.entry(&name, mark.as_str())
                        }
                    };
                    if !has_room || self.fatal.is_some() {
                        return;
                    }
                }
            }),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn named_tuple(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        let names = object.getattr("_fields").and_then(|names| names.extract::<Vec<String>>());
        let (Ok(names), Ok(tuple)) = (names, object.cast::<PyTuple>()) else {
            return self.list(to, object);
        };
        to.map(|entries| {
            names
                .iter()
                .zip(tuple.iter_borrowed())
                .all(|(name, value)| entries.entry_with(name.as_bytes(), |to| self.value(to, &value)));
        });
    }

    /// Of as many dimensions as it has: a list of lists.
    fn array(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        let dimensions = object.getattr("ndim").and_then(|dimensions| dimensions.extract::<usize>());
        match dimensions {
            Ok(0) => self.derived(to, object, |object| object.call_method0("item")),
            Ok(_) => self.inside(to, object, |encoder, to| encoder.list(to, object)),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn exception(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        let name = class_name(object);
        let message = self.string(object);
        to.map(|entries| {
            entries.entry("type", name.as_str());
            entries.entry("message", message.as_str());
        });
    }

    fn bytes_like(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        let slice = pyo3::types::PySlice::new(object.py(), 0, LONG_TEXT as isize, 1);
        let bytes = object
            .get_item(slice)
            .and_then(|beginning| object.py().get_type::<PyBytes>().call1((beginning,)));
        match bytes {
            Ok(bytes) => match bytes.cast::<PyBytes>() {
                Ok(bytes) => to.bytes(bytes.as_bytes()),
                Err(_) => self.other(to, object),
            },
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn attribute(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>, name: &str) {
        self.derived(to, object, |object| object.getattr(name));
    }

    /// Writes what `derive` makes of the object in its place.
    fn derived<'py>(
        &mut self,
        to: Writer<'_>,
        object: &Bound<'py, PyAny>,
        derive: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
    ) {
        match derive(object) {
            Ok(derived) if derived.get_type().is(object.get_type()) => self.other(to, object),
            Ok(derived) => self.inside(to, object, |encoder, to| encoder.value(to, &derived)),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn other(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>) {
        match object.str() {
            Ok(text) => self.text(to, &text),
            Err(error) => self.unprintable(to, object, error),
        }
    }

    fn unprintable(&mut self, to: Writer<'_>, object: &Bound<'_, PyAny>, error: PyErr) {
        self.note(error);
        to.text(&format!("[unprintable {}]", class_name(object)));
    }

    /// `str()` of it, or a mark.
    fn string(&mut self, object: &Bound<'_, PyAny>) -> String {
        match object.str() {
            Ok(text) => text.to_string_lossy().into_owned(),
            Err(error) => {
                self.note(error);
                format!("[unprintable {}]", class_name(object))
            }
        }
    }

    fn note(&mut self, error: PyErr) {
        let is_ordinary = Python::attach(|py| error.is_instance_of::<PyException>(py));
        if !is_ordinary {
            self.fatal.get_or_insert(error);
        }
    }
}

/// The text where it is neither long nor has lone surrogates.
#[inline]
pub(crate) fn short_text<'t>(text: &'t Bound<'_, PyString>) -> Option<&'t str> {
    if text.code_point_len().unwrap_or(0) > LONG_TEXT {
        return None;
    }
    text.to_str().ok()
}

/// A float where it is exact, else the digits.
fn decimal<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let digits = object.str()?;
    let float = object.py().get_type::<PyFloat>().call1((&digits,))?;
    let is_exact = object.call_method0("is_finite")?.is_truthy()?
        && object.get_type().call1((float.repr()?,))?.eq(object)?;
    Ok(if is_exact { float } else { digits.into_any() })
}

fn field_names(object: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let class = object.get_type();
    for names in ["__dataclass_fields__", "__pydantic_fields__", "__struct_fields__"] {
        if let Ok(fields) = class.getattr(names) {
            return fields.try_iter()?.map(|name| name?.extract()).collect();
        }
    }
    let attributes = class.getattr("__attrs_attrs__")?;
    attributes.try_iter()?.map(|attribute| attribute?.getattr("name")?.extract()).collect()
}

fn class_name(object: &Bound<'_, PyAny>) -> String {
    let class = object.get_type();
    match class.fully_qualified_name() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => "object".to_owned(),
    }
}

fn error_mark(error: &PyErr) -> String {
    Python::attach(|py| match error.get_type(py).name() {
        Ok(name) => format!("[{}]", name.to_string_lossy()),
        Err(_) => "[exception]".to_owned(),
    })
}
