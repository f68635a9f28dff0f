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
//! taken: the power of two choices (Y. Azar, A. Broder, A. Karlin, E. Upfal, "Balanced Allocations", SIAM J.
//! Comput. 29(1), 1999; for keys of streams M. Nasir et al., "The Power of Both Choices", ICDE 2015, who
//! merge partial results behind the partitions instead).
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
//! there is room for as many handovers as keys can be split, so that all can be brought home at any time.

use super::handover::{Handover, HandoverOutlet};
use super::heat::Warm;
use crate::sys::random::Random;
use bytemuck::Pod;

/// Keys that can be split at a time. A key is found by six bits of its hash; of two keys with the same ones
/// the first is split.
const KEYS: usize = 64;
const SHIFT: u32 = 58;
const _: () = assert!(KEYS == 1 << (64 - SHIFT));
/// Events of a key after which it may move: a move costs some 100 ns, and cuts a run of prefetched events.
const STAY: u32 = 256;
/// The shorter queue has to be shorter by so many messages: a move for less brings nothing.
const GAIN: usize = 64;
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
    /// A handover has been sent beside `lane`: its marker follows.
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

#[derive(Clone, Debug)]
struct Slot<S> {
    told: SplitKey,
    home: usize,
    lane: usize,
    /// Its events until it is looked at.
    left: u32,
    asked: bool,
    total: S,
    /// Lanes whose partition has an entry for it.
    known: Box<[bool]>,
}

/// Spreads the events of hot keys over the lanes of an exchange.
#[derive(Debug)]
pub struct Splitter<S> {
    /// The hash of the key in each slot; of a free slot, one that no key looked for there has.
    tags: [u64; KEYS],
    slots: Box<[Option<Slot<S>>]>,
    lanes: Vec<HandoverOutlet<S>>,
    share_min: f64,
    random: Random,
}

/// A hash that never leads to slot `slot`.
fn free_tag(slot: usize) -> u64 {
    !((slot as u64) << SHIFT)
}

#[inline(always)]
fn slot_of(hash: u64) -> usize {
    (hash >> SHIFT) as usize
}

impl<S: Pod> Splitter<S> {
    /// Over the partitions behind `lanes`; keys with `share_min` of the events are hot.
    pub fn new(lanes: Vec<HandoverOutlet<S>>, share_min: f64, seed: u64) -> Self {
        Splitter {
            tags: std::array::from_fn(free_tag),
            slots: (0..KEYS).map(|_| None).collect(),
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
        if self.tags[index] != hash {
            return home;
        }
        let Some(slot) = &mut self.slots[index] else {
            return home;
        };
        if slot.told.key != key {
            return home;
        }
        slot.left -= 1;
        if slot.left == 0 {
            self.look::<T, F>(index, ways);
        }
        let Some(slot) = &mut self.slots[index] else {
            return home;
        };
        F::fold(event, &mut slot.total);
        slot.told.events += 1;
        slot.lane
    }

    /// The sample says this of `key`, which belongs to partition `home`: hot from now on, perhaps.
    /// Its event has not been sent yet.
    #[cold]
    pub fn heed(&mut self, (key, hash): (u64, u64), home: usize, warm: Warm, ways: &mut impl Ways) {
        let index = slot_of(hash);
        if warm.sampled < SAMPLES_MIN
            || warm.share_min < self.share_min
            || self.slots[index].is_some()
            || self.lanes.len() < 2
            || self.lanes[home].room() <= KEYS
            || !self.lanes[home].send(Handover::Show(key))
        {
            return;
        }
        ways.announce(home);
        let mut known: Box<[bool]> = vec![false; self.lanes.len()].into();
        known[home] = true;
        self.tags[index] = hash;
        self.slots[index] = Some(Slot {
            told: SplitKey {
                key,
                ..SplitKey::default()
            },
            home,
            lane: home,
            left: STAY,
            asked: true,
            total: S::zeroed(),
            known,
        });
    }

    /// Takes in what partitions have answered.
    fn hear<T, F: Fold<T, S>>(&mut self, lane: usize) {
        while let Some((key, earlier)) = self.lanes[lane].answer() {
            let mut slots = self.slots.iter_mut().flatten();
            if let Some(slot) = slots.find(|slot| slot.told.key == key && slot.asked) {
                let later = std::mem::replace(&mut slot.total, earlier);
                F::merge(&mut slot.total, &later);
                slot.asked = false;
            }
        }
    }

    /// Whether the key in `index` goes on by another lane, before its next event.
    #[cold]
    fn look<T, F: Fold<T, S>>(&mut self, index: usize, ways: &mut impl Ways) {
        let lanes = self.lanes.len();
        let other = self.random.below(lanes as u64) as usize;
        let Some(slot) = &mut self.slots[index] else {
            return;
        };
        slot.left = STAY;
        let (home, lane) = (slot.home, slot.lane);
        if slot.asked {
            self.hear::<T, F>(home);
            return;
        }
        // Room here and at home for all keys to be brought there, after this.
        let room = self.lanes[other].room().min(self.lanes[home].room());
        if other == lane
            || room <= KEYS
            || ways.waiting(other) + GAIN > ways.waiting(lane)
            || !self.lanes[other].send(Handover::Set(slot.told.key, slot.total))
        {
            return;
        }
        ways.announce(other);
        (slot.lane, slot.known[other]) = (other, true);
        slot.told.moves += 1;
    }

    /// All keys go home, as every state has to lie where it belongs: a checkpoint or the end follows.
    pub fn bring_home(&mut self, ways: &mut impl Ways) {
        for slot in self.slots.iter_mut().flatten() {
            for lane in 0..self.lanes.len() {
                let handover = match lane == slot.home {
                    true if slot.lane != lane => Handover::Set(slot.told.key, slot.total),
                    false if slot.known[lane] => Handover::Forget(slot.told.key),
                    _ => continue,
                };
                let sent = self.lanes[lane].send(handover);
                debug_assert!(sent, "room for each key was kept");
                ways.announce(lane);
                slot.known[lane] = lane == slot.home;
            }
            slot.lane = slot.home;
        }
    }

    /// What came of it, key by key.
    pub fn told(&self) -> impl Iterator<Item = SplitKey> + '_ {
        self.slots.iter().flatten().map(|slot| slot.told)
    }
}
