//! `disruptor` 4 (the Rust port): rings between threads; state, partitioning and the end are the user's own.
//!
//! ```text
//!   disruptor/1+1   events ─► ring ┊ ring ─► map           a producer, a table thread
//!   disruptor/2     events ─┬─► map ◄─┬─ events            two threads, each producer and consumer of two rings:
//!                           └─► ring ◄┘                    an exchange written by hand
//! ```
//!
//! As its README has it: a single producer, `BusySpin`, batch publication ("should be used whenever possible for
//! best latency and throughput"), the `EventPoller`, which its README calls as fast as managed threads and which
//! lets us own the threads; threads pinned. Rings of 8,192 slots and batches of 256: 4,096 slots
//! were no different. No engine: nothing grows, moves or counts but the user's map.

use crate::due::{Answerer, Dues, Timed};
use crate::event::Event;
use crate::job::{Answer, Paced, Turn};
use crate::machine::pin_to;
use crate::race::Race;
use crate::state::{Totals, owner};
use anyhow::Result;
use disruptor::{
    BusySpin, EventPoller, Polling, Producer, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};
use millstream::sink::Digestible;
use millstream::sys::clock::Origin;
use millstream_tools::bare_paced::Answered;
use std::sync::mpsc;
use std::thread;

/// Slots of a ring.
const RING_SLOTS: usize = 8192;
/// Events that are published together.
const BATCH: usize = 256;

type Publisher<E> = SingleProducer<E, SingleConsumerBarrier>;
type Poller<E> = EventPoller<E, SingleProducerBarrier>;

fn ring<E: Default + Send + Sync + 'static>() -> (Publisher<E>, Poller<E>) {
    let (poller, builder) =
        build_single_producer(RING_SLOTS, E::default, BusySpin).new_event_poller();
    (builder.build(), poller)
}

/// A producer and a table thread.
pub fn producer_and_table(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    let count = events.len();
    let room = turn.presized_keys();
    let race = Race::of(2);
    let (mut producer, mut poller) = ring();
    let (publish_race, answer_race) = (race.clone(), race.clone());
    let source = thread::spawn(move || {
        pin_to(0);
        publish_race.start();
        for chunk in events.chunks(BATCH) {
            producer.batch_publish(chunk.len(), |slots| {
                for (slot, event) in slots.zip(chunk) {
                    *slot = *event;
                }
            });
        }
        drop(producer);
        publish_race.finish();
    });
    let answering = thread::spawn(move || {
        pin_to(1);
        let mut totals = Totals::with_room(room);
        answer_race.start();
        let mut digest = 0u64;
        while poll(&mut poller, &mut totals, &mut digest) != Err(Polling::Shutdown) {}
        answer_race.finish();
        digest
    });
    source.join().expect("the producer");
    let digest = answering.join().expect("the table thread");
    turn.answer(count, digest, &race)
}

/// Takes in all that has been published.
#[inline(always)]
fn poll(poller: &mut Poller<Event>, totals: &mut Totals, digest: &mut u64) -> Result<(), Polling> {
    let mut events = poller.poll()?;
    for event in &mut events {
        *digest = digest.wrapping_add(totals.answer(event).digest());
    }
    Ok(())
}

/// Two threads, each with half of the events and half of the keys.
pub fn two_threads(turn: &Turn) -> Result<Answer> {
    let [first, second] = turn.input.halves()?;
    let count = first.len() + second.len();
    let room = turn.presized_keys() / 2;
    let race = Race::of(2);
    let (to_second, from_first) = ring();
    let (to_first, from_second) = ring();
    let start = |me: usize, events, out, inbox| {
        let race = race.clone();
        thread::spawn(move || {
            pin_to(me);
            let totals = Totals::with_room(room);
            exchange(me, events, out, inbox, totals, &race)
        })
    };
    let threads = [
        start(0, first, to_second, from_second),
        start(1, second, to_first, from_first),
    ];
    let digests = threads.map(|thread| thread.join().expect("a thread of two"));
    turn.answer(count, digests[0].wrapping_add(digests[1]), &race)
}

fn exchange(
    me: usize,
    events: Vec<Event>,
    mut out: Publisher<Event>,
    mut inbox: Poller<Event>,
    mut totals: Totals,
    race: &Race,
) -> u64 {
    let mut goes = Vec::with_capacity(BATCH);
    let mut digest = 0u64;
    race.start();
    for chunk in events.chunks(BATCH) {
        for event in chunk {
            if owner(event.key) == me {
                digest = digest.wrapping_add(totals.answer(event).digest());
            } else {
                goes.push(*event);
            }
        }
        // A full ring is tried again after the own one has been read: neither waits for the other for ever.
        while !goes.is_empty() {
            let publishing = out.try_batch_publish(goes.len(), |slots| {
                for (slot, event) in slots.zip(&goes) {
                    *slot = *event;
                }
            });
            if publishing.is_ok() {
                goes.clear();
            }
            let _ = poll(&mut inbox, &mut totals, &mut digest);
        }
    }
    drop(out);
    while poll(&mut inbox, &mut totals, &mut digest) != Err(Polling::Shutdown) {}
    race.finish();
    digest
}

/// Events that are due together, answered together and stamped once, at most: the bare loop's.
const GROUP: usize = 32;

/// At a rate: a producer and a table thread. What is due is published at once.
pub fn paced(paced: &Paced) -> Result<Answered> {
    let origin = Origin::start();
    let mut dues = Dues::new(paced)?;
    let distinct = paced.distinct;
    let (mut producer, mut poller) = ring::<Timed>();
    let (ready, is_ready) = mpsc::channel::<()>();
    let answering = thread::spawn(move || {
        let pinned = pin_to(1);
        let mut answerer = Answerer::new(distinct, origin);
        let _ = ready.send(());
        loop {
            match poller.take(GROUP as u64) {
                Ok(mut group) => {
                    let mut due_ns = [0u64; GROUP];
                    let mut count = 0;
                    for timed in &mut group {
                        answerer.answer(&timed.event);
                        due_ns[count] = timed.due_ns;
                        count += 1;
                    }
                    answerer.stamp(due_ns[..count].iter().copied());
                }
                Err(Polling::Shutdown) => break (answerer, pinned),
                Err(Polling::NoEvents) => {}
            }
        }
    });
    let source = thread::spawn(move || {
        let pinned = pin_to(0);
        is_ready.recv().expect("the table thread");
        let start_ns = origin.now_ns();
        dues.begin(start_ns);
        let mut group = Vec::with_capacity(GROUP);
        while !dues.is_over() {
            let now_ns = origin.now_ns();
            group.extend(std::iter::from_fn(|| dues.due(now_ns)).take(GROUP));
            if !group.is_empty() {
                producer.batch_publish(group.len(), |slots| {
                    for (slot, timed) in slots.zip(&group) {
                        *slot = *timed;
                    }
                });
                group.clear();
            }
        }
        (start_ns, pinned)
    });
    let (start_ns, source_pinned) = source.join().expect("the producer");
    let (answerer, answer_pinned) = answering.join().expect("the table thread");
    Ok(answerer.answered(start_ns, source_pinned && answer_pinned))
}
