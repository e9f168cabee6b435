//! What the metadata of a sealed file say.

use super::SealError;
use crate::limits::{SEALED_BATCH_EVENTS, UNSEALED_BATCH_BYTES};
use blueox_event::Value;
use parquet::file::metadata::{FileMetaData, KeyValue};
use std::path::Path;

const FORMAT_KEY: &str = "blueox.format";
const FORMAT: &str = "2";
const TYPE_KEY: &str = "blueox.type";
const SOURCES_KEY: &str = "blueox.sources";
const REPLACES_KEY: &str = "blueox.replaces";
const REST_KEY: &str = "blueox.rest";
const LARGEST_KEY: &str = "blueox.largest";

/// What a sealed file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Metadata {
    /// The type of its events, unless they say otherwise.
    pub(super) type_name: Vec<u8>,
    /// What it was made of, in the order of its rows.
    pub(super) sources: Vec<SealedSource>,
    /// Names of sealed files beside it that it has taken the place of.
    pub(super) replaces: Vec<String>,
    /// Paths of values that stand in `_rest`; an empty one: any.
    pub(super) rest: Vec<String>,
    /// The length of the longest event, in bytes.
    pub(super) largest: u64,
}

/// A part of a day file that a sealed file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSource {
    /// The day file's name, without its directory.
    pub name: String,
    /// From which byte on.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// A checksum of their beginning and end ([`super::fingerprint`]): a file that is made anew has the same name.
    pub fingerprint: u32,
}

impl Metadata {
    pub(super) fn to_pairs(&self) -> Vec<KeyValue> {
        let texts = |texts: &[String]| {
            Value::Array(texts.iter().map(|text| Value::from(text.as_str())).collect()).to_msgpack()
        };
        let sources = self.sources.iter().map(|source| {
            Value::Array(vec![
                Value::from(source.name.as_str()),
                Value::UInt(source.offset),
                Value::UInt(source.bytes),
                Value::from(source.fingerprint),
            ])
        });
        let pair = |key: &str, bytes: &[u8]| KeyValue::new(key.to_owned(), hex(bytes));
        vec![
            KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_owned()),
            pair(TYPE_KEY, &self.type_name),
            pair(SOURCES_KEY, &Value::Array(sources.collect()).to_msgpack()),
            pair(REPLACES_KEY, &texts(&self.replaces)),
            pair(REST_KEY, &texts(&self.rest)),
            KeyValue::new(LARGEST_KEY.to_owned(), self.largest.to_string()),
        ]
    }

    pub(super) fn read(file: &FileMetaData, path: &Path) -> Result<Self, SealError> {
        let pairs = file.key_value_metadata();
        let text = |key: &str| pairs?.iter().find(|pair| pair.key == key)?.value.clone();
        let wrong = |why: &str| SealError::Corrupt { path: path.to_owned(), why: why.to_owned() };
        match text(FORMAT_KEY).as_deref() {
            Some(FORMAT) => {}
            Some("1") => {
                return Err(wrong("an early BlueOx wrote it; its day file is there: seal that again"));
            }
            Some(_) => return Err(wrong("it was written by a newer BlueOx")),
            None => return Err(wrong("it is Parquet of somebody else")),
        }
        let bytes = |key: &str| text(key).and_then(|hex| unhex(&hex));
        let list = |key: &str| match Value::from_msgpack(&bytes(key)?) {
            Ok(Value::Array(items)) => Some(items),
            _ => None,
        };
        let texts = |key: &str| -> Option<Vec<String>> { list(key)?.into_iter().map(into_text).collect() };
        Ok(Self {
            type_name: bytes(TYPE_KEY).ok_or_else(|| wrong("it has no type"))?,
            sources: list(SOURCES_KEY)
                .and_then(|items| items.into_iter().map(source).collect())
                .ok_or_else(|| wrong("it does not say what it was made of"))?,
            replaces: texts(REPLACES_KEY).ok_or_else(|| wrong("it does not say what it replaces"))?,
            rest: texts(REST_KEY).ok_or_else(|| wrong("it does not say what is in its rest"))?,
            largest: text(LARGEST_KEY)
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| wrong("it does not say how long its events are"))?,
        })
    }
}

impl Metadata {
    /// How many events may be decoded at once.
    pub(super) fn batch_events(&self) -> usize {
        let events = UNSEALED_BATCH_BYTES / usize::try_from(self.largest.max(1)).unwrap_or(usize::MAX);
        events.clamp(1, SEALED_BATCH_EVENTS)
    }
}

fn source(item: Value) -> Option<SealedSource> {
    let Value::Array(items) = item else { return None };
    match <[Value; 4]>::try_from(items).ok()? {
        [name, Value::UInt(offset), Value::UInt(bytes), Value::UInt(fingerprint)] => Some(SealedSource {
            name: into_text(name)?,
            offset,
            bytes,
            fingerprint: u32::try_from(fingerprint).ok()?,
        }),
        _ => None,
    }
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::Str(bytes) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
