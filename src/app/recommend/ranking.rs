//! The list of an answer in the making, and how a short one is widened.

use super::lists::KnownLists;
use super::message::ClickId;
use super::params::{ANSWER_ITEMS, PARTIAL_ITEMS};

/// Best items of a short answer whose neighbours fill it.
const WIDEN_FROM: usize = 8;

/// A list in the making, at most as long as an answer.
pub(super) struct Ranking {
    pub(super) items: [u64; ANSWER_ITEMS],
    pub(super) len: usize,
    most: usize,
}

impl Ranking {
    pub(super) fn new(most: usize) -> Self {
        Ranking {
            items: [0; ANSWER_ITEMS],
            len: 0,
            most,
        }
    }

    pub(super) fn has(&self, item: u64) -> bool {
        self.items[..self.len].contains(&item)
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == self.most
    }

    pub(super) fn push(&mut self, item: u64) {
        if !self.is_full() {
            self.items[self.len] = item;
            self.len += 1;
        }
    }
}

/// Best first; on a tie the smaller item, so that the order of arrival does not show.
pub(super) fn rank(candidates: &mut [(u64, f32)]) {
    candidates.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

/// Fills a short list with what lies near its best items, the first of them counting most.
pub(super) fn widen(list: &mut Ranking, seen: &[u64], click: ClickId, lists: &KnownLists) {
    if list.is_full() {
        return;
    }
    let mut found = [(0u64, 0.0f32); WIDEN_FROM * PARTIAL_ITEMS];
    let mut len = 0;
    for (at, &item) in list.items[..list.len.min(WIDEN_FROM)].iter().enumerate() {
        let Some((items, scores)) = lists.get(item, click) else {
            continue;
        };
        for (&near, score) in items.iter().zip(scores) {
            let score = score / (at as f32 + 1.0);
            if seen.contains(&near) || list.has(near) {
                continue;
            }
            match found[..len].iter_mut().find(|known| known.0 == near) {
                Some(known) => known.1 += score,
                None => {
                    found[len] = (near, score);
                    len += 1;
                }
            }
        }
    }
    rank(&mut found[..len]);
    found[..len]
        .iter()
        .for_each(|candidate| list.push(candidate.0));
}
