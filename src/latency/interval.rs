//! The timeline of a run as it grows: finished intervals, in order, never more than a fixed number.
//!
//! Owned by whoever collects the epochs, off the path of events. A long run keeps its whole history at
//! half the resolution each time the timeline is full:
//!
//! ```text
//!   full:    │a│b│c│d│e│f│g│h│      eight epochs, one an interval
//!   halved:  │ab │cd │ef │gh │      two an interval from here on
//! ```
//!
//! Invariant: the histograms of all intervals add up to everything ever pushed.

use super::histogram::{compact, merge};
use hdrhistogram::Histogram;

/// Most intervals a timeline keeps. A plot of 1,000 pixels shows no more, and at the 64 KiB of a histogram
/// that reaches 100 µs it holds the timeline to 16 MiB. Even, so that it halves.
pub const INTERVALS_MAX: usize = 256;

/// One epoch of a run, between two barriers (or several, where a long run was condensed).
#[derive(Clone, Debug)]
pub struct Interval {
    /// Start, ns since the run's start.
    pub start_ns: u64,
    /// End, ns since the run's start.
    pub end_ns: u64,
    /// Results that reached the sinks within it.
    pub events_out: u64,
    /// Latencies of these results.
    pub latency: Histogram<u64>,
    /// Largest hiccup of the machine within it, ns.
    pub hiccup_ns_max: u64,
}

impl Interval {
    /// Results a second within it; 0 for an interval without length.
    pub fn throughput_events_per_s(&self) -> f64 {
        let length_ns = self.end_ns.saturating_sub(self.start_ns);
        if length_ns == 0 {
            0.0
        } else {
            self.events_out as f64 * 1e9 / length_ns as f64
        }
    }

    /// Takes in the interval that follows.
    fn extend(&mut self, next: &Interval) {
        self.end_ns = self.end_ns.max(next.end_ns);
        self.events_out = self.events_out.saturating_add(next.events_out);
        self.hiccup_ns_max = self.hiccup_ns_max.max(next.hiccup_ns_max);
        merge(&mut self.latency, &next.latency);
    }
}

/// Collects the epochs of a run into at most [`INTERVALS_MAX`] intervals.
#[derive(Clone, Debug)]
pub struct Timeline {
    intervals: Vec<Interval>,
    epochs_per_interval: u64,
    epochs_in_last: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Timeline {
            intervals: Vec::new(),
            epochs_per_interval: 1,
            epochs_in_last: 0,
        }
    }
}

impl Timeline {
    /// An empty timeline.
    pub fn new() -> Self {
        Timeline::default()
    }

    /// Adds the epoch that follows the last one. Its histogram is kept in compact form.
    pub fn push(&mut self, epoch: Interval) {
        if let Some(last) = self.intervals.last_mut()
            && self.epochs_in_last < self.epochs_per_interval
        {
            last.extend(&epoch);
            self.epochs_in_last += 1;
            return;
        }
        if self.intervals.len() == INTERVALS_MAX {
            self.halve();
        }
        let latency = compact(&epoch.latency);
        self.intervals.push(Interval { latency, ..epoch });
        self.epochs_in_last = 1;
    }

    /// Joins neighbours; called only when every interval holds its full number of epochs.
    fn halve(&mut self) {
        let mut halved = Vec::with_capacity(INTERVALS_MAX);
        let mut intervals = std::mem::take(&mut self.intervals).into_iter();
        while let Some(mut first) = intervals.next() {
            if let Some(second) = intervals.next() {
                first.extend(&second);
            }
            halved.push(first);
        }
        self.intervals = halved;
        self.epochs_per_interval *= 2;
    }

    /// The intervals so far, in order.
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// The intervals, in order.
    pub fn into_intervals(self) -> Vec<Interval> {
        self.intervals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};

    fn epoch(index: u64) -> Interval {
        let mut latency = new_histogram();
        record(&mut latency, 100 + index, index % 7);
        Interval {
            start_ns: index * 1_000,
            end_ns: (index + 1) * 1_000,
            events_out: index % 7,
            latency,
            hiccup_ns_max: index,
        }
    }

    #[test]
    fn a_long_run_is_condensed_without_losing_an_event() {
        let epochs = 1_300;
        let mut timeline = Timeline::new();
        let mut all = new_histogram();
        for index in 0..epochs {
            let epoch = epoch(index);
            merge(&mut all, &epoch.latency);
            timeline.push(epoch);
            assert!(timeline.intervals().len() <= INTERVALS_MAX);
        }
        let intervals = timeline.into_intervals();
        assert_eq!(intervals.len(), 163, "1,300 epochs at 8 an interval");
        assert_eq!(intervals[0].start_ns, 0);
        assert_eq!(intervals.last().unwrap().end_ns, epochs * 1_000);
        assert!(
            intervals
                .windows(2)
                .all(|pair| pair[0].end_ns == pair[1].start_ns)
        );
        assert_eq!(
            intervals.iter().map(|i| i.events_out).sum::<u64>(),
            all.len()
        );
        assert_eq!(
            intervals.iter().map(|i| i.hiccup_ns_max).max(),
            Some(epochs - 1)
        );
        let mut sum = new_histogram();
        intervals
            .iter()
            .for_each(|interval| merge(&mut sum, &interval.latency));
        assert_eq!(sum, all);
    }

    #[test]
    fn an_interval_without_length_has_no_throughput() {
        let mut interval = epoch(3);
        assert_eq!(interval.throughput_events_per_s(), 3e6);
        interval.end_ns = interval.start_ns;
        assert_eq!(interval.throughput_events_per_s(), 0.0);
    }
}
