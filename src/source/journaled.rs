//! A live input with a journal behind it: what was read before is replayed, then what comes is appended and
//! handed on.
//!
//! ```text
//!   start anew:   trace ─ told apart ─► journal.dir/input          journal empty, else refused
//!   go on:        journal from the checkpoint's record ─► core;  then trace, told apart as before, else refused
//!   each block:   append (texts, records) ─ synced as journal.fsync says ─► core;  trim what is covered
//! ```
//!
//! `journal.dir/input` says in words what the journal is of: a number of its own, which ties the checkpoints to it,
//! and what the input was taken for, since a rest of it might be taken for something else. Owned by the reader
//! thread; the core's side shares the number of records that checkpoints cover.
//!
//! Invariant: record `n` of the feed is record `n` of the journal, and is there before the core has it.

use super::position::Identity;
use super::trace::{Description, Texts, Trace};
use crate::checkpoint::{CheckpointError, DirLock, lock};
use crate::journal::{Fsync, Journal, JournalError, JournalOptions};
use crate::sys::quantity::format_bytes;
use crate::sys::real_disk::RealDisk;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Of the file that says what the journal is of.
const INPUT: &str = "input";
const INPUT_NEW: &str = "input.new";

/// Whether what is in the journal is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The run starts anew: a journal with records in it is refused.
    Anew,
    /// The run goes on from a checkpoint.
    GoesOn,
}

/// Why a journal cannot stand behind an input.
#[derive(Debug, thiserror::Error)]
pub enum JournaledError {
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its directory cannot be used.
    #[error("journal.dir {}: cannot {doing}: {source}; check the path and the disk, or name another directory", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Its lock cannot be had.
    #[error("journal.dir {}: {source}", dir.display())]
    Lock {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: Box<CheckpointError>,
    },
    /// A run that starts anew finds records.
    #[error("journal.dir {} holds {} records of an earlier run ({} to {}): go on from them with --restore latest, give another directory, or remove it to start anew", dir.display(), records.end - records.start, records.start, records.end)]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
        /// Those that are there.
        records: Range<u64>,
    },
    /// A run that goes on finds no journal.
    #[error("journal.dir {} holds no journal, so there is nothing to go on from: check the path, or start without --restore", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
}

/// A journal, opened to stand behind a live input.
pub struct Journaled {
    journal: Journal<RealDisk>,
    dir: PathBuf,
    fsync: Fsync,
    begin: Begin,
    /// What the journal is of; empty until that is known.
    input: Identity,
    /// Records that checkpoints cover for good.
    covered: Arc<AtomicU64>,
    opened: Instant,
    /// One run at a time.
    _lock: DirLock,
}

impl std::fmt::Debug for Journaled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journaled")
            .field("dir", &self.dir)
            .field("records", &self.records())
            .finish_non_exhaustive()
    }
}

impl Journaled {
    /// Opens the journal that `options` describe; makes its directory where the run starts anew.
    ///
    /// # Errors
    /// It is in use, damaged, or not as `begin` would have it.
    pub fn open(options: &JournalOptions, begin: Begin) -> Result<Self, JournaledError> {
        let dir = options.dir.clone();
        let failed = |doing| {
            let dir = dir.clone();
            move |source| JournaledError::Io { dir, doing, source }
        };
        let input = read_input(&dir).map_err(failed("read its input"))?;
        if begin == Begin::GoesOn && input.is_none() {
            return Err(JournaledError::Missing { dir });
        }
        let lock = lock(&dir).map_err(|source| JournaledError::Lock {
            dir: dir.clone(),
            source: Box::new(source),
        })?;
        let journal = Journal::open(RealDisk::plain(), options)?;
        let records = journal.records();
        if begin == Begin::Anew && records.end > 0 {
            return Err(JournaledError::NotEmpty { dir, records });
        }
        Ok(Journaled {
            journal,
            fsync: options.fsync,
            begin,
            input: match begin {
                Begin::Anew => Identity::new(),
                Begin::GoesOn => input.unwrap_or_default(),
            },
            dir,
            covered: Arc::default(),
            opened: Instant::now(),
            _lock: lock,
        })
    }

    /// The records that are there: the first, and the one behind the last.
    pub fn records(&self) -> Range<u64> {
        self.journal.records()
    }

    /// Whether the run goes on from a checkpoint.
    pub(super) fn goes_on(&self) -> bool {
        self.begin == Begin::GoesOn
    }

    /// What the journal is of.
    pub(super) fn input(&self) -> &Identity {
        &self.input
    }

    /// Where the core's side says how many records are covered.
    pub(super) fn covered(&self) -> Arc<AtomicU64> {
        self.covered.clone()
    }

    /// The run starts anew with an input that was taken for `description`.
    pub(super) fn start(&mut self, description: &Description) -> Result<(), JournaledError> {
        let seed = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as u64);
        let own = seed ^ (u64::from(std::process::id()) << 32);
        let number = ("journal".to_owned(), format!("{own:016x}"));
        self.input = std::iter::once(number)
            .chain(taken_for(description))
            .collect();
        write_input(&self.dir, &self.input).map_err(|source| JournaledError::Io {
            dir: self.dir.clone(),
            doing: "write its input",
            source,
        })
    }

    /// Gives `texts` those of the records that are there.
    pub(super) fn restore_texts(&self, texts: &Texts) -> Result<(), JournaledError> {
        for (key, text) in self.journal.texts()? {
            // Two texts of one key were refused before they could come here.
            texts.restore(key, &text);
        }
        Ok(())
    }

    /// Makes the records from number `from` on those that are replayed.
    pub(super) fn go_to(&mut self, from: u64) -> Result<(), JournalError> {
        // A machine that died may have lost records that the checkpoint has.
        if from > self.records().end {
            self.journal.restart(from)?;
        }
        Ok(())
    }

    /// Shows the records from number `from` on.
    pub(super) fn read(&self, from: u64, show: impl FnMut(&[u8])) -> Result<(), JournalError> {
        self.journal.read(from, show)
    }

    /// Shows the last record, if there is one.
    pub(super) fn read_last(&self, show: impl FnMut(&[u8])) -> Result<(), JournalError> {
        let Range { start, end } = self.records();
        self.journal.read(end.saturating_sub(1).max(start), show)
    }

    /// What is different now that the rest of the input was taken for `description`, in words.
    pub(super) fn mismatch(&self, description: &Description) -> Option<String> {
        let is = taken_for(description);
        let pairs = self.input.iter().skip(1).zip(&is);
        let mut differ = pairs.filter(|(was, is)| was != is);
        differ.next().map(|((name, was), (_, is))| {
            format!(
                "{}: the input goes on as something else: its {name} was {was}, and is now {is}; begin it as \
                 it began the first time, with its header line if it had one, or declare it (source.*)",
                description.file
            )
        })
    }

    /// Appends `records`, whose new texts `trace` has kept; trims what is covered.
    pub(super) fn append(&mut self, trace: &mut Trace, records: &[u8]) -> Result<(), JournalError> {
        let now_ns = self.now_ns();
        self.journal
            .append(&trace.take_new_texts(), records, now_ns)?;
        // Relaxed: a number that only grows, and nothing hangs on how old it is.
        self.journal.trim(self.covered.load(Ordering::Relaxed))
    }

    /// Makes everything safe.
    pub(super) fn sync(&mut self) -> Result<(), JournalError> {
        self.journal.sync(self.now_ns())
    }

    fn now_ns(&self) -> u64 {
        self.opened.elapsed().as_nanos() as u64
    }

    /// For the report: the policy, what it may lose, and what was found.
    pub(super) fn notes(&self) -> Vec<String> {
        let Range { start, end } = self.records();
        let mut notes = vec![format!(
            "journal {}, fsync {}: {}",
            self.dir.display(),
            self.fsync,
            self.fsync.loss()
        )];
        if self.goes_on() {
            notes.push(format!("journal: found with records {start} to {end}"));
        }
        if self.journal.cut_bytes() > 0 {
            notes.push(format!(
                "journal: {} of an append that was interrupted were cut off",
                format_bytes(self.journal.cut_bytes())
            ));
        }
        notes
    }
}

/// What decides how the bytes of an input become records.
fn taken_for(description: &Description) -> Identity {
    let mut words = vec![("format".to_owned(), description.format.name().to_owned())];
    for column in &description.columns {
        let takes = format!("{} ({})", column.column, column.holds);
        words.push((column.part.to_owned(), takes));
    }
    let unit = description.time_unit.clone().unwrap_or("none".into());
    words.push(("time unit".to_owned(), unit));
    words
}

/// The lines of `journal.dir/input`: name, " = ", value.
fn read_input(dir: &Path) -> io::Result<Option<Identity>> {
    let text = match fs::read_to_string(dir.join(INPUT)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    let words = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Some(words.collect()))
}

/// Written before the first record is, whole or not at all.
fn write_input(dir: &Path, input: &Identity) -> io::Result<()> {
    let lines = input.iter().map(|(name, value)| {
        let value = value.replace('\n', " ");
        format!("{name} = {value}\n")
    });
    let new = dir.join(INPUT_NEW);
    let mut file = File::create(&new)?;
    file.write_all(lines.collect::<String>().as_bytes())?;
    file.sync_all()?;
    fs::rename(new, dir.join(INPUT))?;
    File::open(dir)?.sync_all()
}
