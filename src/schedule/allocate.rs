//! Allocation of tasks to cores: longest processing time first.
//!
//! Tasks in order of falling cost, each to the core with the least so far. At most 4/3 - 1/(3m) of the
//! optimum on m cores (R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969).

/// The core of each task, given what each costs (any unit). Ties go to the lower core, so that a source,
/// which comes first, shares core 0 with whatever balances it.
pub fn allocate(costs: &[f64], cores: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|&a, &b| costs[b].total_cmp(&costs[a]));
    let mut loads = vec![0.0f64; cores.max(1)];
    let mut placed = vec![0; costs.len()];
    for task in order {
        let (core, load) = loads
            .iter_mut()
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(b.1))
            .expect("there is at least one core");
        *load += costs[task];
        placed[task] = core;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_placed_and_loads_are_even() {
        let placed = allocate(&[8.0, 3.5, 3.5, 3.5, 3.5], 2);
        let load = |core| {
            let costs = [8.0, 3.5, 3.5, 3.5, 3.5];
            placed
                .iter()
                .zip(costs)
                .filter(|(c, _)| **c == core)
                .map(|(_, cost)| cost)
                .sum::<f64>()
        };
        assert_eq!(placed.len(), 5);
        assert!((load(0) - load(1)).abs() <= 1.0, "{placed:?}");
    }

    #[test]
    fn one_core_takes_all() {
        assert_eq!(allocate(&[1.0, 2.0, 3.0], 1), vec![0, 0, 0]);
    }
}
