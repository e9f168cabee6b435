//! Reaching a destination, in bounded time.

use super::destination::Destination;
use rustix::net::sockopt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// So long may looking up a name take, and so long each connection.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_secs(3);
const USER_TIMEOUT_MS: u32 = 10_000;
/// So many of a name's addresses are tried.
const MAX_ADDRESSES: usize = 2;

/// Connects to destinations. A name's look-up cannot be interrupted, so it has a thread of its own; one at a time.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    /// A look-up that took too long, and its answer when it comes.
    late: Option<(Destination, Receiver<io::Result<Vec<SocketAddr>>>)>,
}

impl Dialer {
    /// A connection that does not block.
    pub(super) fn dial(&mut self, destination: &Destination) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.addresses(destination)?.into_iter().take(MAX_ADDRESSES) {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(socket) => {
                    socket.set_nonblocking(true)?;
                    socket.set_nodelay(true)?;
                    // Where nobody answers pings the kernel must notice that the host is gone.
                    sockopt::set_socket_keepalive(&socket, true)?;
                    sockopt::set_tcp_keepidle(&socket, KEEP_ALIVE)?;
                    sockopt::set_tcp_keepintvl(&socket, KEEP_ALIVE)?;
                    sockopt::set_tcp_keepcnt(&socket, 3)?;
                    sockopt::set_tcp_user_timeout(&socket, USER_TIMEOUT_MS)?;
                    return Ok(socket);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn addresses(&mut self, destination: &Destination) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = destination.host.parse::<IpAddr>() {
            return Ok(vec![(address, destination.port).into()]);
        }
        let answer = match self.late.take() {
            Some((late, answer)) if late == *destination => answer,
            // Its thread ends by itself; nobody waits for its answer.
            _ => look_up(destination.clone())?,
        };
        match answer.recv_timeout(PATIENCE) {
            Ok(addresses) => addresses,
            Err(RecvTimeoutError::Timeout) => {
                self.late = Some((destination.clone(), answer));
                Err(io::Error::new(io::ErrorKind::TimedOut, "looking up the name takes too long"))
            }
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("looking up the name failed")),
        }
    }
}

fn look_up(destination: Destination) -> io::Result<Receiver<io::Result<Vec<SocketAddr>>>> {
    let (tell, answer) = sync_channel(1);
    std::thread::Builder::new().name("look-up".into()).spawn(move || {
        let Destination { host, port } = destination;
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Who asked may have given up.
        let _ = tell.send(found);
    })?;
    Ok(answer)
}
