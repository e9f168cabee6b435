//! `set`, by the interpreter's fast calling convention.
//!
//! It is called for each value. pyo3 gives a function with `**fields` the convention that packs all arguments into a tuple, which costs a third of the
//! whole call (docs/bench/python.md); so this one function is written by hand.

use crate::current;
use crate::record;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

const DOC: &CStr = c"set(key, value=None, /, *more, **fields)
--

Puts a value under a key in the current context: `set(key, value)`, several as a list `set(key, a, b)`, by name into a map
`set(key, x=1, y=2)`. Dots in keys make maps.";

/// The function, as Python sees it.
#[expect(unsafe_code, reason = "pyo3 makes no such function with `**fields`")]
pub(crate) fn function(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: c"set".as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: set },
        ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        ml_doc: DOC.as_ptr(),
    }));
    let module = pyo3::types::PyString::new(py, "blueox._core");
    // SAFETY: the definition lives for ever, `set` has the signature that its flags say, and the module's name is a string that the
    // function takes its own reference of. What comes back is a new reference, or null with an exception set.
    unsafe {
        let made = ffi::PyCFunction_NewEx(definition, std::ptr::null_mut(), module.as_ptr());
        Bound::from_owned_ptr_or_err(py, made)
    }
}

#[expect(unsafe_code, reason = "the interpreter calls it")]
unsafe extern "C" fn set(
    _: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    if !blueox::is_configured() && count > 0 {
        // SAFETY: `None` always exists, and the interpreter is attached, as it calls this function.
        return unsafe { ffi::Py_NewRef(ffi::Py_None()) };
    }
    // SAFETY: the interpreter is attached to this thread while it calls this function.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: by the convention, `arguments` holds `count` references, and behind them one for each name of the tuple `names`, which may
    // be null. All are borrowed from the caller until this function returns.
    let called = catch_unwind(AssertUnwindSafe(|| unsafe {
        let at = |index: usize| Borrowed::<PyAny>::from_ptr(py, *arguments.add(index));
        let places = usize::try_from(count).unwrap_or(0);
        if places == 2 && names.is_null() {
            return set_one(&at(0), &at(1));
        }
        let names = Borrowed::from_ptr_or_opt(py, names);
        let fields = names.as_deref().map(|names| -> PyResult<_> {
            let fields = PyDict::new(py);
            for (index, name) in names.cast::<PyTuple>()?.iter().enumerate() {
                fields.set_item(name, &*at(places + index))?;
            }
            Ok(fields)
        });
        let given: Vec<_> = (0..places).map(|index| at(index).to_owned()).collect();
        set_all(py, &given, fields.transpose()?.as_ref())
    }));
    let result = called.unwrap_or_else(|_| Err(PyRuntimeError::new_err("BUG: blueox.set panicked")));
    match result {
        // SAFETY: as above.
        Ok(()) => unsafe { ffi::Py_NewRef(ffi::Py_None()) },
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

#[inline]
fn set_one(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    current::with_current(key.py(), |context| match context {
        Some(context) => record::set_value(context.handle(), key, value),
        None => Ok(()),
    })?
}

#[cold]
fn set_all(py: Python<'_>, given: &[Bound<'_, PyAny>], fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    let Some((key, values)) = given.split_first() else {
        return Err(PyTypeError::new_err("set() missing 1 required positional argument: 'key'"));
    };
    let more = PyTuple::new(py, values.iter().skip(1))?;
    current::with_current(py, |context| match context {
        Some(context) => record::set_in(context.handle(), key, values.first(), &more, fields),
        None => Ok(()),
    })?
}
