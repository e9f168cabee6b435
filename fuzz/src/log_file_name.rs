//! Names of day files, and types that become part of one.

use blueox_event::TypeName;
use blueox_event::limits::MAX_TYPE_FILE_NAME_BYTES;
use blueox_log::day_log::path::{decode_type, encode_type, relative_path};
use blueox_log::day_log::{Compression, LogFileName, RotateHours, Window};
use std::path::Component;

/// What stands in a name whose type was cut.
const CUT: &str = "%~";

/// The bytes as a file's name, and as a type.
pub fn log_file_name(bytes: &[u8]) {
    check_name(&String::from_utf8_lossy(bytes));
    if let Ok(type_name) = TypeName::new(bytes) {
        check_type(type_name);
        check_file_of(type_name);
    }
    let (one, other) = bytes.split_at(bytes.len() / 2);
    if let (Ok(one), Ok(other)) = (TypeName::new(one), TypeName::new(other)) {
        assert!(one == other || encode_type(one) != encode_type(other), "{one} and {other} share a file");
    }
}

fn check_name(name: &str) {
    let _ = decode_type(name);
    let Some(parsed) = LogFileName::parse(name, None) else { return };
    let host = parsed.host.as_ref().map(|host| format!("-{host}")).unwrap_or_default();
    let suffix = match parsed.compression {
        None => "",
        Some(Compression::Bzip2) => ".bz2",
        Some(Compression::Gzip) => ".gz",
        Some(Compression::Zstd) => ".zst",
    };
    assert_eq!(format!("{}-{}{host}.log{suffix}", parsed.encoded_type, parsed.window), name);
    assert!(!parsed.encoded_type.is_empty() && parsed.host.as_deref() != Some(""));
    assert_eq!(LogFileName::parse(name, Some(parsed.window.day)).as_ref(), Some(&parsed));
}

fn check_type(type_name: TypeName<'_>) {
    let encoded = encode_type(type_name);
    assert!((1..=MAX_TYPE_FILE_NAME_BYTES).contains(&encoded.len()), "{encoded}");
    assert!(!encoded.starts_with('.'), "{encoded}");
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "_.-+@:=,%~".contains(c);
    assert!(encoded.chars().all(is_harmless), "{encoded}");
    if encoded.contains(CUT) {
        assert_eq!(encoded.len(), MAX_TYPE_FILE_NAME_BYTES);
        assert_eq!(decode_type(&encoded), None);
    } else {
        assert_eq!(decode_type(&encoded).as_deref(), Some(type_name.bytes()));
    }
}

/// The file of a type lies in its day's directory and tells the type again.
fn check_file_of(type_name: TypeName<'_>) {
    for window in [Window::of(1_331_640_000, None), Window::of(1_331_640_000, RotateHours::new(5))] {
        let path = relative_path(type_name, window);
        let components: Vec<_> = path.components().collect();
        let [Component::Normal(day), Component::Normal(name)] = components[..] else {
            panic!("{} is not a file in a directory", path.display())
        };
        assert_eq!(day.to_str(), Some(window.day.to_string().as_str()));
        let name = name.to_str().expect("a name is ASCII");
        assert!(name.len() < 200);
        let parsed = LogFileName::parse(name, Some(window.day)).expect("our own name");
        check_parsed(&parsed, type_name, window);
        assert_eq!((parsed.host, parsed.compression), (None, None));

        let archived = name.replace(".log", "-web-2.log.zst");
        if let (true, Some(parsed)) = (name.matches(".log").count() == 1, LogFileName::parse(&archived, None))
        {
            check_parsed(&parsed, type_name, window);
            assert_eq!(parsed.host.as_deref(), Some("web-2"));
            assert_eq!(parsed.compression, Some(Compression::Zstd));
        }
    }
}

fn check_parsed(parsed: &LogFileName, type_name: TypeName<'_>, window: Window) {
    assert_eq!(parsed.window, window);
    assert_eq!(parsed.encoded_type, encode_type(type_name));
    if !parsed.encoded_type.contains(CUT) {
        assert_eq!(parsed.type_name, type_name.bytes());
    }
}
