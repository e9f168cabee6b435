//! The thread that looks after the spool's room: it retires segments that all have read and makes the next one, while
//! the spool's writer goes on committing. A removal or a sync of the directory takes as long as several commits.

use blueox_log::disk::PositionalDisk;
use blueox_log::spool::{Chore, Maintenance, Writer};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// The way to that thread. One chore at a time is out. When this is dropped the thread has ended.
#[derive(Debug)]
pub(crate) struct RoomMaker {
    /// `None` while it is being dropped.
    chores: Option<SyncSender<Chore>>,
    done: Receiver<Chore>,
    thread: Option<JoinHandle<()>>,
    /// What failed is tried again after this.
    retry_after: Duration,
    not_before: Duration,
}

impl RoomMaker {
    pub(crate) fn spawn<D: PositionalDisk>(disk: D, retry_after: Duration) -> std::io::Result<Self> {
        let (chores, given) = sync_channel::<Chore>(1);
        let (back, done) = sync_channel(1);
        let work = move || {
            while let Ok(mut chore) = given.recv() {
                chore.run(&disk);
                if back.send(chore).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("spool-room".into()).spawn(work)?;
        let not_before = Duration::ZERO;
        Ok(Self { chores: Some(chores), done, thread: Some(thread), retry_after, not_before })
    }

    /// Takes back what is done and gives what is to be done next; never waits.
    pub(crate) fn look<D: PositionalDisk>(&mut self, writer: &mut Writer<D>, now: Duration) -> Maintenance {
        let mut maintenance = Maintenance::default();
        if writer.has_chore_out()
            && let Ok(chore) = self.done.try_recv()
        {
            maintenance = self.take_back(writer, chore, now);
        }
        if now >= self.not_before
            && let Some(chore) = writer.begin_chore()
            && let Some(chores) = &self.chores
        {
            // There is room for the one chore that can be out.
            let sent = chores.try_send(chore);
            debug_assert!(sent.is_ok(), "BUG: the thread that makes room is gone");
        }
        maintenance
    }

    /// Waits until the chore that is out is done; `None` if nobody does it.
    pub(crate) fn wait<D: PositionalDisk>(
        &mut self,
        writer: &mut Writer<D>,
        now: Duration,
    ) -> Option<Maintenance> {
        let chore = self.done.recv().ok()?;
        Some(self.take_back(writer, chore, now))
    }

    fn take_back<D: PositionalDisk>(
        &mut self,
        writer: &mut Writer<D>,
        chore: Chore,
        now: Duration,
    ) -> Maintenance {
        let maintenance = writer.end_chore(chore);
        if maintenance.error.is_some() {
            self.not_before = now + self.retry_after;
        }
        maintenance
    }
}

impl Drop for RoomMaker {
    fn drop(&mut self) {
        self.chores = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("BUG: the thread that makes room in the spool panicked");
        }
    }
}
