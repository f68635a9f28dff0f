//! The report of one run: the summary, the histograms behind it, and the run's timeline.

use super::summary::Summary;
use hdrhistogram::Histogram;

/// What a run leaves behind. All histograms are in ns, 3 significant digits, up to an hour.
#[derive(Clone, Debug)]
pub struct Report {
    /// The figures.
    pub summary: Summary,
    /// Latency from the due time, every event.
    pub latency: Histogram<u64>,
    /// Service time, sampled.
    pub service: Histogram<u64>,
    /// Hiccups of the machine.
    pub hiccups: Histogram<u64>,
    /// The timeline, in order.
    pub intervals: Vec<Interval>,
}

/// One epoch of a run, between two barriers.
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
