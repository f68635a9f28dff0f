//! What checkpoints take of a task's time, timed around checkpoint work and never for an event.
//!
//! ```text
//!   barrier      ├ save, capture, send on ┤                      the clock before and after, once a checkpoint
//!   block        ├ copy in turn ┤                                the clock before and after
//!   block        copied because an event is about to write to it: counted; each is taken for as long as a
//!                copy in turn took on average, which is the same copy
//!   step         ├ events, with such copies among them ┤         the clock before and after, while an epoch is
//!                                                                open, and for as many steps behind it
//! ```
//!
//! The last line is the check on the one before: had the copies before writes an effect that counting does not
//! show (a page fault, a cold line), the steps while an epoch was open would stand out from those behind it.
//!
//! Owned by the stage task; there is none where no checkpoints are made.

use crate::checkpoint::Copied;
use crate::latency::{new_histogram, record};
use crate::task::{CheckpointFigures, Context};

/// Messages for which a busy task copies one block of the state that is being captured.
pub(super) const EVENTS_A_BLOCK: usize = 256;

/// Messages taken from one input in a step while state is being handed over, unless more waited than that the step
/// before: then to catch up in large steps makes all wait least. A copy of a block takes about 0.5 µs.
pub(super) const CAPTURED_BUDGET: usize = 32;

/// What the copy of a block is taken for until one was timed, ns: above what 4 KiB were ever found to take.
const COPY_NS: u64 = 2_000;

/// The times of one task.
#[derive(Debug)]
pub(super) struct Pauses {
    figures: CheckpointFigures,
    /// Blocks copied in turn, and the time of their copies, ns.
    blocks: u64,
    blocks_ns: u64,
    seen: Copied,
    /// Steps timed while an epoch was open, without a counterpart behind it yet.
    unmatched: u64,
}

/// A step that is being timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timed {
    begun_ns: u64,
    open: bool,
}

impl Pauses {
    pub(super) fn new() -> Self {
        Pauses {
            figures: CheckpointFigures::new(new_histogram),
            blocks: 0,
            blocks_ns: 0,
            seen: Copied::default(),
            unmatched: 0,
        }
    }

    /// A barrier that was a checkpoint has been sent on; its work began at `begun_ns`.
    pub(super) fn barrier(&mut self, begun_ns: u64, cx: &mut Context) {
        let pause_ns = cx.clock.now_ns().saturating_sub(begun_ns);
        record(&mut self.figures.barrier, pause_ns, 1);
        cx.checkpoint.barrier_ns += pause_ns;
    }

    /// Blocks were looked for and perhaps copied, from `begun_ns` on; so many are `copied` now.
    pub(super) fn piece(&mut self, begun_ns: u64, copied: Copied, cx: &mut Context) {
        let pause_ns = cx.clock.now_ns().saturating_sub(begun_ns);
        cx.checkpoint.blocks_ns += pause_ns;
        let blocks = copied.in_turn - self.seen.in_turn;
        self.seen.in_turn = copied.in_turn;
        if blocks > 0 {
            record(&mut self.figures.block, pause_ns, 1);
            self.blocks += blocks;
            self.blocks_ns += pause_ns;
        }
    }

    /// A step begins, with an epoch `open` or not; what is handed back is for its end.
    #[inline]
    pub(super) fn begin_step(&self, open: bool, cx: &Context) -> Option<Timed> {
        (open || self.unmatched > 0).then(|| Timed {
            begun_ns: cx.clock.now_ns(),
            open,
        })
    }

    /// The step has taken so many messages; an epoch is `open` now, and so many blocks are `copied`.
    pub(super) fn end_step(
        &mut self,
        timed: Option<Timed>,
        taken: usize,
        open: bool,
        copied: Copied,
        cx: &mut Context,
    ) {
        let copies = copied.before_write - self.seen.before_write;
        self.seen.before_write = copied.before_write;
        self.figures.copies += copies;
        self.figures.copies_step_max = self.figures.copies_step_max.max(copies);
        cx.checkpoint.blocks_ns += copies * self.copy_ns();
        // A step in which an epoch began or was given up is neither the one nor the other.
        let Some(timed) = timed.filter(|timed| timed.open == open && taken > 0) else {
            return;
        };
        let step_ns = cx.clock.now_ns().saturating_sub(timed.begun_ns);
        if open {
            record(&mut self.figures.step, step_ns, 1);
            self.unmatched += 1;
        } else {
            record(&mut self.figures.step_between, step_ns, 1);
            self.unmatched -= 1;
        }
    }

    fn copy_ns(&self) -> u64 {
        self.blocks_ns.checked_div(self.blocks).unwrap_or(COPY_NS)
    }

    pub(super) fn into_figures(self) -> CheckpointFigures {
        self.figures
    }
}

#[cfg(test)]
#[path = "pauses_tests.rs"]
mod tests;
