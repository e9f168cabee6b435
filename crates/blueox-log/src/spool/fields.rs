//! The fields of a payload, one after another, little endian.

/// A payload that does not hold what its type needs. Its checksum was right, so this is another program's
/// doing and not the disk's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload that ends early or holds an impossible value")]
pub(crate) struct BadPayload;

pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadPayload> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(BadPayload)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, BadPayload> {
        Ok(self.array::<1>()?[0] != 0)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadPayload> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BadPayload> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, BadPayload> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(crate) fn text(&mut self) -> Result<&'a [u8], BadPayload> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (head, tail) = self.0.split_at_checked(length).ok_or(BadPayload)?;
        self.0 = tail;
        Ok(head)
    }
}

pub(crate) fn put_text(to: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).expect("BUG: texts were checked against their limits");
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(text);
}
