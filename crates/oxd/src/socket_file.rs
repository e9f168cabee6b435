//! The Unix socket beside the collection port: a file that only one daemon has, with mode 0660.

use anyhow::{Context, bail};
use rustix::fs::Mode;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Who may connect: owner and group.
const MODE: Mode = Mode::from_raw_mode(0o660);

/// The socket's file; it is removed when this is dropped, unless somebody else's is in its place by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    pub(crate) path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Listens at a path. What a dead daemon left there is replaced; anything else is left alone.
    pub(crate) fn listen(path: &Path) -> anyhow::Result<(UnixListener, Self)> {
        let shown = path.display();
        check_place(path)?;
        // Made aside: nobody sees it before it has its mode, and there is no moment without a socket.
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{}", std::process::id()));
        let aside = PathBuf::from(aside);
        let bind = || -> io::Result<(UnixListener, std::fs::Metadata)> {
            let listener = UnixListener::bind(&aside)?;
            rustix::fs::chmod(&aside, MODE)?;
            std::fs::rename(&aside, path)?;
            Ok((listener, std::fs::symlink_metadata(path)?))
        };
        match bind() {
            Ok((listener, file)) => {
                Ok((listener, Self { path: path.to_path_buf(), device: file.dev(), inode: file.ino() }))
            }
            Err(error) => {
                let _ = std::fs::remove_file(&aside);
                Err(error).with_context(|| {
                    format!("cannot listen on {shown}; its directory must exist and be writable, and the path be short")
                })
            }
        }
    }
}

/// Whether a socket may be put there.
fn check_place(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let file = match std::fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
    };
    if !file.file_type().is_socket() {
        bail!("{shown} is there and is no socket; move it away, or choose another path with --socket");
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(_) => bail!("another program listens on {shown}; stop it, or choose another path with --socket"),
        Err(error) => Err(error).with_context(|| {
            format!("cannot tell whether another program listens on {shown}; remove it if none does")
        }),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if is_ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket's file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_or_a_file_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oxd.sock");
        let (listener, file) = SocketFile::listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let error = SocketFile::listen(&path).unwrap_err().to_string();
        assert!(error.contains("another program listens"), "{error}");
        drop(listener);
        let (_listener, again) = SocketFile::listen(&path).unwrap();
        drop(file);
        assert!(path.exists(), "it belongs to the second one");
        drop(again);
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        let error = SocketFile::listen(&path).unwrap_err().to_string();
        assert!(error.contains("is no socket; move it away"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        assert!(SocketFile::listen(&directory.path().join("none/oxd.sock")).is_err());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left aside");
    }
}
