//! When a source cuts the stream: an epoch of the timeline each interval, a checkpoint each interval of its
//! own, on request, and at the end.
//!
//! ```text
//!   timeline   ──┬────────┬────────┬────────┬──
//!   checkpoint ──┼────────┬────────────x────┼──    x: the one before is still being written: asked again
//!                both at one barrier               in each step, and counted as late
//! ```
//!
//! Owned by the source task. Invariant: a checkpoint is asked for only after the one before was settled, so
//! all parts of an epoch find the same rotation files.

use crate::checkpoint::{Port, Region, Saved, Slot};
use crate::event::Marker;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a source makes checkpoints.
#[derive(Debug)]
pub struct Checkpoints {
    /// Where the writer is found, once the flow is complete.
    pub slot: Slot,
    /// The part of the source itself.
    pub port: Port,
    /// Time between two, ns; 0: only on request and at the end.
    pub interval_ns: u64,
    /// Set to ask for one.
    pub request: Arc<AtomicBool>,
    /// What the source of the run before had saved; empty if this is the first.
    pub before: Saved,
}

/// The cuts of one source.
#[derive(Debug)]
pub(super) struct Barriers {
    interval_ns: u64,
    due_ns: u64,
    epoch: u64,
    checkpoints: Option<Checkpoints>,
    checkpoint_due_ns: u64,
    /// The last epoch that was a checkpoint.
    asked: u64,
    late: bool,
    /// Where the source stood at the epochs that may be restored, oldest first.
    stood: VecDeque<(u64, Vec<u8>)>,
    /// Checkpoints that came later than they were due, because the one before was not settled.
    pub(super) checkpoints_late: u64,
}

impl Barriers {
    pub(super) fn new(interval_ns: u64) -> Self {
        Barriers {
            interval_ns,
            due_ns: 0,
            epoch: 0,
            checkpoints: None,
            checkpoint_due_ns: u64::MAX,
            asked: 0,
            late: false,
            stood: VecDeque::new(),
            checkpoints_late: 0,
        }
    }

    /// Makes checkpoints as well; `epoch` was the last of the run before.
    pub(super) fn with_checkpoints(&mut self, epoch: u64, checkpoints: Checkpoints) {
        self.epoch = epoch;
        self.asked = epoch;
        self.checkpoints = Some(checkpoints);
    }

    /// When the next one is due, ns of the run's clock.
    pub(super) fn next_due_ns(&self) -> u64 {
        self.due_ns.min(self.checkpoint_due_ns)
    }

    fn region(&self) -> Option<&Arc<Region>> {
        self.checkpoints
            .as_ref()
            .and_then(|checkpoints| checkpoints.slot.get())
    }

    /// Whether the last checkpoint is settled, or nobody is there to settle it.
    pub(super) fn is_settled(&self) -> bool {
        self.region()
            .is_none_or(|region| region.settled().0 >= self.asked || region.is_writer_gone())
    }

    /// The barrier that is due at `now_ns`, if one is.
    pub(super) fn due(&mut self, now_ns: u64) -> Option<Marker> {
        if self.due_ns == 0 {
            self.due_ns = now_ns + self.interval_ns;
            self.plan_checkpoint(now_ns);
        }
        let mut checkpoint = self.is_asked_for(now_ns);
        if checkpoint && !self.is_settled() {
            self.checkpoints_late += u64::from(!std::mem::replace(&mut self.late, true));
            checkpoint = false;
        }
        if !checkpoint && now_ns < self.due_ns {
            return None;
        }
        if now_ns >= self.due_ns {
            self.due_ns = now_ns + self.interval_ns;
        }
        if checkpoint {
            if let Some(checkpoints) = &self.checkpoints {
                checkpoints.request.store(false, Ordering::Relaxed);
            }
            self.plan_checkpoint(now_ns);
        }
        Some(self.cut(checkpoint))
    }

    fn is_asked_for(&self, now_ns: u64) -> bool {
        let requested = |checkpoints: &Checkpoints| checkpoints.request.load(Ordering::Relaxed);
        let makes = self.region().is_some_and(|region| !region.is_writer_gone());
        makes
            && (now_ns >= self.checkpoint_due_ns
                || self.checkpoints.as_ref().is_some_and(requested))
    }

    fn plan_checkpoint(&mut self, now_ns: u64) {
        if let Some(checkpoints) = &self.checkpoints
            && checkpoints.interval_ns > 0
        {
            self.checkpoint_due_ns = now_ns + checkpoints.interval_ns;
        }
        self.late = false;
    }

    /// The checkpoint at the end of the stream, if checkpoints are made.
    pub(super) fn last(&mut self) -> Option<Marker> {
        let makes = self.region().is_some_and(|region| !region.is_writer_gone());
        makes.then(|| self.cut(true))
    }

    fn cut(&mut self, checkpoint: bool) -> Marker {
        self.epoch += 1;
        if checkpoint {
            self.asked = self.epoch;
        }
        Marker::Barrier {
            epoch: self.epoch,
            checkpoint,
        }
    }

    /// Where the source stood at the oldest epoch that may be restored, once all that may are of this run.
    pub(super) fn released(&mut self) -> Option<&[u8]> {
        let (settled, files) = self.region()?.settled();
        // Aborted, or written over: nobody will ask for it.
        self.stood
            .retain(|(epoch, _)| *epoch > settled || files.contains(epoch));
        let is_full = files.iter().all(|epoch| *epoch > 0);
        let (_, oldest) = self.stood.front().filter(|_| is_full)?;
        Some(oldest)
    }

    /// Hands over what the source remembers at checkpoint `epoch`, before the barrier is sent on.
    pub(super) fn capture(&mut self, epoch: u64, saved: Saved) {
        if let Some(position) = &saved.position {
            self.stood.push_back((epoch, position.clone()));
        }
        if let Some(checkpoints) = &mut self.checkpoints
            && checkpoints.port.begin(epoch).is_some()
            && checkpoints.port.extras(&saved.to_bytes())
        {
            checkpoints.port.end(0);
        }
    }
}
