//! Events that become due, for the peers that are paced by hand.
//!
//! Invariant: a due time comes from the load alone; a peer that is late never moves it. The next event is drawn
//! before it is due, as the engine and the bare loops have it.

use crate::event::Event;
use crate::job::Paced;
use crate::state::Totals;
use anyhow::Result;
use hdrhistogram::Histogram;
use millstream::latency::{new_histogram, percentiles, record};
use millstream::sink::Digestible;
use millstream::source::load::Load;
use millstream::sys::clock::Origin;
use millstream_tools::bare_paced::Answered;
use serde::{Deserialize, Serialize};

/// An event and when it is due, by the clock of the turn, ns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Timed {
    pub due_ns: u64,
    pub event: Event,
}

/// The events of a load.
#[derive(Clone)]
pub struct Dues {
    load: Load,
    left: u64,
    start_ns: u64,
    next: Timed,
}

impl Dues {
    /// The events of `paced`; the first may be due at once, by the clock of `origin`.
    pub fn new(paced: &Paced, origin: Origin) -> Result<Self> {
        let mut dues = Dues {
            load: paced.load()?,
            left: paced.events,
            start_ns: origin.now_ns(),
            next: Timed::default(),
        };
        dues.draw();
        Ok(dues)
    }

    /// Moves the start to `now_ns`; before the first event is taken.
    pub fn begin(&mut self, now_ns: u64) {
        self.next.due_ns = self.next.due_ns - self.start_ns + now_ns;
        self.start_ns = now_ns;
    }

    /// Whether all events have been taken.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The next event, if it is due at `now_ns`.
    #[inline(always)]
    pub fn due(&mut self, now_ns: u64) -> Option<Timed> {
        if self.next.due_ns > now_ns || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let next = self.next;
        self.draw();
        Some(next)
    }

    #[inline(always)]
    fn draw(&mut self) {
        let (due_ns, event) = self.load.next_event();
        self.next = Timed {
            due_ns: self.start_ns + due_ns,
            event: event.into(),
        };
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
