//! Dynamic programming: the smallest possible load of the busiest core, crossings included.
//!
//! What a core costs depends only on the tasks it has, so the best of k cores for a set of tasks is found
//! from the best of k - 1 for each of its subsets:
//!
//! ```text
//!   best[1][set] = cost(set)
//!   best[k][set] = min over part ⊆ set of max(best[k-1][set \ part], cost(part))
//! ```
//!
//! A set is a count of each kind of task ([`Kinds`]), written as one number with a digit for each kind, so that
//! `set \ part` is a subtraction. For n unlike tasks these are 2ⁿ sets and 3ⁿ pairs of set and part; where
//! tasks are alike, far fewer. Since cores are alike, `part` always has a task of the first kind in
//! `set`, and the last core looks at the whole set alone.

use super::error::AllocateError;
use super::kinds::Kinds;
use super::model::Problem;

/// Pairs of set and part gone through at most: well below a second.
pub(super) const STEPS_MAX: u64 = 100_000_000;
/// Sets at most: 32 MiB for each of the tables.
const SETS_MAX: u64 = 1 << 22;

/// The best placement, where it takes at most `steps_max` steps.
pub(super) fn smallest_makespan(
    problem: &Problem<'_>,
    steps_max: u64,
) -> Result<Vec<usize>, AllocateError> {
    let (tasks, cores) = (problem.tasks.len(), problem.cores);
    let refusal = AllocateError::TooManySteps {
        tasks,
        cores,
        steps_max,
    };
    // Cores beyond one a task stay empty.
    let used = cores.min(tasks.max(1));
    let is_over = |members: &[Vec<usize>]| {
        let sizes = members.iter().map(Vec::len);
        steps(sizes.clone(), used) > steps_max || sets(sizes) > SETS_MAX
    };
    // At least this many kinds: the loads alone say so, before any table of crossings is made.
    let mut loads: Vec<u64> = problem.tasks.iter().map(|t| t.load_ns.to_bits()).collect();
    loads.sort_unstable();
    let by_load = loads.chunk_by(|a, b| a == b).map(<[u64]>::len);
    if steps(by_load.clone(), used) > steps_max || sets(by_load) > SETS_MAX {
        return Err(refusal);
    }
    let crossings = problem.crossings();
    let kinds = Kinds::of(problem, &crossings, is_over).ok_or(refusal)?;
    let sets = Sets::new(problem, &crossings, &kinds);
    Ok(kinds.placed(tasks, &sets.share_out(used)))
}

fn sets(sizes: impl Iterator<Item = usize>) -> u64 {
    sizes.fold(1, |product: u64, size| {
        product.saturating_mul(size as u64 + 1)
    })
}

/// Pairs of set and part on the cores between the first and the last, the sets of the first, and the parts
/// that the last looks at.
fn steps(sizes: impl Iterator<Item = usize> + Clone, cores: usize) -> u64 {
    let pairs = sizes.clone().fold(1, |product: u64, size| {
        product.saturating_mul((size as u64 + 1) * (size as u64 + 2) / 2)
    });
    let between = cores.saturating_sub(2) as u64;
    let ends = sets(sizes).saturating_mul(2);
    pairs.saturating_mul(between).saturating_add(ends)
}

/// All sets of tasks, by number.
struct Sets {
    /// Tasks of each kind.
    sizes: Vec<usize>,
    /// What one task of each kind adds to the number of a set.
    weights: Vec<usize>,
    /// Of each set on a core of its own, ns a second.
    cost: Vec<f64>,
}

impl Sets {
    fn new(problem: &Problem<'_>, crossings: &[f64], kinds: &Kinds) -> Self {
        let (count, members) = (problem.tasks.len(), &kinds.members);
        let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
        let mut weights = Vec::with_capacity(sizes.len());
        let mut all = 1;
        for size in &sizes {
            weights.push(all);
            all *= size + 1;
        }
        // Between two tasks of kinds a and b; within a kind, between two different ones.
        let between = |a: usize, b: usize| -> f64 {
            let other = if a == b {
                members[b].get(1)
            } else {
                members[b].first()
            };
            other.map_or(0.0, |other| crossings[members[a][0] * count + other])
        };
        let table: Vec<Vec<f64>> = (0..sizes.len())
            .map(|a| (0..sizes.len()).map(|b| between(a, b)).collect())
            .collect();
        // A task alone: its load, and all its links cross.
        let alone: Vec<f64> = members
            .iter()
            .map(|kind| {
                let row = &crossings[kind[0] * count..][..count];
                problem.tasks[kind[0]].load_ns + row.iter().sum::<f64>()
            })
            .collect();
        let (mut cost, mut digits) = (vec![0.0; all], vec![0; sizes.len()]);
        for set in 1..all {
            let kind = count_up(&mut digits, &sizes);
            // The set without one task of that kind, and that task: links between them cross no more.
            let links: f64 = digits
                .iter()
                .zip(&table[kind])
                .map(|(&n, w)| n as f64 * w)
                .sum();
            let joined = links - table[kind][kind];
            cost[set] = cost[set - weights[kind]] + alone[kind] - 2.0 * joined;
        }
        Sets {
            sizes,
            weights,
            cost,
        }
    }

    /// How many of each kind each core gets.
    fn share_out(&self, cores: usize) -> Vec<Vec<usize>> {
        let mut best = vec![self.cost.clone()];
        for _ in 2..cores {
            let before = &best[best.len() - 1];
            let mut digits = vec![0; self.sizes.len()];
            let mut next = vec![0.0; self.cost.len()];
            for (set, least) in next.iter_mut().enumerate().skip(1) {
                count_up(&mut digits, &self.sizes);
                *least = self.best_part(set, &digits, before).0;
            }
            best.push(next);
        }
        let (mut shares, mut left) = (Vec::with_capacity(cores), self.sizes.clone());
        let mut set = self.cost.len() - 1;
        for before in best[..cores - 1].iter().rev() {
            let part = self.best_part(set, &left, before).1;
            let counts = self.counts(part);
            set -= part;
            left.iter_mut()
                .zip(&counts)
                .for_each(|(left, count)| *left -= count);
            shares.push(counts);
        }
        shares.push(left);
        shares
    }

    /// The least that a set of these counts comes to when one part of it goes to another core, and that part.
    fn best_part(&self, set: usize, counts: &[usize], before: &[f64]) -> (f64, usize) {
        let Some(first) = counts.iter().position(|&count| count > 0) else {
            return (0.0, 0);
        };
        // `part` runs over all counts up to these that have one of the first kind.
        let mut digits = vec![0; counts.len()];
        digits[first] = 1;
        let (mut part, mut least) = (self.weights[first], (f64::INFINITY, 0));
        loop {
            let cost = self.cost[part];
            if cost < least.0 {
                let worst = cost.max(before[set - part]);
                if worst < least.0 {
                    least = (worst, part);
                }
            }
            let mut kind = first;
            while digits[kind] == counts[kind] {
                let floor = usize::from(kind == first);
                part -= (digits[kind] - floor) * self.weights[kind];
                digits[kind] = floor;
                kind += 1;
                if kind == counts.len() {
                    return least;
                }
            }
            digits[kind] += 1;
            part += self.weights[kind];
        }
    }

    fn counts(&self, set: usize) -> Vec<usize> {
        let digit = |(size, weight): (&usize, &usize)| set / weight % (size + 1);
        self.sizes.iter().zip(&self.weights).map(digit).collect()
    }
}

/// The counts of the next set; which kind it has one more of, those before it having none.
fn count_up(digits: &mut [usize], sizes: &[usize]) -> usize {
    let mut kind = 0;
    while digits[kind] == sizes[kind] {
        digits[kind] = 0;
        kind += 1;
    }
    digits[kind] += 1;
    kind
}
