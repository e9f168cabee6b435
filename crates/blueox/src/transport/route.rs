//! How a daemon is reached: its Unix socket while that is there, else TCP.

use crate::address::Address;
use crate::limits::CONNECT_PATIENCE;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Native,
    Original,
}

/// A connection that never blocks.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Connects to the daemon. A text for a person, if that fails.
pub(super) fn connect(address: &Address, socket: Option<&Path>) -> Result<Socket, String> {
    if let Some(path) = socket
        && let Ok(connected) = connect_unix(path)
    {
        return Ok(connected);
    }
    let connected = match address {
        Address::Unix(path) => connect_unix(path),
        Address::Tcp { host, port } => connect_tcp(host, *port),
    };
    connected.map_err(|error| format!("no oxd at {address} ({error}); is it running?"))
}

fn connect_tcp(host: &str, port: u16) -> io::Result<Socket> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_PATIENCE) {
            Ok(stream) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                return Ok(Socket::Tcp(stream));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A daemon that is stopped has a full queue of connections: that must not block either.
fn connect_unix(path: &Path) -> io::Result<Socket> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(Socket::Unix(socket.into()))
}

impl Socket {
    /// Appends what has arrived to `input`, at most `limit` bytes in all. `Ok(false)`: the peer has closed.
    pub(super) fn read_into(&mut self, input: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        while input.len() < limit {
            match self.read(&mut piece) {
                Ok(0) => return Ok(false),
                Ok(length) => input.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Writes from the front of `output` what can be written, and takes it away.
    pub(super) fn write_from(&mut self, output: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            if written == output.len() {
                break Ok(());
            }
            match self.write(&output[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        output.drain(..written);
        result
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(piece),
            Self::Unix(stream) => stream.read(piece),
        }
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(piece),
            Self::Unix(stream) => stream.write(piece),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
