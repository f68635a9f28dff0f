//! What runs inside a stage task: called for runs of events and at the places that markers make.
//!
//! Owns its state. The task around it owns inputs, outputs and the order of markers; whatever a logic puts
//! aside it counts, so that markers can wait for it.

use crate::checkpoint::{Copied, Saved};
use crate::event::{Event, Message};
use crate::task::{Context, Downstream, Figures, TaskError};

/// What a stage does with events. Statically dispatched; a step calls it once for a run of events.
pub trait Logic: Send + Sized {
    /// What it takes in.
    type In: Event;
    /// What it puts out.
    type Out: Event;

    /// Processes events from the head of `messages`, up to the first marker or its own group size;
    /// returns how many; 0 when it can take none now. The first message is an event.
    fn run<D: Downstream<Self::Out>>(
        &mut self,
        messages: &[Message<Self::In>],
        down: &mut D,
    ) -> usize;

    /// Called at the start of each step: goes on with events that waited for their state. Whether anything
    /// moved.
    ///
    /// # Errors
    /// When state cannot be read or written any more.
    fn poll<D: Downstream<Self::Out>>(
        &mut self,
        down: &mut D,
        cx: &mut Context,
    ) -> Result<bool, TaskError> {
        let _ = (down, cx);
        Ok(false)
    }

    /// Called at the end of each step, the last one too.
    ///
    /// # Errors
    /// What went wrong where nothing could be returned: while the operator looked through all its state.
    fn check(&mut self) -> Result<(), TaskError> {
        Ok(())
    }

    /// Its state as it is now is to be captured for `epoch`, together with what the task remembers.
    fn capture(&mut self, epoch: u64, saved: Saved) {
        let _ = (epoch, saved);
    }

    /// Whether it takes part in checkpoints.
    fn takes_part(&self) -> bool {
        false
    }

    /// Whether an epoch is being captured.
    #[inline(always)]
    fn is_captured(&self) -> bool {
        false
    }

    /// Blocks copied for checkpoints so far.
    fn copied(&mut self) -> Copied {
        Copied::default()
    }

    /// The next order about the state of a split key takes effect.
    #[cold]
    fn key_state(&mut self) {}

    /// Hands over a little of what is being captured; whether there is more.
    #[inline(always)]
    fn capture_some(&mut self) -> bool {
        false
    }

    /// How many events it has put aside so far to wait for their state.
    fn put_aside(&self) -> u64 {
        0
    }

    /// All events put aside are through, up to this many.
    fn through(&self) -> u64 {
        0
    }

    /// The watermark of all inputs has moved to `watermark_ns`.
    fn watermark<D: Downstream<Self::Out>>(
        &mut self,
        watermark_ns: u64,
        down: &mut D,
        cx: &mut Context,
    ) {
        let _ = (watermark_ns, down, cx);
    }

    /// The stream has ended.
    fn end<D: Downstream<Self::Out>>(&mut self, down: &mut D, cx: &mut Context) {
        let _ = (down, cx);
    }

    /// The event that a panic interrupted.
    fn at_event(&self) -> Option<String> {
        None
    }

    /// Adds what it counted, after the last run.
    fn figures(self, figures: &mut Figures);
}
