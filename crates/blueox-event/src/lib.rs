//! The event: what it is, how it is encoded, how it travels, how it is asked for.
//!
//! Pure code: no I/O, no clock, no randomness, no async. The modules in the order of an event's way:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | every limit of the format and the protocols, on one screen |
//! | [`value`] | a decoded value, as an application gives it |
//! | [`event`] | one finished unit of work, decoded ([`Event`]) and encoded ([`EncodedEvent`]) |
//! | [`type_name`] | the dotted name of a kind of event, and patterns over such names |
//! | [`event_id`] | the id that an event shares with its sub-events (the trace id) |
//! | [`msgpack`] | a bounded reader over bytes that nobody vouches for, and a writer |
//! | [`path`] | dotted paths into an event, looked up without decoding it |
//! | [`json`] | an encoded value as JSON text |
//! | [`time`] | seconds since the epoch as UTC dates and back |
//! | [`filter`] | the one filter language: parse, explain errors, evaluate on encoded events |
//! | [`wire`] | the protocols, sans I/O |
//!
//! Bytes are described in FORMAT.md at the root of the repository.

pub mod limits;

pub mod value;

pub mod event;
pub mod event_id;
pub mod type_name;

pub mod msgpack;
pub mod path;

pub mod json;
pub mod time;

pub mod filter;
pub mod wire;

pub use event::{EncodedEvent, Event, EventError};
pub use event_id::EventId;
pub use filter::Filter;
pub use path::Path;
pub use type_name::{TypeName, TypePattern};
pub use value::Value;
