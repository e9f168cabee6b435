//! What kind of value a Python class makes, decided once for each class by the names in its line of ancestors: nothing is imported for it.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use std::cell::RefCell;
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Float,
    Bytes,
    /// `bytearray`, `memoryview`: what `bytes` takes.
    BytesLike,
    List,
    /// A map whose fields the class names, and its instances carry as attributes.
    Fields,
    /// A tuple whose places have names.
    NamedTuple,
    Mapping,
    /// Its `value` counts.
    Enum,
    /// `datetime`, `date`, `time`: its `isoformat()` counts.
    Time,
    TimeDelta,
    Decimal,
    Exception,
    /// Of numpy: its `item()` counts.
    Scalar,
    Array,
    /// Anything else: as text.
    Other,
}

/// Classes beyond this number are looked at each time.
const REMEMBERED: usize = 1024;

thread_local! {
    /// By the class's address; the class is kept so that the address stays its own.
    static KINDS: RefCell<HashMap<usize, (Py<PyType>, Kind)>> = RefCell::new(HashMap::new());
}

/// The kind of `object`'s class.
pub(crate) fn of(object: &Bound<'_, PyAny>) -> Kind {
    let class = object.get_type();
    let address = class.as_ptr() as usize;
    let known = KINDS.try_with(|kinds| kinds.borrow().get(&address).map(|(_, kind)| *kind)).ok().flatten();
    if let Some(kind) = known {
        return kind;
    }
    // Foreign code may run here (a metaclass), so nothing is borrowed.
    let kind = decide(&class).unwrap_or(Kind::Other);
    let entry = (class.unbind(), kind);
    let _ = KINDS.try_with(|kinds| {
        let mut kinds = kinds.borrow_mut();
        if kinds.len() < REMEMBERED {
            kinds.insert(address, entry);
        }
    });
    kind
}

fn decide(class: &Bound<'_, PyType>) -> PyResult<Kind> {
    let mut kind = None;
    for ancestor in class.mro().iter() {
        let found = by_name(&ancestor.cast_into::<PyType>()?)?;
        if found == Some(Kind::Enum) {
            return Ok(Kind::Enum); // before the `str` or `int` that it may be as well
        }
        kind = kind.or(found);
    }
    let has = |name: &str| class.hasattr(name).unwrap_or(false);
    if kind == Some(Kind::List) && has("_fields") {
        return Ok(Kind::NamedTuple);
    }
    if let Some(kind) = kind {
        return Ok(kind);
    }
    if has("__dataclass_fields__")
        || has("__attrs_attrs__")
        || has("__pydantic_fields__")
        || has("__struct_fields__")
    {
        return Ok(Kind::Fields);
    }
    let abc = class.py().import("collections.abc")?;
    for (name, kind) in [("Mapping", Kind::Mapping), ("Sequence", Kind::List), ("Set", Kind::List)] {
        if class.is_subclass(&abc.getattr(name)?)? {
            return Ok(kind);
        }
    }
    Ok(Kind::Other)
}

fn by_name(class: &Bound<'_, PyType>) -> PyResult<Option<Kind>> {
    let module = class.getattr("__module__")?;
    let Ok(module) = module.cast_into::<PyString>() else { return Ok(None) };
    let (module, name) = (module.to_string_lossy().into_owned(), class.qualname()?);
    Ok(match (module.as_str(), &*name.to_string_lossy()) {
        ("builtins", "str") => Some(Kind::Text),
        ("builtins", "int") => Some(Kind::Int),
        ("builtins", "float") => Some(Kind::Float),
        ("builtins", "bytes") => Some(Kind::Bytes),
        ("builtins", "bytearray" | "memoryview") => Some(Kind::BytesLike),
        (
            "builtins",
            "list" | "tuple" | "set" | "frozenset" | "range" | "dict_keys" | "dict_values" | "dict_items",
        ) => Some(Kind::List),
        ("builtins", "dict" | "mappingproxy") => Some(Kind::Mapping),
        ("builtins", "BaseException") => Some(Kind::Exception),
        ("collections", "deque") => Some(Kind::List),
        ("enum", "Enum") => Some(Kind::Enum),
        ("datetime", "datetime" | "date" | "time") => Some(Kind::Time),
        ("datetime", "timedelta") => Some(Kind::TimeDelta),
        ("decimal", "Decimal") => Some(Kind::Decimal),
        ("numpy", "generic") => Some(Kind::Scalar),
        ("numpy", "ndarray") => Some(Kind::Array),
        _ => None,
    })
}
