//! The source task: offers events when they are due, and cuts the stream with markers.
//!
//! Owns the source and the first exchange. Open loop: the due times come from the schedule alone; a full
//! ring or a slow engine makes the source late, which is recorded, and never moves a due time.
//!
//! ```text
//!   step:  flush what was kept ─ full? ──► Blocked
//!          source.poll: every event that is due, at most a budget's worth   due_ns from the schedule
//!          a probe behind the last event, one in PROBE_EVERY                 reads: service, queueing
//!          a watermark at most each millisecond, a barrier each interval
//!          flush: publish
//! ```
//!
//! In deterministic order due times increase strictly and watermarks go by the number of events (`sequence`).

use super::sequence::{Sequence, WATERMARK_EVERY};
use crate::event::{Due, Event, Marker};
use crate::latency::{new_histogram, record};
use crate::sys::memory::prefetch_read;
use crate::task::{Context, Downstream, Figures, Progress, Task, TaskError, Watch};
use hdrhistogram::Histogram;

/// At least so many events between two probes.
const PROBE_EVERY: u64 = 128;
/// How far ahead of the event being offered memory is fetched: 128 events of 24 bytes are 3 KiB, more than
/// a memory latency at 50 M events/s.
const FETCH_AHEAD: usize = 128;
/// A watermark is sent at most this often, ns: it is a message to every partition.
const WATERMARK_EVERY_NS: u64 = 1_000_000;

/// What a poll achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Events were offered, or more may be due now.
    Ready,
    /// Nothing is due before this time (ns of the run's clock), if it knows.
    Idle(Option<u64>),
    /// No more events.
    End,
}

/// Where events come from. Implementations are asked for what is due and never wait.
pub trait Source: Send + 'static {
    /// What it offers.
    type Event: Event;

    /// Offers what is due at `cx.now_ns`, at most about `cx.budget` events.
    ///
    /// # Errors
    /// When it cannot be read on; the run ends.
    fn poll<D: Downstream<Self::Event>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError>;

    /// Adds what it counted (late, dead-lettered, pace, notes).
    fn figures(&mut self, figures: &mut Figures) {
        let _ = figures;
    }
}

#[derive(Debug)]
struct Counts {
    offered: u64,
    probed_at: u64,
    event_time_ns: u64,
    watermark_ns: u64,
    watermark_sent_ns: u64,
    first_due_ns: u64,
    last_due_ns: u64,
    last_offered_ns: u64,
    epoch: u64,
    barrier_due_ns: u64,
}

/// Takes the events of one poll.
#[derive(Debug)]
pub struct Offer<'a, D> {
    down: &'a mut D,
    counts: &'a mut Counts,
    late_start: &'a mut Histogram<u64>,
    interrupted: &'a mut Option<String>,
    now_ns: u64,
    /// In deterministic order: the sequence, and the step's context for markers between events.
    order: Option<(&'a mut Sequence, Context)>,
}

impl<D> Offer<'_, D> {
    /// Offers an event that was due at `due_ns` (run's clock), with event time `event_time_ns`.
    #[inline(always)]
    pub fn paced<E: Event>(&mut self, due_ns: u64, event_time_ns: u64, event: E)
    where
        D: Downstream<E>,
    {
        record(self.late_start, self.now_ns.saturating_sub(due_ns), 1);
        self.put(due_ns, event_time_ns, event);
    }

    /// Offers an event that is due now: the source has no schedule and runs at full speed.
    #[inline(always)]
    pub fn now<E: Event>(&mut self, event_time_ns: u64, event: E)
    where
        D: Downstream<E>,
    {
        self.put(self.now_ns, event_time_ns, event);
    }

    /// Offers a run of events, `events[run]`, that are all due now. Events behind the run are fetched ahead:
    /// between two polls the processor forgets that it was reading this memory in order.
    #[inline(always)]
    pub fn now_all<E: Event>(
        &mut self,
        events: &[E],
        run: std::ops::Range<usize>,
        event_time_ns: impl Fn(&E) -> u64,
    ) where
        D: Downstream<E>,
    {
        if self.order.is_some() {
            for (index, event) in run.clone().zip(&events[run]) {
                prefetch_read(events, index + FETCH_AHEAD);
                self.put(self.now_ns, event_time_ns(event), *event);
            }
            return;
        }
        // Counted in registers: `counts` may alias the ring for all the compiler knows.
        let mut latest_ns = 0;
        let due = Due::new(self.now_ns);
        let mut watch = Watch {
            event: None,
            interrupted: &mut *self.interrupted,
        };
        for (index, event) in run.clone().zip(&events[run.clone()]) {
            watch.event = Some(event);
            prefetch_read(events, index + FETCH_AHEAD);
            latest_ns = latest_ns.max(event_time_ns(event));
            self.down.push(due, *event);
        }
        self.counts.offered += run.len() as u64;
        self.counts.event_time_ns = self.counts.event_time_ns.max(latest_ns);
        self.counts.last_due_ns = self.now_ns;
        self.counts.last_offered_ns = self.now_ns;
    }

    #[inline(always)]
    fn put<E: Event>(&mut self, due_ns: u64, event_time_ns: u64, event: E)
    where
        D: Downstream<E>,
    {
        let counts = &mut *self.counts;
        counts.offered += 1;
        counts.event_time_ns = counts.event_time_ns.max(event_time_ns);
        counts.last_due_ns = due_ns;
        counts.last_offered_ns = self.now_ns;
        let mut watch = Watch {
            event: Some(&event),
            interrupted: &mut *self.interrupted,
        };
        let Some((sequence, cx)) = &mut self.order else {
            self.down.push(Due::new(due_ns), event);
            return;
        };
        self.down.push(Due::new(sequence.next(due_ns)), event);
        watch.event = None;
        if counts.offered.is_multiple_of(WATERMARK_EVERY)
            && counts.event_time_ns > counts.watermark_ns
        {
            counts.watermark_ns = counts.event_time_ns;
            sequence.mark(Marker::Watermark(counts.watermark_ns), self.down, cx);
        }
    }

    /// Whether a ring is full, so that the source should stop for now.
    #[inline(always)]
    pub fn is_blocked<E: Event>(&self) -> bool
    where
        D: Downstream<E>,
    {
        self.down.is_blocked()
    }
}

/// A source and what follows it.
pub struct SourceTask<S, D> {
    name: String,
    source: S,
    down: D,
    counts: Counts,
    late_start: Histogram<u64>,
    interval_ns: u64,
    /// Events to offer at the most.
    events_max: u64,
    sequence: Option<Sequence>,
    interrupted: Option<String>,
    ended: bool,
}

impl<S: Source, D: Downstream<S::Event>> SourceTask<S, D> {
    /// A task that offers the events of `source` to `down`, with a barrier each `interval_ns`.
    pub fn new(name: String, source: S, down: D, interval_ns: u64) -> Self {
        let counts = Counts {
            offered: 0,
            probed_at: 0,
            event_time_ns: 0,
            watermark_ns: 0,
            watermark_sent_ns: 0,
            first_due_ns: 0,
            last_due_ns: 0,
            last_offered_ns: 0,
            epoch: 0,
            barrier_due_ns: 0,
        };
        SourceTask {
            name,
            source,
            down,
            counts,
            late_start: new_histogram(),
            interval_ns,
            events_max: u64::MAX,
            sequence: None,
            interrupted: None,
            ended: false,
        }
    }

    /// Gives events and markers places that depend on the events alone.
    pub fn ordered(mut self) -> Self {
        self.sequence = Some(Sequence::default());
        self
    }

    /// Ends after `events_max` events, if the source has not ended before.
    pub fn at_most(mut self, events_max: u64) -> Self {
        self.events_max = events_max;
        self
    }

    /// Sends the markers that are due behind the events of this step; whether there were any.
    fn mark(&mut self, cx: &mut Context, offered_before: u64) -> bool {
        let counts = &mut self.counts;
        let offered = counts.offered;
        if offered_before == 0 && offered > 0 {
            counts.first_due_ns = counts.last_due_ns.min(cx.now_ns);
        }
        let mut marked = false;
        if offered > offered_before && offered - counts.probed_at >= PROBE_EVERY {
            counts.probed_at = offered;
            let sent_after_ns = u32::try_from(cx.clock.now_ns() - cx.now_ns).unwrap_or(u32::MAX);
            self.down.marker(
                Marker::Probe {
                    read_ns: cx.now_ns,
                    sent_after_ns,
                },
                cx,
            );
            marked = true;
        }
        if let Some(sequence) = &mut self.sequence {
            marked |= sequence.tell(&mut self.down, cx);
        } else if counts.event_time_ns > counts.watermark_ns
            && cx.now_ns >= counts.watermark_sent_ns + WATERMARK_EVERY_NS
        {
            counts.watermark_ns = counts.event_time_ns;
            counts.watermark_sent_ns = cx.now_ns;
            self.down.marker(Marker::Watermark(counts.watermark_ns), cx);
            marked = true;
        }
        if counts.barrier_due_ns == 0 {
            counts.barrier_due_ns = cx.now_ns + self.interval_ns;
        }
        if cx.now_ns >= counts.barrier_due_ns {
            counts.epoch += 1;
            counts.barrier_due_ns = cx.now_ns + self.interval_ns;
            self.down.marker(
                Marker::Barrier {
                    epoch: counts.epoch,
                    checkpoint: false,
                },
                cx,
            );
            marked = true;
        }
        marked
    }

    fn end(&mut self, cx: &mut Context) {
        let watermark = Marker::Watermark(self.counts.event_time_ns);
        let markers = [watermark, Marker::End].into_iter();
        for marker in markers.skip(usize::from(self.counts.event_time_ns == 0)) {
            match &mut self.sequence {
                Some(sequence) => sequence.mark(marker, &mut self.down, cx),
                None => self.down.marker(marker, cx),
            }
        }
        self.ended = true;
    }
}

impl<S: Source, D: Downstream<S::Event>> Task for SourceTask<S, D> {
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
        if self.down.is_blocked() && !self.down.flush(cx) {
            return Ok(Progress::Blocked);
        }
        if self.ended {
            return Ok(Progress::Done);
        }
        let before = self.counts.offered;
        let left = self.events_max - before.min(self.events_max);
        let poll = if cx.stopping || left == 0 {
            Poll::End
        } else {
            let budget = cx.budget;
            cx.budget = budget.min(usize::try_from(left).unwrap_or(usize::MAX));
            let order = self.sequence.as_mut();
            let mut offer = Offer {
                down: &mut self.down,
                counts: &mut self.counts,
                late_start: &mut self.late_start,
                interrupted: &mut self.interrupted,
                now_ns: cx.now_ns,
                order: order.map(|sequence| (sequence, cx.clone())),
            };
            let poll = self.source.poll(cx, &mut offer)?;
            cx.budget = budget;
            poll
        };
        let marked = self.mark(cx, before);
        if poll == Poll::End {
            self.end(cx);
        }
        if !self.down.flush(cx) {
            return Ok(Progress::Blocked);
        }
        Ok(match poll {
            Poll::Idle(next) if !marked && self.counts.offered == before => {
                let barrier = Some(self.counts.barrier_due_ns);
                Progress::Idle([next, barrier].into_iter().flatten().min())
            }
            _ => Progress::Worked,
        })
    }

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(mut self: Box<Self>) -> Figures {
        let mut figures = Figures {
            stage: self.name,
            ..Figures::default()
        };
        self.down.figures(&mut figures);
        figures.events_in = self.counts.offered;
        figures.late_start = Some(self.late_start);
        figures.offered_range = (self.counts.offered > 0)
            .then_some((self.counts.first_due_ns, self.counts.last_offered_ns));
        self.source.figures(&mut figures);
        figures
    }
}
