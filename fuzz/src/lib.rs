//! Every decoder of BlueOx against bytes that nobody vouches for.
//!
//! One function per decoder takes any bytes and panics where a promise is broken: it must come back, stay within its
//! input, and mean the same after a round trip. `tests/` runs them on a bounded number of mutated inputs, with the
//! stable toolchain; `fuzz_targets/` gives the same functions to libFuzzer.
//!
//! | module | decoder | promises beyond "no panic" |
//! | --- | --- | --- |
//! | [`msgpack()`] | the bounded MsgPack reader | prefixes are incomplete, re-encoding is no longer and stays the same |
//! | `json_output` | (of the two above and below) | JSON is one line, valid, and what the table of `json` says |
//! | [`event()`] | an encoded event | its fields are those of its map; filters and paths see no difference once re-encoded |
//! | [`event_stream()`] | day files | every byte is given out as event, damage or keep-alive, however it was read |
//! | [`filter()`] | the filter language | errors point into the source and render; `not (f)` is the opposite of `f` |
//! | [`path()`] | dotted paths | read as written; lead where they say |
//! | [`original_header()`] | the original's header | read as written |
//! | [`zmtp_accept()`], [`zmtp_connect()`] | both sides of ZMTP | pieces change nothing; input and output stay bounded |
//! | [`json_text()`] | events as JSON | what was accepted is accepted again, as the same event |
//! | [`log_file_name()`] | names of day files | types never leave the directory; names are read as written |
//! | [`TARGETS`] | all of them | with the seeds ([`corpus`]) and words that inputs are made of |

mod chunks;
pub mod corpus;
mod targets;

mod json_output;
mod msgpack;

mod event;
mod event_stream;
mod filter;
mod path;

mod original_header;
mod zmtp;

mod json_text;
mod log_file_name;

// The daemon is a binary: its decoder is taken in by path, with the one type that it names.
#[path = "../../crates/oxd/src/json_event.rs"]
mod json_event;
#[allow(dead_code)]
#[path = "../../crates/oxd/src/ledger.rs"]
mod ledger;

pub use event::event;
pub use event_stream::event_stream;
pub use filter::filter;
pub use json_text::json_text;
pub use log_file_name::log_file_name;
pub use msgpack::msgpack;
pub use original_header::original_header;
pub use path::path;
pub use targets::{TARGETS, Target};
pub use zmtp::{zmtp_accept, zmtp_connect};
