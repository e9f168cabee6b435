//! Who the daemon is to its collectors: its stream, and how often that was connected.

use super::session_file::SessionFile;
use crate::spooler::SpoolRequest;
use blueox_event::wire::native::{Seq, StreamId};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Shared by all lists.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(super) host: String,
    pub(super) sessions: SessionFile,
    numbering: Mutex<Numbering>,
}

/// The stream in which the spool's records are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbering {
    pub(super) stream: StreamId,
    /// The machine was set back: up to this number all were given in an earlier stream only.
    pub(super) base: Seq,
}

impl Identity {
    pub(super) fn new(host: String, sessions: SessionFile, numbering: Numbering) -> Self {
        Self { host, sessions, numbering: Mutex::new(numbering) }
    }

    pub(super) fn numbering(&self) -> Numbering {
        *self.numbering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the daemon a new stream, durably, unless another list has done so already.
    pub(super) fn renew(&self, old: StreamId, requests: &Sender<SpoolRequest>) -> Result<(), String> {
        let mut numbering = self.numbering.lock().unwrap_or_else(PoisonError::into_inner);
        if numbering.stream != old {
            return Ok(());
        }
        let new = StreamId(crate::spool_path::new_stream().map_err(|error| format!("{error:#}"))?);
        let (done, answer) = sync_channel(1);
        let gone = |_| "the spool's writer is gone".to_owned();
        requests
            .send(SpoolRequest::RenewStream { stream: new, done })
            .map_err(|error| gone(error.to_string()))?;
        let base = answer.recv().map_err(|error| gone(error.to_string()))??;
        *numbering = Numbering { stream: new, base };
        Ok(())
    }
}
