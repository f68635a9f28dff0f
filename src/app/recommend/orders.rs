//! The order of an item's links, by score and by count: what every answer asks of it, kept while it holds.
//!
//! ```text
//!   touch of an item ─► list shorter than LISTED_MIN? sort: that is as fast as a look-up
//!                       kept?  yes: learn, which forgets the order that no longer holds
//!                              no:  learn
//!                       ask for an order ─► known: hit │ not known: miss, sort, keep
//!
//!   a link changes:   … p ─ [link] ─ n …    p still before link before n: the order holds   (O(1))
//!                                           else: forgotten, an invalidation
//! ```
//!
//! Orders are kept by item in a bounded cache beside the state of the stage, in as many bytes for a list
//! of any length; a part in each partition.
//!
//! Invariant: an order that is kept is the one that sorting would give, ties included: no two places have
//! the same [`sort_key`], so an order is right if and only if each place precedes the next, and after a
//! change of one link only its own neighbours in the order can be out of it.

use super::params::NEIGHBOURS;
use crate::cache::{Cache, Policy, S3Fifo};
use crate::task::CacheFigures;

/// Links of a list whose order is worth keeping. Below, the sort takes no longer than the look-up.
const LISTED_MIN: usize = 8;

/// In place of the first place where an order is not known, and of each beyond the length of the list.
const UNKNOWN: u8 = u8::MAX;

/// Places of a list in some order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    places: [u8; NEIGHBOURS],
}

/// The two orders of one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orders {
    by_score: Order,
    by_count: Order,
}

const _: () = {
    assert!(size_of::<Orders>() == 64, "one cache line");
    assert!(NEIGHBOURS < UNKNOWN as usize);
};

/// Small before large where `key` is large before small; of two with one key the one listed first.
fn sort_key(key: u32, at: usize) -> u64 {
    u64::from(!key) << 32 | at as u64
}

impl Order {
    const UNKNOWN: Order = Order {
        places: [UNKNOWN; NEIGHBOURS],
    };

    /// The first `len` places in descending order of `key`; on a tie, as listed.
    pub(super) fn sorted(len: usize, key: impl Fn(usize) -> u32) -> Self {
        let mut keys = [u64::MAX; NEIGHBOURS];
        for (at, slot) in keys.iter_mut().enumerate().take(len) {
            *slot = sort_key(key(at), at);
        }
        keys[..len].sort_unstable();
        Order {
            places: keys.map(|key| key as u8),
        }
    }

    /// The places of a list of `len`.
    pub(super) fn places(&self, len: usize) -> impl Iterator<Item = usize> + '_ {
        self.places[..len].iter().map(|&at| usize::from(at))
    }

    fn is_known(&self) -> bool {
        self.places[0] != UNKNOWN
    }

    /// What sorting gives, without sorting where it is known.
    fn ask(&mut self, len: usize, key: impl Fn(usize) -> u32, asked: &mut Asked) -> Order {
        if self.is_known() {
            asked.hits += 1;
        } else {
            asked.misses += 1;
            *self = Order::sorted(len, key);
        }
        *self
    }

    /// The link at `at` has another key, or is new at the end of now `len`: forgets the order if it does
    /// not hold any more.
    fn change(&mut self, at: usize, len: usize, key: impl Fn(usize) -> u32, asked: &mut Asked) {
        if !self.is_known() {
            return;
        }
        // A new link at the end of the list stands last in the order too, until shown otherwise.
        if self.places[len - 1] == UNKNOWN {
            self.places[len - 1] = at as u8;
        }
        let key_at = |rank: usize| {
            let at = usize::from(self.places[rank]);
            sort_key(key(at), at)
        };
        let rank = self.places[..len]
            .iter()
            .position(|&place| usize::from(place) == at);
        let holds = rank.is_some_and(|rank| {
            (rank == 0 || key_at(rank - 1) < key_at(rank))
                && (rank + 1 == len || key_at(rank) < key_at(rank + 1))
        });
        if !holds {
            self.forget(asked);
        }
    }

    fn forget(&mut self, asked: &mut Asked) {
        asked.invalidations += u64::from(self.is_known());
        self.places[0] = UNKNOWN;
    }
}

/// How often an order was asked for and known, not known, and forgotten.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    hits: u64,
    misses: u64,
    invalidations: u64,
}

/// The orders of the list at work, and where to count.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    orders: &'a mut Orders,
    asked: &'a mut Asked,
}

impl Kept<'_> {
    /// The order by score; see [`Order::sorted`].
    pub(super) fn by_score(&mut self, len: usize, key: impl Fn(usize) -> u32) -> Order {
        self.orders.by_score.ask(len, key, self.asked)
    }

    /// The order by count.
    pub(super) fn by_count(&mut self, len: usize, key: impl Fn(usize) -> u32) -> Order {
        self.orders.by_count.ask(len, key, self.asked)
    }

    /// The link at `at` has another score and another count, or is another; the list now has `len`.
    pub(super) fn change(
        &mut self,
        at: usize,
        len: usize,
        score: impl Fn(usize) -> u32,
        count: impl Fn(usize) -> u32,
    ) {
        self.orders.by_score.change(at, len, score, self.asked);
        self.orders.by_count.change(at, len, count, self.asked);
    }

    /// All scores have been written anew: rounding may have made ties of some.
    pub(super) fn rescored(&mut self) {
        self.orders.by_score.forget(self.asked);
    }
}

/// The orders kept by one partition.
#[derive(Debug)]
pub(super) struct KeptOrders {
    cache: Cache<Orders, S3Fifo>,
    asked: Asked,
}

impl KeptOrders {
    /// The part of `partition` of `partitions` in `answers` lists; `None` where that is none.
    pub(super) fn share(answers: usize, partition: usize, partitions: usize) -> Option<Self> {
        let share = answers / partitions + usize::from(partition < answers % partitions);
        (share > 0).then(|| KeptOrders {
            cache: Cache::new(share),
            asked: Asked::default(),
        })
    }

    /// Lets `work` change and ask for the orders of `item`, whose list had `len` links before.
    pub(super) fn with<R>(
        &mut self,
        item: u64,
        len: usize,
        work: impl FnOnce(Option<Kept<'_>>) -> R,
    ) -> R {
        if len < LISTED_MIN {
            if len == 0 {
                // A new item, or one whose state has been forgotten: so must be what was kept of it.
                self.asked.invalidations += u64::from(self.cache.invalidate(item));
            }
            return work(None);
        }
        let asked = &mut self.asked;
        if let Some(orders) = self.cache.get_mut(item) {
            return work(Some(Kept { orders, asked }));
        }
        let mut orders = Orders {
            by_score: Order::UNKNOWN,
            by_count: Order::UNKNOWN,
        };
        let done = work(Some(Kept {
            orders: &mut orders,
            asked,
        }));
        self.cache.insert(item, orders);
        done
    }

    /// What it counted: a reference is an order asked for, up to two a touch.
    pub(super) fn figures(&self) -> CacheFigures {
        CacheFigures {
            name: "answers",
            policy: <S3Fifo as Policy>::NAME,
            capacity_slots: self.cache.capacity() as u64,
            len: self.cache.len() as u64,
            hits: self.asked.hits,
            misses: self.asked.misses,
            misses_new: 0,
            evictions: self.cache.counts().evictions,
            invalidations: self.asked.invalidations,
            expirations: 0,
            cold: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::random::Random;

    #[test]
    fn capacity_is_shared_out_to_the_last_list() {
        for (answers, partitions) in [(0, 4), (1, 4), (10, 4), (100_000, 7), (3, 1)] {
            let shares = (0..partitions).map(|partition| {
                KeptOrders::share(answers, partition, partitions)
                    .map_or(0, |kept| kept.figures().capacity_slots)
            });
            assert_eq!(shares.sum::<u64>(), answers as u64);
        }
    }

    #[test]
    fn an_order_that_is_known_is_what_sorting_gives() {
        let mut random = Random::stream(3, "orders");
        let mut draw = |below: u64| random.next_u64() % below;
        let mut asked = Asked::default();
        for _ in 0..2_000 {
            // Few different keys, so that most changes meet a tie.
            let keys_most = 1 + draw(12);
            let mut keys: Vec<u32> = Vec::new();
            let mut order = Order::UNKNOWN;
            for _ in 0..60 {
                let at = if keys.len() < NEIGHBOURS && (keys.is_empty() || draw(4) == 0) {
                    keys.push(draw(keys_most) as u32);
                    keys.len() - 1
                } else {
                    let at = draw(keys.len() as u64) as usize;
                    keys[at] = draw(keys_most) as u32;
                    at
                };
                order.change(at, keys.len(), |at| keys[at], &mut asked);
                let sorted = Order::sorted(keys.len(), |at| keys[at]);
                if order.is_known() {
                    let (known, sorted) = (order.places(keys.len()), sorted.places(keys.len()));
                    assert!(known.eq(sorted), "{keys:?}");
                }
                if draw(2) == 0 {
                    order.ask(keys.len(), |at| keys[at], &mut asked);
                }
            }
        }
        assert!(asked.hits > 1_000 && asked.misses > 1_000 && asked.invalidations > 1_000);
    }

    #[test]
    fn what_is_kept_of_an_item_goes_with_its_state() {
        let mut kept = KeptOrders::share(4, 0, 1).expect("there is room");
        let key = |at: usize| at as u32;
        let by_score = |kept: &mut KeptOrders, len: usize| {
            kept.with(7, len, |kept| kept.map(|mut kept| kept.by_score(len, key)))
        };
        assert!(by_score(&mut kept, LISTED_MIN - 1).is_none(), "too short");
        assert!(by_score(&mut kept, 9).is_some() && by_score(&mut kept, 9).is_some());
        assert_eq!((kept.asked.hits, kept.asked.misses), (1, 1));
        assert!(by_score(&mut kept, 0).is_none());
        assert!(by_score(&mut kept, 9).is_some());
        assert_eq!((kept.asked.hits, kept.asked.misses), (1, 2));
        assert_eq!(kept.asked.invalidations, 1);
    }
}
