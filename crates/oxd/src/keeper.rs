//! Those who keep what was received: the spool and the day files behind it, or the day files alone.

use crate::clock::Clock;
use crate::cursors;
use crate::disk_state::DiskState;
use crate::forward::{self, FailoverList, ForwardContext, ForwardThreads, Forwarding, ProbePace};
use crate::ledger::Ledger;
use crate::live::Live;
use crate::log_writer::LogWriter;
use crate::native_streams::{MAX_STREAMS_IN_MEMORY, NativeStreams};
use crate::spool_disk::SpoolDisk;
use crate::spool_path::new_stream;
use crate::spool_state::SpoolState;
use crate::spool_writer::{self, SpoolWriter};
use crate::spooled_log::SpooledLog;
use crate::spooler::{SpoolRequest, Spooler};
use crate::tally::Tally;
use anyhow::{Context, anyhow, bail};
use blueox_event::wire::native::{Codec, NodeId};
use blueox_log::day_log::{DayLog, Vouched};
use blueox_log::disk::MemoryDisk;
use blueox_log::spool::{CursorName, FullPolicy, Marks, Spool, SpoolConfig, StreamId, Timestamp};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) const LOG_CURSOR: &str = "log";

/// What all keepers share.
#[derive(Debug, Clone)]
pub(crate) struct KeeperContext {
    pub(crate) live: Arc<Live>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) clock: Clock,
    pub(crate) reopen: Arc<AtomicBool>,
}

/// Where the spool lies and what bounds it.
#[derive(Debug)]
pub(crate) struct SpoolSettings {
    /// `None`: in memory.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) max_bytes: u64,
    pub(crate) policy: FullPolicy,
}

/// The threads that write.
#[derive(Debug)]
pub(crate) enum Keeper {
    /// Batches go to the log writer directly, or nowhere.
    Memory { log_writer: JoinHandle<u64> },
    /// Batches go to the spool, and from there to the files.
    Spooled {
        spool: Spool<SpoolDisk>,
        state: Arc<SpoolState>,
        spool_writer: JoinHandle<u64>,
        log_writer: Option<JoinHandle<()>>,
        forwarding: Arc<Forwarding>,
        forwarders: ForwardThreads,
    },
}

/// The copies that are made of what stands in the spool.
#[derive(Debug)]
pub(crate) struct Copies {
    /// The day files.
    pub(crate) log: Option<DayLog<SpoolDisk>>,
    /// Lists of destinations.
    pub(crate) forward: Vec<FailoverList>,
    /// How batches are compressed on their way to other daemons.
    pub(crate) compress: Codec,
    /// Who the collectors are told that we are.
    pub(crate) host: String,
    pub(crate) probe_pace: ProbePace,
}

impl Keeper {
    /// Without a spool.
    pub(crate) fn in_memory(
        context: KeeperContext,
        log: Option<DayLog<SpoolDisk>>,
        requests: Receiver<SpoolRequest>,
    ) -> anyhow::Result<(Self, Arc<NativeStreams>)> {
        let KeeperContext { live, ledger, tally, disk_state, clock, reopen } = context;
        let streams =
            Arc::new(NativeStreams::new(NodeId(new_stream()?), false, MAX_STREAMS_IN_MEMORY, &Marks::new()));
        let marks = HashMap::new();
        let of_writer = Arc::clone(&streams);
        let log_writer =
            LogWriter { log, live, ledger, tally, disk_state, clock, reopen, marks, streams: of_writer }
                .spawn(requests)
                .context("cannot start the thread that writes files")?;
        Ok((Self::Memory { log_writer }, streams))
    }

    /// With a spool: recovers it, cuts the day files back to what it vouches for, and goes on from there.
    pub(crate) fn spooled(
        context: KeeperContext,
        settings: &SpoolSettings,
        copies: Copies,
        spooler: &Spooler,
        requests: Receiver<SpoolRequest>,
    ) -> anyhow::Result<(Self, Arc<NativeStreams>)> {
        let KeeperContext { live, ledger, tally, disk_state, clock, reopen } = context;
        let Copies { log, forward, compress, host, probe_pace } = copies;
        let config = SpoolConfig::new(settings.max_bytes, settings.policy, StreamId(new_stream()?))?;
        let opened = match &settings.directory {
            Some(directory) => Spool::open(SpoolDisk::Real, directory, config).with_context(|| {
                format!("the spool in {} (choose another with --spool)", directory.display())
            })?,
            None => {
                let disk = SpoolDisk::Memory(MemoryDisk::default());
                Spool::open(disk, Path::new("memory"), config.without_spares())?
            }
        };
        let durable = settings.directory.is_some();
        let (spool, mut writer, recovery) = (opened.spool, opened.writer, opened.recovery);
        if recovery.damaged_places > 0 {
            tracing::error!(places = recovery.damaged_places, first = ?recovery.damage.first(), "the spool is damaged");
        }
        if recovery.cut_bytes > 0 {
            tracing::info!(
                bytes = recovery.cut_bytes,
                "the spool ended in bytes that were never acknowledged"
            );
        }
        let node = NodeId(writer.own_stream().0);
        let streams = Arc::new(NativeStreams::new(node, durable, config.max_streams(), writer.marks()));
        let log_cursor = CursorName::new(LOG_CURSOR);
        let mut readers: Vec<_> = (0..forward.len()).map(forward::cursor_name).collect();
        readers.extend(log.is_some().then(|| log_cursor.clone()));
        let mut places =
            cursors::adopt(&mut writer, &spool, &readers, Timestamp((clock.now() * 1e6) as u64))?;
        let (stream, base) = (writer.own_stream(), writer.own_base());
        let log = log.map(|mut log| {
            // The own stream is random and lives as long as the spool: it names the daemon too.
            log.keep_ranges(NodeId(stream.0));
            let place = places.pop().expect("BUG: every reader has a place, the log is the last");
            (log, Vouched { place, files: writer.files().clone() })
        });
        let state = Arc::new(SpoolState::new(settings.directory.clone(), settings.max_bytes));
        state.note_used(writer.used_bytes());
        let spool_writer = SpoolWriter {
            max_record_bytes: config.max_batch_bytes().min(blueox_event::limits::MAX_BATCH_BYTES),
            writer,
            log_cursor,
            state: Arc::clone(&state),
            live,
            ledger: Arc::clone(&ledger),
            tally,
            disk_state: Arc::clone(&disk_state),
            clock,
            streams: Arc::clone(&streams),
            persist_by: None,
            retry_after: spool_writer::RETRY_AFTER,
            room: None,
        }
        .spawn(requests)
        .context("cannot start the thread that writes the spool")?;
        let requests = spooler.requests().context("BUG: the spooler is open")?;
        let forwarding = ForwardContext {
            spool: spool.clone(),
            growth: Arc::clone(&state),
            stream,
            base,
            requests: requests.clone(),
            disk_state: Arc::clone(&disk_state),
            clock,
            compress,
            host,
            probe_pace,
        };
        let (forwarding, forwarders) = Forwarding::start(forwarding, &forward, &places)?;
        let counts = forwarding.lists.iter().map(|list| Arc::clone(&list.counts)).collect();
        ledger.forward_to(counts, log.is_some());
        let (state_of_log, spool_of_log) = (Arc::clone(&state), spool.clone());
        let write = |(log, vouched)| {
            let state = state_of_log;
            SpooledLog {
                log,
                spool: spool_of_log,
                vouched,
                state,
                requests,
                ledger,
                disk_state,
                clock,
                reopen,
            }
            .spawn()
        };
        let log_writer = log.map(write).transpose()?;
        let forwarding = Arc::new(forwarding);
        Ok((Self::Spooled { spool, state, spool_writer, log_writer, forwarding, forwarders }, streams))
    }

    /// The spool, for those who look at it.
    pub(crate) fn spool(&self) -> Option<Spool<SpoolDisk>> {
        match self {
            Self::Memory { .. } => None,
            Self::Spooled { spool, .. } => Some(spool.clone()),
        }
    }

    /// What status tells of the spool.
    pub(crate) fn spool_state(&self) -> Option<Arc<SpoolState>> {
        match self {
            Self::Memory { .. } => None,
            Self::Spooled { state, .. } => Some(Arc::clone(state)),
        }
    }

    /// Where events are forwarded to.
    pub(crate) fn forwarding(&self) -> Option<Arc<Forwarding>> {
        match self {
            Self::Memory { .. } => None,
            Self::Spooled { forwarding, .. } => Some(Arc::clone(forwarding)),
        }
    }

    /// Takes nothing more, writes and syncs what there is, forwards until `forward_by` (a time since the daemon started)
    /// at last, and ends the threads.
    pub(crate) fn finish(self, spooler: &Spooler, forward_by: Duration) -> anyhow::Result<()> {
        let panicked = |_| anyhow!("BUG: a thread that writes panicked");
        let given_up = match self {
            Self::Memory { log_writer } => {
                spooler.close();
                log_writer.join().map_err(panicked)?
            }
            Self::Spooled { state, spool_writer, log_writer, forwarders, forwarding, .. } => {
                let Some(requests) = spooler.requests() else { bail!("BUG: finished twice") };
                spooler.close();
                // Behind all that was admitted: when this is answered, that is in the spool, or waits for room there.
                let (done, answer) = sync_channel(1);
                if requests.send(SpoolRequest::FilesOpened { files: Vec::new(), done }).is_ok() {
                    let _ = answer.recv();
                }
                state.finish(forward_by);
                if let Some(log_writer) = log_writer {
                    log_writer.join().map_err(panicked)?;
                }
                forwarders.join().map_err(panicked)?;
                drop(requests);
                let refused = spool_writer.join().map_err(panicked)?;
                refused + if state.directory.is_none() { forwarding.forget_queued() } else { 0 }
            }
        };
        match given_up {
            0 => Ok(()),
            events => bail!("{events} events that were received could not be kept"),
        }
    }
}

#[cfg(test)]
mod tests;
