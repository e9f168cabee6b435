//! The live stream of a daemon.

use crate::progress::Progress;
use crate::selection::Selection;
use crate::sink::Sink;
use crate::text;
use blueox_control::{Client, ClientError, ControlAddress, LiveRequest, LiveStream, Timeouts};
use blueox_event::{EncodedEvent, Path};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

/// How many events wait between the network and the view. When the view is slower the daemon skips, and says so.
const WAITING_EVENTS: usize = 256;
/// How often to look whether the output is still wanted while no event comes.
const POLL: Duration = Duration::from_millis(250);
/// The event by which a daemon tells a watcher that it was too slow.
const SKIPPED: &[u8] = b"blueox.skipped";

/// Events as they arrive.
pub(crate) trait LiveEvents: Send {
    /// Waits for the next event's MsgPack; `None` when the daemon has ended the stream.
    ///
    /// # Errors
    /// When the way to the daemon breaks.
    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>>;
}

impl LiveEvents for LiveStream {
    fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        LiveStream::next(self).map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// Asks the daemon for the events of `selection`.
///
/// # Errors
/// When there is no daemon, or it refuses.
pub(crate) fn connect(
    address: &ControlAddress,
    selection: &Selection,
) -> anyhow::Result<Box<dyn LiveEvents>> {
    let request = LiveRequest {
        types: selection.types().iter().map(|pattern| text::printable_text(pattern.bytes())).collect(),
        filter: selection.filter_source().map(str::to_owned),
    };
    // These errors tell their source themselves.
    let client = Client::connect(address, Timeouts::default()).map_err(|error| anyhow::anyhow!("{error}"))?;
    let stream = client.live(&request).map_err(|error| match (error, selection.filter_source()) {
        (ClientError::Filter(error), Some(source)) => {
            anyhow::anyhow!("{address} does not understand the filter\n{}", error.render(source))
        }
        (error, _) => anyhow::anyhow!("{error}"),
    })?;
    Ok(Box::new(stream))
}

/// Gives the events of the stream that are asked for to `sink`, until either has had enough.
///
/// # Errors
/// Those of the stream and of `sink`.
pub(crate) fn watch(
    events: Box<dyn LiveEvents>,
    address: &str,
    selection: &Selection,
    progress: &Progress,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let (sender, receiver) = mpsc::sync_channel(WAITING_EVENTS);
    let mut quiet = true;
    // It ends when the receiver is gone, at the latest with the process.
    thread::spawn(move || pass_on(events, &sender));
    loop {
        let message = match receiver.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => return Ok(ControlFlow::Break(())),
            Err(TryRecvError::Empty) => {
                sink.idle()?;
                match receiver.recv_timeout(POLL) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) => {
                        if quiet && sink.count() == 0 {
                            progress.say_to_terminal(&format!("watching {address}; no event yet"));
                        }
                        quiet = false;
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return Ok(ControlFlow::Break(())),
                }
            }
        };
        let Some(bytes) = message? else {
            progress.say(&format!("the oxd at {address} has stopped; the live stream is over"));
            return Ok(ControlFlow::Break(()));
        };
        // What comes from a daemon that is no longer ours to trust is looked at again.
        let Ok(event) = EncodedEvent::parse(&bytes) else { continue };
        if event.type_bytes() == SKIPPED {
            let count = Path::parse("count").ok().and_then(|path| path.find(event.body()?)?.as_f64());
            let count = count.map_or_else(String::new, |count| format!(" {count}"));
            progress.say(&format!("skipped{count} events: this view was too slow for them"));
        } else if selection.matches(&event) && sink.event(&event)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}

fn pass_on(mut events: Box<dyn LiveEvents>, sender: &SyncSender<anyhow::Result<Option<Vec<u8>>>>) {
    loop {
        let event = events.next();
        let last = !matches!(event, Ok(Some(_)));
        if sender.send(event).is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Tail;
    use blueox_event::{Event, Value};

    struct Fake(Vec<Vec<u8>>);

    impl LiveEvents for Fake {
        fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
            Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
        }
    }

    fn event(type_name: &str) -> Vec<u8> {
        Event {
            type_name: type_name.into(),
            id: Value::from(1),
            host: "a".into(),
            pid: 1,
            start: 0.0,
            end: 0.0,
            body: Value::map([("count", Value::from(3))]),
        }
        .to_msgpack()
    }

    #[test]
    fn what_was_asked_for_is_shown_until_the_daemon_stops() {
        let stream = vec![event("a"), event("b"), b"no event".to_vec(), event("blueox.skipped"), event("a")];
        let types = ["a".to_owned(), "blueox*".to_owned()];
        let selection = Selection::new(&types, None, Default::default(), None).unwrap();
        let mut kept = Tail::new(10);
        let _ = watch(Box::new(Fake(stream)), "a daemon", &selection, &Progress::new(), &mut kept).unwrap();
        assert_eq!(kept.into_events(), [event("a"), event("a")]);
    }
}
