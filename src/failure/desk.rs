//! The desk: where one partition hands in its letters, and the barriers between them.
//!
//! ```text
//!   guard ─► kept ─► ring ─► thread          letter letter ▏barrier 7▕ letter
//!              └─ while the ring is full: the partition takes in no more
//! ```
//!
//! Owned by the task. A barrier travels behind the letters of the events before it, so that the thread knows
//! which letters an epoch needs without asking anybody.

use super::letter::{EventLetter, Form, Letter};
use crate::event::{Due, Event};
use rtrb::{Producer, PushError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a desk that is closed waits for room at a time.
const WAIT: Duration = Duration::from_millis(1);

/// What a partition hands in.
#[derive(Debug)]
pub(super) enum Item<E> {
    Letter(Letter<E>),
    /// The barrier of a checkpoint: what follows belongs to events behind it.
    Barrier(u64),
}

/// One partition's way to the post.
pub struct Desk<E: Event> {
    way: Way<E>,
    kept: VecDeque<Item<E>>,
    failed: Arc<AtomicBool>,
}

pub(super) enum Way<E> {
    Ring(Producer<Item<E>>),
    /// In a simulation: nobody else runs, so there is nobody to hand it to.
    Memory(Form<E>, Arc<Mutex<Vec<EventLetter>>>),
}

impl<E: Event> Desk<E> {
    /// `failed` is set once nothing can be written.
    pub(super) fn new(way: Way<E>, failed: Arc<AtomicBool>) -> Self {
        Desk {
            way,
            kept: VecDeque::with_capacity(4),
            failed,
        }
    }

    #[cold]
    pub(super) fn send(&mut self, due: Due, key: u64, event: E, tries: u32, reason: Box<str>) {
        let due_ns = due.ns();
        self.kept.push_back(Item::Letter(Letter {
            due_ns,
            key,
            event,
            tries,
            reason,
        }));
        self.flush();
    }

    /// The events of all letters so far are before the barrier of checkpoint `epoch`, all others behind it.
    pub(super) fn barrier(&mut self, epoch: u64) {
        self.kept.push_back(Item::Barrier(epoch));
        self.flush();
    }

    /// Hands on what is kept; whether all of it is gone.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(item) = self.kept.pop_front() {
            match (&mut self.way, item) {
                (Way::Ring(ring), item) => {
                    if let Err(PushError::Full(item)) = ring.push(item) {
                        self.kept.push_front(item);
                        return false;
                    }
                }
                (Way::Memory(form, list), Item::Letter(letter)) => {
                    if let Ok(mut list) = list.lock() {
                        list.push(form.fill(&letter, 0));
                    }
                }
                (Way::Memory(..), Item::Barrier(_)) => {}
            }
        }
        true
    }

    pub(super) fn is_full(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Nothing can be written any more; the end of the run says why.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn is_read(&self) -> bool {
        match &self.way {
            Way::Ring(ring) => !ring.is_abandoned(),
            Way::Memory(..) => false,
        }
    }
}

impl<E: Event> Drop for Desk<E> {
    /// The task has ended: what found no room goes now, for the thread outlives the tasks.
    fn drop(&mut self) {
        while !self.flush() && self.is_read() {
            std::thread::sleep(WAIT);
        }
    }
}
