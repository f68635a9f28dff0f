//! What a source offers its events to, and what is counted of them.
//!
//! Owned by the source task; a source gets to see it for the time of one poll. In arrival order an event is
//! pushed with the time at which it was due; in deterministic order with its place in the sequence, and
//! watermarks follow at places that depend on the events alone, over all runs of a stream.

use super::sequence::{Sequence, WATERMARK_EVERY};
use crate::event::{Due, Event, Marker};
use crate::latency::Buckets;
use crate::sys::memory::prefetch_read;
use crate::task::{Context, Downstream, Watch};

/// How far ahead of the event being offered memory is fetched: 128 events of 24 bytes are 3 KiB, more than
/// a memory latency at 50 M events/s.
const FETCH_AHEAD: usize = 128;

/// What a source has offered so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By earlier runs, from which this one goes on.
    pub(super) events_before: u64,
    pub(super) offered: u64,
    pub(super) probed_at: u64,
    pub(super) event_time_ns: u64,
    pub(super) watermark_ns: u64,
    pub(super) watermark_sent_ns: u64,
    pub(super) first_due_ns: u64,
    pub(super) last_due_ns: u64,
    pub(super) last_offered_ns: u64,
}

/// Takes the events of one poll.
#[derive(Debug)]
pub struct Offer<'a, D> {
    pub(super) down: &'a mut D,
    pub(super) counts: &'a mut Counts,
    pub(super) late_start: &'a mut Buckets,
    pub(super) interrupted: &'a mut Option<String>,
    pub(super) now_ns: u64,
    /// In deterministic order: the sequence, and the step's context for markers between events.
    pub(super) order: Option<(&'a mut Sequence, Context)>,
}

impl<D> Offer<'_, D> {
    /// Offers an event that was due at `due_ns` (run's clock), with event time `event_time_ns`.
    #[inline(always)]
    pub fn paced<E: Event>(&mut self, due_ns: u64, event_time_ns: u64, event: E)
    where
        D: Downstream<E>,
    {
        let late_ns = self.now_ns.saturating_sub(due_ns);
        self.late_start.record(late_ns, 1);
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
        let place = counts.events_before + counts.offered;
        if place.is_multiple_of(WATERMARK_EVERY) && counts.event_time_ns > counts.watermark_ns {
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
