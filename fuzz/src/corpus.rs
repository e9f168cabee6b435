//! Seeds: good inputs of every target, from the fixtures and from lists; the words that inputs are made of, and where
//! in an input one of them can stand.

use blueox_event::msgpack::Reader;
use blueox_event::{EncodedEvent, json};
use std::fs;
use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");

/// Events up to this length are seeds by themselves, in bytes.
const MAX_SEED_BYTES: usize = 2_000;

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder is listed").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn fixtures(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&Path::new(FIXTURES).join(folder), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no fixtures in {folder}");
    found
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn log_files() -> Vec<Vec<u8>> {
    fixtures("original", "log").iter().map(|path| read(path)).collect()
}

/// Every short event of the log files.
#[must_use]
pub fn events() -> Vec<Vec<u8>> {
    let mut events = Vec::new();
    for file in log_files() {
        let mut rest = &file[..];
        while let Ok(event) = EncodedEvent::read(rest) {
            events.push(event.bytes().to_vec());
            rest = &rest[event.bytes().len()..];
        }
    }
    events.retain(|event| event.len() <= MAX_SEED_BYTES);
    events
}

/// Events and single values.
#[must_use]
pub fn values() -> Vec<Vec<u8>> {
    MSGPACK_WORDS.iter().map(|word| word.to_vec()).chain(events()).collect()
}

/// Log files, short ones whole and of all the beginning, behind the byte that decides how they are read.
#[must_use]
pub fn event_streams() -> Vec<Vec<u8>> {
    let head = |file: Vec<u8>| [&[7], &file[..file.len().min(4 * MAX_SEED_BYTES)]].concat();
    log_files().into_iter().map(head).collect()
}

/// Filters, some with an event behind them.
#[must_use]
pub fn filters() -> Vec<Vec<u8>> {
    let alone = FILTERS.iter().map(|filter| filter.as_bytes().to_vec());
    let with_event = FILTERS.iter().zip(events().into_iter().cycle());
    let with_event = with_event.map(|(filter, event)| [filter.as_bytes(), b"\0", &event].concat());
    alone.chain(with_event).collect()
}

/// Paths, some with an event behind them.
#[must_use]
pub fn paths() -> Vec<Vec<u8>> {
    let paths =
        ["type", "body.a.b", "headers.`x.y`", "`x.y`.z", "items.0.price", "a", "body.body.body", "ключ.é"];
    let alone = paths.iter().map(|path| path.as_bytes().to_vec());
    let with_event = events().into_iter().zip(paths.iter().cycle());
    alone.chain(with_event.map(|(event, path)| [path.as_bytes(), b"\0", &event].concat())).collect()
}

/// The headers that libzmq peers of the original sent, and empty texts.
#[must_use]
pub fn original_headers() -> Vec<Vec<u8>> {
    use blueox_event::wire::original::{Header, LENGTH};
    let mut headers = vec![Header::encode(1_425_211_200.5, b"", b"").to_vec()];
    for file in fixtures("wire", "bin") {
        let bytes = read(&file);
        headers
            .extend(bytes.windows(LENGTH).filter(|bytes| Header::parse(bytes).is_ok()).map(<[u8]>::to_vec));
    }
    headers
}

/// What libzmq sockets sent, before it the two bytes that choose our socket and the pieces.
#[must_use]
pub fn zmtp_streams() -> Vec<Vec<u8>> {
    let mut streams = Vec::new();
    for file in fixtures("wire", "bin") {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = if name.contains("push") {
            0
        } else if name.contains("req") {
            2
        } else {
            4
        };
        for limit in 0..4 {
            streams.push([&[ours + limit * 6, 1 + limit], &read(&file)[..]].concat());
        }
    }
    for (ours, theirs) in [(1, "PULL"), (3, "REP"), (5, "PUB"), (2, "DEALER"), (3, "ROUTER")] {
        let length = theirs.len() as u8;
        let ready =
            [b"\x04".as_slice(), &[22 + length], b"\x05READY\x0bSocket-Type\0\0\0", &[length]].concat();
        let messages = b"\x01\x00\x00\x03abc\x01\x02id\x01\x00\x00\x02ok\x00\x00";
        streams.push([&[ours, 3], ZMTP_WORDS[0], &ready, theirs.as_bytes(), messages].concat());
    }
    streams
}

/// JSON that an event becomes, and a few lines by hand.
#[must_use]
pub fn json_lines() -> Vec<Vec<u8>> {
    let by_hand = [
        r#"{"type":"deploy","version":"1.2","n":[1,-1,1.5,null,1e300,-0,18446744073709551615]}"#,
        r#"{"type":"a","id":1,"host":"h","pid":3,"start":1,"end":2,"body":{},"span":"s"}"#,
        r#"{"type":"","id":null,"host":null,"body":null,"x":{"y":{"z":[[[{}]]]}}}"#,
        r#"{"type":"\u00e9\ud83d\ude00\\xe9","end":false,"span":{},"body":[]}"#,
    ];
    let of_events = events().into_iter().map(|event| {
        let mut text = String::new();
        json::write(EncodedEvent::parse(&event).expect("a good event").raw(), &mut text);
        text.into_bytes()
    });
    by_hand.iter().map(|line| line.as_bytes().to_vec()).chain(of_events).collect()
}

/// Names of log files, and types.
#[must_use]
pub fn log_file_names() -> Vec<Vec<u8>> {
    let by_hand = [
        &b"request-20120313.log"[..],
        b"request.sql-2012031306-web-2.log.bz2",
        b"a-20120312-20120313.log.gz",
        b"%2E.%2F..%2Fetc%2Fx-20120313.log",
        b"../../etc/x",
        b"a\0b\xff",
        b"a-20120313.log",
        &[b'/'; 60],
        &[b'x'; 1024],
    ];
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().as_encoded_bytes().to_vec();
    let of_files: Vec<_> = fixtures("original", "log").iter().map(name).collect();
    by_hand.iter().map(|name| name.to_vec()).chain(of_files).collect()
}

const FILTERS: &[&str] = &[
    "type = request* and status >= 500 and duration > 250ms",
    "status in (500, 502, \"x\") or not (ok = true && none = null)",
    "a.b < 1.5 and a.c != -3 or `a.c` exists",
    "raw ~ \"caf\\xe9\" || type !~ '^req(uest)?\\.[a-z]+$'",
    "start >= 2012-03-13T12:00:00.25Z and end < \"2012-03-14 12:00\"",
    "end > 2012-03-13T14:00:00+02:00 and start != 20120313",
    "exists(a.b) and not exists body.status",
    "tags not in (x, y, z*) and size > 10KiB",
    "status = 5* and pid = 41?1 and id ~ [0-7]$",
    "((((not not not type = a))))",
    "duration > 250msec",
    "status => 500",
    "nto a = 1",
    "a = 1 adn b = 2",
    "a like b",
    "a is not b",
    "status = 500 ms",
    "a = \u{201c}b c\u{201d}",
    "a = \"b",
    "`a = b",
    "a.b..c = 1",
    "a = (b",
    "path ~ ^/a(b",
    "start > 1h",
    "500 = status",
    "a = and",
    "in = 5",
    "x ~ \\p{Greek}+ and y ~ (a|b){10}{10}",
    "n = 99999999999999999999999999999999999999999 or m = 1e400",
    "a = \"\\q\"",
    "é = ü and 鍵 ~ 値",
    "  a\n=\r\n\tb  ",
];

/// Words of filters.
pub const FILTER_WORDS: &[&[u8]] = &[
    b"and",
    b"or",
    b"not",
    b"in",
    b"exists",
    b"AND",
    b"&&",
    b"||",
    b"!",
    b"(",
    b")",
    b",",
    b"=",
    b"==",
    b"!=",
    b"<",
    b"<=",
    b">",
    b">=",
    b"~",
    b"!~",
    b"=~",
    b"<>",
    b"\"",
    b"'",
    b"`",
    b"\\",
    b"\\x41",
    b"\\x",
    b"\\\"",
    b".",
    b"*",
    b"?",
    b" ",
    b"\n",
    b"\t",
    b"\0",
    b"type",
    b"duration",
    b"start",
    b"end",
    b"status",
    b"body.",
    b"a.b",
    b"tags",
    b"raw",
    b"0",
    b"-1.5",
    b"1e6",
    b"5e",
    b"250ms",
    b"1.5s",
    b"\xc2\xb5s",
    b"3h",
    b"10KB",
    b"4KiB",
    b"2012-03-13",
    b"T12:00:00.25Z",
    b"+02:00",
    b"true",
    b"null",
    b"nil",
    b"\xe2\x80\x9c",
    b"\xc3\xa9",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"\x1b[2J",
    b"\xe2\x80\xae",
    b"[",
    b"]",
    b"{1000}",
    b"\\p{L}",
    b"(?i)",
    b"^",
    b"$",
    b"like",
    b"msec",
    b"is",
    b" not (",
    b"x ~ a ",
    b" = 1 and ",
];

/// Pieces of paths.
pub const PATH_WORDS: &[&[u8]] = &[
    b".",
    b"..",
    b"`",
    b"``",
    b"`.`",
    b"a",
    b"body",
    b"type",
    b"duration",
    b"0",
    b"18446744073709551616",
    b"\0",
    b"\xc3\xa9",
    b"\xff",
    b" ",
    b"\x81\xa1a\x01",
];

/// MsgPack values and headers, good and bad.
pub const MSGPACK_WORDS: &[&[u8]] = &[
    b"\xc0", b"\xc1", b"\xc2", b"\xc3", b"\x00", b"\x7f", b"\xe0", b"\xff", b"\xcc\xff", b"\xcd\x01\x00",
    b"\xce\xff\xff\xff\xff", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xd0\x80", b"\xd0\x05", b"\xd1\x80\x00",
    b"\xd2\x80\x00\x00\x00", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", b"\xca\x3f\x00\x00\x00", b"\xca\x7f\xc0\x00\x00",
    b"\xcb\x41\xd5\x3c\xbf\xd0\x20\x00\x00", b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\xcb\xff\xf8\0\0\0\0\0\0",
    b"\xcb\x80\0\0\0\0\0\0\0", b"\xa0", b"\xa1\"", b"\xa1\\", b"\xa1\xe9", b"\xd9\x02\xc3\xa9", b"\xda\x00\x01a",
    b"\xdb\x00\x00\x00\x01a", b"\xdb\xff\xff\xff\xff", b"\xc4\x00", b"\xc4\x03\x00\x1f\x7f", b"\xc5\x00\x01\xff",
    b"\xc6\x00\x00\x00\x01x", b"\xc6\xff\xff\xff\xff", b"\xd4\x05\x00", b"\xd6\xff\x4f\x5f\x36\xc0",
    b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\xd8\x01aaaaaaaaaaaaaaaa", b"\xc7\x0c\xff\0\0\0\x01\x80\0\0\0\0\0\0\0",
    b"\xc7\x00\x01", b"\xc8\x00\x01\x02a", b"\xc9\x00\x00\x00\x01\x02a", b"\xc9\xff\xff\xff\xff\x02", b"\x80", b"\x90",
    b"\x81", b"\x91", b"\x82", b"\x87", b"\xdc\x00\x01", b"\xdc\xff\xff", b"\xdd\x00\x00\x00\x01", b"\xdd\xff\xff\xff\xff",
    b"\xde\x00\x01", b"\xde\xff\xff", b"\xdf\x00\x00\x00\x01", b"\xdf\xff\xff\xff\xff", b"\x81\x81\xc0\xc0", b"\x81\xc0",
    b"\xa4type", b"\xc4\x04type", b"\xa2id", b"\xa4host", b"\xa3pid", b"\xa5start", b"\xa3end", b"\xa4body",
    b"\xa4type\xa1a", b"\xa3end\x01", b"\xa4host\xa1h", b"\x83\xa4type\xa1a\xa3end\x01\xa2id\x01", b"\xa4tags\x92\xa1x\x01",
    b"\xa6status\xcd\x01\xf4", b"\xa1a\x81\xa1b\x01", b"\xa3a.b\x01",
    b"\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91",
];

/// Pieces of original headers.
pub const HEADER_WORDS: &[&[u8]] = &[
    b"\x03",
    b"\x3f",
    b"\x40",
    b"\xff",
    b"\x00",
    b"\x05web-1",
    b"\xc3\xa9",
    b"\xf0\x9f\x98\x80",
    b"\x80\x80\x80\x80",
];

/// A greeting and frames of ZMTP, good and bad.
pub const ZMTP_WORDS: &[&[u8]] = &[
    b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH", b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB",
    b"\x04\x06\x05READY", b"\x04\x07\x04PING\0\0", b"\x04\x0a\x04PING\0\x01abc", b"\x04\x07\x04PONG\0\0",
    b"\x04\x0b\x09SUBSCRIBE\x01", b"\x04\x0c\x09SUBSCRIBEab", b"\x04\x07\x06CANCEL", b"\x04\x09\x06CANCELab",
    b"\x04\x09\x05ERROR\x02no", b"\x04\x06\x05ERROR", b"\x04\x00", b"\x04\x01\x00", b"\x04\x01\xff",
    b"\x00\x00", b"\x01\x00", b"\x00\x01a", b"\x01\x01a", b"\x02\0\0\0\0\0\0\0\x01a", b"\x03\0\0\0\0\0\0\0\x01a",
    b"\x00\x04\x01req", b"\x00\x04\x00req", b"\x00\x01\x01", b"\x02\0\0\0\0\0\0\x10\x01", b"\x03\0\0\0\0\x04\0\0\0",
    b"\x02\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x02\x80\0\0\0\0\0\0\0", b"\x03\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x06\0\0\0\0\0\0\x20\0", b"\x06\0\0\0\0\0\0\x20\x01", b"\x06\0\0\0\0\0\0\0\x07\x04PING\0\0", b"\x05\x00", b"\x08\x00",
    b"\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00",
    b"\x08X-BlueOx\0\0\0\x051.0.0", b"CURVE", b"\xff\xff\xff\xff",
];

/// Words of JSON.
pub const JSON_WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"\\ude00",
    b"null",
    b"true",
    b"-0",
    b"0.1",
    b"1e400",
    b"1e-400",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"\"type\":\"a\",",
    b"\"type\":1,",
    b"\"body\":",
    b"\"id\":",
    b"\"end\":1,",
    b"\"start\":",
    b"\"span\":",
    b"\"\":",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\n",
    b"\0",
    b"{}",
    b"[]",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];

/// Pieces of file names.
pub const FILE_NAME_WORDS: &[&[u8]] = &[
    b"-",
    b"-20120313",
    b"-2012031306",
    b"-20120230",
    b"-99999999",
    b"-00000101",
    b"24",
    b"-web-2",
    b".log",
    b".bz2",
    b".gz",
    b".zst",
    b"%",
    b"%~",
    b"%2E",
    b"%7E",
    b"%FF",
    b"%e9",
    b"~",
    b".",
    b"..",
    b"/",
    b"\\",
    b"\0",
    b" ",
    b"\xff",
    b"\xc3\xa9",
    b"x",
    b"-20120313.log",
    b"////////////////////////////////////////////////////////",
];

/// The beginnings of tokens.
#[must_use]
pub fn msgpack_boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut reader = Reader::new(bytes);
    let mut found = vec![0];
    while reader.token().is_ok() {
        found.push(reader.position());
    }
    found
}

/// The beginnings of tokens behind the first byte.
#[must_use]
pub fn stream_boundaries(bytes: &[u8]) -> Vec<usize> {
    msgpack_boundaries(bytes.get(1..).unwrap_or_default())
        .into_iter()
        .map(|at| (at + 1).min(bytes.len()))
        .collect()
}

/// Where words begin and end.
#[must_use]
pub fn text_boundaries(bytes: &[u8]) -> Vec<usize> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let changes =
        |at: &usize| *at == 0 || *at == bytes.len() || !is_word(bytes[*at]) || !is_word(bytes[at - 1]);
    (0..=bytes.len()).filter(changes).collect()
}

/// The fields of an original header.
#[must_use]
pub fn header_boundaries(bytes: &[u8]) -> Vec<usize> {
    [0, 1, 9, 10, 73, 74, 137].into_iter().filter(|at| *at <= bytes.len()).collect()
}

/// The beginnings of frames.
#[must_use]
pub fn zmtp_boundaries(bytes: &[u8]) -> Vec<usize> {
    let mut found = vec![bytes.len().min(2)];
    let mut at = 66;
    while at <= bytes.len() {
        found.push(at);
        let Some(flags) = bytes.get(at) else { break };
        let length = if flags & 2 == 0 {
            bytes.get(at + 1).map(|length| 2 + usize::from(*length))
        } else {
            let long = bytes.get(at + 1..).and_then(<[u8]>::first_chunk);
            long.map(|long| {
                usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX).saturating_add(9)
            })
        };
        at = at.saturating_add(length.unwrap_or(usize::MAX));
    }
    found
}
