//! One structured event per unit of work: a request, a query, a job. An application records what it knows while it works, and
//! BlueOx takes the event to the daemon of its host (`oxd`), which keeps it.
//!
//! ```
//! fn main() -> Result<(), blueox::ConfigError> {
//!     blueox::configure(blueox::Config::to("127.0.0.1:3514"))?; // or blueox::init(), by BLUEOX_HOST
//!     handle("/cart");
//!     Ok(())
//! } // what is on its way is sent before the process ends
//!
//! fn handle(path: &str) {
//!     let _request = blueox::context("request"); // an event, until the end of the scope
//!     blueox::set("path", path);
//!     let rows = query("SELECT * FROM carts");
//!     blueox::set("response.status", if rows > 0 { 200 } else { 404 });
//! }
//!
//! fn query(text: &str) -> u64 {
//!     let _sql = blueox::context(".sql"); // request.sql, with the request's id
//!     blueox::set("query", text);
//!     blueox::timeit!("took", 3)
//! }
//! ```
//!
//! # In a minute
//!
//! With `oxd` and `oxview` at hand (`make run` in the repository builds them into `target/debug`):
//!
//! ```text
//! $ oxd --log-path ./logs                          # one terminal: the daemon
//! $ oxview                                         # another: what comes to it, as it comes
//! $ cargo new shop && cd shop                      # a third: the program above, as src/main.rs
//! $ cargo add blueox --path .../crates/blueox
//! $ cargo run
//! ```
//!
//! `oxview` prints a line for `request.sql` and one for `request`, with the same id. Both are on disk: `oxview -l ./logs trace ID`. Where nothing comes,
//! [`stats`] says why (`problem`), and so does `oxctl`.
//!
//! # What it costs, and what it never does
//!
//! - A context with five values, recorded and sent, takes some hundred nanoseconds of the calling thread; without [`configure`] every call returns
//!   at once. (docs/bench/library.md)
//! - It never waits: events go to a buffer of the thread's own, and one background thread sends them. Memory is bounded
//!   ([`Config::memory`]); beyond it the newest events are dropped, counted ([`stats`]) and reported (`blueox.dropped`).
//! - It never breaks the application: no value makes it panic. What is too long, too deep or too much is cut with a visible mark; values
//!   under keys that look like secrets (`password`, `api_key`, `Authorization` ...) are recorded as `[scrubbed]` ([`Config::scrub`], [`Config::keep`]).
//! - An event counts as accepted when the daemon says that it is on its disk. Until then it is kept, and sent again when the connection breaks.
//! - A forked child has a stream and a thread of its own from its first use on, and never sends its parent's events.
//! - The end of the process waits for events on their way for at most [`Config::exit_patience`].
//!
//! # Where things are
//!
//! | for | there is |
//! | --- | --- |
//! | opening contexts | [`context`], [`builder`] with [`ContextBuilder::sample`] and ids, [`current`] |
//! | values | [`set`](fn@set), [`add`](fn@add), [`append`](fn@append), [`timeit`](fn@timeit), the macros of the same names, and the methods of [`Handle`]; [`Record`] for your own types |
//! | futures | [`InContext`] |
//! | threads | [`in_current`], [`Context::handle`], [`OpenContext`] |
//! | other processes | [`TraceParent`] |
//! | events in this process | [`Config::function`]; in tests [`testing::capture`] |
//! | the end | [`flush`], [`shutdown`], [`stats`] |
//! | axum, tower, headers of requests to others | the crate `blueox-http` |
//! | programs that use tracing, or log | the crates `blueox-tracing`, `blueox-logger` |
//!
//! # How it works
//!
//! The modules in the order of an event's way; each says more at its beginning.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | every limit |
//! | `config`, `address` | what the application decides |
//! | `context`, `handle`, `timer`, `macros` | what the application calls |
//! | `future`, `propagation`, `panic_hook` | contexts that leave their thread or process, or are left by a panic |
//! | `name`, `sampling`, `id`, `span_id` | what a context is called, and whether it is recorded |
//! | `key`, `value`, `writer`, `scrub`, `number`, `msgpack` | keys, and values as MsgPack, within limits, without secrets |
//! | `open`, `body`, `event_layout` | a context while it is open, and as an event |
//! | `thread`, `thread_buffer`, `chunk`, `budget` | from the thread to the transport, without waiting, within bounds |
//! | `recorder`, `tally`, `stats` | who takes events, and their account |
//! | `transport`, `doorbell`, `exit` | to the daemon |
//! | `clock`, `random`, `process`, `sync` | time, chance, forks, locks |

pub mod limits;

mod address;
mod body;
mod budget;
mod chunk;
mod clock;
mod config;
mod context;
mod doorbell;
mod event_layout;
mod exit;
mod future;
mod handle;
mod id;
mod key;
mod macros;
mod msgpack;
mod name;
mod number;
mod open;
mod panic_hook;
mod process;
mod propagation;
mod random;
mod recorder;
mod sampling;
mod scrub;
mod span_id;
mod stats;
mod sync;
mod tally;
pub mod testing;
mod thread;
mod thread_buffer;
mod timer;
mod transport;
mod value;
mod writer;

pub use address::{Address, AddressError, COLLECTION_PORT};
pub use config::{Config, ConfigError, DEFAULT_SOCKET, HOST_VARIABLE, SOCKET_VARIABLE, TOKEN_VARIABLE};
pub use context::{Context, ContextBuilder, Inside, OpenContext};
pub use event_layout::Outcome;
pub use future::{ContextFuture, InContext, in_current};
pub use handle::Handle;
pub use number::Number;
pub use panic_hook::install_panic_hook;
pub use propagation::{TRACEPARENT, TraceParent, TraceParentError};
pub use span_id::{SpanId, SpanIdError};
pub use stats::Stats;
pub use timer::Timer;
#[doc(hidden)]
pub use value::Plain;
pub use value::{Record, debug, display, error};
pub use writer::{Entries, Items, Writer};

use recorder::{Recorder, is_wanted};
use std::time::Duration;
use thread::Here;

/// How long a recorder that was replaced goes on sending what it has.
const REPLACED_PATIENCE: Duration = Duration::from_secs(5);

/// Says where events go from now on. Without it every call is a no-op.
///
/// Contexts that are open go to the new place when they end. What an earlier configuration still had to send goes on being sent.
///
/// # Errors
/// When the address or the token cannot be one; then all stays as it was. Whether there is a daemon does not matter here: events wait for it.
///
/// ```
/// blueox::configure(blueox::Config::to("127.0.0.1:3514"))?;
/// # blueox::shutdown(std::time::Duration::ZERO);
/// # Ok::<(), blueox::ConfigError>(())
/// ```
pub fn configure(config: Config) -> Result<(), ConfigError> {
    if let Some(before) = Recorder::install(config)? {
        before.ask_to_end(REPLACED_PATIENCE);
    }
    Ok(())
}

/// Configures by the environment: `BLUEOX_HOST` names the daemon (`host`, `host:port` or `unix:/path`); without it every call is a no-op.
///
/// # Errors
/// When `BLUEOX_HOST` or `BLUEOX_TOKEN` make no sense.
///
/// ```
/// blueox::init()?;
/// # Ok::<(), blueox::ConfigError>(())
/// ```
pub fn init() -> Result<(), ConfigError> {
    configure(Config::from_env())
}

/// Opens a context called `name` and enters it until the guard is dropped; then its event is recorded.
///
/// | `name` | inside `test.bar`, in `test` | |
/// | --- | --- | --- |
/// | `.sql` | `test.bar.sql` | a child of the current context, with its id |
/// | `^.sql` | `test.sql` | a child of the outermost context |
/// | `.bar.foo` | `test.bar.foo` | an overlap counts once |
/// | `test.foo` | `test.foo` | a child of the open context `test` |
/// | `other` | `other` | a context of its own, with a new id |
///
/// ```
/// # let events = blueox::testing::capture();
/// let _request = blueox::context("request");
/// blueox::set("path", "/cart");
/// let sql = blueox::context(".sql");
/// assert_eq!(sql.name(), "request.sql");
/// ```
#[inline]
pub fn context(name: &str) -> Context {
    context::enter(name)
}

/// Opens a context of which more is to be said than its name: an id, sampling, or that it is not entered.
///
/// ```
/// # let events = blueox::testing::capture();
/// let _cache = blueox::builder(".memcache").sample("..", 0.25).enter();
/// ```
pub fn builder(name: &str) -> ContextBuilder<'_> {
    ContextBuilder::new(name)
}

/// The context that this thread is in, if it is in one.
///
/// ```
/// # let events = blueox::testing::capture();
/// assert!(blueox::current().is_none());
/// let _request = blueox::context("request");
/// assert_eq!(blueox::current().unwrap().name(), "request");
/// ```
#[must_use]
pub fn current() -> Option<Handle> {
    if !is_wanted() {
        return None;
    }
    Here::with(|here| here.and_then(Here::current)).map(|open| Handle(Some(open)))
}

/// Whether values that are set now are recorded: something takes events, and there is a current context that is not sampled away.
///
/// ```
/// assert!(!blueox::is_recording());
/// let events = blueox::testing::capture();
/// let _request = blueox::context("request");
/// assert!(blueox::is_recording());
/// ```
#[must_use]
#[inline]
pub fn is_recording() -> bool {
    is_wanted()
        && Here::with(|here| {
            here.is_some_and(|here| here.with_current(|open| open.is_some_and(|open| open.takes_values())))
        })
}

/// Whether anybody takes events: a daemon, a function, a capture. If not, every call is a no-op.
///
/// ```
/// assert!(!blueox::is_configured());
/// let events = blueox::testing::capture();
/// assert!(blueox::is_configured());
/// ```
#[must_use]
#[inline]
pub fn is_configured() -> bool {
    is_wanted()
}

/// Puts `value` under `key` in the current context, in the place of what was there. Dots make maps. A no-op outside of any context.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::set("response.status", 200);
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body"), r#"{"response":{"status":200}}"#);
/// ```
#[inline]
pub fn set(key: &str, value: impl Record) {
    if is_wanted() {
        with_here(|here| handle::set_current(here, key, &value));
    }
}

/// Appends `value` to the list under `key` in the current context.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::append("steps", "parsed");
/// blueox::append("steps", "stored");
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body.steps"), r#"["parsed","stored"]"#);
/// ```
#[inline]
pub fn append(key: &str, value: impl Record) {
    if is_wanted() {
        with_here(|here| handle::append_current(here, key, &value));
    }
}

/// Adds `number` to the counter under `key` in the current context; it begins with 0.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::add("queries", 1);
/// blueox::add("queries", 1);
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body.queries"), "2");
/// ```
#[inline]
pub fn add(key: &str, number: impl Into<Number>) {
    if is_wanted() {
        let number = number.into();
        with_here(|here| handle::add_current(here, key, number));
    }
}

/// Puts the seconds until the timer is dropped under `key` in the current context.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// {
///     let _timer = blueox::timeit("parsing");
///     // parse
/// }
/// # drop(request);
/// # assert!(events.all()[0].json("body.parsing").parse::<f64>().unwrap() >= 0.0);
/// ```
#[must_use = "it measures until it is dropped"]
pub fn timeit(key: &str) -> Timer<'_> {
    Timer::new(current().unwrap_or_default(), key)
}

/// Waits until all events that have ended so far are on the daemon's disk, at most for `timeout`. Gives whether they are.
///
/// ```
/// use std::time::Duration;
/// assert!(blueox::flush(Duration::from_secs(1))); // nothing is configured, nothing waits
/// ```
pub fn flush(timeout: Duration) -> bool {
    Recorder::current_if_used().is_none_or(|recorder| recorder.flush(timeout))
}

/// Sends what can be sent within `timeout`, and stops recording; calls are no-ops until [`configure`] is called again. The end of the process does that
/// by itself, within [`Config::exit_patience`].
///
/// ```
/// use std::time::Duration;
/// let account = blueox::shutdown(Duration::from_secs(1));
/// assert_eq!(account.queued, 0);
/// ```
pub fn shutdown(timeout: Duration) -> Stats {
    Recorder::uninstall().map_or_else(Stats::default, |recorder| recorder.end(timeout))
}

/// What became of all events of the configuration in force.
///
/// ```
/// let account = blueox::stats();
/// println!("{} of {} events are on disk, {} were dropped", account.accepted, account.produced, account.dropped);
/// ```
#[must_use]
pub fn stats() -> Stats {
    Recorder::current_if_used().map_or_else(Stats::default, Recorder::stats)
}

#[inline]
fn with_here(use_it: impl FnOnce(&Here)) {
    Here::with(|here| {
        if let Some(here) = here {
            use_it(here);
        }
    });
}
