//! Events that wait: until the state of their key has come in from the cold tier, or until the first of them,
//! which failed, is to be tried again.
//!
//! Owned by the stage. Bounded: so many keys, so many events; when either is full the stage takes in no
//! more. A key that waits is not in the hot table: its state stays here until its last event is through,
//! so that no later event can overtake an earlier one of the same key.
//!
//! ```text
//!   events   a ring, by number        tail ─► │ 7 │ 8 │   │10 │11 │ ◄─ head      an empty place is through
//!                                               ▲   └───────▲ next of the same key
//!   keys     ticket ─► {key, state}  first ─────┘           └───── last
//!   index    hash ─► ticket           (open addressing, high bits of the hash)
//!   ready    tickets whose state has come, in the order of its coming
//!   timed    tickets whose state is here and whose first event is to be tried again at some time
//! ```
//!
//! Invariants
//! 1. From the arrival of its state to its closing a ticket is either in `ready` or in `timed`, once.
//! 2. Every event below `tail` is through; the last event of a key is through when its ticket is closed.

use crate::event::Due;
use crate::state::Reply;
use bytemuck::Pod;
use std::collections::VecDeque;

const NONE: u32 = u32::MAX;
/// Memory for events of one partition at the most, bytes.
const EVENTS_BYTES: usize = 1 << 20;
/// Events of one partition at the most, and at the least.
const EVENTS_MAX: usize = 4096;
const EVENTS_MIN: usize = 64;

struct Waiter<E> {
    due: Due,
    event: E,
    next: u32,
}

struct Key<V> {
    key: u64,
    hash: u64,
    first: u32,
    last: u32,
    /// The event handed out last: through when the next one is asked for.
    taken: u32,
    /// Whether there is a state to keep; before it has come: whether it is to be kept when it comes.
    kept: bool,
    /// There was no state before its first event.
    is_new: bool,
    /// How often its first event has failed, and when to try it again, ns.
    failures: u32,
    again_ns: u64,
    stamp: u64,
    state: V,
}

/// Events of one partition that wait.
pub(super) struct Waiting<E, V> {
    events: Vec<Option<Waiter<E>>>,
    head: u64,
    tail: u64,
    keys: Vec<Key<V>>,
    free: Vec<u32>,
    index: Vec<u32>,
    shift: u32,
    ready: VecDeque<u32>,
    timed: Vec<u32>,
    most: u64,
}

impl<E: Copy, V: Pod> Waiting<E, V> {
    /// Room for `keys_max` keys.
    pub(super) fn new(keys_max: usize) -> Self {
        let events = EVENTS_BYTES / size_of::<Option<Waiter<E>>>();
        let events = events.clamp(EVENTS_MIN, EVENTS_MAX).next_power_of_two();
        let places = (4 * keys_max).next_power_of_two();
        let keys = (0..keys_max).map(|_| Key {
            key: 0,
            hash: 0,
            first: NONE,
            last: NONE,
            taken: NONE,
            kept: true,
            is_new: false,
            failures: 0,
            again_ns: 0,
            stamp: 0,
            state: V::zeroed(),
        });
        Waiting {
            events: (0..events).map(|_| None).collect(),
            head: 0,
            tail: 0,
            keys: keys.collect(),
            free: (0..keys_max as u32).rev().collect(),
            index: vec![NONE; places],
            shift: 64 - places.trailing_zeros(),
            ready: VecDeque::with_capacity(keys_max),
            timed: Vec::with_capacity(keys_max),
            most: 0,
        }
    }

    /// Events put aside so far.
    #[inline(always)]
    pub(super) fn put_aside(&self) -> u64 {
        self.head
    }

    /// Events that are through, up to this many.
    #[inline(always)]
    pub(super) fn through(&self) -> u64 {
        self.tail
    }

    /// Whether no key waits.
    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.keys.len()
    }

    /// Whether a key waits for its state.
    pub(super) fn expects_state(&self) -> bool {
        self.keys.len() - self.free.len() > self.timed.len() + self.ready.len()
    }

    /// Events that waited at a time, at the most.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Room for one more event.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        self.head - self.tail < self.events.len() as u64
    }

    /// The ticket that the next [`Waiting::open`] gives; `None`: no room for another key.
    #[inline(always)]
    pub(super) fn next_ticket(&self) -> Option<u32> {
        self.free.last().copied()
    }

    /// The ticket of `key`, if it waits.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: u64) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let mut place = self.home(hash);
        loop {
            match self.index[place] {
                NONE => return None,
                ticket if self.keys[ticket as usize].key == key => return Some(ticket),
                _ => place = (place + 1) & (self.index.len() - 1),
            }
        }
    }

    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// `key`, which does not wait yet, begins to; its ticket is the one [`Waiting::next_ticket`] told.
    pub(super) fn open(&mut self, hash: u64, key: u64) {
        let Some(ticket) = self.free.pop() else {
            return;
        };
        let slot = &mut self.keys[ticket as usize];
        (slot.key, slot.hash) = (key, hash);
        (slot.first, slot.last, slot.taken) = (NONE, NONE, NONE);
        (slot.kept, slot.is_new, slot.failures) = (true, false, 0);
        let mut place = self.home(hash);
        while self.index[place] != NONE {
            place = (place + 1) & (self.index.len() - 1);
        }
        self.index[place] = ticket;
    }

    /// One more event for the key of `ticket`; there is room.
    pub(super) fn push(&mut self, ticket: u32, due: Due, event: E) {
        let place = (self.head % self.events.len() as u64) as u32;
        self.events[place as usize] = Some(Waiter {
            due,
            event,
            next: NONE,
        });
        self.head += 1;
        self.most = self.most.max(self.head - self.tail);
        let slot = &mut self.keys[ticket as usize];
        let last = std::mem::replace(&mut slot.last, place);
        if slot.first == NONE {
            slot.first = place;
        }
        if let Some(Some(before)) = self.events.get_mut(last as usize) {
            before.next = place;
        }
    }

    /// Takes what the cold tier replied.
    #[inline]
    pub(super) fn hear(&mut self, reply: Reply<V>) {
        match reply {
            Reply::Found {
                ticket,
                stamp,
                value,
            } => self.arrived(ticket, stamp, value),
            Reply::Absent { ticket } => {
                self.keys[ticket as usize].is_new = true;
                self.arrived(ticket, 0, V::zeroed());
            }
        }
    }

    /// The state of the key of `ticket` has come; all zero, with stamp 0, if there was none.
    fn arrived(&mut self, ticket: u32, stamp: u64, state: V) {
        let slot = &mut self.keys[ticket as usize];
        (slot.stamp, slot.state) = if slot.kept {
            (stamp, state)
        } else {
            slot.is_new = true;
            (0, V::zeroed())
        };
        self.ready.push_back(ticket);
    }

    /// Whether an event may be tried that would have to wait if it failed.
    #[inline(always)]
    pub(super) fn has_room_for_a_key(&self) -> bool {
        self.has_room() && !self.free.is_empty()
    }

    /// `event`, the first of `key` to wait, has failed; the state, if the key has one, is kept here until it
    /// is through. There is room.
    #[cold]
    pub(super) fn park(
        &mut self,
        (hash, key): (u64, u64),
        (due, event): (Due, E),
        state: Option<(u64, V)>,
        again_ns: u64,
    ) {
        let ticket = self
            .next_ticket()
            .expect("an event is tried only while there is room for its key");
        self.open(hash, key);
        self.push(ticket, due, event);
        let slot = &mut self.keys[ticket as usize];
        (slot.kept, slot.is_new) = (state.is_some(), state.is_none());
        (slot.stamp, slot.state) = state.unwrap_or((0, V::zeroed()));
        (slot.failures, slot.again_ns) = (1, again_ns);
        self.timed.push(ticket);
    }

    /// The event of the first ready ticket that was handed out last has failed: it is the first again, and
    /// not handed out before `again_ns`.
    pub(super) fn try_again(&mut self, again_ns: u64) {
        let Some(ticket) = self.ready.pop_front() else {
            return;
        };
        let slot = &mut self.keys[ticket as usize];
        slot.first = std::mem::replace(&mut slot.taken, NONE);
        if slot.last == NONE {
            slot.last = slot.first;
        }
        slot.failures += 1;
        slot.again_ns = again_ns;
        self.timed.push(ticket);
    }

    /// The event of `ticket` handed out last is done with.
    pub(super) fn succeed(&mut self, ticket: u32) {
        self.keys[ticket as usize].failures = 0;
    }

    /// Lets go of what was to wait until `now_ns`.
    pub(super) fn wake(&mut self, now_ns: u64) {
        let mut index = 0;
        while let Some(&ticket) = self.timed.get(index) {
            if self.keys[ticket as usize].again_ns <= now_ns {
                self.timed.swap_remove(index);
                self.ready.push_back(ticket);
            } else {
                index += 1;
            }
        }
    }

    /// How often the first event of `ticket` has failed.
    pub(super) fn failures(&self, ticket: u32) -> u32 {
        self.keys[ticket as usize].failures
    }

    /// Whether the key of a ready ticket has no state yet.
    pub(super) fn is_new(&self, ticket: u32) -> bool {
        self.keys[ticket as usize].is_new
    }

    /// The ticket `ahead` places behind the first whose state has come, and the hash of its key.
    #[inline(always)]
    pub(super) fn ready(&self, ahead: usize) -> Option<(u32, u64)> {
        let ticket = *self.ready.get(ahead)?;
        Some((ticket, self.keys[ticket as usize].hash))
    }

    /// The next event of a ready key, with the key and its stamp and state; `None` when all are taken.
    pub(super) fn next(&mut self, ticket: u32) -> Option<(Due, E, u64, &mut u64, &mut V)> {
        let slot = &mut self.keys[ticket as usize];
        let place = slot.first;
        let waiter = self.events.get(place as usize)?.as_ref()?;
        let (due, event) = (waiter.due, waiter.event);
        slot.first = waiter.next;
        if slot.first == NONE {
            slot.last = NONE;
        }
        let before = std::mem::replace(&mut slot.taken, place);
        self.pass(before);
        let slot = &mut self.keys[ticket as usize];
        Some((due, event, slot.key, &mut slot.stamp, &mut slot.state))
    }

    /// Whether the state is kept: after the event taken last or, before it has come, when it comes. If not, the
    /// next event finds it new.
    pub(super) fn retain(&mut self, ticket: u32, kept: bool) {
        let slot = &mut self.keys[ticket as usize];
        (slot.kept, slot.is_new) = (kept, !kept);
        if !kept {
            (slot.stamp, slot.state) = (0, V::zeroed());
        }
    }

    /// Keys whose state is here and is kept, and their states.
    pub(super) fn arrived_kept(&self) -> impl Iterator<Item = (u64, &V)> {
        let here = self.ready.iter().chain(&self.timed);
        let slots = here.map(|ticket| &self.keys[*ticket as usize]);
        slots
            .filter(|slot| slot.kept)
            .map(|slot| (slot.key, &slot.state))
    }

    /// Key, stamp and state of a ready ticket, if its state is kept.
    pub(super) fn kept(&self, ticket: u32) -> Option<(u64, u64, V)> {
        let slot = &self.keys[ticket as usize];
        slot.kept.then_some((slot.key, slot.stamp, slot.state))
    }

    /// The first ready ticket is done with: its events are through, its state is elsewhere.
    pub(super) fn close(&mut self) {
        let Some(ticket) = self.ready.pop_front() else {
            return;
        };
        let (hash, taken) = (
            self.keys[ticket as usize].hash,
            self.keys[ticket as usize].taken,
        );
        self.pass(taken);
        let mask = self.index.len() - 1;
        let mut hole = self.home(hash);
        while self.index[hole] != ticket {
            hole = (hole + 1) & mask;
        }
        let mut next = (hole + 1) & mask;
        while self.index[next] != NONE {
            let home = self.home(self.keys[self.index[next] as usize].hash);
            // It may move up if its home does not lie between the hole and itself.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.index[hole] = self.index[next];
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.index[hole] = NONE;
        self.free.push(ticket);
    }

    fn pass(&mut self, place: u32) {
        let Some(slot) = self.events.get_mut(place as usize) else {
            return;
        };
        *slot = None;
        let len = self.events.len() as u64;
        while self.tail < self.head && self.events[(self.tail % len) as usize].is_none() {
            self.tail += 1;
        }
    }
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
