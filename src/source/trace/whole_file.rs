//! A file that appears whole or not at all: written beside its target, synced, then renamed over it.
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::TraceError;

/// Dropped before `publish`, it leaves nothing behind.
pub(super) struct WholeFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl WholeFile {
    pub(super) fn create(target: &Path) -> Result<Self, TraceError> {
        let failed = |error| TraceError::io(target, "write", error);
        if target.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        // A rename would put a file in the place of a device or a pipe.
        if target.metadata().is_ok_and(|there| !there.is_file()) {
            let special = "it is a device, a pipe or a socket; name a regular file";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, special)));
        }
        // The mode that a plain create would give: tempfile's own is for secrets.
        let file = tempfile::Builder::new()
            .prefix(".")
            .suffix(".tmp")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory(target))
            .map_err(failed)?;
        Ok(WholeFile {
            target: target.to_path_buf(),
            file: BufWriter::with_capacity(256 << 10, file),
        })
    }

    /// Writes at the end.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        self.file
            .write_all(bytes)
            .map_err(|error| TraceError::io(&self.target, "write", error))
    }

    /// Writes over the start.
    pub(super) fn overwrite_start(&mut self, bytes: &[u8]) -> Result<(), TraceError> {
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| TraceError::io(&self.target, "write", error))
    }

    /// Makes it durable and gives it its name; returns its bytes.
    pub(super) fn publish(self) -> Result<u64, TraceError> {
        let WholeFile { target, file } = self;
        let published = || -> io::Result<u64> {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            let bytes = file.as_file().metadata()?.len();
            file.persist(&target)?;
            // The rename is durable once the directory is.
            File::open(directory(&target))?.sync_all()?;
            Ok(bytes)
        };
        published().map_err(|error| TraceError::io(&target, "write", error))
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

fn directory(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
