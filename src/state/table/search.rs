//! Finding the slot of a key, in steps that a caller lays apart so that cache misses overlap, in one of two ways.
//!
//! ```text
//!               straight                                      crowded
//!   prefetch    ask for the line of the home slot             ask for the controls from home on
//!   look        another key there? ask for the next lines     find the control or an empty slot: ask for its line
//!   at          walk from there to the key or to an empty slot
//! ```
//!
//! Straight needs one line for a key at its home, which most events find where few keys take most of them; crowded
//! needs two, but hardly more at any load. The table counts how many of the last keys were not at home, or were
//! new (a new key writes its control), and goes by that.
//!
//! Owned by the table. Invariant: a place is at or behind the home of its key, and the key is not before it.

use super::{Slot, Table};
use crate::partition::mum64;
use bytemuck::Pod;

/// Lines of a slot asked for ahead; more than these and the processor's own prefetcher has caught on.
const PREFETCH_LINES_MAX: usize = 4;
/// Lines asked for beyond a home that holds another key. At a load of 0.6 a new key looks at 3.6 slots.
const LOOK_LINES: usize = 4;
/// Looks after which the way is chosen anew.
const WINDOW: usize = 1024;
/// The table is crowded if at least this share of them, in percent, were not at home or new. Measured: with 1M
/// zipf(0.99) keys (9 %) the straight way is 15 % faster, with uniform keys at a load of 0.3 the two are equal.
const CROWDED_PERCENT: usize = 20;

/// Where the search for a key goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(usize);

/// How keys are searched for: see the file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By their home slots.
    Straight,
    /// By their controls.
    Crowded,
}

impl Place {
    pub(super) fn at_home(home: usize) -> Self {
        Place(home)
    }

    #[inline(always)]
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What the last looks found, and the way that follows from it.
pub(super) struct Crowding {
    way: Way,
    looked: usize,
    past_home: usize,
    /// Keys held when the window began.
    keys: usize,
}

impl Default for Crowding {
    /// In an empty table every key is new.
    fn default() -> Self {
        Crowding {
            way: Way::Crowded,
            looked: 0,
            past_home: 0,
            keys: 0,
        }
    }
}

impl Crowding {
    #[inline(always)]
    pub(super) fn is_due(&self) -> bool {
        self.looked >= WINDOW
    }

    /// Chooses the way, of a table that holds `keys`, and begins a window.
    #[cold]
    pub(super) fn judge(&mut self, keys: usize) {
        let new = keys.saturating_sub(self.keys);
        let is_crowded = (self.past_home + new) * 100 >= self.looked * CROWDED_PERCENT;
        *self = Crowding {
            way: if is_crowded {
                Way::Crowded
            } else {
                Way::Straight
            },
            looked: 0,
            past_home: 0,
            keys,
        };
    }
}

impl<V: Pod> Table<V> {
    /// How to search for the next keys. Asked for once for several of them, so that the loops over them have it in a
    /// register.
    #[inline(always)]
    pub fn way(&self) -> Way {
        self.crowding.way
    }

    /// Finds the home of `hash` and asks the processor for what [`Table::look`] reads. The place stays good as long as
    /// [`Table::layout_version`] says the same, whichever way is taken next.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64, way: Way) -> Place {
        let home = self.home(hash);
        match way {
            Way::Straight => self.fetch_whole(home),
            Way::Crowded => self.controls.prefetch(home),
        }
        Place(home)
    }

    /// Moves `place` to where `key` most likely is, or will be put, and asks for what is not there yet.
    #[inline(always)]
    pub fn look(&self, place: Place, key: u64, way: Way) -> Place {
        match way {
            Way::Straight => Place(self.look_straight(place.0, key)),
            Way::Crowded => {
                let next = self.controls.search(place.0, mum64(key));
                self.fetch_whole(next);
                Place(next)
            }
        }
    }

    /// Tells what so many looks found: the places that they moved.
    #[inline(always)]
    pub fn looked(&mut self, looked: usize, past_home: usize) {
        self.crowding.looked += looked;
        self.crowding.past_home += past_home;
    }

    /// One further if another key is at `home`. Without a branch: about every fourth key of a half-full table is not
    /// at home, and a branch guessed wrong on a line that has yet to arrive stalls everything behind it.
    #[inline(always)]
    fn look_straight(&self, home: usize, key: u64) -> usize {
        let slot = self.slot(home);
        let past = usize::from((slot.stamp != 0) & (slot.key != key));
        for further in 0..LOOK_LINES {
            self.fetch(home + past + further * past);
        }
        home + past
    }

    /// Asks for the lines of a slot.
    #[inline(always)]
    fn fetch_whole(&self, index: usize) {
        for line in 0..(size_of::<Slot<V>>() / 64).min(PREFETCH_LINES_MAX) {
            self.fetch_line(index, line);
        }
    }

    /// The state of `key`, if it is held.
    pub fn get(&self, key: u64) -> Option<&V> {
        self.find(mum64(key), key)
            .map(|index| &self.slot(index).value)
    }

    fn find(&self, hash: u64, key: u64) -> Option<usize> {
        let mut index = self.home(hash);
        loop {
            match self.slot(index) {
                slot if slot.stamp == 0 => return None,
                slot if slot.key == key => return Some(index),
                _ => index += 1,
            }
        }
    }

    /// Removes `key`; whether it was held. Later entries of its cluster move up (no tombstones).
    pub fn remove(&mut self, hash: u64, key: u64) -> bool {
        let found = self.find(hash, key);
        if let Some(index) = found {
            self.empty(index);
        }
        found.is_some()
    }

    /// Empties the slot at `hole`; the rest of its cluster moves up.
    pub(super) fn empty(&mut self, mut hole: usize) {
        self.layout_version += 1;
        let mut next = hole + 1;
        loop {
            let candidate = *self.slot(next);
            if candidate.stamp == 0 {
                break;
            }
            if self.home(mum64(candidate.key)) <= hole {
                self.touch(hole);
                self.controls.fill(hole, mum64(candidate.key));
                *self.slot(hole) = candidate;
                hole = next;
            }
            next += 1;
        }
        self.touch(hole);
        self.controls.clear(hole);
        self.slot(hole).stamp = 0;
        self.len -= 1;
    }

    /// The same for who has not hashed the key.
    pub fn forget(&mut self, key: u64) -> bool {
        self.remove(mum64(key), key)
    }
}
