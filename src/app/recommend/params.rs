//! The constants of the method: sizes fixed at compile time, weights that a run may change.
//!
//! Searched on 70,278 shop clicks and 640,251 file changes (some three hundred runs), test-then-train.
//! The method is not sensitive to them: half or twice a weight moves recall@20 by 0.01 at most. What
//! matters: that older items count less (all six alike cost 0.017 on file changes), and that the
//! half-life is long where habits last (three days instead of a year cost a quarter of the hits on file
//! changes, and nothing on five days of shop clicks).

/// Items an answer may hold at most.
pub const ANSWER_ITEMS: usize = 20;
/// Items of a user that are remembered, and kept out of the answer.
pub const RECENT_ITEMS: usize = 16;
/// Items of a user that a click touches: itself and the five before it. Eight gain about 0.002.
pub const REACH: usize = 6;
/// Neighbours of an item. 64 give the same recall within 0.002 for twice the memory.
pub const NEIGHBOURS: usize = 32;
/// Neighbours of one item that an answer hears of.
pub const PARTIAL_ITEMS: usize = 16;

/// Weights of the method.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    answer_items: usize,
    half_life_ns: u64,
    near_ns: u64,
    back: f32,
    learn: [f32; REACH],
    ask: [f32; REACH],
    answers_kept: usize,
}

/// A weight that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParamsError {
    /// Length of the answer.
    #[error("an answer of {0} items: expected 1 to {ANSWER_ITEMS}; set `items` within that range")]
    AnswerItems(usize),
}

impl Default for Params {
    fn default() -> Self {
        Params {
            answer_items: ANSWER_ITEMS,
            half_life_ns: 365 * 86_400 * 1_000_000_000,
            near_ns: 60 * 1_000_000_000,
            back: 0.3,
            // `learn[p]` for the p-th item before the click; `learn[0]`, the click itself, is not used.
            learn: powers(0.4, 1),
            ask: powers(0.5, 0),
            answers_kept: 0,
        }
    }
}

/// `base^(p - from)` at place `p`; 1 before `from`.
fn powers(base: f32, from: usize) -> [f32; REACH] {
    std::array::from_fn(|p| base.powi(p.saturating_sub(from) as i32))
}

impl Params {
    /// Length of the answer, 1 to [`ANSWER_ITEMS`]; 20 by default.
    pub fn with_answer_items(mut self, items: usize) -> Result<Self, ParamsError> {
        if !(1..=ANSWER_ITEMS).contains(&items) {
            return Err(ParamsError::AnswerItems(items));
        }
        self.answer_items = items;
        Ok(self)
    }

    /// Time after which a link counts half, in ns of event time; 0: never forget. A year by default.
    pub fn with_half_life_ns(mut self, half_life_ns: u64) -> Self {
        self.half_life_ns = half_life_ns;
        self
    }

    /// Items whose computed answer, the order of their links, is kept as long as it holds; shared out over
    /// the partitions. None by default. Changes no answer.
    pub fn with_answers_kept(mut self, items: usize) -> Self {
        self.answers_kept = items;
        self
    }

    /// Items whose computed answer is kept.
    pub fn answers_kept(&self) -> usize {
        self.answers_kept
    }

    /// Length of the answer, in items.
    pub fn answer_items(&self) -> usize {
        self.answer_items
    }

    /// How much stronger a link made at `ts_ns` is than one made at `since_ns`.
    pub(crate) fn growth(&self, since_ns: u64, ts_ns: u64) -> f64 {
        if self.half_life_ns == 0 {
            return 1.0;
        }
        ((ts_ns as f64 - since_ns as f64) / self.half_life_ns as f64).exp2()
    }

    /// What the item at `place`, seen `gap_ns` ago, learns from a click of weight 1.
    pub(crate) fn learn(&self, place: usize, gap_ns: u64) -> f32 {
        self.learn[place] * self.nearness(gap_ns)
    }

    /// What the item at `place`, seen `gap_ns` ago, has to say in an answer.
    pub(crate) fn ask(&self, place: usize, gap_ns: u64) -> f32 {
        self.ask[place] * self.nearness(gap_ns)
    }

    /// How much of a link is learned from the new item back to the old one.
    pub fn back(&self) -> f32 {
        self.back
    }

    fn nearness(&self, gap_ns: u64) -> f32 {
        (self.near_ns as f64 / (self.near_ns as f64 + gap_ns as f64)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_one_to_twenty_items() {
        assert_eq!(
            Params::default().with_answer_items(0),
            Err(ParamsError::AnswerItems(0))
        );
        assert_eq!(
            Params::default().with_answer_items(21),
            Err(ParamsError::AnswerItems(21))
        );
        assert_eq!(
            Params::default()
                .with_answer_items(5)
                .map(|p| p.answer_items()),
            Ok(5)
        );
    }

    #[test]
    fn weights_fall_with_place_and_gap_and_double_in_a_half_life() {
        let p = Params::default().with_half_life_ns(1000);
        assert_eq!(p.growth(500, 1500), 2.0);
        assert_eq!(
            p.growth(1500, 500),
            0.5,
            "an event out of order counts as the old thing it is"
        );
        assert_eq!(p.clone().with_half_life_ns(0).growth(0, u64::MAX), 1.0);
        assert_eq!(p.ask(0, 0), 1.0);
        assert_eq!(p.learn(1, 0), 1.0);
        assert!(p.learn(2, 0) < p.learn(1, 0) && p.ask(1, 0) < p.ask(0, 0));
        assert_eq!(p.learn(1, 60_000_000_000), 0.5);
    }
}
