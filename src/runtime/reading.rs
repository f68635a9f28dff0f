//! Readings: what meters say, taken every so often and smoothed.
//!
//! ```text
//!   task meters    estimated from one round in sixteen: right in the mean, but a step that the machine interrupted
//!                  counts sixteen times
//!   core meters    every round is timed: exact
//!   load of a task = what its core was busy × its part of what the tasks of that core are estimated to have taken
//! ```
//!
//! Owned by the conductor. Invariant: after [`even_out`] the loads of a core's tasks sum to the core's.

/// Readings count half after about this time, ns: long enough for dozens of timed rounds, short enough that a load
/// which has changed is known before patience ends.
const SMOOTH_NS: f64 = 150e6;

/// What a reading counts that comes so long after the one before.
pub(super) fn weight(spent_ns: f64) -> f64 {
    1.0 - (-spent_ns / SMOOTH_NS).exp2()
}

/// Smoothed readings of one meter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    busy_ns: u64,
    /// Events so far.
    pub(super) events: u64,
    /// Messages that wait.
    pub(super) waiting: u64,
    /// As metered.
    metered: f64,
    /// Share of a core's time.
    pub(super) load: f64,
    pub(super) events_per_s: f64,
}

impl Reading {
    /// Takes new totals in, `spent_ns` after the last; the first reading counts whole.
    pub(super) fn take(&mut self, busy_ns: u64, events: u64, spent_ns: f64, weight: f64) {
        let metered = busy_ns.saturating_sub(self.busy_ns) as f64 / spent_ns;
        let events_per_s = events.saturating_sub(self.events) as f64 * 1e9 / spent_ns;
        self.metered += (metered - self.metered) * weight;
        self.events_per_s += (events_per_s - self.events_per_s) * weight;
        self.load = self.metered;
        (self.busy_ns, self.events) = (busy_ns, events);
    }
}

/// For each core, what was timed over what its tasks, each on the core that is said, are estimated to have taken; 1
/// where nothing is.
pub(super) fn timed_over_estimated(
    estimates: impl Iterator<Item = (usize, f64)>,
    timed: impl Iterator<Item = f64>,
) -> Vec<f64> {
    let mut cores: Vec<(f64, f64)> = timed.map(|timed| (timed, 0.0)).collect();
    for (core, estimate) in estimates {
        if let Some((_, sum)) = cores.get_mut(core) {
            *sum += estimate;
        }
    }
    let factor = |(timed, sum): (f64, f64)| if sum > 0.0 { timed / sum } else { 1.0 };
    cores.into_iter().map(factor).collect()
}

/// Has the loads of `tasks`, each on the core that `homes` says, sum to those of `cores`.
pub(super) fn even_out(
    tasks: &mut [Reading],
    homes: impl Iterator<Item = usize> + Clone,
    cores: &[Reading],
) {
    let metered = homes.clone().zip(tasks.iter().map(|task| task.metered));
    let factors = timed_over_estimated(metered, cores.iter().map(|core| core.metered));
    for (task, home) in tasks.iter_mut().zip(homes) {
        task.load = task.metered * factors.get(home).unwrap_or(&1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(busy_ms: u64) -> Reading {
        let mut reading = Reading::default();
        reading.take(busy_ms * 1_000_000, 1_000, 100e6, 1.0);
        reading
    }

    #[test]
    fn an_interrupted_step_makes_a_task_no_heavier_than_its_core() {
        // Of core 0's tasks one met a pause of 20 ms in a timed round, which stands for sixteen.
        let mut tasks = [read(320 + 10), read(30), read(40)];
        even_out(&mut tasks, [0, 0, 1].into_iter(), &[read(60), read(40)]);
        let loads: Vec<f64> = tasks.iter().map(|task| task.load).collect();
        assert!((loads[0] + loads[1] - 0.6).abs() < 1e-9, "{loads:?}");
        assert!((loads[2] - 0.4).abs() < 1e-9, "{loads:?}");
    }

    #[test]
    fn without_noise_nothing_changes_and_who_has_no_core_is_left_alone() {
        let mut tasks = [read(10), read(30), read(5)];
        even_out(&mut tasks, [0, 0, usize::MAX].into_iter(), &[read(40)]);
        let loads: Vec<f64> = tasks.iter().map(|task| task.load).collect();
        assert!((loads[0] - 0.1).abs() < 1e-9 && (loads[1] - 0.3).abs() < 1e-9);
        assert!((loads[2] - 0.05).abs() < 1e-9);
    }

    #[test]
    fn a_reading_counts_half_after_150_ms() {
        let mut reading = read(50);
        reading.take(50_000_000, 1_000, 150e6, weight(150e6));
        assert!((reading.load - 0.25).abs() < 1e-9, "{reading:?}");
    }
}
