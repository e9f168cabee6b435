//! The greeting: the 64 bytes with which each side begins.
//!
//! ```text
//! 0      1               9      10     11     12                  32         33             64
//! +------+---------------+------+------+------+-------------------+----------+--------------+
//! | 0xff | padding       | 0x7f | major| minor| mechanism         | as-server| filler       |
//! +------+---------------+------+------+------+-------------------+----------+--------------+
//! ```
//!
//! We say 3.0, which every libzmq 4 takes: between two 3.1 sides a subscription must be a command, which the older
//! ones do not know, and nothing else that we need is newer than 3.0. What 3.1 brought is understood all the same.

use super::ZmtpError;
use super::error::printable;

pub(super) const LENGTH: usize = 64;

const SIGNATURE_END: usize = 9;
const MAJOR: usize = 10;
const MINOR: usize = 11;
const MECHANISM: std::ops::Range<usize> = 12..32;

/// Our greeting.
pub(super) const OURS: [u8; LENGTH] = {
    let mut bytes = [0; LENGTH];
    bytes[0] = 0xff;
    bytes[SIGNATURE_END] = 0x7f;
    bytes[MAJOR] = 3;
    bytes[MECHANISM.start] = b'N';
    bytes[MECHANISM.start + 1] = b'U';
    bytes[MECHANISM.start + 2] = b'L';
    bytes[MECHANISM.start + 3] = b'L';
    bytes
};

/// Checks as much of a peer's greeting as has come, so that an old peer, which sends less, is refused and
/// not waited for. The version (major, minor) is given when all of it is there.
pub(super) fn check(input: &[u8]) -> Result<Option<(u8, u8)>, ZmtpError> {
    if let Some(first) = input.first().copied().filter(|first| *first != 0xff) {
        return Err(ZmtpError::NotZmtp { first });
    }
    // ZMTP 1.0 has the flags of a long frame here.
    if input.get(SIGNATURE_END).is_some_and(|byte| *byte != 0x7f) {
        return Err(ZmtpError::OldVersion { version: "1.0" });
    }
    match input.get(MAJOR) {
        Some(0) => return Err(ZmtpError::OldVersion { version: "1.0" }),
        Some(1 | 2) => return Err(ZmtpError::OldVersion { version: "2.0" }),
        _ => {}
    }
    if input.get(MECHANISM).is_some_and(|mechanism| mechanism != &OURS[MECHANISM]) {
        let name = input[MECHANISM].split(|byte| *byte == 0).next().unwrap_or_default();
        return Err(ZmtpError::Mechanism { name: printable(name) });
    }
    Ok((input.len() >= LENGTH).then(|| (input[MAJOR], input[MINOR])))
}
