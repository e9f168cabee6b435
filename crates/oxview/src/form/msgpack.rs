//! Events as they are: what `oxview`, the original's tools and every MsgPack library read.

use super::Form;
use crate::projection::Projection;
use blueox_event::EncodedEvent;

pub(super) struct Msgpack {
    projection: Projection,
}

impl Msgpack {
    pub(super) fn new(projection: Projection) -> Self {
        Self { projection }
    }
}

impl Form for Msgpack {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        match self.projection.flat(event) {
            Some(flat) => out.extend_from_slice(&flat),
            None => out.extend_from_slice(event.bytes()),
        }
    }
}
