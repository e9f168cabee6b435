//! Names of day files. A type name comes from the network and may be any bytes; here it becomes part of a path.

use blueox_event::TypeName;
use blueox_event::limits::MAX_TYPE_FILE_NAME_BYTES;
use blueox_event::time::UtcDay;
use std::fmt;
use std::path::PathBuf;

/// How many hours one file covers, 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateHours(u8);

impl RotateHours {
    /// Takes `hours` if it is 1 to 12.
    #[must_use]
    pub fn new(hours: u8) -> Option<Self> {
        (1..=12).contains(&hours).then_some(Self(hours))
    }

    /// The number of hours.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

/// The span of time, in UTC, that one file covers: a day, or some hours of one. The last window of a day is
/// shorter when the hours do not divide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The day.
    pub day: UtcDay,
    /// The hour at which it begins, when files are rotated within the day.
    pub hour: Option<u8>,
}

impl Window {
    /// The window that holds an instant, in seconds since the epoch.
    #[must_use]
    pub fn of(seconds: i64, rotate: Option<RotateHours>) -> Self {
        let day = UtcDay::of(seconds);
        let hour = rotate.map(|RotateHours(hours)| {
            let hour = u8::try_from((seconds - day.start()).clamp(0, 86_399) / 3600).expect("BUG: below 24");
            hour / hours * hours
        });
        Self { day, hour }
    }
}

/// `YYYYMMDD` or `YYYYMMDDHH`
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.day)?;
        self.hour.map_or(Ok(()), |hour| write!(f, "{hour:02}"))
    }
}

/// How an archived file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `.bz2`
    Bzip2,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

const SUFFIXES: [(&str, Compression); 3] =
    [(".bz2", Compression::Bzip2), (".gz", Compression::Gzip), (".zst", Compression::Zstd)];

/// The path of a day file below the log path: `YYYYMMDD/<type>-YYYYMMDD[HH].log`.
///
/// ```
/// use blueox_event::TypeName;
/// use blueox_log::day_log::{Window, path::relative_path};
/// let window = Window::of(1_331_640_000, None);
/// let path = relative_path(TypeName::new(b"../../etc/x").unwrap(), window);
/// assert_eq!(path.to_str(), Some("20120313/%2E.%2F..%2Fetc%2Fx-20120313.log"));
/// ```
#[must_use]
pub fn relative_path(type_name: TypeName<'_>, window: Window) -> PathBuf {
    PathBuf::from(window.day.to_string()).join(format!("{}-{window}.log", encode_type(type_name)))
}

/// A type as part of a file name. ASCII letters, digits and `_ . - + @ : = ,` stay as they are (all that the
/// original's users have), every other byte and a leading dot become `%XX`. A name that would be longer than
/// [`MAX_TYPE_FILE_NAME_BYTES`] is cut and ends in `%~` and a hash of the whole; two names that share the hash
/// would share a file, which is harmless, since each event carries its own type.
#[must_use]
pub fn encode_type(type_name: TypeName<'_>) -> String {
    let mut name = String::new();
    for (index, &byte) in type_name.bytes().iter().enumerate() {
        let harmless = byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'+' | b'@' | b':' | b'=' | b',')
            || (byte == b'.' && index > 0);
        if harmless {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > MAX_TYPE_FILE_NAME_BYTES {
        // "%~" and 16 hex digits; a cut through "%XX" only makes the cut part unreadable, never ambiguous.
        name.truncate(MAX_TYPE_FILE_NAME_BYTES - 18);
        name.push_str(&format!("%~{:016x}", fnv1a(type_name.bytes())));
    }
    name
}

/// The type that [`encode_type`] encoded; `None` when the name was cut or never came from there.
#[must_use]
pub fn decode_type(name: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

/// Source: G. Fowler, L. C. Noll, K.-P. Vo, "FNV hash", 64-bit variant 1a.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What the name of a day file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFileName {
    /// The type's name as it stands in the file name, encoded.
    pub encoded_type: String,
    /// The type; when its name was cut, the beginning that the file name still shows.
    pub type_name: Vec<u8>,
    /// What time it covers.
    pub window: Window,
    /// The host whose file it was, in an archive.
    pub host: Option<String>,
    /// How it is compressed, in an archive.
    pub compression: Option<Compression>,
}

impl LogFileName {
    /// Reads `<type>-YYYYMMDD[HH][-<host>].log[.bz2|.gz|.zst]`; `None` if `name` is not of that form. `day` is
    /// that of the directory, if known: it tells which of several dates in a name is the file's.
    ///
    /// ```
    /// use blueox_log::day_log::LogFileName;
    /// let name = LogFileName::parse("request.sql-20120313-web-2.log.bz2", None).unwrap();
    /// assert_eq!(name.type_name, b"request.sql");
    /// assert_eq!(name.host.as_deref(), Some("web-2"));
    /// ```
    #[must_use]
    pub fn parse(name: &str, day: Option<UtcDay>) -> Option<Self> {
        let (stem, compression) = SUFFIXES
            .iter()
            .find_map(|(suffix, compression)| Some((name.strip_suffix(suffix)?, Some(*compression))))
            .unwrap_or((name, None));
        let stem = stem.strip_suffix(".log")?;
        // The last date wins, one at the very end (no host) before any other.
        let (at, window, host) = stem
            .match_indices('-')
            .filter_map(|(at, _)| Some((at, date_at(&stem[at + 1..])?)))
            .filter(|(at, (window, _))| *at > 0 && day.is_none_or(|day| day == window.day))
            .map(|(at, (window, host))| (at, window, host))
            .max_by_key(|(at, _, host)| (host.is_none(), *at))?;
        let encoded_type = stem[..at].to_owned();
        let readable = encoded_type.split("%~").next().unwrap_or_default();
        let type_name = decode_type(readable).unwrap_or_else(|| readable.as_bytes().to_vec());
        Some(Self { encoded_type, type_name, window, host: host.map(str::to_owned), compression })
    }
}

/// A date at the beginning of `text`, and the host behind it.
fn date_at(text: &str) -> Option<(Window, Option<&str>)> {
    let (date, host) = match text.split_once('-') {
        Some((date, host)) if !host.is_empty() => (date, Some(host)),
        Some(_) => return None,
        None => (text, None),
    };
    let bytes = date.as_bytes();
    let day = UtcDay::parse(bytes.get(..8)?)?;
    let hour = match &bytes[8..] {
        [] => None,
        [tens @ b'0'..=b'2', ones @ b'0'..=b'9'] => {
            Some((tens - b'0') * 10 + (ones - b'0')).filter(|hour| *hour < 24)
        }
        _ => return None,
    };
    if bytes.len() == 10 && hour.is_none() {
        return None;
    }
    Some((Window { day, hour }, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_and_short() {
        for name in [&b".."[..], b"../../etc/x", b"/abs", b"a\0b", b"\xff\xfe", b" ", b"%", &[b'/'; 1024]] {
            let path = relative_path(TypeName::new(name).unwrap(), Window::of(0, None));
            let text = path.to_str().unwrap();
            assert_eq!(path.components().count(), 2, "{text}");
            assert!(path.file_name().unwrap().len() <= 200, "{text}");
            assert!(!path.file_name().unwrap().as_encoded_bytes().starts_with(b"."), "{text}");
        }
    }

    #[test]
    fn file_names_are_read() {
        let day = UtcDay::parse(b"20120313").unwrap();
        let parsed = |name: &str| {
            let name = LogFileName::parse(name, Some(day))?;
            Some(format!(
                "{} {} {:?} {:?}",
                String::from_utf8_lossy(&name.type_name),
                name.window,
                name.host,
                name.compression
            ))
        };
        for (name, expected) in [
            ("request-20120313.log", Some("request 20120313 None None")),
            ("request-2012031306.log", Some("request 2012031306 None None")),
            ("request-20120313-web-2.log.gz", Some("request 20120313 Some(\"web-2\") Some(Gzip)")),
            ("a-20120312-20120313.log", Some("a-20120312 20120313 None None")),
            ("a-b-20120313.log.zst", Some("a-b 20120313 None Some(Zstd)")),
            ("request-20120314.log", None),
            ("request-2012031324.log", None),
            ("request-20120313.log.idx", None),
            ("-20120313.log", None),
            ("request.log", None),
        ] {
            assert_eq!(parsed(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn windows() {
        let noon = 1_331_640_000;
        assert_eq!(Window::of(noon, RotateHours::new(5)).to_string(), "2012031310");
        assert_eq!(Window::of(noon - 1, RotateHours::new(12)).to_string(), "2012031300");
        assert_eq!(RotateHours::new(13), None);
    }

    proptest::proptest! {
        #[test]
        fn a_name_is_read_as_it_is_written(name in proptest::collection::vec(proptest::num::u8::ANY, 1..60)) {
            let day = UtcDay::of(0);
            let path = relative_path(TypeName::new(&name).unwrap(), Window { day, hour: None });
            let file_name = path.file_name().unwrap().to_str().unwrap();
            let parsed = LogFileName::parse(file_name, Some(day)).unwrap();
            if !parsed.encoded_type.contains("%~") {
                proptest::prop_assert_eq!(parsed.type_name, name);
            }
        }
    }
}
