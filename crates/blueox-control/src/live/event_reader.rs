//! Events one after another out of a stream of bytes.

use crate::limits::READ_BYTES;
use blueox_event::EncodedEvent;
use blueox_event::limits::{MAX_DEPTH, MAX_EVENT_BYTES};
use blueox_event::msgpack::{MsgpackError, Reader, Token};
use std::io::{self, Read};

/// Splits a stream into events. Nils between them are keep-alives. It holds one event and one read at most, and
/// looks at no byte twice, in whatever pieces they come.
#[derive(Debug)]
pub(crate) struct EventReader<R> {
    source: R,
    buffer: Box<[u8]>,
    input: Vec<u8>,
    /// All before this was given away.
    consumed: usize,
    walk: Walk,
}

/// Why there is no next event.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The source failed; [`io::ErrorKind::UnexpectedEof`] when it ended inside an event.
    Io(io::Error),
    /// What came is no event.
    NotAnEvent(String),
}

impl<R: Read> EventReader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; READ_BYTES].into(),
            input: Vec::new(),
            consumed: 0,
            walk: Walk::default(),
        }
    }

    /// The next event's bytes; `None` at the end of the source.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            if let Some(event) = self.take()? {
                return Ok(Some(event));
            }
            if !self.fill().map_err(ReadError::Io)? {
                return if self.consumed == self.input.len() {
                    Ok(None)
                } else {
                    Err(ReadError::Io(io::ErrorKind::UnexpectedEof.into()))
                };
            }
        }
    }

    /// Takes an event out of what was read, if it is there as a whole.
    fn take(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            let unread = &self.input[self.consumed..];
            let Some(length) = self.walk.advance(unread).map_err(|error| not_an_event(&error))? else {
                if unread.len() > MAX_EVENT_BYTES {
                    return Err(ReadError::NotAnEvent(format!(
                        "an event of more than {MAX_EVENT_BYTES} bytes"
                    )));
                }
                return Ok(None);
            };
            self.walk.position = 0;
            self.consumed += length;
            match &unread[..length] {
                [KEEP_ALIVE] => {}
                event => {
                    EncodedEvent::parse(event).map_err(|error| not_an_event(&error))?;
                    return Ok(Some(event.to_vec()));
                }
            }
        }
    }

    /// Reads more; `false` at the end of the source.
    fn fill(&mut self) -> io::Result<bool> {
        self.input.drain(..self.consumed);
        self.consumed = 0;
        loop {
            match self.source.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let read = read?;
                    self.input.extend_from_slice(&self.buffer[..read]);
                    return Ok(read > 0);
                }
            }
        }
    }
}

/// nil
const KEEP_ALIVE: u8 = 0xc0;

fn not_an_event(error: &dyn std::error::Error) -> ReadError {
    ReadError::NotAnEvent(error.to_string())
}

/// A walk over one value that goes on where the bytes ended the last time.
#[derive(Debug, Default)]
struct Walk {
    /// All before this was walked. To be set to 0 before the next value.
    position: usize,
    /// How many values are still to come, of each open array and map, innermost last.
    open: Vec<u64>,
}

impl Walk {
    /// Walks on in `bytes`, which begin where they began the last time. The value's length, when it is whole.
    fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, MsgpackError> {
        let mut reader = Reader::new(&bytes[self.position..]);
        let start = self.position;
        loop {
            let token = match reader.token() {
                Ok(token) => token,
                Err(MsgpackError::Incomplete) => return Ok(None),
                Err(error) => return Err(error),
            };
            self.position = start + reader.position();
            let values = match token {
                Token::Array(items) => u64::from(items),
                Token::Map(pairs) => u64::from(pairs) * 2,
                _ => 0,
            };
            self.open.push(values);
            if self.open.len() > MAX_DEPTH + 1 {
                return Err(MsgpackError::TooDeep { offset: self.position });
            }
            while self.open.last() == Some(&0) {
                self.open.pop();
                match self.open.last_mut() {
                    Some(left) => *left -= 1,
                    None => return Ok(Some(self.position)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{Event, Value};
    use proptest::prelude::*;

    /// Gives its bytes in pieces of at most so many.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            (&mut self.0).take(length as u64).read(buffer)
        }
    }

    fn event(body: Value) -> Vec<u8> {
        Event { type_name: "t".into(), id: 1.into(), host: "h".into(), pid: 1, start: 1.0, end: 2.0, body }
            .to_msgpack()
    }

    fn read_all(bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<ReadError>) {
        let mut reader = EventReader::new(Pieces(bytes, piece));
        let mut events = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, None),
                Err(error) => return (events, Some(error)),
            }
        }
    }

    proptest! {
        #[test]
        fn events_come_out_in_whatever_pieces_they_come(
            lists in prop::collection::vec(prop::collection::vec(".{0,40}", 0..9), 0..9),
            piece in 1usize..300,
            nils in 0usize..3,
        ) {
            let body = |list: Vec<String>| Value::Array(vec![Value::map([("list", Value::Array(list.into_iter().map(Value::from).collect()))])]);
            let events: Vec<_> = lists.into_iter().map(|list| event(body(list))).collect();
            let mut bytes = vec![KEEP_ALIVE; nils];
            for event in &events {
                bytes.extend_from_slice(event);
                bytes.resize(bytes.len() + nils, KEEP_ALIVE);
            }
            let (found, end) = read_all(&bytes, piece);
            prop_assert!(end.is_none());
            prop_assert_eq!(found, events);
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes: Vec<u8>, piece in 1usize..9) {
            let _ = read_all(&bytes, piece);
        }
    }

    #[test]
    fn half_an_event_is_no_end() {
        let bytes = event(Value::Nil);
        let (_, end) = read_all(&bytes[..bytes.len() - 1], 7);
        assert!(matches!(end, Some(ReadError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn an_endless_event_is_refused_in_linear_time_and_bounded_memory() {
        for start in [&[0xdf, 0xff, 0xff, 0xff, 0xff][..], &[0x81, 0xa1, b'x', 0xc6, 0xff, 0xff, 0xff, 0xff]]
        {
            let bytes = [start, &vec![1; MAX_EVENT_BYTES + 2 * READ_BYTES]].concat();
            let mut reader = EventReader::new(Pieces(&bytes, 100));
            assert!(matches!(reader.next(), Err(ReadError::NotAnEvent(_))));
            assert!(reader.input.capacity() <= 4 * MAX_EVENT_BYTES, "{}", reader.input.capacity());
        }
    }

    #[test]
    fn what_is_no_event_says_what_it_is() {
        for (bytes, expected) in
            [(&[0x01][..], "another value"), (&[0xc1], "0xc1"), (&vec![0x91; 1000][..], "deeper")]
        {
            let (_, end) = read_all(bytes, 1);
            assert!(
                matches!(&end, Some(ReadError::NotAnEvent(reason)) if reason.contains(expected)),
                "{end:?}"
            );
        }
    }
}
