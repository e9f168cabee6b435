//! The `ContextVar` that holds the top of the stack.
//!
//! It is read for each value. Its C functions are documented since CPython 3.7 but not in the limited API, so they are looked up by name when the module is
//! imported, in the versions whose headers are known; elsewhere the variable's Python methods are called (docs/decisions/python-package.md).

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::ffi::CStr;

/// The variable, and how it is reached.
pub(crate) struct Variable {
    object: Py<PyAny>,
    access: Access,
}

enum Access {
    Functions { get: GetFunction, set: SetFunction },
    Methods { get: Py<PyAny>, set: Py<PyAny> },
}

/// `PyContextVar_Get(variable, default, value)`: 0, and a new reference in `value`, or -1.
type GetFunction =
    unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut *mut ffi::PyObject) -> i32;

/// `PyContextVar_Set(variable, value)`: a token, or null.
type SetFunction = unsafe extern "C" fn(*mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;

/// The last version whose headers were read: the two functions are declared as above in each from 3.10 on.
const LAST_KNOWN: (u8, u8) = (3, 14);

static VARIABLE: PyOnceLock<Variable> = PyOnceLock::new();

/// Makes the variable, when the module is imported: a thread that made it later runs Python's code meanwhile, and whoever is forked then would
/// wait for that thread for ever.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    variable(py).map(|_| ())
}

/// The variable.
#[inline]
pub(crate) fn variable(py: Python<'_>) -> PyResult<&'static Variable> {
    match VARIABLE.get(py) {
        Some(variable) => Ok(variable),
        None => VARIABLE.get_or_try_init(py, || Variable::new(py)),
    }
}

impl Variable {
    #[cold]
    fn new(py: Python<'_>) -> PyResult<Self> {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        let options = pyo3::types::PyDict::new(py);
        options.set_item("default", py.None())?;
        let object = class.call(("blueox",), Some(&options))?;
        let access = match functions(py) {
            Some((get, set)) => Access::Functions { get, set },
            None => {
                Access::Methods { get: object.getattr("get")?.unbind(), set: object.getattr("set")?.unbind() }
            }
        };
        Ok(Self { object: object.unbind(), access })
    }

    /// What is in it; `None` where nothing is.
    #[inline]
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.access {
            Access::Functions { get, .. } => get_by(py, *get, &self.object),
            Access::Methods { get, .. } => get.bind(py).call0(),
        }
    }

    /// Puts `value` into it, for the current thread, task or greenlet.
    #[inline]
    pub(crate) fn set(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match &self.access {
            Access::Functions { set, .. } => set_by(*set, &self.object, value),
            Access::Methods { set, .. } => set.bind(value.py()).call1((value,)).map(drop),
        }
    }
}

#[expect(unsafe_code, reason = "a C function that pyo3 does not know in the limited API")]
#[inline]
fn get_by<'py>(py: Python<'py>, get: GetFunction, variable: &Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let mut found = std::ptr::null_mut();
    // SAFETY: the interpreter is attached (`py`), the first argument is a `ContextVar` of ours, a null default is allowed, and `found` has room for one
    // reference. On success it holds a new one, as the variable has a default; on failure an exception is set, and it stays null.
    unsafe {
        get(variable.as_ptr(), std::ptr::null_mut(), &raw mut found);
        Bound::from_owned_ptr_or_err(py, found)
    }
}

#[expect(unsafe_code, reason = "a C function that pyo3 does not know in the limited API")]
#[inline]
fn set_by(set: SetFunction, variable: &Py<PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: the interpreter is attached (`value.py()`), the first argument is a `ContextVar` of ours, and the function takes a reference of
    // its own to the value. What comes back is a new reference to a token, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(value.py(), set(variable.as_ptr(), value.as_ptr())).map(drop) }
}

/// Both functions, where they are there and known.
#[expect(unsafe_code, reason = "functions that are found by name")]
fn functions(py: Python<'_>) -> Option<(GetFunction, SetFunction)> {
    let version = py.import("sys").and_then(|sys| sys.getattr("version_info")).ok()?;
    let part = |index: usize| version.get_item(index).and_then(|part| part.extract::<u8>()).ok();
    if (part(0)?, part(1)?) > LAST_KNOWN {
        return None;
    }
    let (get, set) = (symbol(c"PyContextVar_Get")?, symbol(c"PyContextVar_Set")?);
    // SAFETY: CPython declares both with these signatures in all versions from 3.10 to `LAST_KNOWN`.
    unsafe {
        Some((
            std::mem::transmute::<*mut libc::c_void, GetFunction>(get),
            std::mem::transmute::<*mut libc::c_void, SetFunction>(set),
        ))
    }
}

/// The address of a symbol of the program's, where it has it.
#[expect(unsafe_code, reason = "asks the dynamic linker")]
fn symbol(name: &CStr) -> Option<*mut libc::c_void> {
    // SAFETY: the name is a C string. The scope is the one in which this module's own references to CPython were resolved.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
