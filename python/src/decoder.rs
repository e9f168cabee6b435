//! Events from a stream of bytes, for reports.

use crate::decode::Values;
use blueox_event::EncodedEvent;
use blueox_event::event::EventError;
use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::{MsgpackError, Reader, Token};
use pyo3::prelude::*;
use pyo3::types::PyList;

/// What a live stream sends when nothing happens.
const NIL: u8 = 0xc0;

/// Takes bytes in pieces of any length, and gives the events that are whole.
#[pyclass(module = "blueox._core")]
pub(crate) struct Decoder {
    values: Values,
    /// The beginning of an event.
    rest: Vec<u8>,
    /// How many bytes came before `rest`.
    passed: u64,
    damage: Option<String>,
}

#[pymethods]
impl Decoder {
    #[new]
    fn new() -> Self {
        Self { values: Values::for_reports(), rest: Vec::new(), passed: 0, damage: None }
    }

    /// Why nothing is read any more; None as long as all is well.
    #[getter]
    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Takes the next piece; gives the events that end in it. What comes after damage is ignored.
    #[pyo3(signature = (piece, /))]
    fn feed<'py>(&mut self, py: Python<'py>, piece: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let events = PyList::empty(py);
        if self.damage.is_some() {
            return Ok(events);
        }
        let held = std::mem::take(&mut self.rest);
        let joined;
        let bytes = if held.is_empty() {
            piece
        } else {
            joined = [&held, piece].concat();
            &joined
        };
        let read = self.read(&events, bytes)?;
        self.passed += read as u64;
        if self.damage.is_none() {
            self.rest = bytes[read..].to_vec();
        }
        Ok(events)
    }

    /// The end of the stream: what is wrong with it, if anything is.
    fn finish(&mut self) -> Option<&str> {
        if self.damage.is_none() && !self.rest.is_empty() {
            let count = self.rest.len();
            self.damage =
                Some(format!("the stream ends inside an event, {count} bytes after offset {}", self.passed));
        }
        self.damage.as_deref()
    }
}

impl Decoder {
    /// Reads whole events, and gives how many bytes they took.
    fn read(&mut self, events: &Bound<'_, PyList>, bytes: &[u8]) -> PyResult<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == NIL {
                at += 1;
                continue;
            }
            match event_length(&bytes[at..]) {
                Ok(length) => {
                    events
                        .append(self.values.value(events.py(), &mut Reader::new(&bytes[at..at + length]))?)?;
                    at += length;
                }
                Err(EventError::Msgpack(MsgpackError::Incomplete)) => break,
                Err(error) => {
                    self.damage = Some(format!("offset {}: {error}", self.passed + at as u64));
                    break;
                }
            }
        }
        Ok(at)
    }
}

/// The length of the event at the beginning of `bytes`. What is as it should be is found by the fastest walk; what is wrong with the rest, by
/// the rule that daemons follow.
fn event_length(bytes: &[u8]) -> Result<usize, EventError> {
    let mut reader = Reader::new(bytes);
    let is_map = matches!(reader.token(), Ok(Token::Map(_)));
    let mut reader = Reader::new(bytes);
    if is_map && reader.skip(0).is_ok() && reader.position() <= MAX_EVENT_BYTES {
        return Ok(reader.position());
    }
    EncodedEvent::read(bytes).map(|event| event.bytes().len())
}
