//! A checkpoint directory as it is found: its runs and their epochs, newest first.
//!
//! ```text
//!   open ─► run-000002: manifest ─► slots ─► epoch 9 Listed, 8 Listed, 7 Listed, 6 Overwritten
//!           run-000001: manifest ─► …                            │ files' headers agree with the slot?
//!   snapshot(Latest) ─► epoch 9: every block verifies? ─ no, because … ─► epoch 8: … ─► Snapshot
//! ```
//!
//! Nothing is written here. Opening reads manifests and the headers of files; only `snapshot` and `verify`
//! read blocks. A directory that is missing, empty, foreign or wholly damaged is an error: there is no
//! "empty state" to start from by mistake.

use super::error::CheckpointError;
use super::layout::VERSION;
use super::listing::{EpochState, ListedEpoch, ListedRun, list_run};
use super::names::{JOURNAL, LETTERS, LOCK, MANIFEST, run_name, run_of};
use super::snapshot::Snapshot;
use crate::sys::disk::Disk;
use std::io;
use std::path::{Path, PathBuf};

/// Which epoch is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest that is whole.
    Latest,
    /// This one and no other.
    Epoch(u64),
}

/// What was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The run.
    pub run: u64,
    /// The epoch, where it can be read.
    pub epoch: Option<u64>,
    /// Why, with file and place.
    pub reason: String,
}

/// A checkpoint directory.
#[derive(Debug)]
pub struct Directory<D: Disk> {
    disk: D,
    path: PathBuf,
    /// Newest first.
    runs: Vec<ListedRun>,
}

impl<D: Disk> Directory<D> {
    /// Lists what is in `path`.
    ///
    /// # Errors
    /// When it is missing, empty, holds no run, or cannot be read.
    pub fn open(disk: D, path: &Path) -> Result<Self, CheckpointError> {
        let dir = path.display().to_string();
        let names = disk.list(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CheckpointError::Missing { dir: dir.clone() },
            _ => CheckpointError::io(path, "list it")(error),
        })?;
        let mut runs: Vec<u64> = names.iter().filter_map(|name| run_of(name)).collect();
        if runs.is_empty() {
            let others: Vec<&str> = names
                .iter()
                .map(String::as_str)
                .filter(|name| ![LOCK, JOURNAL, LETTERS].contains(name))
                .collect();
            return Err(match others.as_slice() {
                [] => CheckpointError::Empty { dir },
                found => CheckpointError::Foreign {
                    dir,
                    found: found[..found.len().min(3)].join(", "),
                },
            });
        }
        runs.sort_unstable_by(|a, b| b.cmp(a));
        let runs = runs
            .into_iter()
            .map(|run| list_run(&disk, path, run))
            .collect();
        Ok(Directory {
            disk,
            path: path.to_owned(),
            runs,
        })
    }

    /// Its runs, newest first.
    pub fn runs(&self) -> &[ListedRun] {
        &self.runs
    }

    /// Whether a run in it has an epoch, or something that cannot be read and may be one. A run that died
    /// before its first leaves nothing to lose.
    pub fn holds_epochs(&self) -> bool {
        self.runs.iter().any(ListedRun::may_hold_an_epoch)
    }

    /// Number and first epoch for a run that is to follow.
    pub fn next_run(&self) -> NextRun {
        let epochs = self.runs.iter().flat_map(|run| &run.epochs);
        NextRun {
            run: self
                .runs
                .iter()
                .map(|run| run.run)
                .max()
                .unwrap_or(0)
                .saturating_add(1),
            first_epoch: epochs
                .map(ListedEpoch::epoch)
                .max()
                .unwrap_or(0)
                .saturating_add(1),
        }
    }

    /// The epoch that is wanted, with every block verified, and what was passed over on the way.
    ///
    /// # Errors
    /// When no epoch in it is whole, or the one wanted is not; when it is of a newer version.
    pub fn snapshot(
        &self,
        wanted: Wanted,
    ) -> Result<(Snapshot<D>, Vec<Rejected>), CheckpointError> {
        self.choose(wanted, |epoch| self.verify(epoch))
    }

    /// As [`Directory::snapshot`], verifying on `threads` threads.
    ///
    /// # Errors
    /// As there.
    pub fn snapshot_on(
        &self,
        threads: usize,
        wanted: Wanted,
    ) -> Result<(Snapshot<D>, Vec<Rejected>), CheckpointError>
    where
        D: Sync,
    {
        self.choose(wanted, |epoch| self.verify_on(threads, epoch))
    }

    /// The epoch, if every one of its blocks verifies.
    ///
    /// # Errors
    /// The first thing in it that is not as it was written.
    pub fn verify(&self, epoch: &ListedEpoch) -> Result<Snapshot<D>, CheckpointError> {
        let snapshot = self.unverified(epoch)?;
        snapshot.verify()?;
        Ok(snapshot)
    }

    /// As [`Directory::verify`], on `threads` threads.
    ///
    /// # Errors
    /// As there.
    pub fn verify_on(
        &self,
        threads: usize,
        epoch: &ListedEpoch,
    ) -> Result<Snapshot<D>, CheckpointError>
    where
        D: Sync,
    {
        let snapshot = self.unverified(epoch)?;
        snapshot.verify_on(threads)?;
        Ok(snapshot)
    }

    fn unverified(&self, epoch: &ListedEpoch) -> Result<Snapshot<D>, CheckpointError> {
        let run_dir = self.path.join(run_name(epoch.run()));
        Snapshot::open(self.disk.clone(), &run_dir, &epoch.slot)
    }

    fn choose(
        &self,
        wanted: Wanted,
        verify: impl Fn(&ListedEpoch) -> Result<Snapshot<D>, CheckpointError>,
    ) -> Result<(Snapshot<D>, Vec<Rejected>), CheckpointError> {
        let mut rejected = Vec::new();
        let mut found = false;
        for run in &self.runs {
            // Going on to an older run would lose what a newer program has written.
            if let Some(version) = run.newer {
                return Err(CheckpointError::Newer {
                    path: self
                        .path
                        .join(run_name(run.run))
                        .join(MANIFEST)
                        .display()
                        .to_string(),
                    found: version,
                    known: VERSION,
                });
            }
            rejected.extend(run.damaged.iter().map(|reason| Rejected {
                run: run.run,
                epoch: None,
                reason: reason.clone(),
            }));
            for epoch in &run.epochs {
                if matches!(wanted, Wanted::Epoch(number) if number != epoch.epoch()) {
                    continue;
                }
                found = true;
                match verify(epoch) {
                    Ok(snapshot) => return Ok((snapshot, rejected)),
                    // Another version is no damage.
                    Err(error @ CheckpointError::Newer { .. }) => return Err(error),
                    Err(error) => rejected.push(Rejected {
                        run: epoch.run(),
                        epoch: Some(epoch.epoch()),
                        reason: match epoch.state {
                            EpochState::Overwritten => "a later epoch has taken its files".into(),
                            _ => error.to_string(),
                        },
                    }),
                }
            }
        }
        Err(self.refusal(wanted, found, &rejected))
    }

    fn refusal(&self, wanted: Wanted, found: bool, rejected: &[Rejected]) -> CheckpointError {
        let dir = self.path.display().to_string();
        let reasons: Vec<String> = rejected.iter().map(Rejected::to_string).collect();
        let known: Vec<String> = self
            .runs
            .iter()
            .flat_map(|run| &run.epochs)
            .filter(|epoch| epoch.state == EpochState::Listed)
            .map(|epoch| epoch.epoch().to_string())
            .collect();
        match wanted {
            Wanted::Epoch(epoch) if !found && !known.is_empty() => CheckpointError::NoSuchEpoch {
                dir,
                epoch,
                known: match known.as_slice() {
                    [one] => format!("epoch {one}"),
                    _ => format!("epochs {}", known.join(", ")),
                },
            },
            _ if rejected.is_empty() => {
                let runs = self
                    .runs
                    .iter()
                    .map(|run| format!("{}: no epoch", run_name(run.run)));
                let why = runs.collect::<Vec<_>>().join(", ");
                CheckpointError::NothingDurable { dir, why }
            }
            _ => CheckpointError::Damaged {
                dir,
                rejected: reasons.join("; "),
            },
        }
    }
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "epoch {epoch} of run {}: {}", self.run, self.reason),
            None => write!(f, "run {}: {}", self.run, self.reason),
        }
    }
}

/// Number and first epoch of a run to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextRun {
    /// Its number.
    pub run: u64,
    /// Its first epoch: no epoch in the directory has that number or a higher one.
    pub first_epoch: u64,
}

/// As [`Directory::next_run`], where the directory may be missing or empty: run 1 from epoch 1 on.
///
/// # Errors
/// When it holds other files, or cannot be read.
pub fn next_run<D: Disk>(disk: &D, dir: &Path) -> Result<NextRun, CheckpointError> {
    match Directory::open(disk.clone(), dir) {
        Ok(directory) => Ok(directory.next_run()),
        Err(CheckpointError::Missing { .. } | CheckpointError::Empty { .. }) => Ok(NextRun {
            run: 1,
            first_epoch: 1,
        }),
        Err(error) => Err(error),
    }
}
