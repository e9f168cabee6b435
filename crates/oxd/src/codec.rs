//! Compressed payloads of the native protocol: one zstd frame, or one lz4 block. What is decompressed is bounded by what
//! the frame announces, and that by [`MAX_BATCH_BYTES`].

use blueox_event::limits::MAX_BATCH_BYTES;
use blueox_event::wire::native::Codec;

/// Fast, and still a third of the size for events; higher levels cost a multiple of the CPU time.
const ZSTD_LEVEL: i32 = 1;

/// The bytes are not what the frame says.
#[derive(Debug, thiserror::Error)]
#[error("the payload is not {raw_bytes} bytes compressed with {codec:?}")]
pub(crate) struct NotDecompressed {
    codec: Codec,
    raw_bytes: usize,
}

/// Compresses a payload; `None` where that does not make it shorter.
pub(crate) fn compress(codec: Codec, payload: &[u8]) -> Option<Vec<u8>> {
    let compressed = match codec {
        Codec::None => return None,
        Codec::Zstd => zstd::bulk::compress(payload, ZSTD_LEVEL).ok()?,
        Codec::Lz4 => lz4_flex::block::compress(payload),
    };
    (compressed.len() < payload.len()).then_some(compressed)
}

/// The payload's `raw_bytes` bytes, never more, in memory of its own.
pub(crate) fn decompress(codec: Codec, payload: &[u8], raw_bytes: usize) -> Result<Vec<u8>, NotDecompressed> {
    let failed = || NotDecompressed { codec, raw_bytes };
    if raw_bytes > MAX_BATCH_BYTES {
        return Err(failed());
    }
    let raw = match codec {
        Codec::None => payload.to_vec(),
        Codec::Zstd => zstd::bulk::decompress(payload, raw_bytes).map_err(|_| failed())?,
        Codec::Lz4 => {
            let mut raw = vec![0; raw_bytes];
            let length = lz4_flex::block::decompress_into(payload, &mut raw).map_err(|_| failed())?;
            raw.truncate(length);
            raw
        }
    };
    if raw.len() == raw_bytes { Ok(raw) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> Vec<u8> {
        (0..5000u32).flat_map(|n| (n % 97).to_le_bytes()).collect()
    }

    #[test]
    fn what_was_compressed_comes_back() {
        for codec in [Codec::Zstd, Codec::Lz4] {
            let compressed = compress(codec, &payload()).unwrap();
            assert!(compressed.len() < payload().len() / 2);
            assert_eq!(decompress(codec, &compressed, payload().len()).unwrap(), payload());
        }
        assert_eq!(decompress(Codec::None, b"abc", 3).unwrap(), b"abc");
    }

    #[test]
    fn a_length_that_is_not_true_is_an_error() {
        for codec in [Codec::Zstd, Codec::Lz4] {
            let compressed = compress(codec, &payload()).unwrap();
            for wrong in [1, payload().len() - 1, payload().len() + 1, MAX_BATCH_BYTES, usize::MAX] {
                assert!(decompress(codec, &compressed, wrong).is_err(), "{codec:?} {wrong}");
            }
            assert!(decompress(codec, b"no such thing", 13).is_err());
            assert!(decompress(codec, &compressed[..compressed.len() - 1], payload().len()).is_err());
        }
    }

    #[test]
    fn what_does_not_get_shorter_is_left() {
        let noise: Vec<u8> = (0..64u8).map(|n| n.wrapping_mul(151)).collect();
        for codec in [Codec::None, Codec::Zstd, Codec::Lz4] {
            assert!(compress(codec, &noise).is_none_or(|compressed| compressed.len() < noise.len()));
        }
        assert_eq!(compress(Codec::None, &payload()), None);
    }
}
