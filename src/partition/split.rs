//! Splitter: spreads the events of a hot key over partitions, with every answer as if they had met in one.
//!
//! Owned by the one task that sends a stage its events. It keeps the running state of each split key itself,
//! by folding its events, and hands it to a partition before that gets events of the key:
//!
//! ```text
//!   key 17      sender folds    1 2 3 4 5 6 7 8 9 …         what a partition makes of each event (digests,
//!               partition 3     1 2 3 4                     rows, whatever follows) it makes itself
//!               partition 6             =4 5 6 7 8          =4: from here on the state is that of event 4
//!               partition 3                       =8 9 …
//! ```
//!
//! So partition 6 goes on exactly where 3 left off, and no result differs. After every so many of its events
//! a key may move. Two ways are compared, the one it goes by and one drawn at random, and the shorter queue is
//! taken, where one on the sender's own core counts as half full. This is the power of two choices (Y. Azar,
//! A. Broder, A. Karlin, E. Upfal, "Balanced Allocations", SIAM J. Comput. 29(1), 1999; for keys of streams
//! M. Nasir et al., "The Power of Both Choices", ICDE 2015, who merge partial results behind the partitions).
//!
//! How a key comes to be split, and ceases to be:
//!
//! ```text
//!   found hot ──► Asked ── the partition it belongs to says what it has ──► Split ──► home ──► Split …
//!                 its events still go there;                                at each checkpoint and at the end
//!                 the sender folds what follows                             the state is put back there, and
//!                 into a state of its own                                   all others forget the key
//! ```
//!
//! Invariants: while a key is split, `total` is the state that all its events so far come to, and the
//! partition of `lane` has that state. At home, it has the key and no other partition does. On every lane
//! there is room for as many orders on each side lane as keys can be split, so that all can be brought home at any time.

use super::hash::mum64;
use super::heat::Warm;
use super::side_lane::{KeyState, SideOutlet};
use crate::sys::random::Random;
use bytemuck::Pod;

/// Keys that can be split at a time. A key is found by six bits of its hash; of two keys with the same ones
/// the first is split.
const KEYS: usize = 64;
const SHIFT: u32 = 58;
const _: () = assert!(KEYS == 1 << (64 - SHIFT));
/// The slot of all keys that are not split: their events are folded like the others, into a state that nobody
/// reads. A branch on whether a key is hot would be guessed wrong as often as keys change.
const OTHERS: usize = KEYS;
/// Events of a key after which it may move: a move costs two pushes, and cuts a run of prefetched events.
const STAY: u32 = 512;
/// The shorter queue has to be shorter by this part of a ring: a move for less brings nothing.
const GAIN: usize = 16;
/// A partition that the sender's own core steps counts as if this part of its ring were taken. Its queue is
/// always short, since nothing is sent while it works; what another core does costs the sender no time.
const HERE: usize = 2;
/// Samples before any key is found hot.
const SAMPLES_MIN: u64 = 1024;

/// How the state of a key comes about.
pub trait Fold<T, S>: Send + Clone + 'static {
    /// `event` is added to `state`, as the operator does.
    fn fold(event: &T, state: &mut S);
    /// What later events came to, from nothing, is added to what earlier ones did.
    fn merge(state: &mut S, later: &S);
}

/// The ways that events can go, as an exchange has them.
pub trait Ways {
    /// Messages that wait on `lane`.
    fn waiting(&self, lane: usize) -> usize;
    /// Messages that a lane has room for.
    fn slots(&self) -> usize;
    /// An order is on the side lane of `lane`: its marker follows.
    fn announce(&mut self, lane: usize);
}

/// What came of splitting one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitKey {
    /// The key.
    pub key: u64,
    /// Events of it that were sent while it was split.
    pub events: u64,
    /// Times it moved to another partition.
    pub moves: u64,
}

/// What every event touches.
#[derive(Clone, Debug)]
struct Slot<S> {
    total: S,
    lane: usize,
    /// Its events until it is looked at.
    left: u32,
}

/// The rest of a split key.
#[derive(Clone, Debug)]
struct Split {
    told: SplitKey,
    home: usize,
    asked: bool,
}

/// Spreads the events of hot keys over the lanes of an exchange.
#[derive(Debug)]
pub struct Splitter<S> {
    /// The key in each slot; in a free one, a key that is not looked for there.
    keys: [u64; KEYS],
    slots: Box<[Slot<S>]>,
    splits: Box<[Option<Split>]>,
    /// For each slot, the lanes whose partition has an entry for the key.
    known: Box<[Box<[bool]>]>,
    lanes: Vec<SideOutlet<S>>,
    share_min: f64,
    random: Random,
}

#[inline(always)]
fn slot_of(hash: u64) -> usize {
    (hash >> SHIFT) as usize
}

/// A key that is never looked for in slot `slot`.
fn no_key(slot: usize) -> u64 {
    let elsewhere = (0..).find(|key| slot_of(mum64(*key)) != slot);
    elsewhere.expect("not all keys have the same hash")
}

impl<S: Pod> Splitter<S> {
    /// Over the partitions behind `lanes`; keys with `share_min` of the events are hot.
    pub fn new(lanes: Vec<SideOutlet<S>>, share_min: f64, seed: u64) -> Self {
        let slot = || Slot {
            total: S::zeroed(),
            lane: 0,
            left: STAY,
        };
        Splitter {
            keys: std::array::from_fn(no_key),
            slots: (0..=KEYS).map(|_| slot()).collect(),
            splits: (0..KEYS).map(|_| None).collect(),
            known: (0..KEYS).map(|_| vec![false; lanes.len()].into()).collect(),
            lanes,
            share_min,
            random: Random::stream(seed, "split"),
        }
    }

    /// Where the event of `key` goes that belongs to partition `home`.
    #[inline(always)]
    pub fn lane<T, F: Fold<T, S>>(
        &mut self,
        (key, hash): (u64, u64),
        home: usize,
        event: &T,
        ways: &mut impl Ways,
    ) -> usize {
        let index = slot_of(hash);
        let is_split = self.keys[index] == key;
        let index = if is_split { index } else { OTHERS };
        if self.slots[index].left == 0 {
            self.look::<T, F>(index, ways);
        }
        let slot = &mut self.slots[index];
        slot.left -= 1;
        F::fold(event, &mut slot.total);
        if is_split { slot.lane } else { home }
    }

    /// The sample says this of `key`, which belongs to partition `home`: hot from now on, perhaps.
    /// Its events so far have been sent, or written before what is announced here.
    #[cold]
    pub fn heed(&mut self, (key, hash): (u64, u64), home: usize, warm: Warm, ways: &mut impl Ways) {
        let index = slot_of(hash);
        if warm.sampled < SAMPLES_MIN
            || warm.share_min < self.share_min
            || self.splits[index].is_some()
            || self.lanes.len() < 2
            || self.lanes[home].room() <= KEYS
            || !self.lanes[home].send(KeyState::Show(key))
        {
            return;
        }
        ways.announce(home);
        self.known[index][home] = true;
        self.keys[index] = key;
        self.slots[index] = Slot {
            total: S::zeroed(),
            lane: home,
            left: STAY,
        };
        self.splits[index] = Some(Split {
            told: SplitKey {
                key,
                ..SplitKey::default()
            },
            home,
            asked: true,
        });
    }

    /// Takes in what the partition of `lane` has answered.
    fn hear<T, F: Fold<T, S>>(&mut self, lane: usize) {
        while let Some((key, earlier)) = self.lanes[lane].answer() {
            let index = slot_of(mum64(key));
            let waits = self.splits[index].as_mut();
            if let Some(split) = waits.filter(|split| split.told.key == key && split.asked) {
                let total = &mut self.slots[index].total;
                let later = std::mem::replace(total, earlier);
                F::merge(total, &later);
                split.asked = false;
            }
        }
    }

    /// Whether the key in `index` goes on by another lane, before its next event.
    #[cold]
    #[inline(never)]
    fn look<T, F: Fold<T, S>>(&mut self, index: usize, ways: &mut impl Ways) {
        self.slots[index].left = STAY;
        if index == OTHERS {
            self.slots[OTHERS].total = S::zeroed();
            return;
        }
        let other = self.random.below(self.lanes.len() as u64) as usize;
        let Some(split) = &mut self.splits[index] else {
            return;
        };
        split.told.events += u64::from(STAY);
        let home = split.home;
        if split.asked {
            return self.hear::<T, F>(home);
        }
        let slot = &mut self.slots[index];
        let gain = ways.slots() / GAIN;
        let queue = |lane: usize| match self.lanes[lane].is_here() {
            true => ways.waiting(lane) + ways.slots() / HERE,
            false => ways.waiting(lane),
        };
        // Room here and at home for all keys to be brought there, after this.
        let room = self.lanes[other].room().min(self.lanes[home].room());
        if other == slot.lane
            || room <= KEYS
            || queue(other) + gain >= queue(slot.lane)
            || !self.lanes[other].send(KeyState::Set(split.told.key, slot.total))
        {
            return;
        }
        ways.announce(other);
        (slot.lane, self.known[index][other]) = (other, true);
        split.told.moves += 1;
    }

    /// All keys go home, as every state has to lie where it belongs: a checkpoint or the end follows.
    pub fn bring_home(&mut self, ways: &mut impl Ways) {
        let slots = self.slots.iter_mut().zip(self.splits.iter());
        let slots = slots.zip(self.known.iter_mut());
        for ((slot, split), known) in slots {
            let Some(split) = split else {
                continue;
            };
            for (lane, known) in known.iter_mut().enumerate() {
                let order = match lane == split.home {
                    true if slot.lane != lane => KeyState::Set(split.told.key, slot.total),
                    false if *known => KeyState::Forget(split.told.key),
                    _ => continue,
                };
                let sent = self.lanes[lane].send(order);
                debug_assert!(sent, "room for each key was kept");
                ways.announce(lane);
                *known = lane == split.home;
            }
            slot.lane = split.home;
        }
    }

    /// What came of it, key by key.
    pub fn told(&self) -> impl Iterator<Item = SplitKey> + '_ {
        let splits = self.splits.iter().zip(&self.slots);
        splits.filter_map(|(split, slot)| {
            let mut told = split.as_ref()?.told;
            told.events += u64::from(STAY - slot.left);
            Some(told)
        })
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
