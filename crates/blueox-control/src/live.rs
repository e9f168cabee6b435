//! Events as they arrive at a daemon.

mod event_reader;
mod from_original;

use crate::error::ClientError;
use crate::http::Http;
use crate::original::Original;
use event_reader::{EventReader, ReadError};
use from_original::OriginalStream;
use std::fmt;
use std::sync::Arc;
use ureq::BodyReader;

/// Which events to watch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveRequest {
    /// Patterns of types, each a name or a glob such as `request*`; an event of any of them is meant. None: all.
    pub types: Vec<String>,
    /// A filter that the events must fulfil as well.
    pub filter: Option<String>,
}

/// The events of a daemon, one after another, from now on. It ends when it is dropped.
pub struct LiveStream {
    way: Way,
}

enum Way {
    BlueOx { http: Arc<Http>, events: EventReader<BodyReader<'static>> },
    Original(Box<OriginalStream>),
}

impl LiveStream {
    pub(crate) fn of_blueox(http: Arc<Http>, request: &LiveRequest) -> Result<Self, ClientError> {
        let events = EventReader::new(http.live(request)?);
        Ok(Self { way: Way::BlueOx { http, events } })
    }

    pub(crate) fn of_original(original: Original, request: &LiveRequest) -> Result<Self, ClientError> {
        Ok(Self { way: Way::Original(Box::new(OriginalStream::open(original, request)?)) })
    }

    /// Waits for the next event: its MsgPack, exactly one map within the limits
    /// ([`blueox_event::EncodedEvent::parse`] takes it). `None` when the daemon has ended the stream, because it
    /// stops.
    ///
    /// A watcher who is too slow gets an event of type `blueox.skipped` that tells how many it has missed (not from
    /// an original daemon, which tells nobody).
    ///
    /// # Errors
    /// [`ClientError::Silent`] and [`ClientError::Broken`] when the daemon or the way to it is down,
    /// [`ClientError::BadAnswer`] when what comes is no event. All are final.
    #[expect(
        clippy::should_implement_trait,
        reason = "a stream that fails is no iterator: errors come first"
    )]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match &mut self.way {
            Way::BlueOx { http, events } => events.next().map_err(|error| match error {
                ReadError::Io(error) => http.live_failure(error),
                ReadError::NotAnEvent(reason) => http.bad_answer("live", reason),
            }),
            Way::Original(stream) => stream.next().map(Some),
        }
    }

    /// How many messages of an original daemon were no events and were passed over. Ours sends none.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        match &self.way {
            Way::BlueOx { .. } => 0,
            Way::Original(stream) => stream.discarded(),
        }
    }
}

impl fmt::Debug for LiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::BlueOx { http, .. } => f.debug_tuple("LiveStream").field(http).finish(),
            Way::Original(stream) => f.debug_tuple("LiveStream").field(stream).finish(),
        }
    }
}
