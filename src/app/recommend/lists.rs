//! The neighbour lists that have passed through a partition of `answer`, the last of each item.
//!
//! An answer whose own links are few is widened by the neighbours of its best items (a second hop),
//! without a question to their owners. This is memory of the operator, not state of a key: a list may
//! be missing or some clicks old, then the answer is filled with something less fitting, no more.
//!
//! Direct-mapped: an item has one slot, a newer list of another item in the same slot replaces it.

use super::message::Near;

/// Slots; 4096 × 216 bytes are 0.9 MB a partition, touched a few lines a click.
const SLOTS_LOG2: u32 = 12;

/// The last neighbour list of recently touched items.
#[derive(Clone, Debug)]
pub struct KnownLists {
    slots: Vec<Option<Near>>,
}

impl Default for KnownLists {
    fn default() -> Self {
        KnownLists {
            slots: vec![None; 1 << SLOTS_LOG2],
        }
    }
}

impl KnownLists {
    /// Keeps a list; an empty one says nothing.
    pub fn keep(&mut self, near: &Near) {
        if near.len > 0 {
            self.slots[slot(near.item)] = Some(*near);
        }
    }

    /// The last list of an item, if it is still here.
    pub fn get(&self, item: u64) -> Option<&Near> {
        self.slots[slot(item)]
            .as_ref()
            .filter(|near| near.item == item)
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
        let mut lists = KnownLists::default();
        lists.keep(&near(1, 10));
        lists.keep(&near(1, 11));
        assert_eq!(lists.get(1).map(|n| n.items[0]), Some(11));
        let twin = (2..)
            .find(|&i| slot(i) == slot(1))
            .expect("there are fewer slots than items");
        assert!(lists.get(twin).is_none());
        lists.keep(&near(twin, 12));
        assert!(lists.get(1).is_none());
    }
}
