//! The id of an event: made here, or given by the application.

use crate::clock::Moment;
use crate::msgpack;
use crate::sampling::Seed;
use crate::span_id::hex;
use blueox_event::EventId;
use std::sync::Arc;

/// An id. One that is 32 hex digits is the same whether it was made or given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Id {
    Made(EventId),
    Text(Arc<str>),
    Number(u64),
}

impl Id {
    /// Stands where no event is.
    pub(crate) const NONE: Self = Self::Number(0);

    /// A new one, made at `start`.
    pub(crate) fn made(start: Moment, random: [u8; 12]) -> Self {
        Self::Made(EventId::new(start.seconds() as u32, random))
    }

    /// The application's own text. Longer ones than a type may be are cut.
    pub(crate) fn given(text: &str) -> Self {
        match text.parse() {
            Ok(id) if text.bytes().all(|byte| !byte.is_ascii_uppercase()) => Self::Made(id),
            _ => {
                let mut text = text.to_owned();
                crate::name::cut(&mut text, blueox_event::limits::MAX_TYPE_BYTES);
                Self::Text(text.into())
            }
        }
    }

    /// What sampling decides from.
    pub(crate) fn seed(&self) -> Seed {
        match self {
            Self::Made(id) => Seed::of_id(id.bytes()),
            Self::Text(text) => Seed::of_id(text.as_bytes()),
            Self::Number(number) => Seed::of_id(&number.to_be_bytes()),
        }
    }

    /// The length of its encoding, at most.
    pub(crate) fn bound(&self) -> usize {
        match self {
            Self::Made(_) => 34,
            Self::Text(text) => text.len() + 5,
            Self::Number(_) => 9,
        }
    }

    /// Appends it as MsgPack, with its key.
    #[inline]
    pub(crate) fn encode_pair(&self, out: &mut Vec<u8>) {
        const KEY: &[u8] = b"\xa2id";
        match self {
            Self::Made(id) => {
                let mut pair = *b"\xa2id\xd9\x20................................"; // str 8
                hex(id.bytes(), &mut pair[5..]);
                out.extend_from_slice(&pair);
            }
            Self::Text(text) => {
                out.extend_from_slice(KEY);
                msgpack::put_text(out, text.as_bytes());
            }
            Self::Number(number) => {
                out.extend_from_slice(KEY);
                msgpack::put_uint(out, *number);
            }
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Made(id) => id.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}
