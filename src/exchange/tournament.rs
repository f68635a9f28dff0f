//! A tournament over lanes: which of them is first, kept up to date as one of them changes, in log₂ steps.
//!
//! ```text
//!                 winners[1]                 the first of all
//!            ┌────────┴────────┐
//!       winners[2]        winners[3]         the first of each half; of equals the lower lane
//!       ┌────┴────┐       ┌────┴────┐
//!     lane 0    lane 1  lane 2    none       padded to a power of two
//! ```

/// No lane: loses against any.
const NONE: u32 = u32::MAX;

/// Whose turn it is, by an order that the caller gives.
#[derive(Clone, Debug)]
pub(super) struct Tournament {
    winners: Vec<u32>,
}

impl Tournament {
    /// Over `lanes`, at least one; `before(a, b)` says whether `a` goes before `b`, and must be false of equals.
    pub(super) fn new(lanes: usize, before: impl Fn(usize, usize) -> bool) -> Self {
        let leaves = lanes.next_power_of_two();
        let mut winners = vec![NONE; 2 * leaves];
        for (lane, leaf) in winners[leaves..].iter_mut().take(lanes).enumerate() {
            *leaf = lane as u32;
        }
        let mut tournament = Tournament { winners };
        tournament.replay(before);
        tournament
    }

    /// When any number of lanes have changed.
    pub(super) fn replay(&mut self, before: impl Fn(usize, usize) -> bool) {
        for place in (1..self.winners.len() / 2).rev() {
            self.decide(place, &before);
        }
    }

    /// When `lane` has changed.
    #[inline(always)]
    pub(super) fn update(&mut self, lane: usize, before: impl Fn(usize, usize) -> bool) {
        let mut place = (self.winners.len() / 2 + lane) / 2;
        while place > 0 {
            self.decide(place, &before);
            place /= 2;
        }
    }

    /// The first of all.
    #[inline(always)]
    pub(super) fn first(&self) -> usize {
        self.winners[1] as usize
    }

    #[inline(always)]
    fn decide(&mut self, place: usize, before: &impl Fn(usize, usize) -> bool) {
        let (left, right) = (self.winners[2 * place], self.winners[2 * place + 1]);
        let is_right = right != NONE && (left == NONE || before(right as usize, left as usize));
        self.winners[place] = if is_right { right } else { left };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::random::Random;

    #[test]
    fn the_first_is_always_the_least_and_of_equals_the_lowest() {
        for lanes in [1, 2, 3, 7, 8, 33] {
            let mut random = Random::new(lanes as u64);
            let mut loads = vec![0_u64; lanes];
            let mut tournament = Tournament::new(lanes, |_, _| false);
            assert_eq!(tournament.first(), 0);
            for _ in 0..500 {
                let lane = random.below(lanes as u64) as usize;
                loads[lane] = random.below(10);
                tournament.update(lane, |a, b| loads[a] < loads[b]);
                let least = loads.iter().min().unwrap();
                let expected = loads.iter().position(|load| load == least);
                assert_eq!(Some(tournament.first()), expected, "{loads:?}");
            }
        }
    }
}
