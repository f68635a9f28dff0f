//! `renoir` 0.6: a parallel source, `group_by` on the key, a map with state for each key, a fold.
//!
//! As its documentation has it (`README.md`, `examples/wordcount_assoc.rs`, the docs of `rich_map`). At its best:
//!
//! - `BatchMode::fixed(1024)`: its README says that fixed batches are faster where latency does not matter;
//! - growing from empty, `group_by` and `rich_map`, whose map of closures is as fast here as the hashbrown map of the
//!   other peers; presized, that map in a `rich_map_custom`, because renoir's own cannot be told its size;
//! - operators after the exchange are compiled into one block, so the record crosses no channel to the checksum;
//! - `RuntimeConfig::local(n)`: n sources and n workers, each a thread of its own, as the system places them
//!   (renoir has no way to pin them).

use crate::due::{Answerer, Dues, Timed};
use crate::event::Event;
use crate::job::{Answer, Paced, Turn};
use crate::race::Race;
use crate::state::Totals;
use anyhow::{Result, anyhow};
use millstream::app::aggregate::Total;
use millstream::partition::mum64;
use millstream::sink::Digestible;
use millstream::sys::clock::Origin;
use millstream_tools::bare_paced::Answered;
use renoir::Stream;
use renoir::operator::{Operator, StreamElement};
use renoir::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Elements of a batch.
const BATCH: usize = 1024;

pub fn one_and_one(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    aggregate(turn, vec![events])
}

pub fn two_and_two(turn: &Turn) -> Result<Answer> {
    let halves = turn.input.halves()?;
    aggregate(turn, halves.into())
}

/// The events of one source; waits for the others before the first, and marks the end of the source.
struct Offered {
    events: std::vec::IntoIter<Event>,
    race: Arc<Race>,
    started: bool,
}

impl Iterator for Offered {
    type Item = Event;

    #[inline]
    fn next(&mut self) -> Option<Event> {
        if !self.started {
            self.started = true;
            self.race.start();
        }
        self.events.next()
    }
}

/// The map of a worker, which takes one of those made beforehand when it begins: a copy of a map has no room.
struct Owned {
    maps: Arc<Mutex<Vec<Totals>>>,
    totals: Option<Totals>,
}

impl Clone for Owned {
    fn clone(&self) -> Self {
        Owned {
            maps: self.maps.clone(),
            totals: None,
        }
    }
}

impl Owned {
    #[inline(always)]
    fn totals(&mut self) -> &mut Totals {
        let Owned { maps, totals } = self;
        totals.get_or_insert_with(|| {
            let mut maps = maps.lock().expect("no worker panics here");
            maps.pop().unwrap_or_else(|| Totals::with_room(0))
        })
    }
}

fn aggregate(turn: &Turn, sources: Vec<Vec<Event>>) -> Result<Answer> {
    let workers = sources.len();
    let count = sources.iter().map(Vec::len).sum();
    let race = Race::of(workers);
    let config = RuntimeConfig::local(workers as u64).map_err(|error| anyhow!("{error}"))?;
    let context = StreamContext::new(config);
    let sources: Vec<_> = sources.into_iter().map(Some).collect();
    let sources = Arc::new(Mutex::new(sources));
    let starting = race.clone();
    let events = context
        .stream_par_iter(move |index: u64, _peers: u64| {
            let mut sources = sources.lock().expect("no source panics here");
            let events = sources[index as usize].take().unwrap_or_default();
            Offered {
                events: events.into_iter(),
                race: starting.clone(),
                started: false,
            }
        })
        .batch_mode(BatchMode::fixed(BATCH));
    let digest = if turn.presized {
        let room = turn.presized_keys() / workers;
        let maps = (0..workers).map(|_| Totals::with_room(room)).collect();
        let mut owned = Owned {
            maps: Arc::new(Mutex::new(maps)),
            totals: None,
        };
        let digests = events
            .repartition_by(Replication::Unlimited, |event: &Event| mum64(event.key))
            .rich_map_custom(move |mut elements| {
                let totals = owned.totals();
                elements.next().map(|event| totals.answer(&event).digest())
            });
        checksum(digests, race.clone())
    } else {
        let mut total = Total::default();
        let digests = events
            .group_by(|event: &Event| event.key)
            .rich_map(move |(key, event): (&u64, Event)| {
                total.add(event.value, event.ts_ns);
                total.record(*key).digest()
            })
            .drop_key();
        checksum(digests, race.clone())
    };
    context.execute_blocking();
    // No event, no result.
    let digest = digest.get().into_iter().flatten().next().unwrap_or(0);
    turn.answer(count, digest, &race)
}

/// The sum of all digests; a worker has finished when its last one is in.
fn checksum<Op>(digests: Stream<Op>, race: Arc<Race>) -> StreamOutput<Vec<u64>>
where
    Op: Operator<Out = u64> + 'static,
{
    digests
        .rich_map_custom(move |mut elements| {
            let element = elements.next();
            if matches!(element, StreamElement::FlushAndRestart) {
                race.finish();
            }
            element
        })
        .fold_assoc(
            0u64,
            |sum, digest| *sum = sum.wrapping_add(digest),
            |sum, digest| *sum = sum.wrapping_add(digest),
        )
        .collect_vec()
}

/// How long a batch may wait, at a rate.
const BATCH_AGE: Duration = Duration::from_micros(10);

/// Waits for each event until it is due.
#[derive(Clone)]
struct Waiting {
    dues: Dues,
    origin: Origin,
}

impl Iterator for Waiting {
    type Item = Timed;

    #[inline]
    fn next(&mut self) -> Option<Timed> {
        while !self.dues.is_over() {
            if let Some(timed) = self.dues.due(self.origin.now_ns()) {
                return Some(timed);
            }
            std::hint::spin_loop();
        }
        None
    }
}

/// At a rate: one source, one worker. Batches of age, not of number.
pub fn paced(paced: &Paced) -> Result<Answered> {
    let origin = Origin::start();
    let mut dues = Dues::new(paced)?;
    let totals = Arc::new(Mutex::new(Some(Answerer::new(paced.distinct, origin))));
    let done = Arc::new(Mutex::new(None));
    let context = StreamContext::new(RuntimeConfig::local(1).map_err(|error| anyhow!("{error}"))?);
    let start_ns = origin.now_ns();
    dues.begin(start_ns);
    let handing_back = done.clone();
    let mut answerer = Taken {
        from: totals,
        taken: None,
    };
    context
        .stream_par_iter(move |_index: u64, _peers: u64| Waiting {
            dues: dues.clone(),
            origin,
        })
        .batch_mode(BatchMode::adaptive(BATCH, BATCH_AGE))
        .repartition_by(Replication::Unlimited, |timed: &Timed| timed.event.key)
        .rich_map_custom(move |mut elements| {
            let element = elements.next();
            if let StreamElement::Item(timed) = &element {
                let answerer = answerer.get();
                answerer.answer(&timed.event);
                answerer.stamp([timed.due_ns].into_iter());
            } else if matches!(element, StreamElement::FlushAndRestart) {
                *handing_back.lock().expect("no worker panics here") = answerer.taken.take();
            }
            element
        })
        .for_each(drop);
    context.execute_blocking();
    let answerer = done.lock().expect("no worker panics here").take();
    let answerer = answerer.ok_or_else(|| anyhow!("renoir answered nothing"))?;
    Ok(answerer.answered(start_ns, false))
}

/// Made beforehand, taken by the one worker when it begins.
struct Taken {
    from: Arc<Mutex<Option<Answerer>>>,
    taken: Option<Answerer>,
}

impl Clone for Taken {
    fn clone(&self) -> Self {
        Taken {
            from: self.from.clone(),
            taken: None,
        }
    }
}

impl Taken {
    #[inline(always)]
    fn get(&mut self) -> &mut Answerer {
        let Taken { from, taken } = self;
        taken.get_or_insert_with(|| {
            let made = from.lock().expect("no worker panics here").take();
            made.expect("there is one worker")
        })
    }
}
