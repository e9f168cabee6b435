//! Wakes a thread that waits for sockets.

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::{AsFd, OwnedFd};
use std::io;
use std::time::Duration;

/// A bell that a thread can wait for together with a socket. Ringing twice is ringing once.
#[derive(Debug)]
pub(crate) struct Waker {
    bell: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Wakes whoever waits, or who waits next.
    pub(crate) fn wake(&self) {
        // It can only fail when it rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Waits until the bell rings, the socket can be read (or written, if that is wanted), or the time is over; the bell
    /// is silent then.
    pub(crate) fn wait(&self, socket: Option<(&dyn AsFd, bool)>, patience: Duration) -> io::Result<()> {
        let timeout = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
        let bell = PollFd::new(&self.bell, PollFlags::IN);
        let polled = match &socket {
            Some((socket, writable)) => {
                let wanted = if *writable { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
                poll(&mut [bell, PollFd::from_borrowed_fd(socket.as_fd(), wanted)], Some(&timeout))
            }
            None => poll(&mut [bell], Some(&timeout)),
        };
        let mut rings = [0; 8];
        let _ = rustix::io::read(&self.bell, &mut rings);
        match polled {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
