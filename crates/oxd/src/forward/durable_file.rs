//! Small files that are replaced as a whole: after a crash they are the old one or the new one.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Writes the content aside, syncs it, gives it its name, and syncs the directory.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_added_extension("tmp");
    let mut file = File::create(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    File::open(directory)?.sync_all()
}
