//! The original's header: part 1 of the two-part message that carries an event over ZMTP; part 2 is the
//! event's MsgPack map.
//!
//! ```text
//! 0        1                9                     73                    137
//! +--------+----------------+---------------------+---------------------+
//! | 3      | end, f64       | host                | type                |
//! +--------+----------------+---------------------+---------------------+
//! ```
//!
//! Big endian. Host and type are Pascal strings in fields of 64 bytes: a length of at most 63, the text, and
//! padding that nobody reads.

/// The length of an encoded header, in bytes.
pub const LENGTH: usize = 137;

/// The one version that was ever spoken.
pub const VERSION: u8 = 3;

/// The longest host and the longest type that a header can carry, in bytes.
pub const MAX_TEXT_BYTES: usize = TEXT_FIELD - 1;

const TEXT_FIELD: usize = 64;
const HOST: usize = 9;
const TYPE_NAME: usize = HOST + TEXT_FIELD;

/// A decoded header. The texts are as they came: they may be empty, hold any bytes, and end in the middle
/// of a name that did not fit.
///
/// ```
/// use blueox_event::wire::original::Header;
/// let bytes = Header::encode(1425211200.5, b"web-1", b"request");
/// let header = Header::parse(&bytes).unwrap();
/// assert_eq!((header.end, header.host, header.type_name), (1425211200.5, &b"web-1"[..], &b"request"[..]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Header<'a> {
    /// When the event ended, in seconds since the epoch. Any float, also NaN.
    pub end: f64,
    /// The host that produced the event.
    pub host: &'a [u8],
    /// The event's type, cut to 63 bytes: the event itself has all of it.
    pub type_name: &'a [u8],
}

/// Why bytes are no header. Such a message is counted and dropped; the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The part has another length than a header.
    #[error("an original header has {LENGTH} bytes, not {found}")]
    Length {
        /// The part's length, in bytes.
        found: usize,
    },
    /// The version byte is unknown.
    #[error("an original header has version {VERSION}, not {found}")]
    Version {
        /// The version byte.
        found: u8,
    },
    /// A text claims to be longer than its field.
    #[error("the {field} in an original header has at most {MAX_TEXT_BYTES} bytes, not {found}")]
    TextLength {
        /// Which text.
        field: &'static str,
        /// The length that it claims, in bytes.
        found: u8,
    },
}

impl<'a> Header<'a> {
    /// Takes the first part of a message as a header.
    ///
    /// # Errors
    /// When it is none.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let bytes: &[u8; LENGTH] =
            bytes.try_into().map_err(|_| HeaderError::Length { found: bytes.len() })?;
        if bytes[0] != VERSION {
            return Err(HeaderError::Version { found: bytes[0] });
        }
        let mut end = [0; 8];
        end.copy_from_slice(&bytes[1..HOST]);
        Ok(Self {
            end: f64::from_be_bytes(end),
            host: text("host", &bytes[HOST..TYPE_NAME])?,
            type_name: text("type", &bytes[TYPE_NAME..])?,
        })
    }

    /// Encodes a header. Texts of more than 63 bytes are cut, at a character's boundary when they are UTF-8.
    #[must_use]
    pub fn encode(end: f64, host: &[u8], type_name: &[u8]) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1..HOST].copy_from_slice(&end.to_be_bytes());
        write_text(&mut bytes[HOST..TYPE_NAME], host);
        write_text(&mut bytes[TYPE_NAME..], type_name);
        bytes
    }
}

#[inline]
fn text<'a>(name: &'static str, field: &'a [u8]) -> Result<&'a [u8], HeaderError> {
    let length = field[0];
    field.get(1..=usize::from(length)).ok_or(HeaderError::TextLength { field: name, found: length })
}

fn write_text(field: &mut [u8], text: &[u8]) {
    let text = cut(text);
    field[0] = text.len() as u8; // at most 63
    field[1..=text.len()].copy_from_slice(text);
}

/// The longest beginning of `text` that fits and does not end inside a character. What is not UTF-8 is cut
/// where the field ends.
fn cut(text: &[u8]) -> &[u8] {
    let is_boundary = |at: usize| text.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let full = text.len().min(MAX_TEXT_BYTES);
    let end = (full.saturating_sub(3)..=full).rev().find(|end| is_boundary(*end)).unwrap_or(full);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Python's `struct.pack("!Bd64p64p", 3, 1425211200.5, b"web-1", b"request")` gives.
    #[test]
    fn the_bytes_are_those_of_the_original() {
        let mut expected = vec![3, 0x41, 0xd5, 0x3c, 0xbf, 0xd0, 0x20, 0x00, 0x00];
        expected.extend_from_slice(b"\x05web-1");
        expected.resize(73, 0);
        expected.extend_from_slice(b"\x07request");
        expected.resize(137, 0);
        assert_eq!(Header::encode(1425211200.5, b"web-1", b"request")[..], expected);
    }

    #[test]
    fn what_is_no_header_is_told_apart() {
        let good = Header::encode(1.0, b"h", b"t");
        assert_eq!(Header::parse(b""), Err(HeaderError::Length { found: 0 }));
        assert_eq!(Header::parse(&good[..136]), Err(HeaderError::Length { found: 136 }));
        assert_eq!(Header::parse(&[good.as_slice(), b"x"].concat()), Err(HeaderError::Length { found: 138 }));
        let mut bad = good;
        bad[0] = 2;
        assert_eq!(Header::parse(&bad), Err(HeaderError::Version { found: 2 }));
        let mut bad = good;
        bad[9] = 64;
        assert_eq!(Header::parse(&bad), Err(HeaderError::TextLength { field: "host", found: 64 }));
        let mut bad = good;
        bad[73] = 255;
        assert_eq!(Header::parse(&bad), Err(HeaderError::TextLength { field: "type", found: 255 }));
    }

    #[test]
    fn sixty_three_bytes_fit() {
        let longest = [b'x'; 63];
        let bytes = Header::encode(0.0, &longest, &[b'y'; 64]);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.host, longest);
        assert_eq!(header.type_name, [b'y'; 63]);
    }

    #[test]
    fn what_is_not_utf_8_is_cut_where_the_field_ends() {
        let bytes = Header::encode(0.0, b"", &[0xbf; 100]);
        assert_eq!(Header::parse(&bytes).unwrap().type_name, [0xbf; 63]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Header::parse(&bytes);
        }

        #[test]
        fn any_bytes_of_the_right_length_are_parsed_without_a_panic(mut bytes: [u8; 32], at in 0usize..137) {
            bytes[0] &= 63;
            let mut header = Header::encode(0.5, b"", b"");
            let end = LENGTH.min(at + bytes.len());
            header[at..end].copy_from_slice(&bytes[..end - at]);
            let _ = Header::parse(&header);
        }

        #[test]
        fn text_is_cut_at_a_character(host in ".{0,40}", type_name in ".{0,80}", end: f64) {
            let bytes = Header::encode(end, host.as_bytes(), type_name.as_bytes());
            let header = Header::parse(&bytes).unwrap();
            prop_assert_eq!(header.end.to_bits(), end.to_bits());
            for (whole, found) in [(&host, header.host), (&type_name, header.type_name)] {
                let found = std::str::from_utf8(found).unwrap();
                prop_assert!(whole.starts_with(found));
                prop_assert!(found == whole || found.len() > MAX_TEXT_BYTES - 4);
            }
        }
    }
}
