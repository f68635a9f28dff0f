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

use super::offer::Offer;
use super::pace::{Pace, PacePosition};
use super::position::{Identity, beyond, cannot_rewind, decode, encode, identity};
use super::task::{Poll, Source};
use super::trace::Record;
use super::trace::native::{ClickRecord, KeyedRecord, Mapped, NativeRecord};
use crate::event::Event;
use crate::task::{Context, Downstream, Figures, TaskError};
use serde::{Deserialize, Serialize};
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

/// How far a feed has been passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPosition {
    /// The round of the trace, from 0.
    pub round: u64,
    /// Records of that round that were passed.
    pub record: u64,
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

    /// Whether another round may follow, so that the span of this one matters.
    fn has_rounds(&self) -> bool {
        true
    }

    /// What it is and how far it has been passed; `None` where it cannot rewind.
    fn position(&self) -> Option<(&[(String, String)], FeedPosition)> {
        None
    }

    /// Goes to `position`, of a feed that is the same. Called before anything is ahead; may take its time.
    ///
    /// # Errors
    /// It cannot rewind, or has no such place.
    fn seek(&mut self, position: FeedPosition) -> Result<(), TaskError> {
        let _ = position;
        Err(cannot_rewind("the trace"))
    }

    /// Nothing before `position`, which it once gave, will be asked for again.
    fn release(&mut self, position: FeedPosition) {
        let _ = position;
    }

    /// Adds what it counted.
    fn figures(&mut self, figures: &mut Figures) {
        let _ = figures;
    }
}

/// Where a replay stands.
#[derive(Serialize, Deserialize)]
struct ReplayPosition {
    feed: FeedPosition,
    pace: PacePosition,
    passed: u64,
}

/// A trace at its pace.
#[derive(Debug)]
pub struct Replay<F, E> {
    feed: F,
    pace: Pace,
    first_round: bool,
    /// What the pace calls 0, ns of the run's clock; lies before the clock's own 0 after some restores.
    start_ns: Option<u64>,
    /// The next event is the first of a restored run.
    restored: bool,
    passed: u64,
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
            restored: false,
            passed: 0,
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
            restored,
            passed,
            next,
            ..
        } = self;
        let start_ns = start_ns.get_or_insert(cx.now_ns);
        let now_ns = cx.now_ns;
        let has_rounds = feed.has_rounds();
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
            // The pace still learns how long the round is, for the shift of the next; from every stamp, so that
            // the shift does not depend on where a restored run cut the batches.
            if has_rounds {
                let stamps = events[..count].iter().map(E::ts_ns);
                let (first_ns, last_ns) = stamps.fold((u64::MAX, 0), |(first, last), ts_ns| {
                    (ts_ns.min(first), ts_ns.max(last))
                });
                pace.pass(count, first_ns, last_ns);
            }
            *passed += count as u64;
            feed.pass(count);
            return Ok(Poll::Ready);
        }
        if std::mem::take(restored) {
            let paced = pace.times(events[0].ts_ns());
            *start_ns = now_ns.wrapping_sub(paced.due_ns);
            *next = Some((paced.due_ns, paced.ts_ns));
        }
        let start_ns = *start_ns;
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
                start_ns.wrapping_add(due_ns)
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
        *passed += offered as u64;
        Ok(waits.map_or(Poll::Ready, |due_ns| Poll::Idle(Some(due_ns))))
    }

    fn position(&self) -> Option<Vec<u8>> {
        let (identity, feed) = self.feed.position()?;
        let at = ReplayPosition {
            feed,
            pace: self.pace.position(u64::from(self.next.is_some())),
            passed: self.passed,
        };
        encode(identity, &at)
    }

    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let Some((identity, _)) = self.feed.position() else {
            return self.feed.seek(FeedPosition::default());
        };
        let at: ReplayPosition = decode(identity, position)?;
        self.feed.seek(at.feed)?;
        self.pace.seek(at.pace, at.passed);
        self.first_round = at.feed.round == 0;
        self.passed = at.passed;
        self.restored = true;
        Ok(())
    }

    fn release(&mut self, position: &[u8]) {
        let identity = self.feed.position().map(|(identity, _)| identity);
        let at = identity.and_then(|identity| decode::<ReplayPosition>(identity, position).ok());
        if let Some(at) = at {
            self.feed.release(at.feed);
        }
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
    round: u64,
    rounds: u64,
    identity: Identity,
    event: PhantomData<fn() -> E>,
}

impl<E: NativeRecord> MappedFeed<E> {
    /// The first `limit` events of `trace`, `rounds` times over.
    pub fn new(trace: Mapped, limit: Option<u64>, rounds: u64) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let count = trace.len().min(limit);
        let rounds = rounds.max(1);
        let identity = identity(
            "native trace",
            [
                ("records", trace.len().to_string()),
                ("checksum", format!("{:016x}", trace.checksum())),
                ("records of a round", count.to_string()),
                ("rounds", rounds.to_string()),
            ],
        );
        MappedFeed {
            trace,
            count,
            next: 0,
            round: 0,
            rounds,
            identity,
            event: PhantomData,
        }
    }
}

impl<E: NativeRecord> Feed<E> for MappedFeed<E> {
    #[inline]
    fn ahead(&mut self) -> Result<Option<Ahead<'_, E>>, TaskError> {
        let mut new_round = false;
        if self.next == self.count {
            if self.round + 1 == self.rounds || self.count == 0 {
                return Ok(None);
            }
            self.round += 1;
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

    fn has_rounds(&self) -> bool {
        self.rounds > 1
    }

    fn position(&self) -> Option<(&[(String, String)], FeedPosition)> {
        let at = FeedPosition {
            round: self.round,
            record: self.next as u64,
        };
        Some((&self.identity, at))
    }

    fn seek(&mut self, position: FeedPosition) -> Result<(), TaskError> {
        let FeedPosition { round, record } = position;
        let count = self.count as u64;
        if round >= self.rounds || record > count {
            return Err(beyond(round * count + record, self.rounds * count));
        }
        self.round = round;
        self.next = record as usize;
        Ok(())
    }
}
