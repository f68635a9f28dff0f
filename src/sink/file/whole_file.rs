//! A file that appears whole or not at all: written beside its target, synced, then renamed over it.
//!
//! Owned by the writer thread. Dropped before `publish`, it leaves nothing behind. Its target is claimed for as
//! long as it lives, so that a second sink on it is refused instead of replacing what the first one wrote.

use super::encode::Output;
use super::error::SinkError;
use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::TempPath;

/// Written to the system at a time, bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// Targets being written by this process.
static CLAIMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The right of one sink to a target.
pub(super) struct Claim(PathBuf);

impl Claim {
    /// That to `path`, whose directory exists and which is a regular file if it is anything.
    pub(super) fn to(path: &Path) -> Result<Self, SinkError> {
        Claim::of(resolve(path)?)
    }

    /// The one spelling of the target.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn of(target: PathBuf) -> Result<Self, SinkError> {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        if claimed.insert(target.clone()) {
            Ok(Claim(target))
        } else {
            Err(SinkError::Twice { file: target })
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.0);
    }
}

/// A file under way.
pub(super) struct WholeFile {
    file: BufWriter<File>,
    /// Removes the file when it is dropped.
    temporary: TempPath,
    claim: Claim,
}

impl WholeFile {
    /// Starts a file beside `path`, whose directory exists and which is a regular file if it is anything.
    pub(super) fn create(path: &Path) -> Result<Self, SinkError> {
        let failed = |error| SinkError::io(path, "create", error);
        let target = resolve(path)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let claim = Claim::of(target.clone())?;
        // The mode that a plain create would give: tempfile's own is for secrets.
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}-"))
            .suffix(".tmp")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory(&target))
            .map_err(failed)?;
        // In parts, since errors of the whole would name the temporary file.
        let (file, temporary) = file.into_parts();
        Ok(WholeFile {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            temporary,
            claim,
        })
    }

    /// Makes it durable and gives it its name.
    pub(super) fn publish(self) -> io::Result<()> {
        let WholeFile {
            file,
            temporary,
            claim,
        } = self;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        temporary.persist(&claim.0).map_err(|failed| failed.error)?;
        // The rename is durable once the directory is.
        File::open(directory(&claim.0))?.sync_all()
    }
}

impl Output for WholeFile {
    fn overwrite_start(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// One spelling for each target. A link is followed, so that its file is replaced and not the link; a device
/// or a pipe is refused, since the rename would put a file in its place for everyone (`/dev/null`).
fn resolve(path: &Path) -> Result<PathBuf, SinkError> {
    let failed = |error| SinkError::io(path, "create", error);
    let refuse = |what| {
        let file = path.to_path_buf();
        Err(SinkError::NotAFile { file, what })
    };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path).map_err(failed),
        Ok(metadata) if metadata.is_dir() => refuse("is a directory"),
        Ok(metadata) if metadata.file_type().is_fifo() => refuse("is a pipe"),
        Ok(_) => refuse("is a device or a socket"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(name) = path.file_name() else {
                return refuse("has no file name");
            };
            let directory = fs::canonicalize(directory(path)).map_err(failed)?;
            Ok(directory.join(name))
        }
        Err(error) => Err(failed(error)),
    }
}

fn directory(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"xfter").unwrap();
        file.overwrite_start(b"a").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        file.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");

        let mut file = WholeFile::create(&path).unwrap();
        file.write_all(b"never").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_target_has_one_sink_however_it_is_spelt() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let again = directory.path().join(".").join("a.csv");
        let first = WholeFile::create(&path).unwrap();
        let second = WholeFile::create(&again);
        assert!(matches!(second, Err(SinkError::Twice { .. })));
        drop(first);
        assert!(WholeFile::create(&again).is_ok());
    }

    #[test]
    fn a_link_is_followed_and_a_device_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a"), directory.path().join("link"));
        fs::write(&path, "before").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        WholeFile::create(&link).unwrap().publish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"");
        for target in [Path::new("/dev/null"), directory.path(), Path::new("/")] {
            let refused = WholeFile::create(target).err().unwrap();
            assert!(matches!(refused, SinkError::NotAFile { .. }), "{refused}");
            assert_eq!(refused.exit_code(), 2);
        }
    }
}
