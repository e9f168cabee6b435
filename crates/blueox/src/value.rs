//! What can be recorded.

use crate::msgpack;
use crate::writer::Writer;
use blueox_event::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A value that can stand in an event.
///
/// Numbers, texts, lists, maps, options, durations (seconds), times (seconds since the epoch) and addresses are there; [`debug`] and
/// [`display`] take the rest, [`error`] an error with its causes, and your own types implement it by one method.
///
/// ```
/// # let events = blueox::testing::capture();
/// {
///     let _request = blueox::context("request");
///     blueox::set("status", 200);
///     blueox::set("tags", ["new", "large"]);
///     blueox::set("user", Option::<&str>::None);
///     blueox::set("method", blueox::debug(std::cmp::Ordering::Less));
/// }
/// # assert_eq!(events.all()[0].json("body"), r#"{"status":200,"tags":["new","large"],"user":null,"method":"Less"}"#);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded as it is",
    note = "wrap it in `blueox::debug(..)` or `blueox::display(..)`, or implement `blueox::Record` for it"
)]
pub trait Record {
    /// Writes the value. It must not write to the context that it is recorded for.
    ///
    /// ```
    /// use blueox::{Record, Writer};
    /// struct Celsius(f64);
    /// impl Record for Celsius {
    ///     fn record(&self, to: Writer<'_>) {
    ///         to.float(self.0);
    ///     }
    /// }
    /// # let events = blueox::testing::capture();
    /// blueox::context("weather").set("outside", Celsius(21.5));
    /// assert_eq!(events.all()[0].json("body.outside"), "21.5");
    /// ```
    fn record(&self, to: Writer<'_>);

    /// The value, if it can be written without code of its own: that is the fast way.
    #[doc(hidden)]
    #[inline]
    fn plain(&self) -> Option<Plain<'_>> {
        None
    }
}

/// A number or a text.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Plain<'v> {
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    Text(&'v [u8]),
}

impl Plain<'_> {
    /// How many bytes [`Plain::encode`] appends at most.
    #[inline]
    pub(crate) fn bound(self) -> usize {
        match self {
            Self::Text(text) => text.len() + 5,
            _ => 9,
        }
    }

    #[inline]
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => msgpack::put_bool(out, value),
            Self::Uint(value) => msgpack::put_uint(out, value),
            Self::Int(value) => msgpack::put_int(out, value),
            Self::Float(value) => msgpack::put_float(out, value),
            Self::Text(value) => msgpack::put_text(out, value),
        }
    }
}

/// Any `Debug` as text.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let context = blueox::context("x");
/// blueox::set("range", blueox::debug(1..3));
/// # drop(context);
/// # assert_eq!(events.all()[0].json("body.range"), r#""1..3""#);
/// ```
pub fn debug<T: std::fmt::Debug>(value: T) -> impl Record {
    Debugged(value)
}

/// Any `Display` as text.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let context = blueox::context("x");
/// blueox::set("error", blueox::display("x".parse::<i32>().unwrap_err()));
/// # drop(context);
/// # assert_eq!(events.all()[0].json("body.error"), r#""invalid digit found in string""#);
/// ```
pub fn display<T: std::fmt::Display>(value: T) -> impl Record {
    Displayed(value)
}

/// An error as a map: `message`, and `causes` when it has some.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let context = blueox::context("x");
/// blueox::set("exception", blueox::error(&std::io::Error::other("disk full")));
/// # drop(context);
/// # assert_eq!(events.all()[0].json("body.exception"), r#"{"message":"disk full"}"#);
/// ```
pub fn error<'e>(value: &'e (dyn std::error::Error + 'static)) -> impl Record + 'e {
    Failed(value)
}

struct Debugged<T>(T);
struct Displayed<T>(T);
struct Failed<'e>(&'e (dyn std::error::Error + 'static));

impl<T: std::fmt::Debug> Record for Debugged<T> {
    fn record(&self, to: Writer<'_>) {
        to.debug(&self.0);
    }
}

impl<T: std::fmt::Display> Record for Displayed<T> {
    fn record(&self, to: Writer<'_>) {
        to.display(&self.0);
    }
}

impl Record for Failed<'_> {
    fn record(&self, to: Writer<'_>) {
        to.map(|entries| {
            entries.entry_with(b"message", |to| to.display(self.0));
            let causes = || std::iter::successors(self.0.source(), |cause| cause.source());
            if causes().next().is_some() {
                entries.entry_with(b"causes", |to| {
                    to.list(|items| {
                        causes().all(|cause| items.item_with(|to| to.display(&cause)));
                    });
                });
            }
        });
    }
}

macro_rules! numbers {
    ($($method:ident $plain:ident($wide:ty): $($number:ty)*;)*) => {$($(
        impl Record for $number {
            #[inline]
            fn record(&self, to: Writer<'_>) {
                to.$method(*self as $wide);
            }

            #[inline]
            fn plain(&self) -> Option<Plain<'_>> {
                Some(Plain::$plain(*self as $wide))
            }
        }
    )*)*};
}
numbers! {
    uint Uint(u64): u8 u16 u32 u64 usize;
    int Int(i64): i8 i16 i32 i64 isize;
    float Float(f64): f32 f64;
}

macro_rules! wide_numbers {
    ($($number:ty)*) => {$(
        /// Kept as a number where it fits, else as text.
        impl Record for $number {
            fn record(&self, to: Writer<'_>) {
                if let Ok(number) = u64::try_from(*self) {
                    to.uint(number);
                } else if let Ok(number) = i64::try_from(*self) {
                    to.int(number);
                } else {
                    to.display(self);
                }
            }
        }
    )*};
}
wide_numbers!(u128 i128);

macro_rules! by {
    ($($method:ident: $($type:ty)*;)*) => {$($(
        impl Record for $type {
            #[inline]
            fn record(&self, to: Writer<'_>) {
                to.$method(self);
            }
        }
    )*)*};
}
by! {
    display: char IpAddr Ipv4Addr Ipv6Addr SocketAddr std::fmt::Arguments<'_> blueox_event::EventId crate::SpanId;
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl Record for $text {
            #[inline]
            fn record(&self, to: Writer<'_>) {
                to.text(self);
            }

            #[inline]
            fn plain(&self) -> Option<Plain<'_>> {
                Some(Plain::Text(self.as_bytes()))
            }
        }
    )*};
}
texts!(str String Cow<'_, str>);

impl Record for bool {
    #[inline]
    fn record(&self, to: Writer<'_>) {
        to.bool(*self);
    }

    #[inline]
    fn plain(&self) -> Option<Plain<'_>> {
        Some(Plain::Bool(*self))
    }
}

impl Record for () {
    fn record(&self, to: Writer<'_>) {
        to.nil();
    }
}

impl<T: Record> Record for Option<T> {
    fn record(&self, to: Writer<'_>) {
        match self {
            Some(value) => value.record(to),
            None => to.nil(),
        }
    }
}

/// Seconds.
impl Record for Duration {
    fn record(&self, to: Writer<'_>) {
        to.float(self.as_secs_f64());
    }
}

/// Seconds since the epoch.
impl Record for SystemTime {
    fn record(&self, to: Writer<'_>) {
        match self.duration_since(Self::UNIX_EPOCH) {
            Ok(after) => to.float(after.as_secs_f64()),
            Err(before) => to.float(-before.duration().as_secs_f64()),
        }
    }
}

macro_rules! through {
    ($($pointer:ty),*) => {$(
        impl<T: Record + ?Sized> Record for $pointer {
            #[inline]
            fn record(&self, to: Writer<'_>) {
                (**self).record(to);
            }

            #[inline]
            fn plain(&self) -> Option<Plain<'_>> {
                (**self).plain()
            }
        }
    )*};
}
through!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

macro_rules! lists {
    ($([$($parameters:tt)*] $list:ty;)*) => {$(
        impl<T: Record, $($parameters)*> Record for $list {
            fn record(&self, to: Writer<'_>) {
                to.list(|items| {
                    self.iter().all(|item| items.item(item));
                });
            }
        }
    )*};
}
lists! {
    [] [T];
    [] Vec<T>;
    [] VecDeque<T>;
    [] BTreeSet<T>;
    [S] HashSet<T, S>;
    [const N: usize] [T; N];
}

macro_rules! maps {
    ($([$($parameters:tt)*] $map:ty;)*) => {$(
        impl<K: AsRef<str>, T: Record, $($parameters)*> Record for $map {
            fn record(&self, to: Writer<'_>) {
                to.map(|entries| {
                    self.iter().all(|(key, value)| entries.entry(key.as_ref(), value));
                });
            }
        }
    )*};
}
maps! {
    [] BTreeMap<K, T>;
    [S] HashMap<K, T, S>;
}

/// A decoded value of the format. Keys that are no text become text.
impl Record for Value {
    fn record(&self, to: Writer<'_>) {
        match self {
            Self::Nil => to.nil(),
            Self::Bool(value) => to.bool(*value),
            Self::UInt(value) => to.uint(*value),
            Self::Int(value) => to.int(*value),
            Self::F32(value) => to.float((*value).into()),
            Self::F64(value) => to.float(*value),
            Self::Str(value) => to.text_bytes(value),
            Self::Bin(value) => to.bytes(value),
            Self::Ext(_, content) => to.bytes(content),
            Self::Array(list) => list.record(to),
            Self::Map(pairs) => to.map(|entries| {
                pairs.iter().all(|(key, value)| match key {
                    Self::Str(key) | Self::Bin(key) => entries.entry_with(key, |to| value.record(to)),
                    other => entries.entry(&format!("{other:?}"), value),
                });
            }),
        }
    }
}
