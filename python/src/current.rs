//! Which context is current.
//!
//! A `ContextVar` holds the top of a stack that never changes: entering a context puts it on top, leaving takes away or copies. So threads,
//! tasks and greenlets that begin with a copy of the variable see the contexts that were open there, and change nothing for each other.
//!
//! A context that is entered for the first time, and where it was made, is its own place in the stack: it remembers for ever what was below it then.
//! Each further time it gets an [`Entry`]. As what is below is always older, no stack runs in a circle.

use crate::context::{Context, text};
use crate::variable::variable;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

/// A context's place on the stack, where it was entered before.
#[pyclass(frozen, module = "blueox._core")]
#[derive(Debug)]
pub(crate) struct Entry {
    context: Py<Context>,
    below: Below,
}

/// What is below a place. Its length is bounded, as memory that hangs together in a chain is also freed in a chain.
#[derive(Debug, Default)]
pub(crate) struct Below {
    place: Option<Place>,
    depth: u16,
}

/// Stacks do not get higher; a context that is entered on such a one stands on the outermost one.
const HIGHEST: u16 = 1000;

/// A place on the stack: a `Context` or an `Entry`.
#[derive(Debug)]
pub(crate) struct Place(Py<PyAny>);

impl Below {
    fn is_top(&self, top: Option<&Place>) -> bool {
        match (&self.place, top) {
            (None, None) => true,
            (Some(place), Some(top)) => place.0.is(&top.0),
            _ => false,
        }
    }

    /// What is below a place on top of `top`.
    pub(crate) fn of(py: Python<'_>, top: Option<Place>) -> Self {
        let Some(top) = top else { return Self::default() };
        let depth = top.all_below(py).depth + 1;
        if depth < HIGHEST {
            return Self { place: Some(top), depth };
        }
        let mut outermost = &top;
        while let Some(below) = outermost.below(py) {
            outermost = below;
        }
        Self { place: Some(outermost.clone_ref(py)), depth: 1 }
    }
}

impl Place {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py))
    }

    pub(crate) fn context<'p>(&'p self, py: Python<'p>) -> &'p Bound<'p, Context> {
        match self.0.bind(py).cast::<Context>() {
            Ok(context) => context,
            Err(_) => self.entry(py).get().context.bind(py),
        }
    }

    fn below<'p>(&'p self, py: Python<'p>) -> Option<&'p Self> {
        self.all_below(py).place.as_ref()
    }

    fn all_below<'p>(&'p self, py: Python<'p>) -> &'p Below {
        match self.0.bind(py).cast::<Context>() {
            Ok(context) => context.get().below(),
            Err(_) => &self.entry(py).get().below,
        }
    }

    fn entry<'p>(&'p self, py: Python<'p>) -> &'p Bound<'p, Entry> {
        self.0.bind(py).cast::<Entry>().expect("BUG: a place is a context or an entry")
    }
}

/// The stack's top.
pub(crate) fn top(py: Python<'_>) -> PyResult<Option<Place>> {
    let found = variable(py)?.get(py)?;
    Ok(if found.is_none() { None } else { Some(Place(found.unbind())) })
}

/// Lets `look` look at the current context.
#[inline]
pub(crate) fn with_current<R>(py: Python<'_>, look: impl FnOnce(Option<&Context>) -> R) -> PyResult<R> {
    let found = variable(py)?.get(py)?;
    if let Ok(context) = found.cast::<Context>() {
        return Ok(look(Some(context.get())));
    }
    if found.is_none() {
        return Ok(look(None));
    }
    Ok(look(Some(found.cast::<Entry>()?.get().context.get())))
}

fn replace(py: Python<'_>, place: Option<&Place>) -> PyResult<()> {
    match place {
        Some(place) => variable(py)?.set(place.0.bind(py)),
        None => variable(py)?.set(py.None().bind(py)),
    }
}

/// Makes `context` the current one.
pub(crate) fn enter(context: &Bound<'_, Context>) -> PyResult<()> {
    let py = context.py();
    let top = top(py)?;
    if context.get().is_new() && context.get().below().is_top(top.as_ref()) {
        return variable(py)?.set(context.as_any());
    }
    replace(py, Some(&place_again(context, Below::of(py, top))?))
}

fn place_again(context: &Bound<'_, Context>, below: Below) -> PyResult<Place> {
    let entry = Entry { context: context.clone().unbind(), below };
    Ok(Place(Py::new(context.py(), entry)?.into_any()))
}

/// Leaves `context` where it was entered last, wherever in the stack that is. Gives whether it was in it.
pub(crate) fn leave(context: &Bound<'_, Context>) -> PyResult<bool> {
    let py = context.py();
    let Some(top) = top(py)? else { return Ok(false) };
    if top.context(py).is(context) {
        replace(py, top.below(py))?;
        return Ok(true);
    }
    let mut above = vec![top.context(py)];
    let mut next = top.below(py);
    while let Some(place) = next {
        if place.context(py).is(context) {
            let mut stack = place.below(py).map(|below| below.clone_ref(py));
            for context in above.into_iter().rev() {
                stack = Some(place_again(context, Below::of(py, stack))?);
            }
            replace(py, stack.as_ref())?;
            return Ok(true);
        }
        above.push(place.context(py));
        next = place.below(py);
    }
    Ok(false)
}

/// The context that is current, if there is one.
#[pyfunction]
pub(crate) fn current_context(py: Python<'_>) -> PyResult<Option<Py<Context>>> {
    Ok(top(py)?.map(|place| place.context(py).clone().unbind()))
}

/// The outermost context, if there is one.
#[pyfunction]
pub(crate) fn top_context(py: Python<'_>) -> PyResult<Option<Py<Context>>> {
    find(py, "^")
}

/// An open context: `.` the current one, `..` the one around it, `^` the outermost, else by its full name.
#[pyfunction]
#[pyo3(signature = (type_name, /))]
pub(crate) fn find_context(type_name: &Bound<'_, PyAny>) -> PyResult<Option<Py<Context>>> {
    find(type_name.py(), &text(type_name))
}

fn find(py: Python<'_>, type_name: &str) -> PyResult<Option<Py<Context>>> {
    let top = top(py)?;
    let (mut next, mut nth) = (top.as_ref(), 0);
    while let Some(place) = next {
        let (context, below) = (place.context(py), place.below(py));
        let is_found = match type_name {
            "." => true,
            ".." => nth == 1,
            "^" => below.is_none(),
            name => context.get().is_called(name),
        };
        if is_found {
            return Ok(Some(context.clone().unbind()));
        }
        nth += 1;
        next = below;
    }
    Ok(None)
}

/// Leaves all contexts, and ends none.
#[pyfunction]
pub(crate) fn clear_contexts(py: Python<'_>) -> PyResult<()> {
    replace(py, None)
}

/// Puts another stack in the place of the current one, and gives that: how generators and callbacks take their contexts along.
#[pyfunction]
#[pyo3(signature = (stack, /))]
pub(crate) fn swap(py: Python<'_>, stack: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyAny>>> {
    let place = match stack {
        Some(stack) if stack.is_instance_of::<Context>() || stack.is_instance_of::<Entry>() => {
            Some(Place(stack.clone().unbind()))
        }
        Some(_) => return Err(PyTypeError::new_err("not a stack of contexts")),
        None => None,
    };
    let before = top(py)?;
    replace(py, place.as_ref())?;
    Ok(before.map(|place| place.0))
}

/// The W3C `traceparent` header by which another process goes on with the current context's id; `None` where there is none.
#[pyfunction]
pub(crate) fn traceparent(py: Python<'_>) -> PyResult<Option<String>> {
    with_current(py, |context| context.and_then(Context::traceparent))
}
