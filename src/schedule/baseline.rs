//! Baselines: placements that look at no load, to see what the others bring.

use super::model::Problem;
use crate::sys::random::Random;

/// Task after task, core after core.
pub(super) fn round_robin(problem: &Problem<'_>) -> Vec<usize> {
    (0..problem.tasks.len())
        .map(|task| task % problem.cores)
        .collect()
}

/// Each task anywhere, from the seed.
pub(super) fn random(problem: &Problem<'_>, seed: u64) -> Vec<usize> {
    let mut random = Random::stream(seed, "allocate");
    let cores = problem.cores as u64;
    let tasks = problem.tasks.iter();
    tasks.map(|_| random.below(cores) as usize).collect()
}
