//! Long work, which Ctrl-C ends.

use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How often Python is asked whether there was a signal.
const LOOK: Duration = Duration::from_millis(50);

/// Does work on a thread of its own, without Python's lock. After a signal whose handler raises, `stop` is set, and what it
/// raised is the answer.
pub(crate) fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    py.detach(|| {
        thread::scope(|scope| {
            let (done, wait) = sync_channel::<()>(1);
            let worker = scope.spawn(|| {
                // Dropped at the end, or when the work panics.
                let _done = done;
                work(&stop)
            });
            let mut raised = None;
            while let Err(RecvTimeoutError::Timeout) = wait.recv_timeout(LOOK) {
                if raised.is_none()
                    && let Err(error) = signals()
                {
                    stop.store(true, Ordering::Relaxed);
                    raised = Some(error);
                }
            }
            let answer = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            raised.map_or(Ok(answer), Err)
        })
    })
}

/// Whether a signal's handler has raised.
fn signals() -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        Ok(())
    })
}
