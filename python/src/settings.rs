//! `configure`, `flush`, `shutdown`, `stats`.

use blueox::Config;
use blueox_event::EncodedEvent;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Whether mistakes of the application raise, as in the original.
static IS_STRICT: AtomicBool = AtomicBool::new(false);

/// The configuration in force: what a capture puts back. It is locked for an exchange and nothing more, and only by who is attached to the interpreter:
/// whoever forks in Python is attached too, or has stopped all who are, so no child finds it locked.
static CONFIG: Mutex<Option<Config>> = Mutex::new(None);

/// The longest wait that can be asked for, in seconds.
const LONGEST_WAIT: f64 = 3600.0;

pub(crate) fn is_strict() -> bool {
    IS_STRICT.load(Ordering::Relaxed)
}

/// Makes `config` the one in force, and gives the one before.
pub(crate) fn install(py: Python<'_>, config: Option<Config>) -> PyResult<Option<Config>> {
    py.detach(|| blueox::configure(config.clone().unwrap_or_else(Config::none)))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(exchange(py, config))
}

fn exchange(_: Python<'_>, config: Option<Config>) -> Option<Config> {
    let mut in_force = CONFIG.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::replace(&mut *in_force, config)
}

/// Says where events go from now on. `options`: see `blueox.configure`.
#[pyfunction]
#[pyo3(signature = (address, recorder, strict, options))]
pub(crate) fn configure(
    py: Python<'_>,
    address: Option<&str>,
    recorder: Option<Py<PyAny>>,
    strict: bool,
    options: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let config = match (recorder, address) {
        (Some(recorder), _) => Some(Config::function(move |event| hand_over(&recorder, event))),
        (None, Some(address)) => Some(Config::to(address)),
        (None, None) => None,
    };
    let config = match config {
        Some(config) => Some(with_options(config, options)?),
        None => None,
    };
    install(py, config)?;
    IS_STRICT.store(strict, Ordering::Relaxed);
    Ok(())
}

fn with_options(mut config: Config, options: &Bound<'_, PyDict>) -> PyResult<Config> {
    for (name, value) in options.iter() {
        if value.is_none() {
            continue;
        }
        let name = name.extract::<String>()?;
        config = with_option(config, &name, &value)
            .map_err(|error| PyValueError::new_err(format!("{name}: {}", error.value(options.py()))))?;
    }
    Ok(config)
}

fn with_option(config: Config, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Config> {
    Ok(match name {
        "socket" => config.socket(value.extract::<String>()?),
        "token" => config.token(value.extract::<String>()?),
        "host_name" => config.host(value.extract::<String>()?),
        "memory" => config.memory(value.extract()?),
        "event_bytes" => config.event_bytes(value.extract()?),
        "text_bytes" => config.text_bytes(value.extract()?),
        "items" => config.items(value.extract()?),
        "exit_patience" => config.exit_patience(seconds(value.extract()?)),
        "scrub" => match value.extract::<bool>() {
            Ok(false) => config.scrub_nothing(),
            Ok(true) => config,
            Err(_) => value.extract::<Vec<String>>()?.iter().fold(config, |config, key| config.scrub(key)),
        },
        "keep" => value.extract::<Vec<String>>()?.iter().fold(config, |config, key| config.keep(key)),
        _ => return Err(PyValueError::new_err("there is no such option")),
    })
}

/// Gives an event to the application's function. What it raises goes to `sys.unraisablehook`, not into the application.
fn hand_over(recorder: &Py<PyAny>, event: &EncodedEvent<'_>) {
    let _ = Python::try_attach(|py| {
        let called = crate::decode::decode(py, event.bytes())
            .and_then(|event| py.import("blueox.context")?.call_method1("Event", (event,)))
            .and_then(|event| recorder.bind(py).call1((event,)));
        if let Err(error) = called {
            error.write_unraisable(py, Some(recorder.bind(py)));
        }
    });
}

/// A duration that a Python number stands for; NaN and less than nothing are nothing.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::from_secs_f64(if value > 0.0 { value.min(LONGEST_WAIT) } else { 0.0 })
}

/// Whether anybody takes events.
#[pyfunction]
pub(crate) fn is_configured() -> bool {
    blueox::is_configured()
}

/// Waits until all events that have ended are on the daemon's disk, at most for `timeout` seconds. Gives whether they are.
#[pyfunction]
#[pyo3(signature = (timeout))]
pub(crate) fn flush(py: Python<'_>, timeout: f64) -> bool {
    py.detach(|| blueox::flush(seconds(timeout)))
}

/// Sends what can be sent within `timeout` seconds, and stops recording.
#[pyfunction]
#[pyo3(signature = (timeout))]
pub(crate) fn shutdown(py: Python<'_>, timeout: f64) {
    py.detach(|| blueox::shutdown(seconds(timeout)));
    drop(exchange(py, None));
}

/// What became of all events, as a dict.
#[pyfunction]
pub(crate) fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let stats = py.detach(blueox::stats);
    let dict = PyDict::new(py);
    dict.set_item("produced", stats.produced)?;
    dict.set_item("accepted", stats.accepted)?;
    dict.set_item("dropped", stats.dropped)?;
    dict.set_item("dropped_queue_full", stats.dropped_queue_full)?;
    dict.set_item("dropped_too_large", stats.dropped_too_large)?;
    dict.set_item("dropped_unacked", stats.dropped_unacked)?;
    dict.set_item("dropped_exit", stats.dropped_exit)?;
    dict.set_item("queued", stats.queued)?;
    dict.set_item("memory", stats.memory)?;
    dict.set_item("is_connected", stats.is_connected)?;
    dict.set_item("problem", stats.problem)?;
    Ok(dict)
}
