//! Has what a cold tier wrote put on the disk, on a thread of its own: whoever waits for a record meanwhile does not
//! wait for the disk.
//!
//! ```text
//!   server ─ after all writes before it ─► {file, number} ─► sync thread ─ fdatasync ─► Synced: number
//!                                                                                └ failed: for good
//! ```
//!
//! Owned by the server; [`Synced`] is what the task's half sees of it. Invariant: `Synced` says a number only after
//! everything that was written before that number was asked for is on the disk. A sync that fails may have lost what
//! was written before, and a later one would say nothing of it: so the first failure is the last word.

use super::error::ColdError;
use super::storage::Storage;
use crate::task::TaskError;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

/// How far syncs have come.
#[derive(Debug, Default)]
pub(super) struct Synced {
    done: AtomicU64,
    failed: AtomicBool,
    error: Mutex<Option<ColdError>>,
}

impl Synced {
    /// The last that is done.
    #[inline(always)]
    pub(super) fn number(&self) -> u64 {
        // Acquire: pairs with the store behind the sync.
        self.done.load(Ordering::Acquire)
    }

    /// Whether one has failed.
    #[inline(always)]
    pub(super) fn has_failed(&self) -> bool {
        // Acquire: pairs with the store behind the error's.
        self.failed.load(Ordering::Acquire)
    }

    /// Why; in full when asked first.
    #[cold]
    pub(super) fn error(&self) -> TaskError {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        let again = || TaskError {
            message: "the cold tier's file could not be synced".to_owned(),
            cause: None,
        };
        error.take().map_or_else(again, TaskError::from)
    }

    fn settle(&self, number: u64, outcome: Result<(), ColdError>) {
        if let Err(error) = outcome {
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.failed.store(true, Ordering::Release);
        } else {
            self.done.store(number, Ordering::Release);
        }
    }
}

struct Job {
    file: File,
    name: String,
    number: u64,
    synced: Arc<Synced>,
}

/// A way to the thread that syncs.
#[derive(Clone, Debug)]
pub struct Syncer {
    jobs: mpsc::Sender<Option<Job>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sync {} of {}", self.number, self.name)
    }
}

/// The thread that syncs the files of all partitions. Dropping this ends it, after what was asked for.
#[derive(Debug)]
pub struct SyncThread {
    jobs: mpsc::Sender<Option<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl SyncThread {
    /// Starts it.
    ///
    /// # Errors
    /// The system's, when it gives no more threads.
    pub fn start() -> io::Result<(SyncThread, Syncer)> {
        let (jobs, todo) = mpsc::channel::<Option<Job>>();
        let work = move || {
            while let Ok(Some(job)) = todo.recv() {
                let outcome = job.file.sync_data().map_err(|source| ColdError::Io {
                    name: job.name,
                    what: "sync",
                    offset: 0,
                    source,
                });
                job.synced.settle(job.number, outcome);
            }
        };
        let thread = std::thread::Builder::new()
            .name("cold-sync".into())
            .spawn(work)?;
        let syncer = Syncer { jobs: jobs.clone() };
        let thread = Some(thread);
        Ok((SyncThread { jobs, thread }, syncer))
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to end.
        let _ = self.jobs.send(None);
        if let Some(thread) = self.thread.take() {
            // A panic in it leaves numbers that are never reached: those epochs were given up.
            let _ = thread.join();
        }
    }
}

/// The server's side.
#[derive(Debug)]
pub(super) struct Sync {
    /// Who does it; none: the server itself.
    pub(super) syncer: Option<Syncer>,
    pub(super) synced: Arc<Synced>,
}

impl Sync {
    /// Has all that was written to `storage` so far put on the disk.
    pub(super) fn begin(&self, storage: &mut dyn Storage, number: u64) -> Result<(), ColdError> {
        let Some(file) = storage.sync()? else {
            self.synced.settle(number, Ok(()));
            return Ok(());
        };
        let job = Job {
            file,
            name: storage.name().to_owned(),
            number,
            synced: self.synced.clone(),
        };
        let left = match &self.syncer {
            Some(syncer) => syncer
                .jobs
                .send(Some(job))
                .err()
                .and_then(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = left {
            let outcome = job.file.sync_data();
            outcome.map_err(|source| ColdError::Io {
                name: job.name,
                what: "sync",
                offset: 0,
                source,
            })?;
            self.synced.settle(number, Ok(()));
        }
        Ok(())
    }
}
