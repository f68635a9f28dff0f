//! Weights of the partitions of a stage, which may be changed while it runs.
//!
//! Shared between whoever sets them and each task that sends to the stage. A task looks once a step whether they have
//! changed, and then takes a copy: no lock, nothing shared an event.
//!
//! A copy taken in the middle of a change may have weights of both; the change ends with a higher number,
//! which the task then finds at its next look. Should such a copy be all zero, all partitions are taken to be
//! alike until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Why weights are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Nothing would go anywhere.
    #[error("all of {count} weights are 0: give at least one partition a weight of 1 or more")]
    AllZero {
        /// How many there are.
        count: usize,
    },
    /// Not one for each partition.
    #[error("{given} weights for {partitions} partitions: give one for each")]
    Count {
        /// Weights given.
        given: usize,
        /// Partitions there are.
        partitions: usize,
    },
}

/// One weight for each partition; clones are handles to the same ones.
#[derive(Clone, Debug)]
pub struct Weights {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Rises with every change, by one.
    changes: AtomicU64,
    weights: Vec<AtomicU32>,
}

impl Weights {
    /// Shares in proportion to `weights`; a partition of weight 0 gets nothing.
    ///
    /// # Errors
    /// When all are 0.
    pub fn new(weights: &[u32]) -> Result<Self, WeightsError> {
        let weights = some(weights)?.iter().map(|&weight| AtomicU32::new(weight));
        Ok(Weights {
            shared: Arc::new(Shared {
                changes: AtomicU64::new(1),
                weights: weights.collect(),
            }),
        })
    }

    /// Other weights, from each sender's next step on.
    ///
    /// # Errors
    /// When all are 0, or they are not as many as before.
    pub fn set(&self, weights: &[u32]) -> Result<(), WeightsError> {
        let partitions = self.partitions();
        if weights.len() != partitions {
            let given = weights.len();
            return Err(WeightsError::Count { given, partitions });
        }
        for (shared, weight) in self.shared.weights.iter().zip(some(weights)?) {
            shared.store(*weight, Ordering::Relaxed);
        }
        // Pairs with the Acquire load in `copy_if_changed`: who sees this number sees the weights above.
        self.shared.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The weights as they are.
    pub fn get(&self) -> Vec<u32> {
        let weights = self.shared.weights.iter();
        weights
            .map(|weight| weight.load(Ordering::Relaxed))
            .collect()
    }

    /// How many there are.
    pub fn partitions(&self) -> usize {
        self.shared.weights.len()
    }

    /// Copies them to `copy`, as long as they, if they have changed since `seen`; whether they have.
    #[inline]
    pub(super) fn copy_if_changed(&self, seen: &mut u64, copy: &mut [u32]) -> bool {
        // Pairs with the Release in `set`.
        let changes = self.shared.changes.load(Ordering::Acquire);
        changes != *seen && self.copy(changes, seen, copy)
    }

    #[cold]
    fn copy(&self, changes: u64, seen: &mut u64, copy: &mut [u32]) -> bool {
        let mut sum = 0;
        for (copy, weight) in copy.iter_mut().zip(&self.shared.weights) {
            *copy = weight.load(Ordering::Relaxed);
            sum += u64::from(*copy);
        }
        if sum == 0 {
            // The middle of a change: all alike until its end, which the next look finds.
            copy.fill(1);
            return true;
        }
        *seen = changes;
        true
    }
}

fn some(weights: &[u32]) -> Result<&[u32], WeightsError> {
    if weights.iter().all(|weight| *weight == 0) {
        let count = weights.len();
        return Err(WeightsError::AllZero { count });
    }
    Ok(weights)
}
