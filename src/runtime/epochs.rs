//! The epochs of a run: what sinks hand over at barriers, merged, for the timeline and for progress.

use super::run::Update;
use crate::latency::{Interval, Timeline, new_histogram};
use crate::sink::IntervalCollector;
use crate::sys::clock::START_NS;
use std::collections::BTreeMap;

/// Epochs that may still get a part from a sink that is behind.
const EPOCHS_OPEN: usize = 8;

/// Epochs as the sinks close them, merged over sinks.
#[derive(Default)]
pub(super) struct Epochs {
    open: BTreeMap<u64, Interval>,
    closed: Timeline,
    results: u64,
}

impl Epochs {
    /// Whether anything came.
    pub(super) fn collect(&mut self, collectors: &mut [IntervalCollector]) -> bool {
        let before = self.results;
        for collector in collectors {
            collector.collect(|part| {
                self.results += part.latency.len();
                let interval = self.open.entry(part.epoch).or_insert_with(|| Interval {
                    start_ns: u64::MAX,
                    end_ns: 0,
                    events_out: 0,
                    latency: new_histogram(),
                    hiccup_ns_max: 0,
                });
                let start_ns = part.start_ns.saturating_sub(START_NS);
                interval.start_ns = interval.start_ns.min(start_ns);
                interval.end_ns = interval.end_ns.max(part.end_ns.saturating_sub(START_NS));
                interval.events_out += part.latency.len();
                part.latency.add_to(&mut interval.latency);
            });
        }
        while self.open.len() > EPOCHS_OPEN {
            if let Some((_, oldest)) = self.open.pop_first() {
                self.closed.push(oldest);
            }
        }
        self.results > before
    }

    pub(super) fn tell(&self, progress: &mut dyn FnMut(Update)) {
        if let Some((_, last)) = self.open.last_key_value() {
            progress(Update {
                events_out: self.results,
                events_per_s: last.throughput_events_per_s(),
                latency_ns_p99: last.latency.value_at_quantile(0.99),
            });
        }
    }

    pub(super) fn into_intervals(mut self) -> Vec<Interval> {
        std::mem::take(&mut self.open)
            .into_values()
            .for_each(|interval| self.closed.push(interval));
        self.closed.into_intervals()
    }
}
