//! The socket file: where it lies, who may open it, and what is done about one that was left behind.
//!
//! ```text
//!   bind:  PATH.PID ─► mode 0600 ─► link to PATH     there already?  answers ─► theirs, leave it
//!                                                                     silent  ─► left behind: remove, again
//!   end:   PATH is still mine (device, inode)? ─► remove
//! ```
//!
//! Only a socket at which nobody listens is ever removed, and never another kind of file. The name of a socket may
//! have 107 bytes; longer paths are opened through the descriptor of their directory.

use std::fs::{File, FileType};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Bytes of a path that the system takes, less its final zero and a little.
const PATH_BYTES_MAX: usize = 100;
/// Sockets that others leave behind while this one is being bound; more is no accident.
const TRIES: usize = 8;

/// A path that fits, and what keeps it valid.
struct Short {
    path: PathBuf,
    _dir: Option<File>,
}

fn short(path: &Path) -> Result<Short> {
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok(Short {
            path: path.to_path_buf(),
            _dir: None,
        });
    }
    let invalid = || Error::new(ErrorKind::InvalidInput, "a path without a name");
    let (parent, name) = (path.parent(), path.file_name().ok_or_else(invalid)?);
    let dir = File::open(parent.ok_or_else(invalid)?)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
    Ok(Short {
        path,
        _dir: Some(dir),
    })
}

/// Opens the socket of a run.
pub(super) fn connect(path: &Path) -> Result<UnixStream> {
    UnixStream::connect(short(path)?.path)
}

/// What a file is that is no socket, in words.
pub(super) fn no_socket(found: FileType) -> Option<&'static str> {
    if found.is_socket() {
        None
    } else if found.is_dir() {
        Some("a directory")
    } else if found.is_symlink() {
        Some("a link")
    } else if found.is_file() {
        Some("a file")
    } else {
        Some("a pipe or device")
    }
}

/// A socket that is ours, until it is dropped.
#[derive(Debug)]
pub(super) struct Bound {
    path: PathBuf,
    id: (u64, u64),
    /// Directories that were made for it, the innermost first.
    made: Vec<PathBuf>,
}

/// Binds `path`.
///
/// # Errors
/// A run listens there, another kind of file is there, or the system's reason.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, Bound)> {
    let made = make_parents(path)?;
    let mut own = path.as_os_str().to_owned();
    own.push(format!(".{}", std::process::id()));
    let own = PathBuf::from(own);
    let listener = UnixListener::bind(short(&own)?.path)?;
    let linked = link(&own, path);
    let _ = std::fs::remove_file(&own);
    linked?;
    let found = std::fs::symlink_metadata(path)?;
    let bound = Bound {
        path: path.to_path_buf(),
        id: (found.dev(), found.ino()),
        made,
    };
    Ok((listener, bound))
}

/// Makes the directories above `path` that are not there, and says which.
fn make_parents(path: &Path) -> Result<Vec<PathBuf>> {
    let named = |dir: &&Path| !dir.as_os_str().is_empty();
    let missing = path
        .ancestors()
        .skip(1)
        .filter(named)
        .take_while(|dir| !dir.exists());
    let missing: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
    if let Some(parent) = path.parent().filter(named) {
        std::fs::create_dir_all(parent)?;
    }
    Ok(missing)
}

/// Gives the socket `own` the name `path` too.
fn link(own: &Path, path: &Path) -> Result<()> {
    std::fs::set_permissions(own, std::fs::Permissions::from_mode(0o600))?;
    for _ in 0..TRIES {
        match std::fs::hard_link(own, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => remove_left_behind(path)?,
            other => return other,
        }
    }
    Err(Error::new(ErrorKind::AddrInUse, "others take the name"))
}

/// Removes the socket at `path` if nobody listens at it.
fn remove_left_behind(path: &Path) -> Result<()> {
    if let Some(kind) = no_socket(std::fs::symlink_metadata(path)?.file_type()) {
        let what = format!("{kind} that is no socket is there");
        return Err(Error::new(ErrorKind::AlreadyExists, what));
    }
    match connect(path) {
        Ok(_) => Err(Error::new(
            ErrorKind::AddrInUse,
            "another run listens there",
        )),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.id) {
            let _ = std::fs::remove_file(&self.path);
        }
        // A run that failed leaves nothing; a directory in which there is anything stays.
        for dir in &self.made {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_its_user_alone_and_goes_with_its_run() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        let (_listener, bound) = bind(&path).expect("it is free");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(connect(&path).is_ok());
        assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 1);
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_run_left_is_replaced_and_what_lives_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        let (listener, bound) = bind(&path).expect("it is free");
        let taken = bind(&path).expect_err("somebody listens");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        std::mem::forget(bound);
        drop(listener); // as a process that was killed: the file stays
        assert!(path.exists());
        let (_again, bound) = bind(&path).expect("nobody listens");
        assert!(connect(&path).is_ok());
        drop(bound);
    }

    #[test]
    fn another_file_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        std::fs::write(&path, "mine").expect("written");
        let error = bind(&path).expect_err("a file is there");
        assert_eq!(error.to_string(), "a file that is no socket is there");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "mine");
        assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 1);
    }

    #[test]
    fn a_long_path_works() {
        let dir = tempfile::tempdir().expect("a directory");
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).expect("made");
        let path = deep.join("ctl.sock");
        let (_listener, _bound) = bind(&path).expect("it is free");
        assert!(connect(&path).is_ok());
    }

    #[test]
    fn directories_that_were_made_for_it_go_unless_they_hold_something() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b/ctl.sock");
        drop(bind(&path).expect("it is free"));
        assert_eq!(std::fs::read_dir(&dir).expect("a directory").count(), 0);
        let (_listener, bound) = bind(&path).expect("it is free");
        std::fs::write(dir.path().join("a/report"), "").expect("written");
        drop(bound);
        assert!(dir.path().join("a/report").exists() && !dir.path().join("a/b").exists());
    }

    #[test]
    fn a_run_removes_its_own_socket_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        let (_first, bound) = bind(&path).expect("it is free");
        std::fs::remove_file(&path).expect("somebody tidies up");
        let (_second, other) = bind(&path).expect("it is free again");
        drop(bound);
        assert!(path.exists(), "it is another's now");
        drop(other);
    }
}
