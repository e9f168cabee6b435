//! The streaming port: the live stream for original clients, as ZeroMQ PUB. Subscriptions are applied here.

use crate::ledger::RefuseReason;
use crate::live::{Live, Next, Wanted};
use crate::read_buffer::ReadBuffer;
use crate::shutdown::Stop;
use crate::socket::Socket;
use crate::zmtp_io;
use blueox_event::limits::MAX_SUBSCRIPTIONS;
use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

/// The longest thing that a subscriber may send.
const REQUEST_BYTES: usize = 8 << 10;

/// Sends what the peer subscribes to until it goes away or the shutdown begins.
pub(crate) async fn serve(
    stream: &Socket,
    peer: SocketAddr,
    live: &Live,
    mut buffer: ReadBuffer,
    mut stop: Stop,
) -> Result<(), RefuseReason> {
    let mut zmtp = Connection::accept(SocketType::Pub, REQUEST_BYTES);
    let watching = live
        .watch(peer.to_string(), "zmtp", Wanted::Prefixes(Mutex::default()))
        .map_err(|_| RefuseReason::TooMany)?;
    loop {
        let needed = take_subscriptions(&mut zmtp, &mut buffer, &watching.watcher.wanted);
        zmtp_io::write_output(stream, &mut zmtp).await?;
        let needed = needed?;
        if zmtp.peer().is_none() {
            match zmtp_io::within(zmtp_io::HANDSHAKE_TIMEOUT, buffer.fill(stream, needed)).await {
                Some(Ok(0) | Err(_)) => return Ok(()),
                Some(Ok(_)) => continue,
                None => return Err(RefuseReason::Silent),
            }
        }
        tokio::select! {
            read = buffer.fill(stream, needed) => {
                if matches!(read, Ok(0) | Err(_)) {
                    return Ok(());
                }
            }
            next = watching.next() => {
                // Skipped events are counted in status; an original client knows no place for the number.
                if let Next::Batch(batch) = next {
                    let watcher = &watching.watcher;
                    for event in batch.events().filter(|event| watcher.wanted.matches(event.type_name.bytes())) {
                        if zmtp.send(&[event.type_name.bytes(), event.bytes]).is_err() {
                            return Err(RefuseReason::Broken);
                        }
                        watcher.sent.fetch_add(1, Relaxed);
                    }
                }
            }
            _ = stop.asked() => return Ok(()),
        }
    }
}

fn take_subscriptions(
    zmtp: &mut Connection,
    buffer: &mut ReadBuffer,
    wanted: &Wanted,
) -> Result<usize, RefuseReason> {
    let Wanted::Prefixes(prefixes) = wanted else { return Err(RefuseReason::Broken) };
    let mut prefixes = prefixes.lock().unwrap_or_else(PoisonError::into_inner);
    let mut consumed = 0;
    let result = loop {
        match zmtp.advance(&buffer.unread()[consumed..]) {
            Ok(step) => {
                consumed += step.consumed;
                match step.item {
                    Some(Item::Subscribe(prefix)) if prefixes.len() < MAX_SUBSCRIPTIONS => {
                        prefixes.push(prefix.to_vec());
                    }
                    // More than anybody needs: the peer is better told than half served.
                    Some(Item::Subscribe(_)) => {
                        tracing::warn!(
                            limit = MAX_SUBSCRIPTIONS,
                            "a subscriber wants too much; subscribe to a prefix"
                        );
                        break Err(RefuseReason::Broken);
                    }
                    Some(Item::Cancel(prefix)) => {
                        if let Some(at) = prefixes.iter().position(|known| known == prefix) {
                            prefixes.swap_remove(at);
                        }
                    }
                    Some(_) => {}
                    None => break Ok(step.needed),
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a zmtp subscriber's connection ends");
                break Err(RefuseReason::Broken);
            }
        }
    };
    buffer.consume(consumed);
    result
}
