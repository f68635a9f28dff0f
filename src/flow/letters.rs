//! The dead letters of a flow as a part of its checkpoints.
//!
//! ```text
//!   part     history, letters up to the barrier, name of the file           in every epoch
//!   DIR/letters   the history, for a run that starts anew after one that died before its first epoch
//! ```

use super::checkpoint::{EXTRAS_BLOCK_BYTES, FILES_STAGE, Parts};
use super::plan::FlowError;
use super::restored::Restored;
use crate::checkpoint::{Kind, PartShape, Port};
use crate::failure::{History, LettersPart, Post, Withdrawn, withdrawn_path};
use crate::sys::kill_point;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Holds the history of a directory's letters.
const FILE: &str = crate::checkpoint::LETTERS;

/// What is saved of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedLetters {
    pub(super) history: u64,
    /// Letters up to the barrier, over all runs of the history.
    pub(super) letters: u64,
    /// Where they are.
    pub(super) file: PathBuf,
}

/// The end of the post that takes part in checkpoints.
pub(super) struct LettersPort {
    port: Port,
    saved: SavedLetters,
}

impl LettersPort {
    pub(super) fn new(port: Port, history: u64, file: &Path) -> Self {
        LettersPort {
            port,
            saved: SavedLetters {
                history,
                letters: 0,
                file: file.to_path_buf(),
            },
        }
    }
}

impl LettersPart for LettersPort {
    fn ready(&mut self, epoch: u64, letters: u64) {
        kill_point::reach("letters-synced");
        self.saved.letters = letters;
        let saved = postcard::to_stdvec(&self.saved).unwrap_or_default();
        if self.port.begin(epoch).is_some() && self.port.extras(&saved) {
            self.port.end(0);
        }
    }

    fn give_up(&mut self, epoch: u64) {
        if self.port.begin(epoch).is_some() {
            self.port.abort();
        }
    }
}

/// The history of the letters of a run with checkpoints in `dir` that goes on from `epoch`, where `saved` was
/// found, or starts anew (0).
///
/// # Errors
/// It cannot be kept.
pub(super) fn history(dir: &Path, epoch: u64, saved: Option<&SavedLetters>) -> io::Result<History> {
    let path = dir.join(FILE);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let kept = u64::from_str_radix(kept.trim(), 16).ok();
    let known = saved.map(|saved| saved.history).or(kept);
    // Its keys come from the system: no two runs draw the same.
    let id = known.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    if kept != Some(id) {
        let mut file = File::create(&path)?;
        writeln!(file, "{id:016x}")?;
        file.sync_all()?;
        File::open(dir)?.sync_all()?;
    }
    Ok(History { id, epoch })
}

/// What the report says of letters moved away before a run; nothing if none were.
pub(super) fn moved(file: &Path, found: Withdrawn) -> String {
    match found.moved {
        0 => String::new(),
        moved => format!(
            "{moved} dead {} of events that come again moved to {}",
            letters(moved),
            withdrawn_path(file).display()
        ),
    }
}

/// What is to be warned of where the file has not the letters it had; nothing if it has.
pub(super) fn missing(
    file: &Path,
    epoch: u64,
    saved: Option<&SavedLetters>,
    found: Withdrawn,
) -> String {
    let Some(saved) = saved.filter(|saved| saved.letters > found.kept) else {
        return String::new();
    };
    let elsewhere = if saved.file == file {
        "it was changed or removed since".to_owned()
    } else {
        format!("the run before wrote to {}", saved.file.display())
    };
    format!(
        "{} has {} of the {} dead {} of events before epoch {epoch}: {elsewhere}",
        file.display(),
        found.kept,
        saved.letters,
        letters(saved.letters)
    )
}

fn letters(count: u64) -> &'static str {
    if count == 1 { "letter" } else { "letters" }
}

impl Parts {
    /// The dead letters of the flow, which `post` writes: those that will come again are moved away first.
    /// Nothing where the directory is only read.
    pub(super) fn letters(&mut self, post: &mut Post) -> Result<(), FlowError> {
        if self.opened.lock.is_none() {
            return Ok(());
        }
        let port = self.add(PartShape {
            kind: Kind::Letters,
            name: "letters".into(),
            stage_index: FILES_STAGE,
            partition: 0,
            partitions: 1,
            scheme: String::new(),
            entry_bytes: 0,
            value_bytes: 0,
            block_bytes: EXTRAS_BLOCK_BYTES,
        });
        let restored = self.opened.restored.as_ref();
        let saved = restored.map(Restored::letters).transpose()?.flatten();
        let epoch = restored.map_or(0, |restored| restored.snapshot.epoch);
        let history = history(&self.options.dir, epoch, saved.as_ref());
        let history = history.map_err(|source| FlowError::Letters {
            dir: self.options.dir.clone(),
            source,
        })?;
        let file = post.file().to_path_buf();
        let file = std::path::absolute(&file).unwrap_or(file);
        let port = LettersPort::new(port, history.id, &file);
        let found = post.go_on(history, Box::new(port))?;
        self.letters_moved = moved(post.file(), found);
        self.letters_missing = missing(&file, epoch, saved.as_ref(), found);
        Ok(())
    }
}
