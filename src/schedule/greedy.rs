//! Longest processing time first.
//!
//! Tasks in order of falling load, each to the core with the least so far. Links are not looked at, so
//! that without crossings the busiest core has at most 4/3 - 1/(3m) of the optimum on m cores (R. L. Graham,
//! "Bounds on multiprocessing timing anomalies", 1969). O(n log n + n log m) for n tasks.

use super::model::Problem;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A load in a heap: finite and not negative, so its bits rise as it does.
fn rank(load_ns: f64) -> u64 {
    // + 0.0 makes a zero of either sign the positive one.
    (load_ns + 0.0).to_bits()
}

/// Ties go to the task that comes first and to the lower core, so that a source, which comes first, shares
/// core 0 with whatever balances it.
pub(super) fn longest_first(problem: &Problem<'_>) -> Vec<usize> {
    let tasks = problem.tasks;
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by_key(|&task| Reverse(rank(tasks[task].load_ns)));
    let mut least: BinaryHeap<Reverse<(u64, usize)>> = (0..problem.cores)
        .map(|core| Reverse((rank(0.0), core)))
        .collect();
    let mut placed = vec![0; tasks.len()];
    for task in order {
        if let Some(Reverse((load, core))) = least.pop() {
            let load_ns = f64::from_bits(load) + tasks[task].load_ns;
            least.push(Reverse((rank(load_ns), core)));
            placed[task] = core;
        }
    }
    placed
}
