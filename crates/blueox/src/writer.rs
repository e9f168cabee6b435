//! Values of any kind as MsgPack, within limits.
//!
//! Whatever is written, the result is exactly one value, at most so deep and so long as allowed. What had to give way is marked:
//!
//! | | mark |
//! | --- | --- |
//! | text too long | its beginning and `…[n bytes]` |
//! | bytes too long | the same as text, the beginning in hex |
//! | too many items | a last item `…`; in a map the key `…` with the value `…` |
//! | nested too deep, or no room left | `[left out]` |
//! | a value under a secret's name | `[scrubbed]` |
//! | a value whose own code panicked | `[panicked]` |

use crate::limits::{KEY_BYTES, VALUE_DEPTH};
use crate::msgpack;
use crate::scrub::{SCRUBBED, Scrubber};
use crate::value::Record;

/// What stands in the place of a value for which there was no room.
pub(crate) const LEFT_OUT: &str = "[left out]";

const MORE: &str = "…";

/// What a value may take, and which keys inside it are secrets.
#[derive(Debug, Clone)]
pub(crate) struct ValueLimits {
    pub(crate) text_bytes: usize,
    pub(crate) items: usize,
    pub(crate) scrubber: Scrubber,
}

/// A place for one value. A [`Record`] calls exactly one of its methods; a place that is left empty holds nil.
///
/// ```
/// use blueox::{Record, Writer};
/// struct Point(f64, f64);
/// impl Record for Point {
///     fn record(&self, to: Writer<'_>) {
///         to.map(|point| {
///             point.entry("x", &self.0);
///             point.entry("y", &self.1);
///         });
///     }
/// }
/// # let events = blueox::testing::capture();
/// # { let _shape = blueox::context("shape"); blueox::set("at", Point(1.0, 2.0)); }
/// # assert_eq!(events.all()[0].json("body.at.y"), "2.0");
/// ```
#[derive(Debug)]
pub struct Writer<'w> {
    out: &'w mut Vec<u8>,
    limits: &'w ValueLimits,
    /// No list, map, text or further item may begin at or behind this length of `out`; marks and numbers may.
    end: usize,
    depth: usize,
}

/// A list that is being written.
///
/// ```
/// use blueox::{Items, Record, Writer};
/// struct Countdown(u8);
/// impl Record for Countdown {
///     fn record(&self, to: Writer<'_>) {
///         to.list(|items: &mut Items<'_>| {
///             (0..self.0).rev().all(|n| items.item(&n)); // stops when no more is taken
///         });
///     }
/// }
/// # let events = blueox::testing::capture();
/// blueox::context("job").set("value", Countdown(3));
/// assert_eq!(events.all()[0].json("body.value"), "[2,1,0]");
/// ```
#[derive(Debug)]
pub struct Items<'w> {
    place: Writer<'w>,
    count: usize,
    is_full: bool,
}

/// A map that is being written.
///
/// ```
/// use blueox::{Entries, Record, Writer};
/// struct Point(f64, f64);
/// impl Record for Point {
///     fn record(&self, to: Writer<'_>) {
///         to.map(|entries: &mut Entries<'_>| {
///             entries.entry("x", &self.0);
///             entries.entry("y", &self.1);
///         });
///     }
/// }
/// # let events = blueox::testing::capture();
/// blueox::context("job").set("value", Point(0.5, 1.5));
/// assert_eq!(events.all()[0].json("body.value"), r#"{"x":0.5,"y":1.5}"#);
/// ```
#[derive(Debug)]
pub struct Entries<'w> {
    place: Writer<'w>,
    count: usize,
    is_full: bool,
}

/// Appends `value` to `out` as one MsgPack value of at most about `room` bytes.
pub(crate) fn write(out: &mut Vec<u8>, value: &(impl Record + ?Sized), limits: &ValueLimits, room: usize) {
    write_with(out, limits, room, |writer| value.record(writer));
}

/// As [`write`], for a value that `fill` writes.
#[inline]
pub(crate) fn write_with(
    out: &mut Vec<u8>,
    limits: &ValueLimits,
    room: usize,
    fill: impl FnOnce(Writer<'_>),
) {
    let end = out.len() + room;
    place(out, limits, end, 0, fill);
}

/// Lets `fill` write one value, and makes it nil if it wrote none.
fn place(out: &mut Vec<u8>, limits: &ValueLimits, end: usize, depth: usize, fill: impl FnOnce(Writer<'_>)) {
    let before = out.len();
    fill(Writer { out, limits, end, depth });
    if out.len() == before {
        out.push(msgpack::NIL);
    }
}

impl Writer<'_> {
    /// nil
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.nil());
    /// assert_eq!(events.all()[0].json("body.value"), "null");
    /// ```
    #[inline]
    pub fn nil(self) {
        self.out.push(msgpack::NIL);
    }

    /// true or false
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.bool(true));
    /// assert_eq!(events.all()[0].json("body.value"), "true");
    /// ```
    #[inline]
    pub fn bool(self, value: bool) {
        msgpack::put_bool(self.out, value);
    }

    /// An integer that is not negative.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.uint(42));
    /// assert_eq!(events.all()[0].json("body.value"), "42");
    /// ```
    #[inline]
    pub fn uint(self, value: u64) {
        msgpack::put_uint(self.out, value);
    }

    /// An integer.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.int(-42));
    /// assert_eq!(events.all()[0].json("body.value"), "-42");
    /// ```
    #[inline]
    pub fn int(self, value: i64) {
        msgpack::put_int(self.out, value);
    }

    /// A float. NaN and infinities are kept.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.float(0.5));
    /// assert_eq!(events.all()[0].json("body.value"), "0.5");
    /// ```
    #[inline]
    pub fn float(self, value: f64) {
        msgpack::put_float(self.out, value);
    }

    /// Text. What is too long is cut at a character, with a mark.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.text("blue"));
    /// assert_eq!(events.all()[0].json("body.value"), r#""blue""#);
    /// ```
    #[inline]
    pub fn text(self, value: &str) {
        self.text_bytes(value.as_bytes());
    }

    /// Text that need not be UTF-8: the `str` family of MsgPack, as old encoders wrote byte strings.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.text_bytes(b"blue"));
    /// assert_eq!(events.all()[0].json("body.value"), r#""blue""#);
    /// ```
    #[inline]
    pub fn text_bytes(self, value: &[u8]) {
        let room = self.room();
        if value.len() <= room {
            msgpack::put_text(self.out, value);
        } else {
            self.cut(value, room);
        }
    }

    /// The beginning of a text of which the rest is not at hand, with the mark `…[whole]`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.beginning("SELECT * FROM", "2.1 MB"));
    /// assert_eq!(events.all()[0].json("body.value"), r#""SELECT * FROM…[2.1 MB]""#);
    /// ```
    pub fn beginning(self, beginning: &str, whole: &str) {
        let room = self.room().saturating_sub(whole.len().min(KEY_BYTES));
        let beginning = &beginning[..beginning.floor_char_boundary(room)];
        if beginning.is_empty() {
            return self.mark(LEFT_OUT);
        }
        let whole = &whole[..whole.floor_char_boundary(KEY_BYTES)];
        self.mark(&format!("{beginning}{MORE}[{whole}]"));
    }

    /// Bytes: the `bin` family.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.bytes(&[1, 2]));
    /// assert_eq!(events.all()[0].get("value"), Some(blueox_event::Value::Bin(vec![1, 2])));
    /// ```
    pub fn bytes(self, value: &[u8]) {
        let room = self.room();
        if value.len() <= room {
            msgpack::put_bytes(self.out, value);
        } else {
            let mut digits = vec![0; (room & !1).min(2 * value.len())];
            crate::span_id::hex(value, &mut digits);
            self.cut_as(&digits, value.len());
        }
    }

    /// A list.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.list(|list| { list.item(&1); }));
    /// assert_eq!(events.all()[0].json("body.value"), "[1]");
    /// ```
    pub fn list(self, write: impl FnOnce(&mut Items<'_>)) {
        let Some(place) = self.enter() else { return };
        let header = place.out.len();
        place.out.extend_from_slice(&[0xdc, 0, 0]); // array 16
        let mut items = Items { place, count: 0, is_full: false };
        write(&mut items);
        let count = items.count as u16; // at most `items` + 1
        items.place.out[header + 1..header + 3].copy_from_slice(&count.to_be_bytes());
    }

    /// A map with text keys.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.map(|map| { map.entry("x", &1); }));
    /// assert_eq!(events.all()[0].json("body.value"), r#"{"x":1}"#);
    /// ```
    pub fn map(self, write: impl FnOnce(&mut Entries<'_>)) {
        let Some(place) = self.enter() else { return };
        let header = place.out.len();
        place.out.extend_from_slice(&[0xde, 0, 0]); // map 16
        let mut entries = Entries { place, count: 0, is_full: false };
        write(&mut entries);
        let count = entries.count as u16; // at most `items` + 1
        entries.place.out[header + 1..header + 3].copy_from_slice(&count.to_be_bytes());
    }

    /// Any `Display`, as text. If its code panics, `[panicked]`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.display(&7));
    /// assert_eq!(events.all()[0].json("body.value"), r#""7""#);
    /// ```
    pub fn display(self, value: &(impl std::fmt::Display + ?Sized)) {
        self.format(format_args!("{value}"));
    }

    /// Any `Debug`, as text. If its code panics, `[panicked]`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.debug(&Some(7)));
    /// assert_eq!(events.all()[0].json("body.value"), r#""Some(7)""#);
    /// ```
    pub fn debug(self, value: &(impl std::fmt::Debug + ?Sized)) {
        self.format(format_args!("{value:?}"));
    }

    fn format(self, value: std::fmt::Arguments<'_>) {
        let mut text = Bounded { text: String::new(), limit: self.limits.text_bytes, bytes: 0 };
        let formatted =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| std::fmt::write(&mut text, value)));
        match formatted {
            Ok(_) if text.bytes > text.text.len() => self.cut_as(text.text.as_bytes(), text.bytes),
            Ok(_) => self.text(&text.text),
            Err(_) => self.text("[panicked]"),
        }
    }

    /// How long a text may be here.
    #[inline]
    fn room(&self) -> usize {
        self.limits.text_bytes.min(self.end.saturating_sub(self.out.len()))
    }

    #[cold]
    fn cut(self, value: &[u8], room: usize) {
        let mut end = room.min(value.len());
        while end > 0 && value[end] & 0xc0 == 0x80 && end + 3 > room {
            end -= 1;
        }
        let bytes = value.len();
        self.cut_as(&value[..end], bytes);
    }

    /// Writes a beginning and how long the whole was.
    fn cut_as(self, beginning: &[u8], bytes: usize) {
        if beginning.is_empty() {
            return self.mark(LEFT_OUT);
        }
        let mark = format!("{MORE}[{bytes} bytes]");
        msgpack::put_text_length(self.out, beginning.len() + mark.len()); // at most `text_bytes` and a mark
        self.out.extend_from_slice(beginning);
        self.out.extend_from_slice(mark.as_bytes());
    }

    fn mark(self, mark: &str) {
        msgpack::put_text(self.out, mark.as_bytes());
    }

    /// The place inside this one, unless that is too deep or there is no room.
    fn enter(self) -> Option<Self> {
        if self.depth >= VALUE_DEPTH || self.out.len() >= self.end {
            self.mark(LEFT_OUT);
            return None;
        }
        Some(Self { depth: self.depth + 1, ..self })
    }

    fn has_room(&self) -> bool {
        self.out.len() < self.end
    }
}

impl Items<'_> {
    /// Appends one item. Gives `false` when no more will be taken.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.list(|items| { items.item("one"); }));
    /// assert_eq!(events.all()[0].json("body.value"), r#"["one"]"#);
    /// ```
    pub fn item(&mut self, value: &(impl Record + ?Sized)) -> bool {
        self.item_with(|writer| value.record(writer))
    }

    /// Appends the item that `fill` writes. Gives `false` when no more will be taken; `fill` is then not called.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.list(|items| { items.item_with(|to| to.uint(1)); }));
    /// assert_eq!(events.all()[0].json("body.value"), "[1]");
    /// ```
    pub fn item_with(&mut self, fill: impl FnOnce(Writer<'_>)) -> bool {
        if self.is_full {
            return false;
        }
        let Writer { out, limits, end, depth } = &mut self.place;
        self.count += 1;
        if self.count > limits.items || out.len() >= *end {
            self.is_full = true;
            msgpack::put_text(out, MORE.as_bytes());
            return false;
        }
        place(out, limits, *end, *depth, fill);
        true
    }
}

impl Entries<'_> {
    /// Appends one entry. Gives `false` when no more will be taken.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.map(|entries| { entries.entry("x", "one"); }));
    /// assert_eq!(events.all()[0].json("body.value"), r#"{"x":"one"}"#);
    /// ```
    pub fn entry(&mut self, key: &str, value: &(impl Record + ?Sized)) -> bool {
        self.entry_with(key.as_bytes(), |writer| value.record(writer))
    }

    /// Appends the entry under `key`, whose value `fill` writes; under a secret's name it is not called. Gives `false` when no more
    /// will be taken. A key that comes twice is written twice; the first one counts.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").set_with("value", |to| to.map(|entries| { entries.entry_with(b"x", |to| to.uint(1)); }));
    /// assert_eq!(events.all()[0].json("body.value"), r#"{"x":1}"#);
    /// ```
    pub fn entry_with(&mut self, key: &[u8], fill: impl FnOnce(Writer<'_>)) -> bool {
        if self.is_full {
            return false;
        }
        let has_room = self.place.has_room();
        let Writer { out, limits, end, depth } = &mut self.place;
        self.count += 1;
        if self.count > limits.items || !has_room {
            self.is_full = true;
            msgpack::put_text(out, MORE.as_bytes());
            msgpack::put_text(out, MORE.as_bytes());
            return false;
        }
        write_key(out, key);
        if limits.scrubber.is_secret(key) {
            msgpack::put_text(out, SCRUBBED.as_bytes());
        } else {
            place(out, limits, *end, *depth, fill);
        }
        true
    }
}

/// Appends a key as text, cut if it is too long.
pub(crate) fn write_key(out: &mut Vec<u8>, key: &[u8]) {
    let (key, mark) = cut_key(key);
    msgpack::put_text_length(out, key.len() + mark.len()); // at most KEY_BYTES
    out.extend_from_slice(key);
    out.extend_from_slice(mark.as_bytes());
}

/// As much of a key as is kept, and the mark behind it.
pub(crate) fn cut_key(key: &[u8]) -> (&[u8], &'static str) {
    if key.len() <= KEY_BYTES {
        return (key, "");
    }
    let mut end = KEY_BYTES - MORE.len();
    while end > KEY_BYTES - MORE.len() - 3 && key[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    (&key[..end], MORE)
}

/// Keeps the beginning of what is formatted and counts the rest.
struct Bounded {
    text: String,
    limit: usize,
    bytes: usize,
}

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        if self.bytes == self.text.len() {
            self.text.push_str(&part[..part.floor_char_boundary(room)]);
        }
        self.bytes += part.len();
        // Who formats 100 MB is stopped, not listened to.
        if self.bytes > self.limit.saturating_mul(2) + 1024 { Err(std::fmt::Error) } else { Ok(()) }
    }
}
