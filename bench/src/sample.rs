//! Events of an exact size, with a number in their body by which each can be told apart.

use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::wire::original::{self, Header};
use blueox_event::{EventId, Value};

/// The types, in turn: a request has two queries and a look into a cache.
pub(crate) const TYPES: [&str; 4] = ["request.sql", "request.cache", "request.sql", "request"];

/// The smallest event that [`Sample::new`] can make.
pub(crate) const MIN_BYTES: usize = 270;

const PATHS: [&str; 6] = ["/cart", "/item", "/find", "/home", "/user", "/pay"];
const WORDS: [&str; 24] = [
    "select", "from", "carts", "where", "user", "order", "price", "shop", "join", "lines", "on", "and",
    "limit", "green", "tea", "small", "cup", "black", "coffee", "page", "sort", "by", "name", "asc",
];

/// Stands where the number will be; a MsgPack uint 32 keeps its length whatever its value.
const PLACEHOLDER: u32 = 0xa5c3_5a3c;

/// An encoded event and where its number stands.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) header: [u8; original::LENGTH],
    pub(crate) map: Vec<u8>,
    number_at: usize,
}

impl Sample {
    /// An event of exactly `bytes` bytes. From 1,500 bytes on it has headers and a cart's lines in its body: as
    /// much structure as text. Each `seed` gives other ids, times, paths and words, so that a compressor finds as
    /// much to do as among real events of one application.
    ///
    /// # Panics
    /// If `bytes` is below [`MIN_BYTES`] or more than an event may have.
    pub(crate) fn new(type_name: &'static str, bytes: usize, end: f64, seed: u64) -> Self {
        assert!(
            (MIN_BYTES..=MAX_EVENT_BYTES).contains(&bytes),
            "BUG: the size is checked by the command line"
        );
        let mut text_bytes = 0;
        let mut slash = false;
        let map = loop {
            let map = encode(type_name, bytes >= 1_500, Text { bytes: text_bytes, slash }, end, seed);
            match bytes.checked_sub(map.len()) {
                Some(0) => break map,
                Some(missing) => text_bytes += missing,
                // The text's own length took another byte. With a longer path it needs one less.
                None if !slash => (text_bytes, slash) = (0, true),
                None => text_bytes -= map.len() - bytes,
            }
        };
        let number_at = position(&map, &PLACEHOLDER.to_be_bytes());
        Self { header: Header::encode(end, b"web-1", type_name.as_bytes()), map, number_at }
    }

    /// Where the number stands in the bytes of the map.
    pub(crate) fn number_at(&self) -> usize {
        self.number_at
    }
}

/// What is made longer until an event has its size.
#[derive(Debug, Clone, Copy)]
struct Text {
    bytes: usize,
    /// Whether the path ends in a slash.
    slash: bool,
}

fn encode(type_name: &str, structured: bool, text: Text, end: f64, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut id = [0; 12];
    id[..8].copy_from_slice(&dice.next().to_le_bytes());
    id[8..].copy_from_slice(&dice.next().to_le_bytes()[..4]);
    let start = end - dice.below(200_000) as f64 / 1e6;
    let path = PATHS[dice.below(PATHS.len() as u64) as usize];
    let path = Value::from(if text.slash { format!("{path}/") } else { path.to_owned() });
    let (size, user) = (100_000 + dice.below(900_000) as u32, 100_000 + dice.below(50_000) as u32);
    let mut body = vec![
        ("seq", Value::from(PLACEHOLDER)),
        ("endpoint", Value::from("/cart")),
        ("request", Value::map([("method", Value::from("GET")), ("path", path)])),
        ("response", Value::map([("status", Value::from(200u32)), ("size", Value::from(size))])),
        ("user", Value::map([("id", Value::from(user))])),
    ];
    if structured {
        let mut header =
            |n: usize| (format!("X-Header-{n:02}"), Value::from(format!("{:016x}", dice.next())));
        body.push(("headers", Value::map((0..20).map(&mut header))));
        let mut line = |_| {
            let sku = Value::from(format!("sku-{:04}", dice.below(10_000)));
            let (amount, price) = (dice.below(3) as u32, dice.below(10_000) as f64 / 100.0);
            Value::map([("sku", sku), ("amount", Value::from(amount)), ("price", Value::from(price))])
        };
        body.push(("lines", Value::Array((0..15).map(&mut line).collect())));
    }
    body.push(("query", Value::from(words(&mut dice, text.bytes))));
    Value::map([
        ("id", Value::from(EventId::new(end as u32, id).to_string())),
        ("type", Value::from(type_name)),
        ("host", Value::from("web-1")),
        ("pid", Value::from(4_121u32)),
        ("start", Value::from(start)),
        ("end", Value::from(end)),
        ("body", Value::map(body)),
    ])
    .to_msgpack()
}

/// Words and numbers, so many bytes of them.
pub(crate) fn words(dice: &mut Dice, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 8);
    while text.len() < bytes {
        match dice.below(4) {
            0 => text.push_str(&dice.below(100_000).to_string()),
            _ => text.push_str(WORDS[dice.below(WORDS.len() as u64) as usize]),
        }
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// The same numbers for the same seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

fn position(whole: &[u8], part: &[u8]) -> usize {
    whole.windows(part.len()).position(|window| window == part).expect("BUG: the number is in the body")
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::EncodedEvent;

    #[test]
    fn an_event_has_the_size_that_was_asked_for() {
        for bytes in [MIN_BYTES, 299, 300, 301, 511, 512, 513, 1_499, 1_500, 3_000, 70_000] {
            for type_name in TYPES {
                for seed in 0..50 {
                    let mut sample = Sample::new(type_name, bytes, 1_331_640_000.25, seed);
                    assert_eq!(sample.map.len(), bytes, "{type_name}, seed {seed}");
                    let at = sample.number_at();
                    sample.map[at..at + 4].copy_from_slice(&7u32.to_be_bytes());
                    assert_eq!(EncodedEvent::parse(&sample.map).unwrap().type_bytes(), type_name.as_bytes());
                }
            }
        }
    }
}
