//! The most clicked items, for the baseline and for answers that nothing else can fill.
//!
//! Kept twice, as part of an operator, not of a key: by each partition of `neighbours` over its own
//! items, exactly (the clicks of an item only grow, and each growth passes here, so an item enters at
//! the moment it overtakes the last); and by each partition of `answer`, which puts the former together
//! from hints that ride on the partials: the clicked item's own count with the outcome, and only after
//! the test, so that no answer can have heard of its own outcome; the others in turn. So with one
//! partition and one click at a time the list is exact; with several a count is late by the few dozen
//! clicks that a turn takes, never lost.
//!
//! Invariant: sorted by clicks, descending; items distinct; at most [`POPULAR_ITEMS`].

use super::params::{ANSWER_ITEMS, RECENT_ITEMS};

/// Enough to fill an answer after 16 just-seen items were left out, and some that are on their way up.
pub const POPULAR_ITEMS: usize = 48;

const _: () = assert!(POPULAR_ITEMS >= ANSWER_ITEMS + RECENT_ITEMS);

/// The most clicked items.
#[derive(Clone, Debug)]
pub struct Popular {
    entries: Vec<(u64, u32)>,
    turn: usize,
}

/// What is saved of a list.
pub(super) type SavedPopular = (Vec<(u64, u32)>, usize);

impl Default for Popular {
    fn default() -> Self {
        Popular {
            entries: Vec::with_capacity(POPULAR_ITEMS),
            turn: 0,
        }
    }
}

impl Popular {
    /// Items and their clicks, and the turn: what a checkpoint keeps.
    pub(super) fn saved(&self) -> SavedPopular {
        (self.entries.clone(), self.turn)
    }

    /// Takes up a list that was saved. Of several the most popular of all stay.
    pub(super) fn restore(&mut self, (entries, turn): SavedPopular) {
        if self.entries.is_empty() {
            (self.entries, self.turn) = (entries, turn);
            return;
        }
        for (item, clicks) in entries {
            self.heard(item, clicks);
        }
    }

    /// `item` has been clicked `clicks` times so far. An older, smaller count changes nothing.
    pub fn heard(&mut self, item: u64, clicks: u32) {
        let full = self.entries.len() == POPULAR_ITEMS;
        // Were it listed, with no more clicks than these, it would be the last or a tie of it: no change.
        if full && self.entries.last().is_some_and(|last| clicks <= last.1) {
            return;
        }
        let mut at = match self.entries.iter().position(|entry| entry.0 == item) {
            Some(at) if self.entries[at].1 >= clicks => return,
            Some(at) => at,
            None if full => POPULAR_ITEMS - 1,
            None => {
                self.entries.push((item, clicks));
                self.entries.len() - 1
            }
        };
        self.entries[at] = (item, clicks);
        while at > 0 && self.entries[at - 1].1 < clicks {
            self.entries.swap(at - 1, at);
            at -= 1;
        }
    }

    /// The next entry in turn; all come round.
    pub fn next_hint(&mut self) -> Option<(u64, u32)> {
        self.turn = if self.turn + 1 < self.entries.len() {
            self.turn + 1
        } else {
            0
        };
        self.entries.get(self.turn).copied()
    }

    /// Items, most clicked first.
    pub fn items(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.iter().map(|entry| entry.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn equals_a_full_count_at_every_click() {
        let mut clicks: HashMap<u64, u32> = HashMap::new();
        let mut popular = Popular::default();
        let mut x = 1u64;
        for _ in 0..20_000 {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let r = x >> 33;
            let item = (r % 400) * ((r / 400) % 3) + r % 7;
            let count = clicks.entry(item).or_default();
            *count += 1;
            popular.heard(item, *count);
            let mut all: Vec<u32> = clicks.values().copied().collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.truncate(POPULAR_ITEMS);
            let mine: Vec<u32> = popular.items().map(|i| clicks[&i]).collect();
            assert_eq!(mine, all);
        }
        let stale: Vec<u64> = popular.items().collect();
        popular.heard(stale[3], 1);
        assert_eq!(
            popular.items().collect::<Vec<_>>(),
            stale,
            "an old count is no news"
        );
    }

    #[test]
    fn every_entry_has_its_turn() {
        let mut popular = Popular::default();
        assert_eq!(popular.next_hint(), None);
        for item in 0..10 {
            popular.heard(item, 5);
        }
        let mut seen: Vec<u64> = (0..10)
            .filter_map(|_| popular.next_hint())
            .map(|h| h.0)
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }
}
