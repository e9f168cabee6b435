//! The class `Context`.

use crate::current::{self, Below};
use crate::record;
use blueox::{Handle, OpenContext, Outcome, TraceParent};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

/// A unit of work, and its event when it is done.
#[pyclass(frozen, subclass, module = "blueox")]
pub(crate) struct Context {
    open: OpenContext,
    /// What it is called where nothing is recorded: applications use names and ids in any case.
    unrecorded: Option<Box<Unrecorded>>,
    /// What was the stack when it was made. Usually it is entered there.
    below: Below,
    is_entered: AtomicBool,
    is_done: AtomicBool,
}

struct Unrecorded {
    name: String,
    id: Option<Py<PyAny>>,
    made_id: PyOnceLock<Py<PyAny>>,
}

/// Text of whatever is given as a key or a name.
pub(crate) fn text<'t>(given: &'t Bound<'_, PyAny>) -> Cow<'t, str> {
    match given.cast::<PyString>() {
        Ok(text) => match text.to_str() {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => text.to_string_lossy(),
        },
        Err(_) => match given.str() {
            Ok(text) => Cow::Owned(text.to_string_lossy().into_owned()),
            Err(_) => Cow::Borrowed("unnamed"),
        },
    }
}

#[pymethods]
impl Context {
    #[new]
    #[pyo3(signature = (type_name, id=None, sample=None, *, traceparent=None))]
    fn new(
        type_name: &Bound<'_, PyAny>,
        id: Option<&Bound<'_, PyAny>>,
        sample: Option<&Bound<'_, PyAny>>,
        traceparent: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = type_name.py();
        let name = text(type_name);
        let top = current::top(py)?;
        let current = top.as_ref().map(|place| place.context(py).get());
        let mut opened = Self::opened(&name, id, sample, traceparent, current)?;
        opened.below = Below::of(py, top);
        Ok(opened)
    }

    /// The full name.
    #[getter]
    fn name(&self) -> &str {
        self.unrecorded.as_ref().map_or_else(|| self.open.name(), |unrecorded| &unrecorded.name)
    }

    /// Shared by a context and those below it.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match &self.unrecorded {
            None => Ok(PyString::new(py, &self.open.id()).into_any().unbind()),
            Some(unrecorded) => match &unrecorded.id {
                Some(id) => Ok(id.clone_ref(py)),
                None => unrecorded.made_id.get_or_try_init(py, || made_id(py)).map(|id| id.clone_ref(py)),
            },
        }
    }

    /// This context's alone; `None` where nothing is recorded.
    #[getter]
    fn span(&self) -> Option<String> {
        self.open.span().map(|span| span.to_string())
    }

    /// Whether its event will be recorded.
    #[getter]
    fn enabled(&self) -> bool {
        self.open.is_recorded()
    }

    /// The original's name for `enabled`.
    #[getter]
    fn writable(&self) -> bool {
        self.enabled()
    }

    /// The W3C header by which another process goes on with this id.
    #[getter]
    pub(crate) fn traceparent(&self) -> Option<String> {
        self.open.trace_parent().map(|parent| parent.to_string())
    }

    /// What was recorded so far.
    #[getter]
    fn data(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let event = self.to_dict(py)?;
        Ok(event
            .bind(py)
            .get_item("body")
            .map_or_else(|_| PyDict::new(py).into_any().unbind(), Bound::unbind))
    }

    /// The event as it would be if the context ended now.
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.open.snapshot() {
            Some(event) => crate::decode::decode(py, &event),
            None => Ok(PyDict::new(py).into_any().unbind()),
        }
    }

    /// Puts a value under a key: `set(key, value)`, several as a list `set(key, a, b)`, by name into a map `set(key, x=1, y=2)`.
    #[pyo3(signature = (key, value=None, /, *more, **fields))]
    fn set(
        &self,
        key: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        more: &Bound<'_, PyTuple>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        record::set_in(&self.open, key, value, more, fields)
    }

    /// Appends a value to the list under a key.
    #[pyo3(signature = (key, value, /))]
    fn append(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        record::append_in(&self.open, key, value)
    }

    /// Adds to the counter under a key.
    #[pyo3(signature = (key, value=None, /))]
    fn add(&self, key: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        record::add_in(&self.open, key, value)
    }

    /// Makes it the current context, until `stop`.
    fn start(slf: &Bound<'_, Self>) -> PyResult<()> {
        current::enter(slf)
    }

    /// Makes it not current any more, and does not end it.
    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        current::leave(slf)?;
        Ok(())
    }

    /// Ends it: its event is recorded, once.
    fn done(slf: &Bound<'_, Self>) -> PyResult<()> {
        while current::leave(slf)? {}
        slf.get().finish(Outcome::Finished);
        Ok(())
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        Self::start(slf)?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (exception_type=None, exception=None, traceback=None, /))]
    fn __exit__(
        slf: &Bound<'_, Self>,
        exception_type: Option<&Bound<'_, PyAny>>,
        exception: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _ = (exception_type, traceback);
        current::leave(slf)?;
        let outcome = match exception {
            Some(exception) => slf.get().note(exception),
            None => Outcome::Finished,
        };
        slf.get().finish(outcome);
        Ok(())
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::start(slf)?;
        ready(slf.py(), slf.as_any())
    }

    #[pyo3(signature = (exception_type=None, exception=None, traceback=None, /))]
    fn __aexit__<'py>(
        slf: &Bound<'py, Self>,
        exception_type: Option<&Bound<'_, PyAny>>,
        exception: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::__exit__(slf, exception_type, exception, traceback)?;
        ready(slf.py(), slf.py().None().bind(slf.py()))
    }

    /// Records how a block was left by an exception, and nothing else: for those who do not use `with`.
    #[pyo3(signature = (exception, /))]
    fn record_exception(&self, exception: &Bound<'_, PyAny>) {
        self.note(exception);
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<blueox.Context {:?} {}>", self.name(), self.id(py)?))
    }
}

impl Context {
    fn opened(
        name: &str,
        id: Option<&Bound<'_, PyAny>>,
        sample: Option<&Bound<'_, PyAny>>,
        traceparent: Option<&Bound<'_, PyAny>>,
        current: Option<&Self>,
    ) -> PyResult<Self> {
        let sample = match sample {
            Some(sample) => parse_sample(sample, name, current)?,
            None => None,
        };
        if !blueox::is_configured() {
            return Ok(Self::unrecorded(name, id, current));
        }
        let outside = Handle::default();
        let around: &Handle = current.map_or(&outside, |context| &context.open);
        let mut builder = blueox::builder(name).under(around);
        if let Some((level, rate)) = &sample {
            builder = builder.sample(level, *rate);
        }
        if let Some(header) = traceparent
            && let Ok(parent) = text(header).parse::<TraceParent>()
        {
            builder = builder.remote(parent);
        }
        builder = match id {
            None => builder,
            Some(id) => match id.cast::<PyInt>().ok().and_then(|id| id.extract::<u64>().ok()) {
                Some(number) => builder.numeric_id(number),
                None => builder.id(&text(id)),
            },
        };
        Ok(Self {
            open: builder.open(),
            unrecorded: None,
            below: Below::default(),
            is_entered: AtomicBool::new(false),
            is_done: AtomicBool::new(false),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.open
    }

    /// What is below it on the stack, where it is its own place.
    pub(crate) fn below(&self) -> &Below {
        &self.below
    }

    /// Whether it is entered for the first time.
    pub(crate) fn is_new(&self) -> bool {
        !self.is_entered.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name() == name
    }

    fn unrecorded(given: &str, id: Option<&Bound<'_, PyAny>>, current: Option<&Self>) -> Self {
        let rest = given.strip_prefix("^.").or_else(|| given.strip_prefix('.'));
        let name = match (rest, current) {
            (Some(rest), Some(current)) => format!("{}.{rest}", current.name()),
            (Some(rest), None) => rest.to_owned(),
            (None, _) => given.to_owned(),
        };
        let id = id.map(|id| id.clone().unbind());
        Self {
            open: blueox::builder("").under(&Handle::default()).open(),
            unrecorded: Some(Box::new(Unrecorded { name, id, made_id: PyOnceLock::new() })),
            below: Below::default(),
            is_entered: AtomicBool::new(false),
            is_done: AtomicBool::new(false),
        }
    }

    fn finish(&self, outcome: Outcome) {
        if !self.is_done.swap(true, Ordering::Relaxed) {
            self.open.done_as(outcome);
        }
    }

    /// Records an exception that leaves the context.
    fn note(&self, exception: &Bound<'_, PyAny>) -> Outcome {
        if !self.open.is_recorded() {
            return Outcome::Finished;
        }
        let described = exception
            .py()
            .import("blueox._exception")
            .and_then(|module| module.call_method1("describe", (exception,)));
        match described {
            Ok(described) if described.is_none() => Outcome::Finished,
            Ok(described) if described.is_truthy().unwrap_or(true) => {
                // What is no value is no reason to lose the exception itself.
                let _ = record::set_in(
                    &self.open,
                    PyString::intern(exception.py(), "exception").as_any(),
                    Some(&described),
                    &PyTuple::empty(exception.py()),
                    None,
                );
                Outcome::Finished
            }
            Ok(_) => Outcome::Cancelled,
            Err(_) => Outcome::Finished,
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if *self.is_done.get_mut() {
            return;
        }
        if *self.is_entered.get_mut() {
            // Whoever started it has lost it: a callback that never came.
            self.open.done_as(Outcome::Cancelled);
        } else {
            self.open.discard();
        }
    }
}

/// Something to await that has `value` at once. (Nothing here ever waits.)
fn ready<'py>(py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Ok(Bound::new(py, Ready { value: Some(value.clone().unbind()) })?.into_any())
}

/// An awaitable that is done.
#[pyclass(module = "blueox._core")]
struct Ready {
    value: Option<Py<PyAny>>,
}

#[pymethods]
impl Ready {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<()> {
        let value = self.value.take().unwrap_or_else(|| py.None());
        Err(pyo3::exceptions::PyStopIteration::new_err(value))
    }
}

/// An id as recorded contexts have it.
fn made_id(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(py.import("uuid")?.call_method0("uuid4")?.getattr("hex")?.unbind())
}

/// `(level, rate)`. What is none is ignored, as a mistake must not lose events; with `strict` it raises.
fn parse_sample(
    sample: &Bound<'_, PyAny>,
    name: &str,
    current: Option<&Context>,
) -> PyResult<Option<(String, f64)>> {
    let is_strict = crate::settings::is_strict();
    let Ok((level, rate)) = sample.extract::<(String, f64)>() else {
        return if is_strict {
            Err(PyValueError::new_err("sample is a pair of a level and a rate, such as ('..', 0.25)"))
        } else {
            Ok(None)
        };
    };
    let is_known = || {
        matches!(level.as_str(), "." | ".." | "^")
            || level == name
            || level == name.trim_start_matches(['^', '.'])
            || current.is_some_and(|context| context.open.find(&level).is_some())
    };
    if is_strict && !is_known() {
        return Err(PyValueError::new_err(format!("no context {level:?} is open to sample by")));
    }
    Ok(Some((level, rate)))
}
