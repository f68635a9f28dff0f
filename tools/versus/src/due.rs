//! Events that become due, for everyone who runs at a rate.
//!
//! Invariant: a due time comes from the load alone; a peer that is late never moves it. All events are made before the
//! clock starts: what is measured is what a peer does with an event, not how long it takes to draw one, and a
//! peer that is faster than the draw can show it.

use crate::event::Event;
use crate::job::Paced;
use crate::state::Totals;
use anyhow::Result;
use hdrhistogram::Histogram;
use millstream::latency::{new_histogram, percentiles, record};
use millstream::sink::Digestible;
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::clock::Origin;
use millstream::sys::memory::prefetch_read;
use millstream_tools::bare_paced::Answered;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An event and when it is due, by the clock of the turn, ns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Timed {
    pub due_ns: u64,
    pub event: Event,
}

/// How far ahead of the next event memory is fetched: 64 events of 32 bytes are 2 KiB. Between two polls a processor
/// forgets that it reads this memory in order.
const FETCH_AHEAD: usize = 64;

/// The events of a load, in the order in which they are due.
#[derive(Clone)]
pub struct Dues {
    /// Due so many ns after the start.
    made: Arc<Vec<Timed>>,
    taken: usize,
    start_ns: u64,
}

impl Dues {
    /// The events of `paced`, all made when this returns; they start when [`Dues::begin`] says so.
    pub fn new(paced: &Paced) -> Result<Self> {
        let mut load = paced.load()?;
        let timed = |_| {
            let (due_ns, event) = load.next_event();
            Timed {
                due_ns,
                event: event.into(),
            }
        };
        Ok(Dues {
            made: Arc::new((0..paced.events).map(timed).collect()),
            taken: 0,
            start_ns: 0,
        })
    }

    /// Starts them at `now_ns`; before the first event is taken.
    pub fn begin(&mut self, now_ns: u64) {
        self.start_ns = now_ns;
    }

    /// Whether all events have been taken.
    pub fn is_over(&self) -> bool {
        self.taken == self.made.len()
    }

    /// When the next event is due; `None` behind the last.
    #[inline(always)]
    pub fn next_due_ns(&self) -> Option<u64> {
        let next = self.made.get(self.taken)?;
        Some(self.start_ns + next.due_ns)
    }

    /// The next event, if it is due at `now_ns`.
    #[inline(always)]
    pub fn due(&mut self, now_ns: u64) -> Option<Timed> {
        prefetch_read(&self.made, self.taken + FETCH_AHEAD);
        let next = self.made.get(self.taken)?;
        let due_ns = self.start_ns + next.due_ns;
        if due_ns > now_ns {
            return None;
        }
        self.taken += 1;
        Some(Timed { due_ns, ..*next })
    }

    /// All of them, each with when it is due after the start, ns.
    pub fn records(self) -> impl Iterator<Item = (u64, KeyedRecord)> + Send + 'static {
        (0..self.made.len()).map(move |at| (self.made[at].due_ns, *self.made[at].event.record()))
    }
}

/// Answers events and measures from when they were due.
pub struct Answerer {
    totals: Totals,
    origin: Origin,
    latency: Histogram<u64>,
    digest: u64,
    events: u64,
    done_ns: u64,
}

impl Answerer {
    /// For `distinct` keys; all memory is there when this returns.
    pub fn new(distinct: usize, origin: Origin) -> Self {
        Answerer {
            totals: Totals::with_room(distinct),
            origin,
            latency: new_histogram(),
            digest: 0,
            events: 0,
            done_ns: 0,
        }
    }

    /// Answers an event; its time is taken by `stamp`.
    #[inline(always)]
    pub fn answer(&mut self, event: &Event) {
        let record = self.totals.answer(event);
        self.digest = self.digest.wrapping_add(record.digest());
    }

    /// Reads the clock once, behind the group whose due times these are.
    #[inline(always)]
    pub fn stamp(&mut self, due_ns: impl Iterator<Item = u64>) {
        self.done_ns = self.origin.now_ns();
        for due_ns in due_ns {
            record(&mut self.latency, self.done_ns.saturating_sub(due_ns), 1);
            self.events += 1;
        }
    }

    /// Adds what another thread answered.
    pub fn add(&mut self, other: &Answerer) {
        millstream::latency::merge(&mut self.latency, &other.latency);
        self.digest = self.digest.wrapping_add(other.digest);
        self.events += other.events;
        self.done_ns = self.done_ns.max(other.done_ns);
    }

    /// What it came to.
    pub fn answered(&self, start_ns: u64, pinned: bool) -> Answered {
        Answered {
            events: self.events,
            digest: self.digest,
            latency_ns: percentiles(&self.latency),
            elapsed_ns: self.done_ns.saturating_sub(start_ns),
            pinned,
        }
    }
}
