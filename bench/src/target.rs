//! Where a load goes.

use anyhow::Context;
use std::fmt;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A daemon's collection port, or its Unix socket.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Target {
    /// A connection of either kind is read and written like a file.
    pub(crate) fn connect(&self) -> anyhow::Result<File> {
        let connected = match self {
            Self::Tcp(address) => TcpStream::connect(address).and_then(|stream| {
                stream.set_nodelay(true)?;
                Ok(OwnedFd::from(stream))
            }),
            Self::Unix(path) => UnixStream::connect(path).map(OwnedFd::from),
        };
        connected.map(File::from).with_context(|| format!("no daemon at {self}"))
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}
