//! A dead-letter file as several runs may use it at once: appended to, and taken letters from.
//!
//! ```text
//!   append:   lock ─ still the file of that name? ─ whole lines ─ unlock
//!   withdraw: lock ─ read ─ those that go: into the file beside it, sync
//!                         └ those that stay: into a new file, sync ─ rename ─ sync directory ─ unlock
//! ```
//!
//! Invariant: under its name there is always a whole file, and whoever waited for the lock of one that was
//! replaced finds out and takes the new one. Where a file system knows no locks, several runs must not share
//! a file.

use crate::sys::kill_point;
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How often a file that was replaced while it was waited for is opened again.
const TRIES: usize = 16;

/// A dead-letter file that is appended to.
#[derive(Debug)]
pub(super) struct LetterFile {
    path: PathBuf,
    /// Opened with the first letter.
    file: Option<File>,
    /// Whether the name of the file is safe.
    listed: bool,
}

impl LetterFile {
    pub(super) fn new(path: &Path) -> Self {
        LetterFile {
            path: path.to_path_buf(),
            file: None,
            listed: false,
        }
    }

    /// Appends whole lines in one write.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let (mut file, is_new) = locked(self.file.take(), &self.path, open_to_append)?;
        if is_new {
            self.listed = false;
            end_line(&file)?;
        }
        let written = file.write_all(lines);
        // Closing it would do as well.
        let _ = file.unlock();
        self.file = Some(file);
        written
    }

    /// What was appended survives a crash of the system from now on.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        if !file.metadata()?.is_file() {
            // A pipe or a device: nothing of it can be made safe.
            return Ok(());
        }
        file.sync_data()?;
        if !self.listed {
            File::open(directory(&self.path))?.sync_all()?;
            self.listed = true;
        }
        Ok(())
    }
}

/// What taking letters away came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// Letters of the history that stay.
    pub kept: u64,
    /// Letters that were moved.
    pub moved: u64,
}

/// Where the letters go that are taken from `file`.
pub fn withdrawn_path(file: &Path) -> PathBuf {
    beside(file, ".withdrawn")
}

/// Moves the letters of `history` whose events are behind the barrier of `epoch` from `file` to
/// [`withdrawn_path`]: a run that goes on from there comes to these events again. All other lines stay.
///
/// A crash in the middle leaves `file` as it was; letters may then be twice in the file beside it.
pub(super) fn withdraw(file: &Path, history: &str, epoch: u64) -> io::Result<Withdrawn> {
    let path = match std::fs::canonicalize(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Withdrawn::default()),
        found => found?,
    };
    if !std::fs::metadata(&path)?.is_file() {
        return Ok(Withdrawn::default());
    }
    // The lock goes with the file at the end.
    let (held, _) = locked(None, &path, |path| File::open(path))?;
    let mut found = Withdrawn::default();
    lines(&held, |line| {
        match Tag::of(line, history) {
            Some(of) if of >= epoch => found.moved += 1,
            Some(_) => found.kept += 1,
            None => {}
        }
        Ok(())
    })?;
    if found.moved == 0 {
        return Ok(found);
    }
    let (new, gone) = (beside(&path, ".new"), withdrawn_path(&path));
    let mut moved = BufWriter::new(open_to_append(&gone)?);
    let mut stay = BufWriter::new(File::create(&new)?);
    lines(&held, |line| {
        let goes = Tag::of(line, history).is_some_and(|of| of >= epoch);
        let to = if goes { &mut moved } else { &mut stay };
        to.write_all(line)?;
        // The last line of a run that died may have no end.
        let ended = line.ends_with(b"\n");
        to.write_all(if ended { b"" } else { b"\n" })
    })?;
    // First where they go: until the rename they are in both.
    moved.into_inner().map_err(io::Error::from)?.sync_all()?;
    let stay = stay.into_inner().map_err(io::Error::from)?;
    stay.set_permissions(held.metadata()?.permissions())?;
    stay.sync_all()?;
    std::fs::rename(&new, &path)?;
    File::open(directory(&path))?.sync_all()?;
    kill_point::reach("letters-withdrawn");
    Ok(found)
}

/// What a line says of the checkpoints of its run.
#[derive(Deserialize)]
struct Tag {
    history: String,
    epoch: u64,
}

impl Tag {
    /// The epoch that the event of a letter is behind, if the letter is one of `history`.
    fn of(line: &[u8], history: &str) -> Option<u64> {
        let tag: Tag = serde_json::from_slice(line).ok()?;
        (tag.history == history).then_some(tag.epoch)
    }
}

/// Shows every line, with its end.
fn lines(file: &File, mut show: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    reader.seek(SeekFrom::Start(0))?;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        show(&line)?;
        line.clear();
    }
    Ok(())
}

/// `file`, or the one that `open` finds at `path`, locked, and still the one of that name; whether it was
/// opened now.
fn locked(
    mut file: Option<File>,
    path: &Path,
    open: impl Fn(&Path) -> io::Result<File>,
) -> io::Result<(File, bool)> {
    for _ in 0..TRIES {
        let (is_new, found) = match file.take() {
            Some(file) => (false, file),
            None => (true, open(path)?),
        };
        // Where there are no locks there is nobody to wait for.
        let _ = found.lock();
        if is_at(&found, path) {
            return Ok((found, is_new));
        }
    }
    Ok((open(path)?, true))
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |named: std::fs::Metadata| -> io::Result<bool> {
        let open = file.metadata()?;
        Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
    };
    std::fs::metadata(path).and_then(same).unwrap_or(false)
}

fn open_to_append(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(directory(path))?;
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
}

/// A line that a crash cut off is ended, so that it spoils no other.
fn end_line(mut file: &File) -> io::Result<()> {
    let mut last = [b'\n'];
    if file.metadata()?.is_file() && file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
#[path = "letter_file_tests.rs"]
mod tests;
