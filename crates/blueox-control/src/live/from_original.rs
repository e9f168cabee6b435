//! The live stream of an original daemon: a PUB socket, on a port that its control port names.

use super::LiveRequest;
use crate::clock::Deadline;
use crate::error::ClientError;
use crate::limits::{ORIGINAL_ATTEMPTS, ORIGINAL_SILENCE_PARTS};
use crate::original::Original;
use crate::zmtp::{Failure, Received, ZmtpSocket};
use blueox_event::limits::{MAX_SUBSCRIPTION_BYTES, MAX_SUBSCRIPTIONS};
use blueox_event::wire::zmtp::SocketType;
use blueox_event::{EncodedEvent, Filter, TypePattern};
use std::net::SocketAddr;

/// The daemon sends what begins with a prefix; what else was asked for is applied here.
#[derive(Debug)]
pub(crate) struct OriginalStream {
    original: Original,
    patterns: Vec<TypePattern>,
    filter: Option<Filter>,
    prefixes: Vec<Vec<u8>>,
    streaming: SocketAddr,
    socket: ZmtpSocket,
    /// What was tried since the last message, in vain.
    attempts: u32,
    discarded: u64,
}

impl OriginalStream {
    pub(crate) fn open(original: Original, request: &LiveRequest) -> Result<Self, ClientError> {
        let filter = request.filter.as_deref().map(Filter::parse).transpose()?;
        let patterns: Vec<_> = request.types.iter().map(TypePattern::new).collect();
        let prefixes = prefixes(&patterns, filter.as_ref());
        let streaming = original.streaming()?;
        let socket = subscribe(&original, streaming, &prefixes)?;
        Ok(Self { original, patterns, filter, prefixes, streaming, socket, attempts: 0, discarded: 0 })
    }

    pub(crate) fn next(&mut self) -> Result<Vec<u8>, ClientError> {
        let silence = self.original.timeouts.silence / ORIGINAL_SILENCE_PARTS;
        loop {
            match self.socket.receive(Deadline::after(silence)) {
                Ok(Received::Message(parts)) => {
                    self.attempts = 0;
                    if let Some(event) = self.wanted(parts) {
                        return Ok(event);
                    }
                }
                Ok(Received::Discarded(_)) => self.discarded += 1,
                Err(failure) => self.look_again(failure)?,
            }
        }
    }

    pub(crate) fn discarded(&self) -> u64 {
        self.discarded
    }

    /// The event of a message, if it is one and was asked for.
    fn wanted(&mut self, mut parts: Vec<Vec<u8>>) -> Option<Vec<u8>> {
        let bytes = if parts.len() == 2 { parts.pop() } else { None };
        let Some((bytes, event)) =
            bytes.as_deref().and_then(|bytes| Some((bytes, EncodedEvent::parse(bytes).ok()?)))
        else {
            self.discarded += 1;
            return None;
        };
        let name = event.type_bytes();
        let is_of_type =
            self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(name));
        let is_wanted = is_of_type && self.filter.as_ref().is_none_or(|filter| filter.matches(&event));
        is_wanted.then(|| bytes.to_vec())
    }

    /// After silence or the end of the connection: asks where the stream is now, and goes there.
    fn look_again(&mut self, failure: Failure) -> Result<(), ClientError> {
        let silence = matches!(failure, Failure::TimedOut);
        let failed = failure.at(&self.original.address, "live", self.original.timeouts.silence);
        if !silence && !matches!(failed, ClientError::Broken { .. }) {
            return Err(failed);
        }
        self.attempts += 1;
        let streaming = match self.original.streaming() {
            Ok(streaming) => streaming,
            // It answers late or not at all while it has much to do; that its port is closed is another thing.
            Err(ClientError::TimedOut { .. }) if silence && self.attempts < ORIGINAL_ATTEMPTS => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if silence && streaming == self.streaming {
            self.attempts = 0;
            let deadline = Deadline::after(self.original.timeouts.answer);
            if self.socket.probe(&self.prefixes[0], deadline).is_ok() {
                return Ok(());
            }
        } else if !silence && self.attempts > ORIGINAL_ATTEMPTS {
            return Err(failed);
        }
        self.socket = subscribe(&self.original, streaming, &self.prefixes)?;
        self.streaming = streaming;
        Ok(())
    }
}

fn subscribe(
    original: &Original,
    streaming: SocketAddr,
    prefixes: &[Vec<u8>],
) -> Result<ZmtpSocket, ClientError> {
    let mut socket = original.open(streaming, SocketType::Sub, "live")?;
    let after = original.timeouts.answer;
    socket
        .subscribe(prefixes, Deadline::after(after))
        .map_err(|failure| failure.at(&original.address, "live", after))?;
    Ok(socket)
}

/// The beginnings of all types that are asked for, one at least.
fn prefixes(patterns: &[TypePattern], filter: Option<&Filter>) -> Vec<Vec<u8>> {
    let narrowed = if patterns.is_empty() { filter.and_then(Filter::type_patterns) } else { None };
    let patterns = narrowed.as_deref().unwrap_or(patterns);
    let mut prefixes: Vec<Vec<u8>> = patterns
        .iter()
        .map(|pattern| {
            let bytes = pattern.bytes();
            let end = bytes.iter().position(|byte| matches!(byte, b'*' | b'?')).unwrap_or(bytes.len());
            bytes[..end.min(MAX_SUBSCRIPTION_BYTES)].to_vec()
        })
        .collect();
    prefixes.sort();
    // What begins with a longer prefix begins with the shorter one too.
    prefixes.dedup_by(|longer, shorter| longer.starts_with(shorter));
    if prefixes.is_empty() || prefixes.len() > MAX_SUBSCRIPTIONS {
        return vec![Vec::new()];
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_covers_what_is_asked_for() {
        let of = |types: &[&str], filter: Option<&str>| {
            let patterns: Vec<_> = types.iter().map(TypePattern::new).collect();
            let filter = filter.map(|filter| Filter::parse(filter).unwrap());
            let prefixes = prefixes(&patterns, filter.as_ref());
            prefixes.into_iter().map(|prefix| String::from_utf8(prefix).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of(&[], None), [""]);
        assert_eq!(of(&["request", "request*", "sql?.x"], None), ["request", "sql"]);
        assert_eq!(of(&["a", "*"], None), [""]);
        assert_eq!(of(&[], Some("type = job* and x = 1")), ["job"]);
        assert_eq!(of(&[], Some("x = 1")), [""]);
    }
}
