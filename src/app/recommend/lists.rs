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

use super::message::{ClickId, Near};

/// 4096 slots of 232 bytes: 0.95 MB a partition, of which a click touches a few lines.
const SLOTS_LOG2: u32 = 12;
const _: () = assert!(size_of::<Option<(ClickId, Near)>>() == 232);

/// The last neighbour list of recently touched items.
#[derive(Clone, Debug)]
pub struct KnownLists {
    slots: Vec<Option<(ClickId, Near)>>,
}

/// A list, its slot, and the click that brought it.
pub(super) type SavedList = (u16, ClickId, Near);

impl Default for KnownLists {
    fn default() -> Self {
        KnownLists {
            slots: vec![None; 1 << SLOTS_LOG2],
        }
    }
}

impl KnownLists {
    /// The lists, by slot: what a checkpoint keeps.
    pub(super) fn saved(&self) -> Vec<SavedList> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter_map(|(at, list)| list.map(|(click, near)| (at as u16, click, near)))
            .collect()
    }

    /// Takes up lists that were saved.
    pub(super) fn restore(&mut self, lists: Vec<SavedList>) {
        for (at, click, near) in lists {
            if let Some(slot) = self.slots.get_mut(usize::from(at)) {
                *slot = Some((click, near));
            }
        }
    }

    /// Keeps a list that came with `click`; an empty one says nothing.
    pub fn keep(&mut self, click: ClickId, near: &Near) {
        if near.len > 0 {
            self.slots[slot(near.item)] = Some((click, *near));
        }
    }

    /// The last list of an item, if it is still here and the answer to `click` may see it.
    pub fn get(&self, item: u64, click: ClickId) -> Option<&Near> {
        let (from, near) = self.slots[slot(item)].as_ref()?;
        let later = from.user == click.user && from.number > click.number;
        (near.item == item && !later).then_some(near)
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
        assert_eq!(lists.get(1, first).map(|n| n.items[0]), Some(11));
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
