//! `timely` 0.32: an input handle fed in batches, an exchange by the hash of the key, a unary operator.
//!
//! As its documentation has it (`examples/exchange.rs`, `examples/wordcount.rs`, and the docs of `Operator::unary`
//! and of the `Exchange` contract). At its best:
//!
//! - `send_batch` with whole buffers of 2,048 events (256 and 512 were slower, 4,096 no different), which become messages as they are (`send` copies event by event);
//! - one epoch for all events, so that progress tracking has nothing to do between start and end;
//! - a step of the worker after each batch, which keeps the events in cache;
//! - the record is folded into the checksum where it is made: a stream of 48-byte records into a second operator
//!   costs another copy in and out of a buffer;
//! - at a rate, with one worker: what is due is sent and a step is made at once, all in one epoch. With two, what
//!   is due goes from the first worker to both, an epoch a step, because only the end of an epoch flushes the
//!   buffers of an exchange;
//! - `Config::process(2)` for two workers: typed channels, no serialisation; each worker is pinned.

use crate::due::{Answerer, Dues, Timed};
use crate::event::Event;
use crate::job::{Answer, Paced, Turn};
use crate::machine::pin_to;
use crate::race::Race;
use crate::state::{Totals, owner};
use anyhow::{Result, anyhow};
use millstream::sink::Digestible;
use millstream::sys::clock::Origin;
use millstream_tools::bare_paced::Answered;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Input;
use timely::dataflow::operators::generic::Operator;
use timely::worker::Worker;

/// Events of a batch.
const BATCH: usize = 2048;

pub fn one_worker(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    aggregate(turn, timely::Config::thread(), vec![events])
}

pub fn two_workers(turn: &Turn) -> Result<Answer> {
    let halves = turn.input.halves()?;
    aggregate(turn, timely::Config::process(2), halves.into())
}

fn aggregate(turn: &Turn, config: timely::Config, sources: Vec<Vec<Event>>) -> Result<Answer> {
    let workers = sources.len();
    let count = sources.iter().map(Vec::len).sum();
    let room = turn.presized_keys() / workers;
    let sources = Mutex::new(sources.into_iter().map(Some).collect::<Vec<_>>());
    let race = Race::of(workers);
    let running = race.clone();
    let guards = timely::execute(config, move |worker| {
        pin_to(worker.index());
        let events = {
            let mut sources = sources.lock().expect("no worker panics here");
            sources[worker.index()].take().unwrap_or_default()
        };
        work(worker, &events, room, &running)
    });
    let mut digest = 0u64;
    for guard in guards.map_err(|error| anyhow!(error))?.join() {
        digest = digest.wrapping_add(guard.map_err(|error| anyhow!(error))?);
    }
    turn.answer(count, digest, &race)
}

/// One worker: its half of the events in, the digest of the keys it owns out.
fn work(worker: &mut Worker, events: &[Event], room: usize, race: &Race) -> u64 {
    let digest = Rc::new(Cell::new(0u64));
    let sum = digest.clone();
    let mut input = InputHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        scope
            .input_from(&mut input)
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                Exchange::new(|event: &Event| owner(event.key) as u64),
                "aggregate",
                |_capability, _info| {
                    let mut totals = Totals::with_room(room);
                    move |input, _output| {
                        let mut digest = sum.get();
                        input.for_each(|_capability, events: &mut Vec<Event>| {
                            for event in events.drain(..) {
                                digest = digest.wrapping_add(totals.answer(&event).digest());
                            }
                        });
                        sum.set(digest);
                    }
                },
            );
    });
    let mut batch = Vec::with_capacity(BATCH);
    race.start();
    for chunk in events.chunks(BATCH) {
        batch.extend_from_slice(chunk);
        input.send_batch(&mut batch);
        batch.clear();
        worker.step();
    }
    input.close();
    while worker.step() {}
    race.finish();
    digest.get()
}

/// Events that are due together and sent together, at most.
const GROUP: usize = 32;

pub fn paced_on_one_worker(paced: &Paced) -> Result<Answered> {
    at_rate(paced, timely::Config::thread(), 1)
}

pub fn paced_on_two_workers(paced: &Paced) -> Result<Answered> {
    at_rate(paced, timely::Config::process(2), 2)
}

fn at_rate(paced: &Paced, config: timely::Config, workers: usize) -> Result<Answered> {
    let origin = Origin::start();
    let dues = Mutex::new(Some(Dues::new(paced)?));
    let room = paced.distinct / workers;
    let race = Race::of(workers);
    let guards = timely::execute(config, move |worker| {
        let pinned = pin_to(worker.index());
        let first = worker.index() == 0;
        let dues = dues
            .lock()
            .expect("no worker panics here")
            .take_if(|_| first);
        let (answerer, start_ns) = offer(worker, dues, room, origin, &race);
        (answerer, start_ns, pinned)
    });
    let mut all = Answerer::new(0, origin);
    let (mut start_ns, mut pinned) = (0, true);
    for guard in guards.map_err(|error| anyhow!(error))?.join() {
        let (answerer, began_ns, was_pinned) = guard.map_err(|error| anyhow!(error))?;
        all.add(&answerer);
        start_ns = start_ns.max(began_ns);
        pinned &= was_pinned;
    }
    Ok(all.answered(start_ns, pinned))
}

/// One worker: what is due in, if it is the one with the source; and when it began, 0 if it is not.
fn offer(
    worker: &mut Worker,
    dues: Option<Dues>,
    room: usize,
    origin: Origin,
    race: &Race,
) -> (Answerer, u64) {
    let answerer = Rc::new(RefCell::new(Answerer::new(room, origin)));
    let answering = answerer.clone();
    let mut input = InputHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        scope
            .input_from(&mut input)
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                Exchange::new(|timed: &Timed| owner(timed.event.key) as u64),
                "aggregate",
                |_capability, _info| {
                    move |input, _output| {
                        let mut answerer = answering.borrow_mut();
                        input.for_each(|_capability, group: &mut Vec<Timed>| {
                            for timed in group.iter() {
                                answerer.answer(&timed.event);
                            }
                            answerer.stamp(group.drain(..).map(|timed| timed.due_ns));
                        });
                    }
                },
            );
    });
    let mut start_ns = 0;
    race.start();
    if let Some(mut dues) = dues {
        start_ns = origin.now_ns();
        dues.begin(start_ns);
        let alone = worker.peers() == 1;
        let mut group = Vec::with_capacity(GROUP);
        while !dues.is_over() {
            let now_ns = origin.now_ns();
            group.extend(std::iter::from_fn(|| dues.due(now_ns)).take(GROUP));
            if !group.is_empty() {
                input.send_batch(&mut group);
                group.clear();
                if !alone {
                    input.advance_to(now_ns);
                }
            }
            worker.step();
        }
    }
    input.close();
    while worker.step() {}
    race.finish();
    let answerer = answerer.replace(Answerer::new(0, origin));
    (answerer, start_ns)
}
