//! A connection, whichever way it came: over TCP, or over the Unix socket beside the collection port.

use bytes::BytesMut;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle, set_tcp_keepintvl, set_tcp_nodelay};
use rustix::net::{RecvFlags, Shutdown};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Where connections come from.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Calls a method that both kinds have.
macro_rules! either {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($stream) => $call,
            Socket::Unix($stream) => $call,
        }
    };
}

impl Listener {
    /// The next connection and its peer. Who comes over the Unix socket is on this host: his address is a loopback one.
    pub(crate) async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| (Socket::Tcp(stream), peer)),
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), (Ipv4Addr::LOCALHOST, 0).into()))
            }
        }
    }
}

impl Socket {
    /// Answers leave at once; a peer that vanished without a word is noticed.
    pub(crate) fn prepare(&self) {
        let Self::Tcp(stream) = self else { return };
        let prepared = set_tcp_nodelay(stream, true)
            .and_then(|()| set_socket_keepalive(stream, true))
            .and_then(|()| set_tcp_keepidle(stream, Duration::from_secs(60)))
            .and_then(|()| set_tcp_keepintvl(stream, Duration::from_secs(15)));
        if let Err(error) = prepared {
            tracing::debug!(%error, "cannot set socket options");
        }
    }

    /// Waits for the first byte and leaves it where it is; `None` at the end of the stream.
    pub(crate) async fn peek(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let count = match self {
            Self::Tcp(stream) => stream.peek(&mut first).await?,
            Self::Unix(stream) => {
                let peek = || {
                    let (count, _) = rustix::net::recv(stream, &mut first[..], RecvFlags::PEEK)?;
                    Ok(count)
                };
                stream.async_io(Interest::READABLE, peek).await?
            }
        };
        Ok((count > 0).then_some(first[0]))
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        either!(self, stream => stream.readable().await)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        either!(self, stream => stream.writable().await)
    }

    pub(crate) fn try_read_buf(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        either!(self, stream => stream.try_read_buf(buffer))
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, stream => stream.try_write(bytes))
    }

    /// Whether something has come that was not read.
    pub(crate) fn has_unread(&self) -> bool {
        either!(self, stream => rustix::io::ioctl_fionread(stream)).is_ok_and(|bytes| bytes > 0)
    }

    /// Nothing more will be written; the peer reads an end.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        Ok(either!(self, stream => rustix::net::shutdown(stream, Shutdown::Write))?)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
