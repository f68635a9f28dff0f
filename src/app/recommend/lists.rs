//! The neighbour lists that have passed through a partition of `answer`, the last of each item.
//!
//! An answer whose own links are few is widened by the neighbours of its best items (a second hop),
//! without a question to their owners. This is memory of the operator, not state of a key: a list may
//! be missing or some clicks old, then the answer is filled with something less fitting, no more.
//!
//! A list remembers the click that brought it. Parts of a user's later click may overtake those of an
//! earlier one; a list from a later click of the same user knows what the earlier answer is to be tested
//! with, so that answer does not get to see it. (In a burst of one user this alone was worth 0.01 of
//! recall that nobody had earned.)
//!
//! Direct-mapped: an item has one slot, a newer list of another item in the same slot replaces it.
//!
//! The slots are an array that is captured at a barrier while events go on: to write all of them down there took
//! milliseconds. Restored into fewer partitions, of two lists in one slot the later partition's stays.

use super::message::{ClickId, Near};
use super::params::PARTIAL_ITEMS;
use crate::state::{Array, Captured};
use bytemuck::{Pod, Zeroable};

/// 4096 slots of 216 bytes: 0.88 MB a partition, of which a click touches a few lines.
const SLOTS_LOG2: u32 = 12;

/// A list and the click that brought it. All zero where there is none yet: no list that is kept has no items.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Known {
    item: u64,
    user: u64,
    number: u32,
    len: u32,
    items: [u64; PARTIAL_ITEMS],
    scores: [f32; PARTIAL_ITEMS],
}

const _: () = assert!(size_of::<Known>() == 216);

/// The last neighbour list of recently touched items.
#[derive(Debug)]
pub struct KnownLists {
    slots: Array<Known>,
}

impl Default for KnownLists {
    fn default() -> Self {
        KnownLists {
            slots: Array::new(1 << SLOTS_LOG2),
        }
    }
}

impl KnownLists {
    /// What is to be captured of it.
    pub fn captured(&mut self) -> &mut dyn Captured {
        &mut self.slots
    }

    /// Keeps a list that came with `click`; an empty one says nothing.
    pub fn keep(&mut self, click: ClickId, near: &Near) {
        if near.len > 0 {
            *self.slots.at_mut(slot(near.item)) = Known {
                item: near.item,
                user: click.user,
                number: click.number,
                len: u32::from(near.len),
                items: near.items,
                scores: near.scores,
            };
        }
    }

    /// The last list of an item, if it is still here and the answer to `click` may see it: its neighbours and
    /// the root of each one's share.
    pub fn get(&self, item: u64, click: ClickId) -> Option<(&[u64], &[f32])> {
        let known = self.slots.at(slot(item));
        let later = known.user == click.user && known.number > click.number;
        let len = known.len as usize;
        let found = len > 0 && known.item == item && !later;
        found.then_some((&known.items[..len], &known.scores[..len]))
    }
}

/// Fibonacci hashing: the upper bits of a product with 2^64 / golden ratio.
fn slot(item: u64) -> usize {
    (item.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SLOTS_LOG2)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::recommend::params::PARTIAL_ITEMS;

    #[test]
    fn the_last_list_of_an_item_and_never_another_items() {
        let near = |item, first| {
            let mut items = [0; PARTIAL_ITEMS];
            items[0] = first;
            Near {
                item,
                ask: 1.0,
                len: 1,
                items,
                scores: [1.0; PARTIAL_ITEMS],
            }
        };
        let (first, second) = (
            ClickId { user: 1, number: 1 },
            ClickId { user: 1, number: 2 },
        );
        let mut lists = KnownLists::default();
        lists.keep(first, &near(1, 10));
        lists.keep(first, &near(1, 11));
        assert_eq!(lists.get(1, first).map(|(items, _)| items[0]), Some(11));
        let twin = (2..)
            .find(|&i| slot(i) == slot(1))
            .expect("there are fewer slots than items");
        assert!(lists.get(twin, first).is_none());
        lists.keep(first, &near(twin, 12));
        assert!(lists.get(1, first).is_none());
        lists.keep(second, &near(1, 13));
        assert!(
            lists.get(1, first).is_none(),
            "it knows what the first answer is tested with"
        );
        assert!(lists.get(1, second).is_some());
        assert!(lists.get(1, ClickId { user: 2, number: 1 }).is_some());
    }
}
