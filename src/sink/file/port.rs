//! The engine's end of a file: one sink for each partition, fused into the last stage's task.
//!
//! Owned by that task. `take` adds to the digest and copies the row into a ring. When the ring is full the row
//! is kept here, in order, and the task takes in no more until `flush` has moved it; so what is kept is bounded
//! by what one group of events puts out.
//!
//! Not for `Job::simulate` with more rows a partition than a ring holds (512 KiB): virtual time does not
//! wait for the writer, and the scheduler would call the flow stuck.

use crate::sink::end::Sink;
use crate::sink::rows::Row;
use crate::sink::sinks::saved_digest;
use rtrb::{Producer, PushError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::Thread;

/// Rows beyond a full ring that cost no allocation; an operator that puts out more at once costs one.
const KEPT_ROWS: usize = 256;

/// Writes the results of one partition, by way of the writer thread.
#[derive(Debug)]
pub struct FileSink<T> {
    sum: u64,
    ring: Producer<T>,
    kept: VecDeque<T>,
    ended: bool,
    lost: u64,
    /// Set once the last row is in the ring.
    complete: Arc<AtomicBool>,
    writer: Thread,
    /// Rows taken so far.
    rows: u64,
    /// Where it tells of epochs; nothing for a file that does not grow by them.
    marks: Option<Sender<Mark>>,
}

/// Where an epoch ends in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) epoch: u64,
    /// Rows before it.
    pub(super) rows: u64,
}

impl<T: Row> FileSink<T> {
    pub(super) fn new(
        ring: Producer<T>,
        complete: Arc<AtomicBool>,
        marks: Option<Sender<Mark>>,
        writer: Thread,
    ) -> Self {
        FileSink {
            sum: 0,
            ring,
            kept: VecDeque::with_capacity(KEPT_ROWS),
            ended: false,
            lost: 0,
            complete,
            writer,
            rows: 0,
            marks,
        }
    }

    #[cold]
    #[inline(never)]
    fn keep(&mut self, row: T) {
        if self.kept.is_empty() {
            // A ring fills up while the writer sleeps; it need not sleep to the end.
            self.writer.unpark();
        }
        self.kept.push_back(row);
    }

    #[cold]
    #[inline(never)]
    fn move_kept(&mut self) -> bool {
        while let Some(row) = self.kept.pop_front() {
            if let Err(PushError::Full(row)) = self.ring.push(row) {
                self.kept.push_front(row);
                break;
            }
        }
        if !self.kept.is_empty() && self.ring.is_abandoned() {
            // Nobody will read it any more: the `FileWriter` was dropped before the run ended.
            self.lost += self.kept.len() as u64;
            self.kept.clear();
        }
        self.tell_end();
        self.kept.is_empty()
    }

    fn tell_end(&mut self) {
        if self.ended && self.kept.is_empty() && self.lost == 0 {
            // Release: pairs with the writer's Acquire; whoever sees it sees every row in the ring.
            self.complete.store(true, Ordering::Release);
        }
    }
}

impl<T: Row> Sink<T> for FileSink<T> {
    fn save(&self) -> Vec<u8> {
        self.sum.to_le_bytes().to_vec()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.sum = self.sum.wrapping_add(saved_digest(saved)?);
        Ok(())
    }

    #[inline(always)]
    fn take(&mut self, row: &T) {
        self.sum = self.sum.wrapping_add(row.digest());
        self.rows += 1;
        if !self.kept.is_empty() {
            self.keep(*row);
        } else if let Err(PushError::Full(row)) = self.ring.push(*row) {
            self.keep(row);
        }
    }

    #[inline]
    fn flush(&mut self) -> bool {
        self.kept.is_empty() || self.move_kept()
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        !self.kept.is_empty()
    }

    fn end(&mut self) {
        self.ended = true;
        self.tell_end();
    }

    /// Sent before any later row is in the ring: whoever sees that row finds the mark.
    fn barrier(&mut self, epoch: u64) {
        if let Some(marks) = &self.marks {
            let rows = self.rows;
            // A writer that is gone needs no marks.
            let _ = marks.send(Mark { epoch, rows });
            self.writer.unpark();
        }
    }

    fn digest(&self) -> Option<u64> {
        Some(self.sum)
    }

    fn notes(&self) -> Vec<String> {
        if self.lost == 0 {
            return Vec::new();
        }
        vec![format!(
            "{} results were not written: their writer was dropped before the run ended",
            self.lost
        )]
    }
}
