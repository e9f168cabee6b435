//! The control port of an oxd, seen from a client: what oxctl and oxview ask it, blocking, every wait bounded.
//!
//! Two kinds of daemons answer there, and a [`Client`] speaks to both: ours by HTTP/1.1, an original one by ZMTP.
//! The modules in the order of a question's way:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | every bound on what a daemon may send or how long it may take |
//! | [`address`] | where a control port is ([`ControlAddress`]) |
//! | [`token`] | what a daemon beyond loopback wants to see ([`Token`]) |
//! | `dial` | name to addresses to a connection |
//! | `zmtp` | a ZMTP socket that blocks, until a deadline |
//! | `http` | requests to our daemon |
//! | `original` | requests to an original daemon |
//! | [`client`] | the connection to one daemon, of either kind ([`Client`]) |
//! | [`status`] | what a daemon says about itself ([`Status`]) |
//! | [`forward`] | where it forwards to, and changing that |
//! | [`health`] | whether it is well ([`Health`]) |
//! | [`live`] | events as they arrive ([`LiveStream`]) |
//! | [`error`] | why an answer is missing ([`ClientError`]) |
//! | [`printable`](mod@printable) | text from a network, made harmless for a terminal |
//!
//! ```no_run
//! use blueox_control::{Client, ControlAddress, LiveRequest, Timeouts};
//! let mut client = Client::connect(&ControlAddress::from_environment()?, Timeouts::default())?;
//! println!("{:?}", client.status()?.lag_seconds);
//! let mut live = client.live(&LiveRequest { types: vec!["request*".into()], ..LiveRequest::default() })?;
//! while let Some(event) = live.next()? {
//!     println!("{} bytes", event.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod limits;

pub mod address;
pub mod token;

mod clock;
mod dial;
mod http;
mod original;
mod zmtp;

pub mod client;
pub mod forward;
pub mod health;
pub mod live;
pub mod status;

pub mod error;
pub mod printable;

pub use address::ControlAddress;
pub use client::{Client, DaemonKind, Shutdown, Timeouts};
pub use error::ClientError;
pub use health::{Health, Probe};
pub use live::{LiveRequest, LiveStream};
pub use printable::printable;
pub use status::Status;
pub use token::Token;
