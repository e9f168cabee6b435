//! Several files, followed until the end.

use crate::arguments::NamedFile;
use crate::followed_file::{FollowedFile, From};
use crate::ingest::Ingest;
use crate::interrupt::Interrupt;
use std::time::Duration;

/// Files are looked at so often.
const INTERVAL: Duration = Duration::from_millis(100);

/// Sends what is appended to the files until it is interrupted.
///
/// # Errors
/// When a file that is there at the beginning cannot be read. What happens to files later is said, and waited for.
pub(crate) fn follow(
    files: &[NamedFile],
    from_start: bool,
    ingest: &mut Ingest,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let from = if from_start { From::Start } else { From::End };
    let opened: Result<Vec<_>, _> = files.iter().map(|file| FollowedFile::open(&file.path, from)).collect();
    let mut followed: Vec<_> = files.iter().zip(opened?).collect();
    while !interrupt.is_asked() {
        let mut has_read = false;
        for (file, followed) in &mut followed {
            has_read |= followed.look(&mut |line| ingest.line(&file.type_name, line));
        }
        if !has_read {
            interrupt.wait(&mut [], INTERVAL);
        }
    }
    for (file, followed) in &mut followed {
        followed.finish(&mut |line| ingest.line(&file.type_name, line));
    }
    Ok(())
}
