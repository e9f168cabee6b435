//! Who the daemon is to its collectors: its stream, and how often that was connected.

use super::session_file::SessionFile;
use crate::spooler::SpoolRequest;
use blueox_event::wire::native::StreamId;
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Shared by all lists.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(super) host: String,
    pub(super) sessions: SessionFile,
    stream: Mutex<StreamId>,
}

impl Identity {
    pub(super) fn new(host: String, sessions: SessionFile, stream: StreamId) -> Self {
        Self { host, sessions, stream: Mutex::new(stream) }
    }

    /// The stream in which the spool's records are numbered.
    pub(super) fn stream(&self) -> StreamId {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the daemon a new stream, durably, unless another list has done so already.
    pub(super) fn renew(&self, old: StreamId, requests: &Sender<SpoolRequest>) -> Result<(), String> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if *stream != old {
            return Ok(());
        }
        let new = StreamId(crate::spool_path::new_stream().map_err(|error| format!("{error:#}"))?);
        let (done, answer) = sync_channel(1);
        let gone = |_| "the spool's writer is gone".to_owned();
        requests
            .send(SpoolRequest::RenewStream { stream: new, done })
            .map_err(|error| gone(error.to_string()))?;
        answer.recv().map_err(|error| gone(error.to_string()))??;
        *stream = new;
        Ok(())
    }
}
