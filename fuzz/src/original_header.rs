//! The original's header.

use blueox_event::wire::original::{Header, HeaderError, LENGTH, MAX_TEXT_BYTES, VERSION};

/// A header, and texts that become one.
pub fn original_header(bytes: &[u8]) {
    match Header::parse(bytes) {
        Ok(header) => {
            assert_eq!((bytes.len(), bytes[0]), (LENGTH, VERSION));
            assert!(header.host.len() <= MAX_TEXT_BYTES && header.type_name.len() <= MAX_TEXT_BYTES);
            check_same(&header, header.host, header.type_name);
        }
        Err(HeaderError::Length { found }) => {
            assert_eq!(found, bytes.len());
            assert_ne!(found, LENGTH);
        }
        Err(HeaderError::Version { found }) => {
            assert_eq!(found, bytes[0]);
            assert_ne!(found, VERSION);
        }
        Err(HeaderError::TextLength { found, .. }) => assert!(usize::from(found) > MAX_TEXT_BYTES),
    }
    let (host, type_name) = bytes.split_at(bytes.len() / 2);
    let encoded = Header::encode(0.5, host, type_name);
    let header = Header::parse(&encoded).expect("our own header");
    for (whole, found) in [(host, header.host), (type_name, header.type_name)] {
        assert!(whole.starts_with(found));
        assert!(found.len() == whole.len() || found.len() > MAX_TEXT_BYTES - 4);
        assert!(std::str::from_utf8(whole).is_err() || std::str::from_utf8(found).is_ok());
    }
}

/// A header is read as it is written.
fn check_same(header: &Header<'_>, host: &[u8], type_name: &[u8]) {
    let encoded = Header::encode(header.end, host, type_name);
    let again = Header::parse(&encoded).expect("our own header");
    assert_eq!(again.end.to_bits(), header.end.to_bits());
    assert_eq!((again.host, again.type_name), (header.host, header.type_name));
}
