//! The candidates of one answer and what the lists of the user's items add up to for each.
//!
//! ```text
//!   byte 0         512        768         896   904
//!        ├───────────┼──────────┼───────────┼─────┤
//!        │ items[64] │ scores   │ places    │ len │     zeroed when new
//!        └───────────┴──────────┴───────────┴─────┘
//! ```
//!
//! At most 6 × 16 links come in, the 64 best-scored so far are kept. With 48 the
//! figures are the same.
//!
//! Invariant: `items[..len]` are distinct; each has a place that says its index + 1.

use super::params::{ANSWER_ITEMS, PARTIAL_ITEMS, REACH};
use super::ranking::rank;
use bytemuck::{Pod, Zeroable};

/// Most candidates of one answer.
pub(super) const CANDIDATES: usize = 64;
const PLACES: usize = 128;
/// In place of a score, which is never negative.
const SEEN: f32 = -1.0;

/// The candidates of one answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Candidates {
    items: [u64; CANDIDATES],
    scores: [f32; CANDIDATES],
    places: [u8; PLACES],
    len: u64,
}

const _: () = {
    assert!(size_of::<Candidates>() == 904, "as drawn above");
    assert!(PLACES == 1 << (64 - 57) && PLACES > REACH * PARTIAL_ITEMS && CANDIDATES < 255);
    assert!(
        CANDIDATES >= 2 * ANSWER_ITEMS,
        "room for the shown and the popular items"
    );
};

impl Candidates {
    /// Adds to a candidate's score; the weakest makes room for a stronger one.
    pub(super) fn add(&mut self, item: u64, score: f32) {
        let place = match self.find(item) {
            Ok(at) => {
                self.scores[at] += score;
                return;
            }
            Err(place) => place,
        };
        let len = self.len as usize;
        let at = if len < CANDIDATES {
            self.len += 1;
            len
        } else {
            let weaker = |a, b| {
                if self.scores[b] < self.scores[a] {
                    b
                } else {
                    a
                }
            };
            let weakest = (1..CANDIDATES).fold(0, weaker);
            if self.scores[weakest] >= score {
                return;
            }
            weakest
        };
        self.items[at] = item;
        self.scores[at] = score;
        self.places[place] = at as u8 + 1;
    }

    /// Index of a candidate, or the place to note it in.
    ///
    /// Open addressing; 0 is empty. The place of a candidate that had to go is stale, which the
    /// comparison with the item tells. A place is always left: a click brings fewer candidates.
    fn find(&self, item: u64) -> Result<usize, usize> {
        let mut place = (item.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57) as usize;
        loop {
            match self.places[place] {
                0 => return Err(place),
                at if self.items[usize::from(at) - 1] == item => {
                    return Ok(usize::from(at) - 1);
                }
                _ => place = (place + 1) % PLACES,
            }
        }
    }

    /// Without those in `seen`, best first, handed to `take` one by one.
    pub(super) fn ranked(&self, seen: &[u64], take: impl FnMut(u64)) {
        let mut scores = self.scores;
        for at in seen.iter().filter_map(|&item| self.find(item).ok()) {
            scores[at] = SEEN;
        }
        let mut order = [(0, 0.0f32); CANDIDATES];
        let mut fresh = 0;
        for (&item, &score) in self.items[..self.len as usize].iter().zip(&scores) {
            order[fresh] = (item, score);
            fresh += usize::from(score != SEEN);
        }
        rank(&mut order[..fresh]);
        order[..fresh]
            .iter()
            .map(|candidate| candidate.0)
            .for_each(take);
    }

    /// The candidates have served: their space takes the two lists that the next click will test.
    pub(super) fn replace(&mut self, shown: &[u64; ANSWER_ITEMS], popular: &[u64; ANSWER_ITEMS]) {
        self.items[..ANSWER_ITEMS].copy_from_slice(shown);
        self.items[ANSWER_ITEMS..2 * ANSWER_ITEMS].copy_from_slice(popular);
    }

    /// What `replace` has put there: shown, popular.
    pub(super) fn replaced(&self) -> (&[u64], &[u64]) {
        self.items[..2 * ANSWER_ITEMS].split_at(ANSWER_ITEMS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_room_for_keeps_the_best() {
        let mut candidates = Candidates::zeroed();
        for item in 0..96u64 {
            candidates.add(item, 1.0 + item as f32);
        }
        let mut ranked = Vec::new();
        candidates.ranked(&[95, 40, 3], |item| ranked.push(item));
        let expected: Vec<u64> = (96 - CANDIDATES as u64..95)
            .rev()
            .filter(|&i| i != 40)
            .collect();
        assert_eq!(ranked, expected);
    }

    #[test]
    fn scores_add_up_also_where_places_collide() {
        let mut candidates = Candidates::zeroed();
        for round in 0..3 {
            for item in 0..60u64 {
                candidates.add(item << 40, (item * (round + 1)) as f32);
            }
        }
        let mut ranked = Vec::new();
        candidates.ranked(&[], |item| ranked.push(item >> 40));
        assert_eq!(ranked, (0..60).rev().collect::<Vec<_>>());
    }
}
