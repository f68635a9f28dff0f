//! No engine: loops written by hand for this one job, which stand for the limit of the machine.
//!
//! ```text
//!   bare/1       events ─► table                                        one thread
//!   bare/ring    events ─► ring ┊ ring ─► table                         source thread, table thread
//!   bare/2       events ─┬─► table ◄─┬─ events                          two threads, each source and table;
//!                        └─► ring ◄──┘                                  half of each source crosses over
//! ```
//!
//! The table is that of `millstream_tools::bare`: presized, touched beforehand, on huge pages, events in groups
//! of 32 whose slots are prefetched; it never grows, so it has no "from empty". The ring is `rtrb`, in chunks
//! on both sides. `map/1` is the one-thread loop over the map that the other peers are given (`state.rs`):
//! what separates it from them is what they cost.

use crate::due::Dues;
use crate::event::Event;
use crate::job::{Answer, Paced, Turn};
use crate::machine::pin_to;
use crate::race::Race;
use crate::state::{Totals, owner};
use anyhow::Result;
use millstream::sink::Digestible;
use millstream_tools::bare::BareTable;
use millstream_tools::bare_paced::{self, Answered};
use rtrb::{Consumer, Producer, RingBuffer};
use std::thread;

/// Slots of a ring: 4,096 of 24 bytes are best here; 512 cost a third.
pub(super) const RING_SLOTS: usize = 4096;
/// Events that are committed, taken up and folded together.
pub(super) const CHUNK: usize = 256;

/// At a rate, one thread: `millstream_tools::bare_paced`.
pub fn paced_on_one_thread(paced: &Paced) -> Result<Answered> {
    let events = Dues::new(paced)?.records();
    Ok(bare_paced::one_thread(events, paced.events, paced.distinct))
}

/// At a rate, source thread, ring, table thread: `millstream_tools::bare_paced`.
pub fn paced_over_a_ring(paced: &Paced) -> Result<Answered> {
    let events = Dues::new(paced)?.records();
    Ok(bare_paced::two_threads(
        events,
        paced.events,
        paced.distinct,
    ))
}

/// One thread and the prefetching table.
pub fn one_thread(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    let mut table = BareTable::new(turn.distinct);
    let race = Race::of(1);
    pin_to(0);
    race.start();
    let digest = table.fold(&events, Event::record);
    race.finish();
    turn.answer(events.len(), digest, &race)
}

/// One thread and the map of the other peers.
pub fn one_thread_map(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    let mut totals = Totals::with_room(turn.presized_keys());
    let race = Race::of(1);
    pin_to(0);
    race.start();
    let mut digest = 0u64;
    for event in &events {
        digest = digest.wrapping_add(totals.answer(event).digest());
    }
    race.finish();
    turn.answer(events.len(), digest, &race)
}

/// Source thread, ring, table thread.
pub fn ring(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    let count = events.len();
    let mut table = BareTable::new(turn.distinct);
    let race = Race::of(2);
    let (producer, mut consumer) = RingBuffer::<Event>::new(RING_SLOTS);
    let (offer_race, answer_race) = (race.clone(), race.clone());
    let source = thread::spawn(move || {
        pin_to(0);
        offer_race.start();
        offer(&events, producer);
        offer_race.finish();
    });
    let answering = thread::spawn(move || {
        pin_to(1);
        answer_race.start();
        let (mut digest, mut results) = (0u64, 0);
        while results < count {
            results += take(&mut consumer, &mut table, &mut digest);
        }
        answer_race.finish();
        digest
    });
    source.join().expect("the source thread");
    let digest = answering.join().expect("the table thread");
    turn.answer(count, digest, &race)
}

fn offer(events: &[Event], mut producer: Producer<Event>) {
    for mut rest in events.chunks(CHUNK) {
        while !rest.is_empty() {
            rest = &rest[push(rest, &mut producer)..];
        }
    }
}

/// Puts as many of `events` into the ring as there is room for; how many.
#[inline(always)]
pub(super) fn push<E: Copy>(events: &[E], producer: &mut Producer<E>) -> usize {
    let free = producer.slots().min(events.len());
    match producer.write_chunk_uninit(free) {
        Ok(chunk) if free > 0 => chunk.fill_from_iter(events.iter().copied()),
        _ => {
            std::hint::spin_loop();
            0
        }
    }
}

/// Shows what waits in the ring, a chunk at most, to `each`, and takes it out; how many.
#[inline(always)]
pub(super) fn pop<E>(consumer: &mut Consumer<E>, mut each: impl FnMut(&[E])) -> usize {
    let waiting = consumer.slots().min(CHUNK);
    match consumer.read_chunk(waiting) {
        Ok(chunk) if waiting > 0 => {
            let (first, second) = chunk.as_slices();
            each(first);
            if !second.is_empty() {
                each(second);
            }
            chunk.commit_all();
            waiting
        }
        _ => {
            std::hint::spin_loop();
            0
        }
    }
}

/// Takes in what waits in the ring, a chunk at most; how many events.
#[inline(always)]
fn take(consumer: &mut Consumer<Event>, table: &mut BareTable, digest: &mut u64) -> usize {
    pop(consumer, |events| {
        *digest = digest.wrapping_add(table.fold(events, Event::record));
    })
}

/// Splits a chunk into what stays and what goes, without a branch, which would be wrong every other time.
#[inline(always)]
pub(super) fn split<'a, E: Copy>(
    chunk: &[E],
    parts: &'a mut [E; 2 * CHUNK],
    stays: impl Fn(&E) -> bool,
) -> (&'a [E], &'a [E]) {
    let mut lengths = [0usize; 2];
    for item in chunk {
        let goes = usize::from(!stays(item));
        parts[goes * CHUNK + lengths[goes]] = *item;
        lengths[goes] += 1;
    }
    let (stays, goes) = parts.split_at(CHUNK);
    (&stays[..lengths[0]], &goes[..lengths[1]])
}

/// Two threads, each with half of the events and half of the keys.
pub fn two_threads(turn: &Turn) -> Result<Answer> {
    let [first, second] = turn.input.halves()?;
    let count = first.len() + second.len();
    let race = Race::of(2);
    let (to_second, from_first) = RingBuffer::<Event>::new(RING_SLOTS);
    let (to_first, from_second) = RingBuffer::<Event>::new(RING_SLOTS);
    let distinct = turn.distinct;
    let start = |me: usize, events, out, inbox| {
        let race = race.clone();
        thread::spawn(move || {
            pin_to(me);
            let table = BareTable::new(distinct * 9 / 16);
            Half {
                me,
                table,
                out,
                inbox,
            }
            .run(events, &race)
        })
    };
    let threads = [
        start(0, first, to_second, from_second),
        start(1, second, to_first, from_first),
    ];
    let digests = threads.map(|thread| thread.join().expect("a thread of two"));
    turn.answer(count, digests[0].wrapping_add(digests[1]), &race)
}

/// One of two threads.
struct Half {
    me: usize,
    table: BareTable,
    out: Producer<Event>,
    inbox: Consumer<Event>,
}

impl Half {
    fn run(mut self, events: Vec<Event>, race: &Race) -> u64 {
        let mut parts = [Event::default(); 2 * CHUNK];
        let (me, mut digest) = (self.me, 0u64);
        race.start();
        for chunk in events.chunks(CHUNK) {
            let (stays, mut goes) = split(chunk, &mut parts, |event| owner(event.key) == me);
            digest = digest.wrapping_add(self.table.fold(stays, Event::record));
            // A full ring is tried again after the own one has been read: neither waits for the other for ever.
            while !goes.is_empty() {
                goes = &goes[push(goes, &mut self.out)..];
                if self.inbox.slots() > 0 {
                    take(&mut self.inbox, &mut self.table, &mut digest);
                }
            }
        }
        drop(self.out);
        loop {
            // In this order: nothing comes after the other end is gone.
            let ended = self.inbox.is_abandoned();
            if take(&mut self.inbox, &mut self.table, &mut digest) == 0 && ended {
                break;
            }
        }
        race.finish();
        digest
    }
}
