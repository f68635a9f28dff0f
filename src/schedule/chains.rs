//! Chains to chains: tasks in the order of the flow, cut into one run of neighbours for each core.
//!
//! ```text
//!   tasks   0 ─ 1 ─ 2 │ 3 ─ 4 │ 5 ─ 6 ─ 7       cost of a run = its loads + its links to other runs
//!   cores   ───  0  ── ── 1 ── ───  2  ──       busiest[k][end] = min over start of
//!                                                  max(busiest[k-1][start], cost(start..end))
//! ```
//!
//! Exact among placements of this form, crossings included: for a pipeline it is the form that crosses
//! least. O(m n² + links) for n tasks on m cores, and 8 n² bytes; the cost of a run comes in O(1) from a
//! table of sums. S. H. Bokhari, "Partitioning problems in parallel, pipelined, and distributed
//! computing", 1988.

use super::error::AllocateError;
use super::model::Problem;

/// 32 MiB of sums.
pub(super) const TASKS_MAX: usize = 2_048;

/// Steps that [`neighbours`] will take.
pub(super) fn steps(problem: &Problem<'_>) -> u64 {
    let count = problem.tasks.len() as u64;
    count * count * (problem.cores as u64 + 4) + problem.links.len() as u64
}

/// Loads and crossings of any run of tasks.
struct Runs {
    count: usize,
    /// `alone[i]`: of tasks `0..i`, as if every link crossed.
    alone: Vec<f64>,
    /// `[i][j]`: of the pairs in `0..i` × `0..j`, rows of `count + 1`.
    pairs: Vec<f64>,
}

impl Runs {
    fn new(problem: &Problem<'_>) -> Self {
        let (count, crossings) = (problem.tasks.len(), problem.crossings());
        let (row, mut alone) = (count + 1, vec![0.0; count + 1]);
        let mut pairs = vec![0.0; row * row];
        for task in 0..count {
            let mut sum = 0.0;
            for other in 0..count {
                sum += crossings[task * count + other];
                pairs[(task + 1) * row + other + 1] = pairs[task * row + other + 1] + sum;
            }
            alone[task + 1] = alone[task] + problem.tasks[task].load_ns + sum;
        }
        Runs {
            count,
            alone,
            pairs,
        }
    }

    /// Of tasks `start..end` on a core of their own, ns a second.
    fn cost(&self, start: usize, end: usize) -> f64 {
        let row = self.count + 1;
        let pairs = |i: usize, j: usize| self.pairs[i * row + j];
        let within = pairs(end, end) - pairs(start, end) - pairs(end, start) + pairs(start, start);
        self.alone[end] - self.alone[start] - within
    }
}

/// The best placement in runs of neighbours.
pub(super) fn neighbours(problem: &Problem<'_>) -> Result<Vec<usize>, AllocateError> {
    let tasks = problem.tasks.len();
    if tasks > TASKS_MAX {
        let tasks_max = TASKS_MAX;
        return Err(AllocateError::TooLong { tasks, tasks_max });
    }
    let runs = Runs::new(problem);
    let cores = problem.cores.min(tasks.max(1));
    let mut busiest: Vec<f64> = (0..=tasks).map(|end| runs.cost(0, end)).collect();
    let mut starts = vec![vec![0; tasks + 1]];
    for _ in 1..cores {
        let mut next = busiest.clone();
        // An empty run: what comes before takes all.
        let mut start_of: Vec<usize> = (0..=tasks).collect();
        for end in 1..=tasks {
            for (start, before) in busiest[..end].iter().enumerate() {
                let worst = before.max(runs.cost(start, end));
                if worst < next[end] {
                    (next[end], start_of[end]) = (worst, start);
                }
            }
        }
        busiest = next;
        starts.push(start_of);
    }
    let (mut placed, mut end) = (vec![0; tasks], tasks);
    for (core, start_of) in starts.iter().enumerate().rev() {
        placed[start_of[end]..end].fill(core);
        end = start_of[end];
    }
    Ok(placed)
}
