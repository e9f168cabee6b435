//! Several files at once, until told to stop.

use crate::ArchiveError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

/// Does `work` with each item, with so many at once. `tell` hears on the calling thread what became of each. After an error
/// that others would meet too, and when `stop` is set, none is begun.
pub fn each<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    stop: &AtomicBool,
    work: impl Fn(&T) -> Result<R, ArchiveError> + Sync,
    mut tell: impl FnMut(&T, Result<R, ArchiveError>),
) {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let (sender, receiver) = sync_channel(at_once.max(1));
    thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, items.len().max(1)) {
            let (sender, next, failed, work) = (sender.clone(), &next, &failed, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let done = work(item);
                    if done.as_ref().is_err_and(|error| !error.is_of_one_file()) {
                        failed.store(true, Ordering::Relaxed);
                    }
                    if sender.send((at, done)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (at, done) in receiver {
            tell(&items[at], done);
        }
    });
}
