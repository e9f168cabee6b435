//! Bytes as lines.

/// A longer line comes in pieces of this length, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 256 << 10;

/// A line, or a piece of one that is too long, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'l> {
    pub(crate) bytes: &'l [u8],
    /// Which piece of the line it is, from 1 on; `None` where it is all of it.
    pub(crate) part: Option<u32>,
}

/// Cuts what comes into lines, and keeps what is not a whole one yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
    /// How many pieces of the line that has begun were given away.
    parts: u32,
}

impl Lines {
    /// Takes what came, and hands over the lines that are whole.
    pub(crate) fn push(&mut self, mut bytes: &[u8], take: &mut impl FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end], take);
            self.finish(take);
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes, take);
    }

    /// No more will come: what is there is a line.
    pub(crate) fn finish(&mut self, take: &mut impl FnMut(Line<'_>)) {
        let line = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
        let part = (self.parts > 0).then_some(self.parts + 1);
        if !line.is_empty() {
            take(Line { bytes: line, part });
        }
        self.begun.clear();
        self.parts = 0;
    }

    /// How many bytes of a line wait for its end.
    pub(crate) fn begun(&self) -> usize {
        self.begun.len()
    }

    fn extend(&mut self, mut bytes: &[u8], take: &mut impl FnMut(Line<'_>)) {
        while self.begun.len() + bytes.len() > MAX_LINE_BYTES {
            let (fits, rest) = bytes.split_at(MAX_LINE_BYTES - self.begun.len());
            self.begun.extend_from_slice(fits);
            self.parts += 1;
            take(Line { bytes: &self.begun, part: Some(self.parts) });
            self.begun.clear();
            bytes = rest;
        }
        self.begun.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(pieces: &[&[u8]]) -> Vec<(Vec<u8>, Option<u32>)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut take = |line: Line<'_>| found.push((line.bytes.to_vec(), line.part));
        pieces.iter().for_each(|piece| lines.push(piece, &mut take));
        lines.finish(&mut take);
        found
    }

    #[test]
    fn ends_of_lines() {
        let whole =
            |lines: &[&str]| lines.iter().map(|line| (line.as_bytes().to_vec(), None)).collect::<Vec<_>>();
        assert_eq!(cut(&[b"a\nb\r\n\n\r\nc\rd"]), whole(&["a", "b", "c\rd"]));
        assert_eq!(cut(&[b"", b"\n"]), whole(&[]));
    }

    #[test]
    fn a_long_line_comes_in_pieces() {
        let long = vec![b'x'; 2 * MAX_LINE_BYTES + 1];
        let found = cut(&[&long, b"y\nz"]);
        let shape: Vec<_> = found.iter().map(|(bytes, part)| (bytes.len(), *part)).collect();
        assert_eq!(shape, [(MAX_LINE_BYTES, Some(1)), (MAX_LINE_BYTES, Some(2)), (2, Some(3)), (1, None)]);
        assert_eq!(cut(&[&long[..MAX_LINE_BYTES], b"\n"]), [(long[..MAX_LINE_BYTES].to_vec(), None)]);
    }

    proptest! {
        #[test]
        fn how_it_comes_does_not_matter(text in "[a-c\n\r]{0,200}", cuts in prop::collection::vec(0usize..200, 0..10)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|at| at.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(&pieces), cut(&[text.as_bytes()]));
        }
    }
}
