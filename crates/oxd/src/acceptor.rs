//! Accepting connections, and telling protocols apart by their first byte.

use crate::ledger::{Ledger, RefuseReason};
use crate::shutdown::{Shutdown, Stop};
use crate::socket::{Listener, Socket};
use crate::zmtp_io::{HANDSHAKE_TIMEOUT, within};
use blueox_event::wire::native;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// After a failed accept (no descriptors left, say) the next is tried a little later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a connection's first byte says that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// ZeroMQ.
    Zmtp,
    /// HTTP/1.
    Http,
    /// BlueOx's own.
    Native,
}

/// Accepts the connections of one port.
#[derive(Debug)]
pub(crate) struct Acceptor {
    pub(crate) listener: Listener,
    pub(crate) ledger: Arc<Ledger>,
    /// How many connections may be open, on all ports together.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) shutdown: Shutdown,
}

/// One connection that was accepted, and all that its handler is told.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Socket,
    pub(crate) peer: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) stop: Stop,
}

impl Acceptor {
    /// Accepts until the shutdown begins; `handle` runs for each connection in a task of its own.
    pub(crate) async fn run<H, F>(self, handle: H)
    where
        H: Fn(Accepted) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<(), RefuseReason>> + Send + 'static,
    {
        let mut stop = self.shutdown.listener();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.asked() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            self.ledger.connect();
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                self.ledger.refuse(RefuseReason::TooMany);
                continue;
            };
            let (handle, ledger, stop) = (handle.clone(), Arc::clone(&self.ledger), self.shutdown.listener());
            let task = async move {
                // Boxed, so that a connection that says nothing costs little.
                let result = match sniff(&stream, stop.clone()).await {
                    Ok(Some(protocol)) => {
                        stream.prepare();
                        Box::pin(handle(Accepted { stream, peer, protocol, stop })).await
                    }
                    Ok(None) => Ok(()),
                    Err(reason) => Err(reason),
                };
                if let Err(reason) = result {
                    tracing::debug!(%peer, reason = reason.name(), "connection refused");
                    ledger.refuse(reason);
                }
                drop(slot);
            };
            self.shutdown.connections.spawn(task);
        }
    }
}

/// Waits for the first byte without taking it; nothing is sent before. `None`: the peer or the daemon left.
async fn sniff(stream: &Socket, mut stop: Stop) -> Result<Option<Protocol>, RefuseReason> {
    let peeked = tokio::select! {
        peeked = within(HANDSHAKE_TIMEOUT, stream.peek()) => peeked,
        _ = stop.asked() => return Ok(None),
    };
    match peeked {
        None => Err(RefuseReason::Silent),
        Some(Ok(None) | Err(_)) => Ok(None),
        Some(Ok(Some(first))) => match first {
            0xff => Ok(Some(Protocol::Zmtp)),
            b'A'..=b'Z' => Ok(Some(Protocol::Http)),
            native::FIRST_BYTE => Ok(Some(Protocol::Native)),
            _ => Err(RefuseReason::Protocol),
        },
    }
}
