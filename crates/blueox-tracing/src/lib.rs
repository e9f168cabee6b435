//! BlueOx for [tracing](https://docs.rs/tracing): a span is a context, its close the event; what tracing calls an event is a log line below it.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let subscriber = tracing_subscriber::registry().with(blueox_tracing::layer());
//! # let events = blueox::testing::capture();
//! tracing::subscriber::with_default(subscriber, || {
//!     let request = tracing::info_span!("request", path = "/cart", status = tracing::field::Empty);
//!     let _entered = request.enter();
//!     tracing::info!(items = 3, "loaded"); // the event request.log
//!     request.record("status", 200); // declared above, known later
//!     blueox::set("user.id", 42); // not declared at all: the context is BlueOx's own
//! });
//! # let all = events.all();
//! # assert_eq!(all[0].type_name(), "request.log");
//! # assert_eq!(all[0].json("body.msg"), r#""loaded""#);
//! # assert_eq!(all[1].json("body"), r#"{"path":"/cart","status":200,"user":{"id":42}}"#);
//! ```
//!
//! | of tracing | in BlueOx |
//! | --- | --- |
//! | a span `sql` inside of `request` | a context `.sql`: the event `request.sql`, with the request's id; a name that begins with `^.` is below the outermost |
//! | a span with `parent: None` | a context of its own |
//! | fields | values; dots in their names make maps; errors are maps with `message` and `causes` |
//! | entering and leaving, on whatever threads | the same; contexts that are opened by BlueOx's own calls meanwhile are children |
//! | the close of a span | the end of the context; a panic that closes it is its `outcome` |
//! | `follows_from` | `follows`: a list of the other spans |
//! | an event | a log line: `.log` with `name` (the target), `level`, `msg`, `at` (file and line) and its fields |
//! | an event at the level ERROR with an error | the log line has an `exception`, and the context that it is in too |
//!
//! An error of an event is a field that holds one (`error = &e as &dyn Error`), or one that is called `error`, `err` or `exception`
//! (`#[instrument(err)]` makes such events).
//!
//! Filters of tracing-subscriber apply ([`Layer::with_filter`](tracing_subscriber::Layer::with_filter)); what is filtered out is as if it were not there.
//!
//! Not to be had from tracing: that a future was cancelled. A span that is dropped with its future ends as any other; use
//! [`InContext`](blueox::InContext) where that matters.
//!
//! Modules: `layer` follows spans; `entered` has what a thread is in; `fields` takes values; `log_line` makes events.

mod entered;
mod fields;
mod layer;
mod log_line;

pub use layer::{BlueOxLayer, layer};
