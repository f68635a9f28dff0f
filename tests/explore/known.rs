//! What is known of a run: the states it had at its barriers, and what it was told of them.

use crate::explore::state::FlowState;
use std::collections::{BTreeMap, BTreeSet};

/// An epoch, and the call to the disk after which something was said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) operation: u64,
    pub(crate) epoch: u64,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its number; 0 if it did not get to begin.
    pub(crate) run: u64,
    /// The last call to the disk that was needed to begin it.
    pub(crate) begun_at: u64,
    /// The state at each barrier.
    pub(crate) states: BTreeMap<u64, FlowState>,
    /// Epochs begun, in order.
    pub(crate) begun: Vec<Said>,
    /// Epochs said to be durable, in order.
    pub(crate) durable: Vec<Said>,
    /// Epochs that a part could not send: never to be found.
    pub(crate) void: BTreeSet<u64>,
    /// How many the writer gave up.
    pub(crate) aborted: u64,
}

impl Known {
    /// The last epoch said to be durable.
    pub(crate) fn durable(&self) -> Option<u64> {
        self.durable.last().map(|said| said.epoch)
    }

    /// Whether the epoch was begun, and not by parts that could not send it.
    pub(crate) fn may_hold(&self, epoch: u64) -> bool {
        !self.void.contains(&epoch) && self.begun.iter().any(|said| said.epoch == epoch)
    }
}

/// What was known of the runs `before` and of `current`, which was going on, when a call had been made.
pub(crate) fn until(before: &[Known], current: &Known, operation: u64) -> Vec<Known> {
    let mut runs = before.to_vec();
    if current.run > 0 && current.begun_at <= operation {
        let mut current = current.clone();
        current.begun.retain(|said| said.operation <= operation);
        current.durable.retain(|said| said.operation <= operation);
        runs.push(current);
    }
    runs
}
