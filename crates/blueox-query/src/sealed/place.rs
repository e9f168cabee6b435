//! Where a sealed file stands: `type=<type>/date=<YYYY-MM-DD>/<name of the day file>[.<node>][.<number>].parquet`.

use blueox_event::TypeName;
use blueox_event::time::UtcDay;
use blueox_log::day_log::path::encode_type;
use std::fmt;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".parquet";
const NODE_DIGITS: usize = 8;

/// The directory, below that of all sealed files, of a type and a day. Engines read both as columns.
///
/// ```
/// use blueox_event::{TypeName, time::UtcDay};
/// let day = UtcDay::parse(b"20120313").unwrap();
/// let directory = blueox_query::sealed::directory(TypeName::new(b"request.sql").unwrap(), day);
/// assert_eq!(directory.to_str(), Some("type=request.sql/date=2012-03-13"));
/// ```
#[must_use]
pub fn directory(type_name: TypeName<'_>, day: UtcDay) -> PathBuf {
    // Hive's way to write a partition: engines undo the escapes.
    let mut name = String::new();
    for letter in encode_type(type_name).chars() {
        match letter {
            '=' | ':' | ',' | '+' => name.push_str(&format!("%{:02X}", u32::from(letter))),
            letter => name.push(letter),
        }
    }
    let (year, month, date) = day.civil();
    PathBuf::from(format!("type={name}")).join(format!("date={year:04}-{month:02}-{date:02}"))
}

/// The type, as day files' names have it, of a directory `type=<type>`.
#[must_use]
pub fn type_of_directory(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("type=")?;
    let mut encoded = String::new();
    // The other way round than above: what a day file's name escapes itself stays escaped.
    while let Some((before, after)) = rest.split_once('%') {
        encoded.push_str(before);
        let code = after.get(..2);
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).map(char::from) {
            Some(letter @ ('=' | ':' | ',' | '+')) => {
                encoded.push(letter);
                rest = &after[2..];
            }
            _ => {
                encoded.push('%');
                rest = after;
            }
        }
    }
    encoded.push_str(rest);
    Some(encoded)
}

/// The name of a sealed file: that of the day file, the daemon that wrote that, and a number where there are several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SealedName {
    /// The day file's name without `.log`.
    pub stem: String,
    /// The first digits of the node whose ranges name the day file's events.
    pub node: Option<String>,
    /// From 2 on.
    pub number: Option<u32>,
}

impl SealedName {
    /// Reads a file's name.
    ///
    /// ```
    /// use blueox_query::sealed::SealedName;
    /// let name = SealedName::parse("request-20120313.0a1b2c3d.2.parquet").unwrap();
    /// assert_eq!((name.stem.as_str(), name.number), ("request-20120313", Some(2)));
    /// assert_eq!(name.to_string(), "request-20120313.0a1b2c3d.2.parquet");
    /// let name = SealedName::parse("%5Fa%3Ab-20120313.parquet").unwrap();
    /// assert_eq!(name.stem, "_a:b-20120313");
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut stem = name.strip_suffix(SUFFIX)?;
        let mut number = None;
        if let Some((before, digits)) = stem.rsplit_once('.')
            && let Some(found) = digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
            && digits.len() < NODE_DIGITS
        {
            (stem, number) = (before, Some(found));
        }
        let mut node = None;
        if let Some((before, digits)) = stem.rsplit_once('.')
            && digits.len() == NODE_DIGITS
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            (stem, node) = (before, Some(digits.to_owned()));
        }
        Some(Self { stem: decode_stem(stem), node, number })
    }

    /// The digits of a node that stand in names.
    #[must_use]
    pub fn node_digits(node: u128) -> String {
        format!("{node:032x}")[..NODE_DIGITS].to_owned()
    }
}

impl fmt::Display for SealedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_stem(&self.stem))?;
        if let Some(node) = &self.node {
            write!(f, ".{node}")?;
        }
        if let Some(number) = self.number {
            write!(f, ".{number}")?;
        }
        f.write_str(SUFFIX)
    }
}

/// Spark takes what stands before a colon for a protocol, and engines pass over files that begin with `_`. In the name of a day
/// file these stand for themselves, so the escapes mean nothing else.
fn encode_stem(stem: &str) -> String {
    let stem = stem.replace(':', "%3A");
    stem.strip_prefix('_').map_or(stem.clone(), |rest| format!("%5F{rest}"))
}

fn decode_stem(stem: &str) -> String {
    let stem = stem.replace("%3A", ":");
    stem.strip_prefix("%5F").map_or(stem.clone(), |rest| format!("_{rest}"))
}

/// The name under which a file is written before it is whole. Engines pass over names that begin with a dot.
pub(super) fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.aside"))
}

/// Whether a file was never finished.
#[must_use]
pub fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".aside")
}
