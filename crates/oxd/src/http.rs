//! HTTP/1.1 on a connection that was accepted and told apart elsewhere.

use crate::budget::Budget;
use crate::guard::PeerAddress;
use crate::ledger::RefuseReason;
use crate::prefixed::Prefixed;
use crate::shutdown::Stop;
use crate::socket::Socket;
use crate::zmtp_io::{HANDSHAKE_TIMEOUT, within};
use axum::Extension;
use axum::Router;
use bytes::BytesMut;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// So many connections may be in the middle of HTTP at once.
const MAX_CONNECTIONS: usize = 1024;
/// How long a further request's head may take, and how long an idle connection stays open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest request head: one that carries the longest filter, each byte of it as `%XX`.
const HEAD_BYTES: usize = 64 << 10;
/// So much of a head is free; the memory for longer ones is taken from what all connections share.
const FREE_HEAD_BYTES: usize = 1 << 10;
const HEADS_BYTES: usize = 4 << 20;
/// How long a connection may take to finish once the shutdown has begun: uploads and watchers end by themselves then,
/// and who does not read his answer is not waited for.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// What all HTTP connections share; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HttpServer {
    slots: Arc<Semaphore>,
    head_budget: Budget,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), head_budget: Budget::new(HEADS_BYTES) }
    }
}

impl HttpServer {
    /// Answers requests until the peer closes or the shutdown begins; a request that is being answered then is
    /// finished.
    pub(crate) async fn serve(
        &self,
        stream: Socket,
        peer: SocketAddr,
        router: Router,
        mut stop: Stop,
    ) -> Result<(), RefuseReason> {
        // A connection that has not sent a whole head costs little: the server and its buffers come after it.
        let head = tokio::select! {
            head = within(HANDSHAKE_TIMEOUT, self.read_head(&stream)) => head.ok_or(RefuseReason::Silent)?,
            _ = stop.asked() => return Ok(()),
        };
        let Ok(head) = head else { return Ok(()) };
        let _slot = self.slots.try_acquire().map_err(|_| RefuseReason::TooMany)?;
        Box::pin(converse(Prefixed::new(head.freeze(), stream), peer, router, stop)).await
    }

    /// Reads until the first request's head is whole, or as long as a head may be.
    async fn read_head(&self, stream: &Socket) -> io::Result<BytesMut> {
        let mut head = BytesMut::with_capacity(FREE_HEAD_BYTES);
        let mut searched = 0;
        let mut held = None;
        loop {
            stream.readable().await?;
            match stream.try_read_buf(&mut head) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            let ended = head[searched..].windows(4).any(|end| end == b"\r\n\r\n");
            searched = head.len().saturating_sub(3);
            if ended || head.len() >= HEAD_BYTES {
                return Ok(head);
            }
            if head.len() == head.capacity() {
                if held.is_none() {
                    held = Some(self.head_budget.take(HEAD_BYTES).await);
                }
                head.reserve(head.len());
            }
        }
    }
}

async fn converse(
    stream: Prefixed,
    peer: SocketAddr,
    router: Router,
    mut stop: Stop,
) -> Result<(), RefuseReason> {
    let service = TowerToHyperService::new(router.layer(Extension(PeerAddress(peer))));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stop.asked() => {
            connection.as_mut().graceful_shutdown();
            within(STOP_PATIENCE, connection).await.unwrap_or(Ok(()))
        }
    };
    match result {
        Err(error) if error.is_parse() => Err(RefuseReason::Broken),
        Err(error) if error.is_timeout() => Err(RefuseReason::Silent),
        // The peer went away in the middle: its business.
        _ => Ok(()),
    }
}
