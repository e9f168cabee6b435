//! Day files go to the medium as they grow.
//!
//! Files that are synced every few seconds, with all that they got meanwhile, would hold up the spool's commits on the
//! same disk for as long: an fdatasync behind 100 MiB of others' writes takes tens of milliseconds.

use crate::disk::DiskFile;

/// A file that has grown by so much is sent on its way.
const STEP_BYTES: u64 = 256 << 10;
/// Whole pages go, so that none is written twice.
const PAGE_BYTES: u64 = 4096;

/// How far a file is on its way.
#[derive(Debug, Default)]
pub(super) struct WriteOut {
    /// The system was asked to write what stands before this; nothing was asked yet if there is none.
    asked: Option<u64>,
}

impl WriteOut {
    /// The file was `before` bytes long, and is `length` now.
    pub(super) fn grew(&mut self, file: &impl DiskFile, before: u64, length: u64) {
        // It may have been cut since.
        let begin = self.asked.map_or(before, |asked| asked.min(before));
        let end = length / PAGE_BYTES * PAGE_BYTES;
        let is_due = end >= begin + STEP_BYTES;
        if is_due {
            file.begin_writing_out(begin, end - begin);
        }
        self.asked = Some(if is_due { end } else { begin });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileIdentity;
    use std::io;
    use std::sync::Mutex;

    /// Only notes what it is asked to write.
    #[derive(Debug, Default)]
    struct Asked(Mutex<Vec<(u64, u64)>>);

    impl DiskFile for Asked {
        fn identity(&self) -> io::Result<FileIdentity> {
            Ok(FileIdentity::for_test(1))
        }

        fn length(&self) -> io::Result<u64> {
            Ok(0)
        }

        fn append(&self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn truncate(&self, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn begin_writing_out(&self, offset: u64, length: u64) {
            self.0.lock().unwrap().push((offset, length));
        }
    }

    #[test]
    fn what_grows_is_asked_for_once_in_whole_pages() {
        let (file, mut out) = (Asked::default(), WriteOut::default());
        out.grew(&file, 5_000, 6_000);
        out.grew(&file, 6_000, 5_000 + STEP_BYTES);
        assert!(file.0.lock().unwrap().is_empty(), "not for little");
        let length = 3 * STEP_BYTES + 1;
        out.grew(&file, 5_000 + STEP_BYTES, length);
        out.grew(&file, length, length + STEP_BYTES + PAGE_BYTES);
        let first = (5_000, 3 * STEP_BYTES - 5_000);
        assert_eq!(file.0.lock().unwrap()[..], [first, (3 * STEP_BYTES, STEP_BYTES + PAGE_BYTES)]);
        // Cut from outside, it begins anew.
        out.grew(&file, 0, STEP_BYTES);
        assert_eq!(file.0.lock().unwrap().last(), Some(&(0, STEP_BYTES)));
    }

    #[test]
    fn a_real_file_takes_it() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &vec![7; 1 << 20]).unwrap();
        WriteOut::default().grew(&file, 0, 1 << 20);
        file.begin_writing_out(u64::MAX, 1);
    }
}
