//! The load generator as a source: offers each event when its schedule says, whatever the engine does.
//!
//! At a rate, events are drawn one ahead, so that the draw is done before the event is due. At full speed
//! the draw would be half the work that is measured, so the load is made ahead, before the clock starts,
//! and offered from memory ([`Made`]), over and over where the run lasts longer than it.

use super::load::{Load, LoadEvent};
use super::offer::Offer;
use super::position::{Identity, beyond, decode, encode, identity};
use super::task::{Poll, Source};
use super::trace::native::KeyedRecord;
use crate::task::{Context, Downstream, Figures, TaskError};

/// Offers at most this many due events in one poll, so that markers and stop signals are not held up by a
/// long lag. The budget of the step, where that is smaller.
const DUE_MAX: usize = 1024;

/// So many events tell a load from another: keys, values, seed and arrivals all show in them.
const TELLING: usize = 64;

/// What tells these events from those of another seed or distribution.
fn fingerprint(events: impl Iterator<Item = KeyedRecord>) -> String {
    let events: Vec<KeyedRecord> = events.take(TELLING).collect();
    let hash = xxhash_rust::xxh3::xxh3_64(bytemuck::cast_slice(&events));
    format!("{hash:016x}")
}

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
    events: u64,
    events_left: u64,
    duration_ns: u64,
    until_ns: u64,
    /// When the first event of this run was due by the schedule: not 0 after a restore.
    base_ns: u64,
    /// What the schedule calls 0, ns of the run's clock; lies before the clock's own 0 after some restores.
    start_ns: Option<u64>,
    next: (u64, LoadEvent),
    identity: Identity,
    at_once: bool,
}

impl Generate {
    /// Offers `load` until `events` have been offered or `duration_ns` has passed, whichever is first.
    pub fn new(mut load: Load, events: Option<u64>, duration_ns: Option<u64>) -> Self {
        let mut sample = load.clone();
        let first = std::iter::repeat_with(|| KeyedRecord::from(sample.next_event().1));
        let identity = identity(
            "load",
            [
                ("schedule", load.schedule().words().to_owned()),
                ("hash of the first events", fingerprint(first)),
            ],
        );
        let next = load.next_event();
        let duration_ns = duration_ns.unwrap_or(u64::MAX);
        Generate {
            load,
            events: events.unwrap_or(u64::MAX),
            events_left: events.unwrap_or(u64::MAX),
            duration_ns,
            until_ns: duration_ns,
            base_ns: 0,
            start_ns: None,
            next,
            identity,
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
        let base_ns = self.base_ns;
        let start_ns = *self
            .start_ns
            .get_or_insert_with(|| cx.now_ns.wrapping_sub(base_ns));
        for _ in 0..cx.budget.min(DUE_MAX) {
            let (due_ns, event) = self.next;
            if due_ns >= self.until_ns || self.events_left == 0 {
                return Ok(Poll::End);
            }
            let due_ns = start_ns.wrapping_add(due_ns);
            let record = KeyedRecord::from(event);
            if self.at_once {
                out.now(event.ts_ns, record);
            } else if due_ns > cx.now_ns {
                return Ok(Poll::Idle(Some(due_ns)));
            } else {
                out.paced(due_ns, event.ts_ns, record);
            }
            self.events_left -= 1;
            self.next = self.load.next_event();
        }
        Ok(Poll::Ready)
    }

    fn position(&self) -> Option<Vec<u8>> {
        let offered = self.load.made() - 1;
        encode(&self.identity, &offered)
    }

    /// Draws the events before it once more, at some 20 ns each.
    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let offered: u64 = decode(&self.identity, position)?;
        self.events_left = self
            .events
            .checked_sub(offered)
            .ok_or_else(|| beyond(offered, self.events))?;
        while self.load.made() <= offered {
            self.next = self.load.next_event();
        }
        self.base_ns = self.next.0;
        self.until_ns = self.base_ns.saturating_add(self.duration_ns);
        Ok(())
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
    offered: u64,
    bound: u64,
    duration_ns: u64,
    start_ns: Option<u64>,
    identity: Identity,
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
        let made: Vec<KeyedRecord> = made.collect();
        let identity = identity(
            "load made ahead",
            [
                ("events made ahead", made.len().to_string()),
                (
                    "hash of the first events",
                    fingerprint(made.iter().copied()),
                ),
            ],
        );
        Made {
            events: made,
            next: 0,
            offered: 0,
            bound: events.unwrap_or(u64::MAX),
            duration_ns: duration_ns.unwrap_or(u64::MAX),
            start_ns: None,
            identity,
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
        if self.offered == self.bound || cx.now_ns - start_ns >= self.duration_ns {
            return Ok(Poll::End);
        }
        if self.next == self.events.len() {
            self.next = 0;
        }
        let left = usize::try_from(self.bound - self.offered).unwrap_or(usize::MAX);
        let end = self.events.len().min(self.next + cx.budget.min(left));
        out.now_all(&self.events, self.next..end, |event| event.ts_ns);
        self.offered += (end - self.next) as u64;
        self.next = end;
        Ok(Poll::Ready)
    }

    fn position(&self) -> Option<Vec<u8>> {
        encode(&self.identity, &self.offered)
    }

    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let offered: u64 = decode(&self.identity, position)?;
        if offered > self.bound {
            return Err(beyond(offered, self.bound));
        }
        self.offered = offered;
        self.next = (offered % self.events.len() as u64) as usize;
        Ok(())
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = format!("max, {} events made ahead", self.events.len());
    }
}
