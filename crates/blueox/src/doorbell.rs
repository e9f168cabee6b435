//! Wakes the transport's thread.
//!
//! The thread looks at the buffers every 50 ms while events come. When none came for a while it says that it is asleep, looks once more, and
//! sleeps; the next event rings. No ring is lost: the event's thread reads the flag behind its slot's lock, the transport sets it before it takes that lock
//! for its last look, so either the look sees the event or the thread sees the flag.

use crate::sync::{AtomicBool, Ordering};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Doorbell {
    /// Without one (no file descriptors left) the transport looks every 50 ms whatever happens.
    bell: Option<OwnedFd>,
    is_asleep: AtomicBool,
    is_rung: AtomicBool,
}

impl Doorbell {
    pub(crate) fn new() -> Self {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        Self { bell, is_asleep: AtomicBool::new(false), is_rung: AtomicBool::new(false) }
    }

    /// Rings, unless it is rung already.
    pub(crate) fn ring(&self) {
        if self.is_rung.load(Ordering::Relaxed) || self.is_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(bell) = &self.bell {
            // It can only fail when the counter is full, and then it is rung.
            let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        }
    }

    /// Rings if the transport is asleep.
    #[inline]
    pub(crate) fn ring_if_asleep(&self) {
        if self.is_asleep.load(Ordering::Relaxed) {
            self.ring();
        }
    }

    /// The transport goes to sleep, and must look once more; or it has woken up.
    pub(crate) fn set_asleep(&self, is_asleep: bool) {
        self.is_asleep.store(is_asleep, Ordering::SeqCst);
    }

    /// Whether sleeping is safe.
    pub(crate) fn is_there(&self) -> bool {
        self.bell.is_some()
    }

    /// What becomes readable when it rings.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_ref().map(AsFd::as_fd)
    }

    /// Whether it was rung and not heard.
    #[cfg(all(test, loom))]
    pub(crate) fn is_rung(&self) -> bool {
        self.is_rung.load(Ordering::Acquire)
    }

    /// Heard: the next ring rings again. To be called before looking at what it was rung for.
    pub(crate) fn hear(&self) {
        if self.is_rung.load(Ordering::Acquire) {
            if let Some(bell) = &self.bell {
                let _ = rustix::io::read(bell, &mut [0; 8]);
            }
            self.is_rung.store(false, Ordering::Release);
        }
    }
}
