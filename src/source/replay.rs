//! Replay: the events of a trace at the pace asked for.
//!
//! ```text
//!   native file, mapped ─────────────────────────────┐
//!                                                    ├─► Feed ─► Replay ─► due times from Pace
//!   any other ─► reader thread ─► blocks in a ring ──┘
//! ```
//!
//! Owns its feed and its pace. Reading and decoding files is done by a thread off the cores
//! (`source/reader.rs`); a mapped file is read where it lies.

use super::pace::Pace;
use super::task::{Offer, Poll, Source};
use super::trace::Record;
use super::trace::native::{ClickRecord, KeyedRecord, Mapped, NativeRecord};
use crate::event::Event;
use crate::task::{Context, Downstream, Figures, TaskError};
use std::marker::PhantomData;

/// Full speed asks again after this long when the reader has nothing ready, ns.
const ASK_AGAIN_NS: u64 = 100_000;

/// An event that a trace can give.
pub trait Replayed: Event + From<Record> {
    /// Its own time, ns.
    fn ts_ns(&self) -> u64;
    /// The same at another time, for later rounds of a loop.
    fn at(self, ts_ns: u64) -> Self;
}

impl Replayed for KeyedRecord {
    #[inline(always)]
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
    fn at(self, ts_ns: u64) -> Self {
        KeyedRecord { ts_ns, ..self }
    }
}

impl Replayed for ClickRecord {
    #[inline(always)]
    fn ts_ns(&self) -> u64 {
        self.ts_ns
    }
    fn at(self, ts_ns: u64) -> Self {
        ClickRecord { ts_ns, ..self }
    }
}

/// Events that come next and have not been passed yet.
#[derive(Debug)]
pub struct Ahead<'a, E> {
    /// Empty where they must be waited for.
    pub events: &'a [E],
    /// The first of them begins a new round of the trace; said once.
    pub new_round: bool,
}

/// Where a replay gets its events.
pub trait Feed<E>: Send + 'static {
    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read on.
    fn ahead(&mut self) -> Result<Option<Ahead<'_, E>>, TaskError>;

    /// Passes the first `count` events of what is ahead.
    fn pass(&mut self, count: usize);

    /// Adds what it counted.
    fn figures(&mut self, figures: &mut Figures) {
        let _ = figures;
    }
}

/// A trace at its pace.
#[derive(Debug)]
pub struct Replay<F, E> {
    feed: F,
    pace: Pace,
    first_round: bool,
    start_ns: Option<u64>,
    /// When the event ahead is due, and its event time, once that is known.
    next: Option<(u64, u64)>,
    event: PhantomData<fn() -> E>,
}

impl<E: Replayed, F: Feed<E>> Replay<F, E> {
    /// Replays `feed` at `pace`.
    pub fn new(feed: F, pace: Pace) -> Self {
        Replay {
            feed,
            pace,
            first_round: true,
            start_ns: None,
            next: None,
            event: PhantomData,
        }
    }
}

impl<E: Replayed, F: Feed<E>> Source for Replay<F, E> {
    type Event = E;

    #[inline]
    fn poll<D: Downstream<E>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        let Replay {
            feed,
            pace,
            first_round,
            start_ns,
            next,
            ..
        } = self;
        let start_ns = *start_ns.get_or_insert(cx.now_ns);
        let now_ns = cx.now_ns;
        let Some(Ahead { events, new_round }) = feed.ahead()? else {
            return Ok(Poll::End);
        };
        if events.is_empty() {
            return Ok(Poll::Idle(Some(now_ns + ASK_AGAIN_NS)));
        }
        if new_round {
            pace.next_round();
            *first_round = false;
        }
        let count = events.len().min(cx.budget);
        if pace.is_max() && *first_round {
            out.now_all(events, 0..count, E::ts_ns);
            // The pace still learns how long the round is, for the shift of the next.
            pace.pass(count, events[0].ts_ns(), events[count - 1].ts_ns());
            feed.pass(count);
            return Ok(Poll::Ready);
        }
        let mut offered = 0;
        let mut waits = None;
        for event in &events[..count] {
            let (due_ns, ts_ns) = *next.get_or_insert_with(|| {
                let paced = pace.times(event.ts_ns());
                (paced.due_ns, paced.ts_ns)
            });
            let due_ns = if pace.is_max() {
                now_ns
            } else {
                start_ns + due_ns
            };
            if due_ns > now_ns {
                waits = Some(due_ns);
                break;
            }
            *next = None;
            out.paced(due_ns, ts_ns, event.at(ts_ns));
            offered += 1;
        }
        feed.pass(offered);
        Ok(waits.map_or(Poll::Ready, |due_ns| Poll::Idle(Some(due_ns))))
    }

    fn figures(&mut self, figures: &mut Figures) {
        figures.pace = self.pace.to_string();
        figures.asked_events_per_s = self.pace.asked_events_per_s();
        self.feed.figures(figures);
    }
}

/// A native trace, read where it is mapped.
#[derive(Debug)]
pub struct MappedFeed<E> {
    trace: Mapped,
    count: usize,
    next: usize,
    rounds_left: u64,
    event: PhantomData<fn() -> E>,
}

impl<E: NativeRecord> MappedFeed<E> {
    /// The first `limit` events of `trace`, `rounds` times over.
    pub fn new(trace: Mapped, limit: Option<u64>, rounds: u64) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let count = trace.len().min(limit);
        MappedFeed {
            trace,
            count,
            next: 0,
            rounds_left: rounds.max(1),
            event: PhantomData,
        }
    }
}

impl<E: NativeRecord> Feed<E> for MappedFeed<E> {
    #[inline]
    fn ahead(&mut self) -> Result<Option<Ahead<'_, E>>, TaskError> {
        let mut new_round = false;
        if self.next == self.count {
            self.rounds_left -= 1;
            if self.rounds_left == 0 || self.count == 0 {
                self.rounds_left = 1;
                return Ok(None);
            }
            self.next = 0;
            new_round = true;
        }
        let records = self.trace.records::<E>().map_err(|error| TaskError {
            message: error.to_string(),
            cause: None,
        })?;
        Ok(Some(Ahead {
            events: &records[self.next..self.count],
            new_round,
        }))
    }

    #[inline]
    fn pass(&mut self, count: usize) {
        self.next += count;
    }
}
