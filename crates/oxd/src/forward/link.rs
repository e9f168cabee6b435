//! A connection's two directions of bytes. Nothing here waits.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

/// How much is read at once. What collectors say is short.
const READ_BYTES: usize = 16 << 10;

/// A socket, what came in and was not consumed, and how far the output is written.
#[derive(Debug)]
pub(super) struct Link {
    socket: TcpStream,
    unread: Vec<u8>,
    /// So much at the beginning of the owner's output is written.
    written: usize,
    /// So many bytes the kernel has taken on this connection.
    taken: u64,
}

impl Link {
    /// The socket must not block.
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, unread: Vec::new(), written: 0, taken: 0 }
    }

    /// Reads what is there; false when the peer has closed.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ_BYTES];
        match self.socket.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(error) if is_not_now(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.unread.drain(..count);
    }

    /// How many bytes will have gone out when all of an output that is so long is written.
    pub(super) fn position_behind(&self, output_bytes: usize) -> u64 {
        self.taken + (output_bytes - self.written) as u64
    }

    /// How many bytes the peer's kernel has; also when the connection is over.
    pub(super) fn arrived(&self) -> u64 {
        self.taken.saturating_sub(unacknowledged(&self.socket))
    }

    /// Writes the output and then the payload, as far as the socket takes it. What it does not take stays in the
    /// output, the rest of the payload included. True when all is written.
    pub(super) fn flush(&mut self, output: &mut Vec<u8>, mut payload: &[u8]) -> io::Result<bool> {
        loop {
            let head = &output[self.written..];
            if head.is_empty() && payload.is_empty() {
                output.clear();
                self.written = 0;
                return Ok(true);
            }
            match self.socket.write_vectored(&[IoSlice::new(head), IoSlice::new(payload)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.taken += count as u64;
                    let of_head = count.min(head.len());
                    self.written += of_head;
                    payload = &payload[count - of_head..];
                }
                Err(error) if is_not_now(&error) => {
                    output.drain(..std::mem::take(&mut self.written));
                    output.extend_from_slice(payload);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The bytes that the kernel holds for a peer whose kernel has not acknowledged them.
#[expect(unsafe_code, reason = "rustix has no safe SIOCOUTQ")]
fn unacknowledged(socket: &TcpStream) -> u64 {
    const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;
    // SAFETY: of a socket SIOCOUTQ writes one int and nothing else (tcp(7)).
    let bytes =
        unsafe { rustix::ioctl::ioctl(socket, rustix::ioctl::Getter::<SIOCOUTQ, std::ffi::c_int>::new()) };
    bytes.ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
