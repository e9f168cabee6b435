//! A panic that goes through a context, as `exception` in its event.

use crate::handle::set;
use crate::open::Open;
use crate::thread::Here;
use std::panic::PanicHookInfo;
use std::sync::Once;

/// Lets events of contexts that a panic goes through have its message and place: `exception` = `{"type": "panic", "message": ..., "at": ...}`. Without it they say only that there was
/// one. The hook that was there is called as before.
///
/// ```
/// # let events = blueox::testing::capture();
/// blueox::install_panic_hook();
/// let _ = std::panic::catch_unwind(|| {
///     let _job = blueox::context("job");
///     panic!("out of paper");
/// });
/// # let event = &events.all()[0];
/// # assert_eq!(event.json("outcome"), r#""panicked""#);
/// # assert_eq!(event.json("body.exception.message"), r#""out of paper""#);
/// ```
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            remember(info);
            before(info);
        }));
    });
}

fn remember(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("(no text)");
    let place = info.location().map_or_else(String::new, ToString::to_string);
    Here::with(|here| {
        if let Some(here) = here {
            here.note_panic((message.to_owned(), place));
        }
    });
}

/// Puts the panic that is going through `open` into its body.
pub(crate) fn note(here: Option<&Here>, open: &Open) {
    let noted = here.and_then(Here::panic_noted);
    set(here, open, "exception", |to| {
        to.map(|entries| {
            entries.entry("type", "panic");
            if let Some((message, place)) = &noted {
                entries.entry("message", message);
                entries.entry("at", place);
            }
        });
    });
}
