//! Why an answer is missing.

use crate::address::ControlAddress;
use crate::limits::DEFAULT_CONTROL_PORT;
use crate::printable::printable;
use blueox_event::filter::FilterError;
use std::io;
use std::time::Duration;

/// Why a client has no answer: the caller's fault ([`ClientError::Refused`], [`ClientError::Filter`]), the environment ([`ClientError::Unreachable`], [`ClientError::UnknownHost`],
/// [`ClientError::TimedOut`], [`ClientError::Broken`]), or something that is no proper answer
/// ([`ClientError::NotOxd`], [`ClientError::BadAnswer`]). The texts say what to do next and are safe to print.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing accepts connections there.
    #[error("no oxd at {address} ({}); {}", reason(source), advice(address))]
    Unreachable {
        /// Where.
        address: ControlAddress,
        /// What the system said.
        source: io::Error,
    },
    /// The host's name leads to no address.
    #[error("no address is known for the host {} ({})", printable(address.host()), reason(source))]
    UnknownHost {
        /// What was asked for.
        address: ControlAddress,
        /// What the resolver said.
        source: io::Error,
    },
    /// Something is there and takes too long.
    #[error("{address} gave no answer to {what} within {} s; it is stuck or overloaded, or no oxd", after.as_secs_f64())]
    TimedOut {
        /// Where.
        address: ControlAddress,
        /// What was asked.
        what: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// A live stream, keep-alives included, has fallen silent.
    #[error("nothing came from {address} for {} s, not even a keep-alive: the oxd or the way to it is down", after.as_secs_f64())]
    Silent {
        /// Where.
        address: ControlAddress,
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended inside an answer.
    #[error("the connection to {address} broke during {what} ({}); try again", reason(source))]
    Broken {
        /// Where.
        address: ControlAddress,
        /// What was asked.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What listens there is no control port.
    #[error("{address} is no control port of an oxd: {found}")]
    NotOxd {
        /// Where.
        address: ControlAddress,
        /// What came from it.
        found: String,
    },
    /// The daemon answered, and the answer makes no sense.
    #[error("the answer of {address} to {what} cannot be used: {reason}")]
    BadAnswer {
        /// Where.
        address: ControlAddress,
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The daemon says no, in its own words.
    #[error("{}", printable(message))]
    Refused {
        /// The HTTP status, 0 from an original daemon.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The filter cannot be read, says the daemon or, for one that knows no filters, this client.
    /// [`FilterError::render`] shows where.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// The kind of an error in words; the system's own text where the kind says nothing.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it was closed".into(),
        io::ErrorKind::Other => printable(&error.to_string()).into_owned(),
        kind if kind.to_string() == "uncategorized error" => printable(&error.to_string()).into_owned(),
        kind => kind.to_string(),
    }
}

fn advice(address: &ControlAddress) -> String {
    if !address.is_loopback() {
        return "is it running there, and does its control port listen beyond loopback (oxd --control '*')?"
            .into();
    }
    let control = match address.port() {
        DEFAULT_CONTROL_PORT => String::new(),
        _ => format!(" --control {address}"),
    };
    format!("is it running? try: oxd --log-path ./logs{control}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        let source = io::ErrorKind::ConnectionRefused.into();
        ClientError::Unreachable { address: address.parse().unwrap(), source }.to_string()
    }

    #[test]
    fn an_error_says_what_to_do_next() {
        assert_eq!(
            refused("*"),
            "no oxd at 127.0.0.1:3513 (connection refused); is it running? try: oxd --log-path ./logs"
        );
        assert!(refused(":4000").ends_with("try: oxd --log-path ./logs --control 127.0.0.1:4000"));
        assert!(refused("web-2").contains("is it running there"));
    }
}
