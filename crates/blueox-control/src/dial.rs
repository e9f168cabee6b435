//! Name to addresses to a connection, within a deadline.

use crate::address::ControlAddress;
use crate::clock::Deadline;
use crate::error::ClientError;
use crate::limits::MAX_ADDRESSES;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Connects to the first of the address's hosts that accepts, within `timeout` for all of them together.
pub(crate) fn connect(address: &ControlAddress, timeout: Duration) -> Result<TcpStream, ClientError> {
    let deadline = Deadline::after(timeout);
    let targets = resolve(address, deadline)?;
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    for (index, target) in targets.iter().enumerate() {
        let Some(left) = deadline.remaining() else { break };
        // A silent address must not use up the time of those after it.
        let share = left / u32::try_from(targets.len() - index).expect("BUG: addresses are few");
        match TcpStream::connect_timeout(target, share.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(ClientError::Unreachable { address: address.clone(), source: failure })
}

/// Connects to one address that has accepted before.
pub(crate) fn reconnect(target: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&target, timeout.max(Duration::from_millis(1)))
}

fn resolve(address: &ControlAddress, deadline: Deadline) -> Result<Vec<SocketAddr>, ClientError> {
    if let Ok(ip) = address.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, address.port())]);
    }
    let unknown = |source| ClientError::UnknownHost { address: address.clone(), source };
    // The system's resolver has no timeout of its own that could be set: it gets a thread that may be left behind.
    let (answer, answers) = mpsc::sync_channel(1);
    let name = (address.host().to_owned(), address.port());
    thread::Builder::new()
        .name("resolve".into())
        .spawn(move || {
            let found = name.to_socket_addrs().map(|found| found.take(MAX_ADDRESSES).collect::<Vec<_>>());
            // Nobody waits any more when the deadline has passed.
            let _ = answer.send(found);
        })
        .map_err(unknown)?;
    let wait = deadline.remaining().unwrap_or_default();
    match answers.recv_timeout(wait) {
        Ok(Ok(found)) if found.is_empty() => Err(unknown(io::ErrorKind::NotFound.into())),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(unknown(error)),
        Err(_) => Err(unknown(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_name_with_several_addresses_is_tried_through() {
        // localhost is usually ::1 first; only 127.0.0.1 listens.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address: ControlAddress = format!("localhost:{port}").parse().unwrap();
        assert!(connect(&address, Duration::from_secs(3)).is_ok());
    }

    #[test]
    fn an_unknown_name_says_so() {
        let address: ControlAddress = "nowhere.invalid".parse().unwrap();
        let error = connect(&address, Duration::from_secs(3)).unwrap_err();
        assert!(matches!(error, ClientError::UnknownHost { .. }), "{error}");
    }
}
