//! No engine at W3: two prefetching tables, a chunk of events through the first, its touches through the second.
//!
//! ```text
//!   bare/1   events ─► users ─► touches ─► items                            one thread
//!   bare/2   events ─┬─► users ◄─ ring   touches ─┬─► items ◄─ ring         two threads, two rings each way
//!                    └─► ring                     └─► ring
//! ```
//!
//! Invariant of `bare/2`: touches can always be taken up, because nothing follows from them; so a thread whose ring
//! is full takes up what waits for it, touches at last, and neither waits for the other for ever.

use super::bare::{CHUNK, RING_SLOTS, pop, push, split};
use crate::event::Event;
use crate::job::{Answer, Turn};
use crate::machine::pin_to;
use crate::race::Race;
use crate::state::owner;
use crate::touch::{self, Touch, Weighed, Weight};
use anyhow::Result;
use millstream_tools::bare::BareTable;
use rtrb::{Consumer, Producer, RingBuffer};
use std::thread;

/// Both tables.
struct Tables {
    users: BareTable<u64>,
    items: BareTable<Weight>,
}

impl Tables {
    fn new(users: usize, items: usize) -> Self {
        Tables {
            users: BareTable::new(users),
            items: BareTable::new(items),
        }
    }

    /// The touches of `events`, at most a chunk of them.
    #[inline(always)]
    fn touches<'a>(&mut self, events: &[Event], touches: &'a mut [Touch; CHUNK]) -> &'a [Touch] {
        let mut count = 0;
        self.users.visit(
            events,
            |event| event.key,
            |event, times| {
                *times += 1;
                touches[count] = Touch {
                    item: event.value as u64,
                    times: *times,
                };
                count += 1;
            },
        );
        &touches[..count]
    }

    #[inline(always)]
    fn weigh(&mut self, touches: &[Touch]) {
        self.items.visit(
            touches,
            |touch| touch.item,
            |touch, weight| weight.add(*touch),
        );
    }
}

/// One thread.
pub fn one_thread(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    let mut tables = Tables::new(turn.distinct, turn.items);
    let race = Race::of(1);
    pin_to(0);
    race.start();
    let mut touches = [Touch::default(); CHUNK];
    for chunk in events.chunks(CHUNK) {
        let touches = tables.touches(chunk, &mut touches);
        tables.weigh(touches);
    }
    let items = tables.items.iter().collect();
    race.finish();
    turn.top_answer(items, &race)
}

/// Two threads, each with half of the events, half of the users and half of the items.
pub fn two_threads(turn: &Turn) -> Result<Answer> {
    let [first, second] = turn.input.halves()?;
    let race = Race::of(2);
    let (events_to_second, events_from_first) = RingBuffer::<Event>::new(RING_SLOTS);
    let (events_to_first, events_from_second) = RingBuffer::<Event>::new(RING_SLOTS);
    let (touches_to_second, touches_from_first) = RingBuffer::<Touch>::new(RING_SLOTS);
    let (touches_to_first, touches_from_second) = RingBuffer::<Touch>::new(RING_SLOTS);
    let (users, items) = (turn.distinct * 9 / 16, turn.items * 9 / 16);
    let start = |me, events, events_out, events_in, touches_out, touches_in| {
        let race = race.clone();
        thread::spawn(move || {
            pin_to(me);
            let half = Half {
                me,
                tables: Tables::new(users, items),
                events_in,
                touches_in,
            };
            half.run(events, events_out, touches_out, &race)
        })
    };
    let threads = [
        start(
            0,
            first,
            events_to_second,
            events_from_second,
            touches_to_second,
            touches_from_second,
        ),
        start(
            1,
            second,
            events_to_first,
            events_from_first,
            touches_to_first,
            touches_from_first,
        ),
    ];
    let items = threads.map(|thread| thread.join().expect("a thread of two"));
    turn.top_answer(items.concat(), &race)
}

/// One of two threads.
struct Half {
    me: usize,
    tables: Tables,
    events_in: Consumer<Event>,
    touches_in: Consumer<Touch>,
}

impl Half {
    fn run(
        mut self,
        events: Vec<Event>,
        mut events_out: Producer<Event>,
        mut touches_out: Producer<Touch>,
        race: &Race,
    ) -> Vec<Weighed> {
        let mut parts = [Event::default(); 2 * CHUNK];
        race.start();
        for chunk in events.chunks(CHUNK) {
            let (stays, mut goes) = split(chunk, &mut parts, |event| owner(event.key) == self.me);
            self.answer(stays, &mut touches_out);
            while !goes.is_empty() {
                goes = &goes[push(goes, &mut events_out)..];
                self.take_events(&mut touches_out);
                self.take_touches();
            }
        }
        drop(events_out);
        // In this order: nothing comes after the other end is gone.
        while !self.events_in.is_abandoned() || self.events_in.slots() > 0 {
            self.take_events(&mut touches_out);
            self.take_touches();
        }
        drop(touches_out);
        while !self.touches_in.is_abandoned() || self.touches_in.slots() > 0 {
            self.take_touches();
        }
        let items = self.tables.items.iter().collect();
        race.finish();
        items
    }

    /// Events of own users: their touches go to own items or over.
    #[inline(always)]
    fn answer(&mut self, events: &[Event], touches_out: &mut Producer<Touch>) {
        let mut touches = [Touch::default(); CHUNK];
        let touches = self.tables.touches(events, &mut touches);
        let mut parts = [Touch::default(); 2 * CHUNK];
        let (stays, mut goes) = split(touches, &mut parts, |touch| {
            touch::owner(touch.item) == self.me
        });
        self.tables.weigh(stays);
        while !goes.is_empty() {
            goes = &goes[push(goes, touches_out)..];
            self.take_touches();
        }
    }

    #[inline(always)]
    fn take_events(&mut self, touches_out: &mut Producer<Touch>) {
        let mut events = [Event::default(); CHUNK];
        let mut count = 0;
        pop(&mut self.events_in, |part| {
            events[count..][..part.len()].copy_from_slice(part);
            count += part.len();
        });
        self.answer(&events[..count], touches_out);
    }

    #[inline(always)]
    fn take_touches(&mut self) {
        let Half {
            tables, touches_in, ..
        } = self;
        pop(touches_in, |touches| tables.weigh(touches));
    }
}
