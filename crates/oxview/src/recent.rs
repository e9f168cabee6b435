//! The last events of a file that is followed, so that they are recognised when they are written again.
//!
//! A daemon that was killed cuts its day files back to the lengths that its spool vouches for, and writes what followed
//! once more, byte for byte and at the same places. A file that really began anew has other events there.

use std::collections::VecDeque;

/// So many events are remembered of each file, some 2 MiB: what a daemon writes between two syncs, and much more
/// than anybody can look at.
const MAX_REMEMBERED: usize = 1 << 17;

/// Where an event began, and the checksum of its bytes.
type Trace = (u64, u32);

/// What was read last.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    read: VecDeque<Trace>,
    /// What was read before the file became shorter, and may come again.
    expected: VecDeque<Trace>,
}

impl Recent {
    /// Remembers an event. `false`: it was read before, and is written again.
    pub(crate) fn is_new(&mut self, offset: u64, event: &[u8]) -> bool {
        let trace = (offset, crc32c::crc32c(event));
        while self.expected.front().is_some_and(|expected| expected.0 < offset) {
            self.expected.pop_front();
        }
        let comes_again = self.expected.front() == Some(&trace);
        if !comes_again && self.expected.front().is_some_and(|expected| expected.0 == offset) {
            // Another event stands here: what follows it are others too, also where one looks the same.
            self.expected.clear();
        }
        if self.read.len() == MAX_REMEMBERED {
            self.read.pop_front();
        }
        self.read.push_back(trace);
        !comes_again
    }

    /// The file has become shorter, `length` bytes, of which those before `offset` were read. Gives from where to read on.
    pub(crate) fn begin_again(&mut self, length: u64, offset: u64) -> u64 {
        let begin = match self.read.front() {
            // What is already written again is compared too.
            Some((first, _)) if *first <= length => *first,
            _ => length.min(offset),
        };
        // What is still expected stood behind all that has come again so far.
        let mut expected = std::mem::take(&mut self.read);
        expected.append(&mut self.expected);
        self.expected = expected;
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole file of events of four bytes each, from an offset on; gives those that are new.
    fn read(recent: &mut Recent, file: &[&str], from: u64) -> Vec<String> {
        let offsets = (0..).step_by(4);
        let events = offsets.zip(file).skip_while(|(offset, _)| *offset < from);
        events
            .filter(|(offset, event)| recent.is_new(*offset, event.as_bytes()))
            .map(|(_, e)| (*e).to_owned())
            .collect()
    }

    #[test]
    fn what_is_written_again_is_not_new() {
        let mut recent = Recent::default();
        assert_eq!(read(&mut recent, &["a", "b", "c", "d"], 0).len(), 4);
        // Cut back to two events, of which the second is there again already.
        let from = recent.begin_again(8, 16);
        assert_eq!(from, 0);
        assert!(read(&mut recent, &["a", "b"], from).is_empty());
        assert_eq!(read(&mut recent, &["a", "b", "c", "d", "e"], 8), ["e"]);
    }

    #[test]
    fn a_second_cut_before_all_has_come_again() {
        let mut recent = Recent::default();
        read(&mut recent, &["a", "b", "c", "d"], 0);
        let from = recent.begin_again(4, 16);
        assert!(read(&mut recent, &["a", "b"], from).is_empty());
        let from = recent.begin_again(4, 8);
        assert_eq!(read(&mut recent, &["a", "b", "c", "d", "e"], from), ["e"]);
    }

    #[test]
    fn a_file_that_begins_anew_is_new() {
        let mut recent = Recent::default();
        read(&mut recent, &["a", "b", "c", "d"], 0);
        let from = recent.begin_again(0, 16);
        assert_eq!(read(&mut recent, &["x", "b", "c"], from), ["x", "b", "c"]);
    }

    #[test]
    fn what_is_long_gone_by_is_forgotten() {
        let mut recent = Recent::default();
        for offset in 0..MAX_REMEMBERED as u64 + 5 {
            assert!(recent.is_new(offset, b"event"));
        }
        assert_eq!(recent.begin_again(3, 1 << 20), 3, "read from where nothing is remembered");
        let mut recent = Recent::default();
        assert_eq!(recent.begin_again(9, 7), 7, "nothing was asked for so far");
    }
}
