//! The end of a flow: a sink fused to the last stage's task, and the stamp on every result.
//!
//! Owned by one task of the last stage (one for each partition), so that a result pays for no further ring.
//! A sink that writes files hands its rows to a thread off the cores (`sink/file.rs`).
//!
//! ```text
//!   push(due, result)  ─► sink.take(result);  due joins the run of equal due times
//!   flush              ─► one clock read; each run: histogram.record_n(now - due, length)
//! ```
//!
//! Stamped after the work of the whole step, so a latency may be over-reported by a step, never
//! under-reported. Events read together at full speed share a due time and cost one record.

use super::interval::{EpochPart, IntervalPort, new_part};
use crate::event::{Due, Event, Marker};
use crate::latency::{new_histogram, record};
use crate::task::{Context, Downstream, Figures, LastEpoch};
use hdrhistogram::Histogram;

/// Room for runs of due times, filled between two stamps; further runs cost an allocation, once.
const RUNS: usize = 4096;

/// What happens to results.
pub trait Sink<T>: Send + 'static {
    /// Takes one result. Never fails: what it cannot hand on at once it keeps until `flush`.
    fn take(&mut self, result: &T);

    /// Hands on what was kept; false while some remains.
    fn flush(&mut self) -> bool {
        true
    }

    /// Whether something is kept.
    fn is_blocked(&self) -> bool {
        false
    }

    /// All results have been taken.
    fn end(&mut self) {}

    /// Order-independent digest of the results, if it keeps one.
    fn digest(&self) -> Option<u64> {
        None
    }

    /// Named figures, added up over partitions.
    fn measures(&self) -> Vec<(String, f64)> {
        Vec::new()
    }

    /// Lines for people.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A sink and its stamp.
#[derive(Debug)]
pub struct SinkEnd<S> {
    sink: Option<S>,
    runs: Vec<(Due, u64)>,
    probes: Vec<u64>,
    part: Box<EpochPart>,
    port: Option<IntervalPort>,
    service: Histogram<u64>,
    taken: u64,
}

impl<S> SinkEnd<S> {
    /// Fuses `sink`; epochs go to `port` where there is one, else all latencies stay here.
    pub fn new(sink: S, port: Option<IntervalPort>) -> Self {
        SinkEnd {
            sink: Some(sink),
            runs: Vec::with_capacity(RUNS),
            probes: Vec::with_capacity(RUNS / 64),
            part: new_part(),
            port,
            service: new_histogram(),
            taken: 0,
        }
    }

    #[inline]
    fn stamp(&mut self, cx: &Context) {
        if self.runs.is_empty() && self.probes.is_empty() {
            return;
        }
        let now_ns = cx.clock.now_ns();
        for (due, count) in self.runs.drain(..) {
            record(
                &mut self.part.latency,
                now_ns.saturating_sub(due.ns()),
                count,
            );
        }
        for read_ns in self.probes.drain(..) {
            record(&mut self.service, now_ns.saturating_sub(read_ns), 1);
        }
    }
}

impl<T: Event, S: Sink<T>> Downstream<T> for SinkEnd<S> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        if let Some(sink) = &mut self.sink {
            sink.take(&value);
        }
        self.taken += 1;
        match self.runs.last_mut() {
            Some((same, count)) if *same == due => *count += 1,
            _ => self.runs.push((due, 1)),
        }
    }

    fn marker(&mut self, marker: Marker, cx: &mut Context) {
        match marker {
            Marker::Watermark(_) => {}
            Marker::Probe { read_ns, .. } => self.probes.push(read_ns),
            Marker::Barrier(epoch) => {
                self.stamp(cx);
                self.part.epoch = epoch;
                self.part.end_ns = cx.clock.now_ns();
                if let Some(port) = &mut self.port {
                    port.rotate(&mut self.part);
                }
            }
            Marker::End => {
                self.stamp(cx);
                self.part.epoch = u64::MAX;
                self.part.end_ns = cx.clock.now_ns();
                if let Some(sink) = &mut self.sink {
                    sink.end();
                }
            }
        }
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        self.sink.as_ref().is_some_and(Sink::is_blocked)
    }

    #[inline]
    fn flush(&mut self, cx: &mut Context) -> bool {
        self.stamp(cx);
        self.sink.as_mut().is_none_or(Sink::flush)
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.events_out = self.taken;
        figures.results = self.taken;
        figures.service = Some(self.service.clone());
        let part = std::mem::replace(&mut self.part, new_part());
        let EpochPart {
            start_ns,
            end_ns,
            latency,
            ..
        } = *part;
        figures.last_epoch = Some(LastEpoch {
            start_ns,
            end_ns,
            latency,
        });
        if let Some(sink) = self.sink.take() {
            figures.digest = sink.digest();
            figures.measures.extend(sink.measures());
            figures.notes.extend(sink.notes());
            figures.sink = Some(Box::new(sink));
        }
    }
}
