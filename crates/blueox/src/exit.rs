//! Events that are still on their way when the process ends.

use crate::recorder::Recorder;
use std::sync::Once;

/// Lets the end of the process wait for the events, within the configured bound. Where nothing can be registered, or the process ends without
/// the usual way out (`_exit`, a signal), [`shutdown`](crate::shutdown) must be called before.
#[expect(unsafe_code, reason = "the standard library has no way to be called at exit")]
pub(crate) fn flush_at_exit() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handler is a function without arguments that does not unwind, and lives as long as the process.
        unsafe { libc::atexit(at_exit) };
    });
}

extern "C" fn at_exit() {
    let end = || {
        // A child that never used its parent's recorder has nothing to send.
        if let Some(recorder) = Recorder::current_if_used() {
            recorder.end(recorder.config.exit_patience);
        }
    };
    let _ = std::panic::catch_unwind(end);
}
