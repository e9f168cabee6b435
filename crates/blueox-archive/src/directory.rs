//! A directory as an object store: another disk, a share. What is created is synced before it has its name.

use crate::BucketUrl;
use crate::limits::PART_BYTES;
use crate::objects::{Created, Object, ObjectError, Objects};
use bytes::Bytes;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The files below a directory.
#[derive(Debug)]
pub struct Directory {
    url: BucketUrl,
    root: PathBuf,
}

impl Directory {
    /// Uses a directory, which is made when something is created.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { url: BucketUrl::Directory(root.to_owned()), root: root.to_owned() }
    }

    fn path(&self, name: &str) -> Result<PathBuf, ObjectError> {
        // A name may come from a list of another store.
        let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if name.split('/').any(is_odd) {
            return Err(self.failed("use", name)(io::ErrorKind::InvalidInput.into()));
        }
        Ok(self.root.join(name))
    }

    fn failed(&self, operation: &'static str, name: &str) -> impl Fn(io::Error) -> ObjectError {
        let url = self.url.at(name);
        move |error| ObjectError::Failed { operation, url: url.clone(), why: error.to_string() }
    }

    /// Creates the file that gets its name later, and the directories above it.
    fn aside(&self, name: &str) -> Result<(PathBuf, PathBuf), ObjectError> {
        let path = self.path(name)?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = path.with_file_name(format!(".{file_name}.aside"));
        make_directory(path.parent().unwrap_or(&self.root))
            .map_err(self.failed("make the directory of", name))?;
        Ok((path, aside))
    }

    /// Gives a file that is synced its name. `false`: something else has it.
    fn name(&self, name: &str, path: &Path, aside: &Path) -> Result<bool, ObjectError> {
        let failed = self.failed("create", name);
        match fs::hard_link(aside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(aside).map_err(&failed)?;
                return Ok(false);
            }
            Ok(()) => fs::remove_file(aside).map_err(&failed)?,
            // A file system without links: then nobody else had better write here.
            Err(_) if !path.exists() => fs::rename(aside, path).map_err(&failed)?,
            Err(error) => return Err(failed(error)),
        }
        let parent = path.parent().unwrap_or(&self.root);
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(&failed)?;
        Ok(true)
    }

    fn walk(&self, dir: &Path, below: &str, found: &mut Vec<Object>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if name.starts_with('.') {
                continue;
            }
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                self.walk(&entry.path(), &name, found)?;
            } else if metadata.is_file() {
                found.push(object(name, &metadata));
            }
        }
        Ok(())
    }
}

impl Objects for Directory {
    fn url(&self) -> &BucketUrl {
        &self.url
    }

    fn list(&self) -> Result<Vec<Object>, ObjectError> {
        let mut found = Vec::new();
        match self.walk(&self.root, "", &mut found) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.root.exists() => Ok(found),
            Err(error) => {
                let url = self.url.to_string();
                Err(ObjectError::Failed { operation: "list", url, why: error.to_string() })
            }
            Ok(()) => Ok(found),
        }
    }

    fn look_at(&self, name: &str) -> Result<Option<Object>, ObjectError> {
        match fs::metadata(self.path(name)?) {
            Ok(metadata) if metadata.is_file() => Ok(Some(object(name.to_owned(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("look at", name)(error)),
        }
    }

    fn read(&self, wanted: &Object, start: u64, length: u64) -> Result<Bytes, ObjectError> {
        let failed = self.failed("read", &wanted.name);
        let changed = || ObjectError::Changed { url: self.url.at(&wanted.name) };
        let file = match File::open(self.path(&wanted.name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(changed()),
            file => file.map_err(&failed)?,
        };
        if object(wanted.name.clone(), &file.metadata().map_err(&failed)?) != *wanted {
            return Err(changed());
        }
        let length = length.min(wanted.length.saturating_sub(start));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, start).map_err(&failed)?;
        Ok(bytes.into())
    }

    fn create(&self, name: &str, bytes: Bytes) -> Result<Created, ObjectError> {
        let (path, aside) = self.aside(name)?;
        let written = File::create(&aside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        written.map_err(self.failed("write", name))?;
        if !self.name(name, &path, &aside)? {
            return Ok(Created::Before);
        }
        let metadata = fs::metadata(&path).map_err(self.failed("look at", name))?;
        Ok(Created::Now(object(name.to_owned(), &metadata)))
    }

    fn begin(&self, name: &str) -> Result<String, ObjectError> {
        let (_, aside) = self.aside(name)?;
        File::create(&aside).map_err(self.failed("write", name))?;
        Ok("aside".to_owned())
    }

    fn send_part(&self, name: &str, _: &str, number: usize, bytes: Bytes) -> Result<String, ObjectError> {
        let (_, aside) = self.aside(name)?;
        let written = OpenOptions::new()
            .write(true)
            .open(&aside)
            .and_then(|file| file.write_all_at(&bytes, number as u64 * PART_BYTES));
        written.map_err(self.failed("write", name))?;
        Ok(number.to_string())
    }

    fn complete(&self, name: &str, _: &str, _: Vec<String>) -> Result<(), ObjectError> {
        let (path, aside) = self.aside(name)?;
        File::open(&aside).and_then(|file| file.sync_all()).map_err(self.failed("sync", name))?;
        if self.name(name, &path, &aside)? {
            Ok(())
        } else {
            Err(self.failed("create", name)(io::ErrorKind::AlreadyExists.into()))
        }
    }

    fn abort(&self, name: &str, _: &str) -> Result<(), ObjectError> {
        let (_, aside) = self.aside(name)?;
        match fs::remove_file(aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", name)(error)),
            _ => Ok(()),
        }
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", name)(error)),
            _ => Ok(()),
        }
    }
}

fn object(name: String, metadata: &fs::Metadata) -> Object {
    let etag = format!("{:x}-{:x}-{:x}", metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
    Object { name, length: metadata.len(), etag: Some(etag) }
}

/// Makes a directory and those above it, so that they are there after a crash.
fn make_directory(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(parent)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| File::open(parent)?.sync_all()),
    }
}
