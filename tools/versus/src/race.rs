//! The stopwatch of one turn: all threads of a peer start together, the last one to finish stops it.
//!
//! Threads, tables and rings are made before `start`; memory is given back after `finish`. So what is timed is
//! the work on events, for every peer alike.

use crate::machine::cpu_ns;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Instant;

/// What a turn took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// From the start to the last result, ns.
    pub elapsed_ns: u64,
    /// CPU time of all threads meanwhile, ns.
    pub cpu_ns: u64,
}

#[derive(Debug)]
struct Mark {
    at: Instant,
    cpu_ns: u64,
}

impl Mark {
    fn now() -> Self {
        let cpu_ns = cpu_ns();
        Mark {
            at: Instant::now(),
            cpu_ns,
        }
    }
}

/// Shared by the threads of a turn.
#[derive(Debug)]
pub struct Race {
    line: Barrier,
    running: AtomicUsize,
    start: OnceLock<Mark>,
    end: OnceLock<Mark>,
}

impl Race {
    /// A race of `threads` threads.
    pub fn of(threads: usize) -> Arc<Self> {
        Arc::new(Race {
            line: Barrier::new(threads),
            running: AtomicUsize::new(threads),
            start: OnceLock::new(),
            end: OnceLock::new(),
        })
    }

    /// Waits for all threads; then the time begins.
    pub fn start(&self) {
        if self.line.wait().is_leader() {
            self.start.get_or_init(Mark::now);
        }
        self.line.wait();
    }

    /// This thread has put out its last result.
    pub fn finish(&self) {
        // AcqRel: the last thread's mark comes after the work of all others.
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.end.get_or_init(Mark::now);
        }
    }

    /// What it took, once all threads have finished.
    pub fn took(&self) -> anyhow::Result<Took> {
        let (Some(start), Some(end)) = (self.start.get(), self.end.get()) else {
            anyhow::bail!("a thread of the turn never came to its end");
        };
        Ok(Took {
            elapsed_ns: end.at.duration_since(start.at).as_nanos() as u64,
            cpu_ns: end.cpu_ns - start.cpu_ns,
        })
    }
}
