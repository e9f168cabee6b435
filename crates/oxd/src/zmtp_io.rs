//! Sockets for the sans-I/O ZMTP connections.

use crate::ledger::RefuseReason;
use crate::socket::Socket;
use blueox_event::wire::zmtp::Connection;
use std::io;
use std::time::Duration;

/// How long a peer may take for greeting and READY.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may leave our bytes unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Awaits `future` for so long at most; [`Duration::MAX`] is for ever.
pub(crate) async fn within<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    if patience == Duration::MAX {
        return Some(future.await);
    }
    tokio::time::timeout(patience, future).await.ok()
}

/// Writes all that the connection wants to say.
pub(crate) async fn write_output(stream: &Socket, zmtp: &mut Connection) -> Result<(), RefuseReason> {
    write_all_of(stream, zmtp.output()).await
}

/// Writes what is in `output` and empties it.
pub(crate) async fn write_all_of(stream: &Socket, output: &mut Vec<u8>) -> Result<(), RefuseReason> {
    if output.is_empty() {
        return Ok(());
    }
    let written = within(WRITE_TIMEOUT, write_all(stream, output)).await;
    output.clear();
    match written {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => {
            tracing::debug!(%error, "a connection is gone");
            Err(RefuseReason::Broken)
        }
        None => Err(RefuseReason::Stalled),
    }
}

async fn write_all(stream: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
