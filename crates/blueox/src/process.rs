//! Which process this is: a fork is noticed without a hook, for the price of a memory access.
//!
//! The kernel is asked to give every child a zeroed copy of one page (`MADV_WIPEONFORK`, Linux 4.14). A zero there means: forked since
//! the last look. So forks are seen that no hook sees, such as those that servers make in C. Where the kernel cannot do that, each
//! look asks for the process id.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// One life of this memory between two forks. Inherited values are never those of a child: they only rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incarnation(u32);

/// The last incarnation that was given, inherited by children.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The process id as of the last look, for kernels without wiped pages.
static LAST_PID: AtomicU32 = AtomicU32::new(0);

static PAGE: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();

impl Incarnation {
    /// The one that is running.
    #[inline]
    pub(crate) fn current() -> Self {
        match PAGE.get() {
            Some(Some(page)) => match page.load(Ordering::Relaxed) {
                0 => Self::next(page),
                known => Self(known),
            },
            Some(None) => Self::by_pid(),
            None => {
                PAGE.get_or_init(wiped_page);
                Self::current()
            }
        }
    }

    #[cold]
    fn next(page: &AtomicU32) -> Self {
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        match page.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Self(next),
            Err(other_thread) => Self(other_thread),
        }
    }

    fn by_pid() -> Self {
        let pid = pid();
        let before = LAST_PID.load(Ordering::Relaxed);
        if before != pid
            && LAST_PID.compare_exchange(before, pid, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            LAST.fetch_add(1, Ordering::Relaxed);
        }
        Self(LAST.load(Ordering::Relaxed))
    }
}

/// The process id.
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// A page that the kernel zeroes in a child. It is never unmapped.
#[expect(unsafe_code, reason = "maps a page of its own")]
fn wiped_page() -> Option<&'static AtomicU32> {
    use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};
    let length = rustix::param::page_size();
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of ours.
    let page = unsafe {
        mmap_anonymous(std::ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    }
    .ok()?;
    // SAFETY: the range is the mapping made above; the advice changes what a child sees, nothing here.
    unsafe { madvise(page, length, Advice::LinuxWipeOnFork) }.ok()?;
    // SAFETY: the page is mapped for ever, zeroed, aligned for anything, and used as this atomic only.
    Some(unsafe { &*page.cast::<AtomicU32>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_stays() {
        assert_eq!(Incarnation::current(), Incarnation::current());
        let elsewhere = std::thread::spawn(Incarnation::current).join().unwrap();
        assert_eq!(elsewhere, Incarnation::current());
    }
}
