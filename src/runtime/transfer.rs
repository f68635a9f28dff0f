//! The hand-over of tasks between cores: a desk for each core, on which others lay letters.
//!
//! ```text
//!   caller            core A (has the task)              core B
//!   Give{task, to B} ─► desk A
//!                     takes it between two steps
//!                     last step of the task
//!                     Take(the box) ──────────────────► desk B, wake B
//!                                                       takes it between two steps, first step there
//! ```
//!
//! A letter's content crosses through the lock: everything that core A did to the task happens before what core B
//! does to it, so that the ends of rings and the lanes of checkpoints that the task owns may go with it. Cores
//! look with one relaxed load between two steps; the lock is taken only where there is a letter.
//!
//! Invariant: a task is in one place: in a core's roster, or in one letter.
//! `tests/models.rs` tries this file, with the sleeping of cores, in every order of steps.

use crate::sys::sync::{AtomicBool, Mutex, Ordering, PoisonError};

/// What is laid on a desk.
#[derive(Debug)]
pub(super) enum Letter<T> {
    /// The core is to give away a task, after its next step. Void if it does not have it.
    Give { task: usize, to: usize },
    /// The core is to take a task in.
    Take(T),
}

/// Of one core; on cache lines of its own, since the core looks at it all the time.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Desk<T> {
    /// Whether there are letters. Written under the lock; read without it, and then perhaps late.
    waiting: AtomicBool,
    letters: Mutex<Vec<Letter<T>>>,
}

impl<T> Desk<T> {
    pub(super) fn new() -> Self {
        Desk {
            waiting: AtomicBool::new(false),
            letters: Mutex::new(Vec::new()),
        }
    }

    /// Lays a letter down. Its core may sleep: [`super::idle::Sleepers::wake`] comes next.
    pub(super) fn put(&self, letter: Letter<T>) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(letter);
        // Relaxed: what the letter holds is passed on by the lock, and a sleeper is woken behind a fence.
        self.waiting.store(true, Ordering::Relaxed);
    }

    /// Whether there is a letter.
    #[inline(always)]
    pub(super) fn has_letters(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes all letters, in the order in which they came.
    pub(super) fn take(&self) -> Vec<Letter<T>> {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.store(false, Ordering::Relaxed);
        std::mem::take(&mut *letters)
    }
}
