//! What a line says.

use blueox::{Handle, Record, Writer};
use regex::bytes::{Captures, Regex, RegexBuilder};
use serde_json::{Map, Value};

/// How lines are read.
#[derive(Debug, Clone)]
pub(crate) enum Format {
    /// The line is `data`, as the original's `oxingest` calls it.
    Text,
    /// The members of an object are the event's.
    Json,
    /// `key=value key="quoted value" flag`
    Logfmt,
    /// Named groups are values; their names may have dots. Groups that match nothing, or `-`, are left out.
    Regex(Regex),
}

/// The combined log format (<https://nginx.org/en/docs/http/ngx_http_log_module.html>); what an own format has behind it is `rest`.
const NGINX: &str = r#"(?x)
    ^ (?<client>\S+) \s \S+ \s (?<user>\S+) \s \[ (?<time>[^\]]+) \] \s
    " (?: (?<request.method>[A-Z]+) \s (?<request.path>[^\s?"]*) (?: \? (?<request.query>[^\s"]*) )? (?: \s (?<request.protocol>[^"]*) )?
        | (?<request.line>(?:[^"\\]|\\.)*) ) " \s
    (?<response.status>\d{3}) \s (?<response.size>\d+|-)
    (?: \s "(?<request.referer>(?:[^"\\]|\\.)*)" \s "(?<request.agent>(?:[^"\\]|\\.)*)" )?
    (?: \s (?<rest>.*) )? $
"#;

/// Under which text stands.
pub(crate) const TEXT_KEY: &str = "data";

/// How much memory a regular expression may take, in bytes.
const REGEX_BYTES: usize = 4 << 20;

impl Format {
    pub(crate) fn nginx() -> Self {
        Self::regex(NGINX).expect("BUG: the pattern is good, as a test says")
    }

    /// A format by a pattern.
    pub(crate) fn regex(pattern: &str) -> Result<Self, String> {
        let regex =
            RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build().map_err(|error| error.to_string())?;
        if regex.capture_names().flatten().next().is_none() {
            return Err("the pattern names no groups, such as (?<status>\\d+)".into());
        }
        Ok(Self::Regex(regex))
    }

    /// Puts what the line says into the event. `false`: it is not of this format, and nothing was put.
    pub(crate) fn read(&self, line: &[u8], event: &Handle) -> bool {
        match self {
            Self::Text => {
                event.set_with(TEXT_KEY, |to| to.text_bytes(line));
                true
            }
            Self::Json => serde_json::from_slice::<Map<String, Value>>(line)
                .map(|object| object.iter().for_each(|(key, value)| put(event, key, &Json(value))))
                .is_ok(),
            Self::Logfmt => read_logfmt(line, event),
            Self::Regex(regex) => {
                regex.captures(line).map(|found| put_groups(regex, &found, event)).is_some()
            }
        }
    }
}

/// Under a key that is kept as it is.
fn put(event: &Handle, key: &str, value: &impl Record) {
    event.set_at(&[key], |to| value.record(to));
}

fn put_groups(regex: &Regex, found: &Captures<'_>, event: &Handle) {
    for name in regex.capture_names().flatten() {
        if let Some(group) = found.name(name).filter(|group| !matches!(group.as_bytes(), b"" | b"-")) {
            event.set(name, Scalar(group.as_bytes()));
        }
    }
}

/// Gives whether there is a pair at least. Keys with dots make maps, as in the library.
fn read_logfmt(line: &[u8], event: &Handle) -> bool {
    let pairs = logfmt(line);
    let has_pair = pairs.iter().any(|(_, value)| value.is_some());
    if has_pair {
        for (key, value) in pairs {
            let key = String::from_utf8_lossy(key);
            match value {
                None => event.set(&key, true),
                Some(Text::Bare(value)) => event.set(&key, Scalar(value)),
                Some(Text::Quoted(value)) => event.set_with(&key, |to| to.text_bytes(&value)),
            }
        }
    }
    has_pair
}

/// A value of logfmt.
enum Text<'l> {
    Bare(&'l [u8]),
    Quoted(Vec<u8>),
}

/// Keys and their values; `None` where there is no `=`.
fn logfmt(mut line: &[u8]) -> Vec<(&[u8], Option<Text<'_>>)> {
    let mut pairs = Vec::new();
    loop {
        line = line.trim_ascii_start();
        if line.is_empty() {
            return pairs;
        }
        let end =
            line.iter().position(|byte| *byte == b'=' || byte.is_ascii_whitespace()).unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let Some(rest) = rest.strip_prefix(b"=") else {
            pairs.push((key, None));
            line = rest;
            continue;
        };
        let (value, rest) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let (value, rest) = unquote(quoted);
                (Text::Quoted(value), rest)
            }
            None => {
                let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                (Text::Bare(&rest[..end]), &rest[end..])
            }
        };
        if !key.is_empty() {
            pairs.push((key, Some(value)));
        }
        line = rest;
    }
}

/// The text up to the closing quotation mark, and what is behind it.
fn unquote(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut value, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'"', _) => return (value, &text[at + 1..]),
            (b'\\', Some(next)) => {
                value.push(match next {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    other => *other,
                });
                at += 2;
            }
            _ => {
                value.push(*byte);
                at += 1;
            }
        }
    }
    (value, &[])
}

/// Text that may be a number as people write them; `007` and `1e9` are texts.
struct Scalar<'t>(&'t [u8]);

impl Record for Scalar<'_> {
    fn record(&self, to: Writer<'_>) {
        let digits = self.0.strip_prefix(b"-").unwrap_or(self.0);
        let is_number = !digits.is_empty()
            && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
            && (digits[0] != b'0' || digits.len() == 1 || digits[1] == b'.');
        let number = std::str::from_utf8(self.0).ok().filter(|_| is_number);
        if let Some(number) = number.and_then(|text| text.parse::<u64>().ok()) {
            to.uint(number);
        } else if let Some(number) = number.and_then(|text| text.parse::<i64>().ok()) {
            to.int(number);
        } else if let Some(number) =
            number.filter(|text| text.contains('.')).and_then(|text| text.parse().ok())
        {
            to.float(number);
        } else {
            to.text_bytes(self.0);
        }
    }
}

/// A value of JSON.
struct Json<'v>(&'v Value);

impl Record for Json<'_> {
    fn record(&self, to: Writer<'_>) {
        match self.0 {
            Value::Null => to.nil(),
            Value::Bool(value) => to.bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(value), _) => to.uint(value),
                (None, Some(value)) => to.int(value),
                (None, None) => to.float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => to.text(text),
            Value::Array(list) => to.list(|items| {
                list.iter().all(|value| items.item(&Json(value)));
            }),
            Value::Object(map) => to.map(|entries| {
                map.iter().all(|(key, value)| entries.entry(key, &Json(value)));
            }),
        }
    }
}

#[cfg(test)]
mod tests;
