//! The end of a flow: a sink fused to the last stage's task, and the stamp on every result.
//!
//! Owned by one task of the last stage (one for each partition), so that a result pays for no further ring.
//! A sink that writes files hands its rows to a thread off the cores (`sink/file.rs`).
//!
//! ```text
//!   push(due, result)  ─► sink.take(result);  due joins the run of equal due times
//!   flush              ─► one clock read; each run: buckets.record(now - due, length)
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

    /// Results so far belong to `epoch`, of which a checkpoint is taken; those that follow to the next.
    fn barrier(&mut self, epoch: u64) {
        let _ = epoch;
    }

    /// All results have been taken.
    fn end(&mut self) {}

    /// What it has to remember for a checkpoint: a run that is restored gives it to [`Sink::restore`].
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes up what a sink of an earlier run has saved, before the first result. Called once for each such
    /// sink, of which there may be more or fewer than now.
    ///
    /// # Errors
    /// Why it cannot.
    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        if saved.is_empty() {
            return Ok(());
        }
        Err("this sink remembers nothing of an earlier run".into())
    }

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
    sink: S,
    /// The run that grows, and those before it.
    run: (Option<Due>, u64),
    runs: Vec<(Due, u64)>,
    probes: Vec<u64>,
    part: Box<EpochPart>,
    port: Option<IntervalPort>,
    service: Histogram<u64>,
    taken: u64,
    /// When the first result was stamped, ns of the run's clock; 0: none was.
    first_ns: u64,
}

impl<S> SinkEnd<S> {
    /// Fuses `sink`; epochs go to `port` where there is one, else all latencies stay here.
    pub fn new(sink: S, port: Option<IntervalPort>) -> Self {
        SinkEnd {
            sink,
            run: (None, 0),
            runs: Vec::with_capacity(RUNS),
            probes: Vec::with_capacity(RUNS / 64),
            part: new_part(),
            port,
            service: new_histogram(),
            taken: 0,
            first_ns: 0,
        }
    }

    #[inline]
    fn end_run(&mut self) {
        if let (Some(due), count) = std::mem::take(&mut self.run) {
            self.runs.push((due, count));
        }
    }

    #[inline]
    fn stamp(&mut self, cx: &Context) {
        self.end_run();
        if self.runs.is_empty() && self.probes.is_empty() {
            return;
        }
        let now_ns = cx.clock.now_ns();
        if self.first_ns == 0 && !self.runs.is_empty() {
            self.first_ns = now_ns;
        }
        for (due, count) in self.runs.drain(..) {
            self.taken += count;
            let latency_ns = now_ns.saturating_sub(due.ns());
            self.part.latency.record(latency_ns, count);
        }
        for read_ns in self.probes.drain(..) {
            record(&mut self.service, now_ns.saturating_sub(read_ns), 1);
        }
    }
}

impl<T: Event, S: Sink<T>> Downstream<T> for SinkEnd<S> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        self.sink.take(&value);
        if self.run.0 != Some(due) {
            self.end_run();
            self.run.0 = Some(due);
        }
        self.run.1 += 1;
    }

    fn marker(&mut self, marker: Marker, cx: &mut Context) {
        match marker {
            Marker::Watermark(_) | Marker::Progress(_) | Marker::KeyState => {}
            Marker::Probe { read_ns, .. } => self.probes.push(read_ns),
            Marker::Barrier { epoch, checkpoint } => {
                self.stamp(cx);
                if checkpoint {
                    self.sink.barrier(epoch);
                }
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
                self.sink.end();
            }
        }
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        self.sink.is_blocked()
    }

    #[inline]
    fn flush(&mut self, cx: &mut Context) -> bool {
        self.stamp(cx);
        self.sink.flush()
    }

    fn save(&self, saved: &mut Vec<u8>) {
        saved.extend(self.sink.save());
    }

    fn figures(self, figures: &mut Figures) {
        figures.events_out = self.taken;
        figures.results = self.taken;
        figures.first_result_ns = (self.first_ns > 0).then_some(self.first_ns);
        figures.service = Some(self.service);
        let mut latency = new_histogram();
        self.part.latency.add_to(&mut latency);
        figures.last_epoch = Some(LastEpoch {
            start_ns: self.part.start_ns,
            end_ns: self.part.end_ns,
            latency,
        });
        figures.digest = self.sink.digest();
        figures.measures.extend(self.sink.measures());
        figures.notes.extend(self.sink.notes());
        figures.sink = Some(Box::new(self.sink));
    }
}
