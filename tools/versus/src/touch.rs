//! W3's two states and its answer: how often each user has come, then which items are touched by those who come
//! often.
//!
//! ```text
//!   event (user, item) ─[by user]─► times: how often the user has come, this time included
//!                      ─[by item]─► weight of the item: touches += 1, times += times, most = max(most, times)
//!   at the end: every item's weight, and the ten items with the largest sum of times
//! ```
//!
//! All of it is the same in whatever order the users of an item come: so every peer must give the same answer.

use crate::input::Expected;
use bytemuck::{Pod, Zeroable};
use millstream::partition::mum64;
use millstream::sink::xxh3_48;
use serde::{Deserialize, Serialize};

/// Items on the list.
const TOP: usize = 10;

/// What goes from the first stage to the second.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Touch {
    pub item: u64,
    /// How often the user has come, this time included.
    pub times: u64,
}

/// What is remembered of an item; all zero before its first touch.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable, Serialize, Deserialize)]
pub struct Weight {
    pub touches: u64,
    pub times: u64,
    pub most: u64,
}

impl Weight {
    /// Takes in a touch.
    #[inline(always)]
    pub fn add(&mut self, touch: Touch) {
        self.touches += 1;
        self.times += touch.times;
        self.most = self.most.max(touch.times);
    }
}

/// An item at the end.
pub type Weighed = (u64, Weight);

/// The answer to all items: how many, and a sum over them and over the list of the top ones.
pub fn answer(mut items: Vec<Weighed>) -> Expected {
    let digest = |rank: u64, (item, weight): &Weighed| {
        xxh3_48([*item, weight.touches, weight.times, weight.most, rank, 0])
    };
    let sum = items.iter().map(|item| digest(0, item));
    let mut sum = sum.fold(0, u64::wrapping_add);
    items.sort_unstable_by_key(|(item, weight)| (std::cmp::Reverse(weight.times), *item));
    for (rank, item) in (1..).zip(items.iter().take(TOP)) {
        sum = sum.wrapping_add(digest(rank, item));
    }
    Expected {
        results: items.len() as u64,
        digest: sum,
    }
}

/// Which of two threads an item belongs to.
#[inline(always)]
pub fn owner(item: u64) -> usize {
    (mum64(item) >> 33 & 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(times: [u64; 3]) -> Vec<Weighed> {
        let mut items = vec![(1, Weight::default()), (2, Weight::default())];
        items[0].1.add(Touch {
            item: 1,
            times: times[0],
        });
        items[0].1.add(Touch {
            item: 1,
            times: times[1],
        });
        items[1].1.add(Touch {
            item: 2,
            times: times[2],
        });
        items
    }

    #[test]
    fn the_answer_depends_on_every_weight_and_not_on_the_order() {
        let right = answer(weighed([1, 5, 7]));
        assert_eq!(right.results, 2);
        assert_eq!(answer(weighed([5, 1, 7])), right);
        assert_eq!(
            answer(weighed([1, 5, 7]).into_iter().rev().collect()),
            right
        );
        assert_ne!(answer(weighed([2, 4, 7])).digest, right.digest);
        assert_ne!(answer(weighed([1, 5, 6])).digest, right.digest);
    }
}
