//! The load generator as a source: offers each event when its schedule says, whatever the engine does.
//!
//! At a rate, events are drawn one ahead, so that the draw is done before the event is due. At full speed
//! the draw would be half the work that is measured, so the load is made ahead, before the clock starts,
//! and offered from memory ([`Made`]), over and over where the run lasts longer than it.

use super::load::{Load, LoadEvent};
use super::task::{Offer, Poll, Source};
use super::trace::native::KeyedRecord;
use crate::task::{Context, Downstream, Figures, TaskError};

/// Offers at most this many due events in one poll, so that markers and stop signals are not held up by a
/// long lag. The budget of the step, where that is smaller.
const DUE_MAX: usize = 1024;

impl From<LoadEvent> for KeyedRecord {
    #[inline(always)]
    fn from(event: LoadEvent) -> Self {
        KeyedRecord {
            key: event.key,
            value: event.value,
            ts_ns: event.ts_ns,
        }
    }
}

/// A load at its rate.
#[derive(Debug)]
pub struct Generate {
    load: Load,
    events_left: u64,
    until_ns: u64,
    start_ns: Option<u64>,
    next: (u64, LoadEvent),
    at_once: bool,
}

impl Generate {
    /// Offers `load` until `events` have been offered or `duration_ns` has passed, whichever is first.
    pub fn new(mut load: Load, events: Option<u64>, duration_ns: Option<u64>) -> Self {
        let next = load.next_event();
        Generate {
            load,
            events_left: events.unwrap_or(u64::MAX),
            until_ns: duration_ns.unwrap_or(u64::MAX),
            start_ns: None,
            next,
            at_once: false,
        }
    }

    /// Offers the same events, with the same event times, as fast as they are taken.
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }
}

impl Source for Generate {
    type Event = KeyedRecord;

    #[inline]
    fn poll<D: Downstream<KeyedRecord>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        let start_ns = *self.start_ns.get_or_insert(cx.now_ns);
        for _ in 0..cx.budget.min(DUE_MAX) {
            let (due_ns, event) = self.next;
            if due_ns >= self.until_ns || self.events_left == 0 {
                return Ok(Poll::End);
            }
            let record = KeyedRecord::from(event);
            if self.at_once {
                out.now(event.ts_ns, record);
            } else if start_ns + due_ns > cx.now_ns {
                return Ok(Poll::Idle(Some(start_ns + due_ns)));
            } else {
                out.paced(start_ns + due_ns, event.ts_ns, record);
            }
            self.events_left -= 1;
            self.next = self.load.next_event();
        }
        Ok(Poll::Ready)
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = self.load.schedule().words().to_owned();
        figures.asked_events_per_s = self.load.schedule().asked_events_per_s();
    }
}

/// A load made ahead and offered at full speed.
#[derive(Debug)]
pub struct Made {
    events: Vec<KeyedRecord>,
    next: usize,
    events_left: u64,
    duration_ns: u64,
    start_ns: Option<u64>,
}

impl Made {
    /// Makes `ahead` events of `load` and will offer `events` of them (again and again), for at most
    /// `duration_ns`.
    pub fn new(
        load: &mut Load,
        ahead: usize,
        events: Option<u64>,
        duration_ns: Option<u64>,
    ) -> Self {
        let made = (0..ahead.max(1)).map(|_| KeyedRecord::from(load.next_event().1));
        Made {
            events: made.collect(),
            next: 0,
            events_left: events.unwrap_or(u64::MAX),
            duration_ns: duration_ns.unwrap_or(u64::MAX),
            start_ns: None,
        }
    }
}

impl Source for Made {
    type Event = KeyedRecord;

    #[inline]
    fn poll<D: Downstream<KeyedRecord>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        let start_ns = *self.start_ns.get_or_insert(cx.now_ns);
        if self.events_left == 0 || cx.now_ns - start_ns >= self.duration_ns {
            return Ok(Poll::End);
        }
        if self.next == self.events.len() {
            self.next = 0;
        }
        let left = usize::try_from(self.events_left).unwrap_or(usize::MAX);
        let end = self.events.len().min(self.next + cx.budget.min(left));
        out.now_all(&self.events, self.next..end, |event| event.ts_ns);
        self.events_left -= (end - self.next) as u64;
        self.next = end;
        Ok(Poll::Ready)
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = format!("max, {} events made ahead", self.events.len());
    }
}
