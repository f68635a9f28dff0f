//! How good the answers were: recall and mean reciprocal rank, test-then-train, beside two baselines.
//!
//! When a user clicks, the three lists that stood at their click before are looked up for the item: what
//! was shown, the most popular items, and the last item's links by plain count. All three leave out
//! what the user had just seen (their 16 latest items) and have the same length.
//!
//! A next click on one of those 16 is a **repeat**: the question to show something new has no right
//! answer then, for any of the three. Repeats are counted apart: `recall_at_20` and `mrr_at_20` are over
//! the other, *fresh* clicks; the same with `_all_clicks` count every repeat as a miss. A user's first
//! click is not tested, as nothing was shown before it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hits of one list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Tests in which the item was listed.
    pub hits: u64,
    /// Sum of 1 / rank over these.
    pub reciprocal_ranks: f64,
}

impl Score {
    fn test(&mut self, list: &[u64], item: u64) {
        if let Some(at) = list.iter().position(|&listed| listed == item) {
            self.hits += 1;
            self.reciprocal_ranks += 1.0 / (at as f64 + 1.0);
        }
    }

    fn add(&mut self, other: &Score) {
        self.hits += other.hits;
        self.reciprocal_ranks += other.reciprocal_ranks;
    }
}

/// What one partition of `answer` has measured; those of all are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Answers given.
    pub answers: u64,
    /// Of these, tested by a fresh next click.
    pub fresh: u64,
    /// Tested by a repeated one, which no list may hold.
    pub repeats: u64,
    /// What was shown.
    pub shown: Score,
    /// Baseline: the most popular items of the moment.
    pub popular: Score,
    /// Baseline: the last item's links by plain count.
    pub last_item: Score,
}

impl Quality {
    /// Tests the lists that stood when the user clicked `item`.
    pub fn test(
        &mut self,
        item: u64,
        repeat: bool,
        shown: &[u64],
        popular: &[u64],
        last_item: &[u64],
    ) {
        if repeat {
            self.repeats += 1;
            return;
        }
        self.fresh += 1;
        self.shown.test(shown, item);
        self.popular.test(popular, item);
        self.last_item.test(last_item, item);
    }

    /// Adds another partition's.
    pub fn add(&mut self, other: &Quality) {
        self.answers += other.answers;
        self.fresh += other.fresh;
        self.repeats += other.repeats;
        self.shown.add(&other.shown);
        self.popular.add(&other.popular);
        self.last_item.add(&other.last_item);
    }

    /// Share of fresh clicks that `score` had listed; 0 where none was tested.
    pub fn recall(&self, score: &Score) -> f64 {
        ratio(score.hits as f64, self.fresh)
    }

    /// Mean of 1 / rank over fresh clicks, 0 for a miss.
    pub fn mrr(&self, score: &Score) -> f64 {
        ratio(score.reciprocal_ranks, self.fresh)
    }

    /// For the summary: counts, and the figures of all three lists, of `answer_items` length. A baseline's
    /// name stands before the figure's, with a dot. "with repeats" counts a repeat, which no list may
    /// hold, as a miss.
    pub fn summary(&self, answer_items: usize) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::from([
            ("answers".to_owned(), self.answers as f64),
            ("tested_fresh".to_owned(), self.fresh as f64),
            ("tested_repeats".to_owned(), self.repeats as f64),
        ]);
        let all = self.fresh + self.repeats;
        let n = answer_items;
        for (list, score) in [
            ("", &self.shown),
            ("popular.", &self.popular),
            ("last item.", &self.last_item),
        ] {
            let (hits, ranks) = (score.hits as f64, score.reciprocal_ranks);
            for (figure, value) in [
                (format!("recall@{n}"), self.recall(score)),
                (format!("mrr@{n}"), self.mrr(score)),
                (format!("recall@{n} with repeats"), ratio(hits, all)),
                (format!("mrr@{n} with repeats"), ratio(ranks, all)),
            ] {
                figures.insert(format!("{list}{figure}"), value);
            }
        }
        figures
    }
}

fn ratio(sum: f64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { sum / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_and_reciprocal_rank_by_hand() {
        let mut quality = Quality::default();
        quality.test(7, false, &[7, 8], &[8, 7], &[]);
        quality.test(8, false, &[7, 8], &[1], &[8]);
        quality.test(9, false, &[7, 8], &[1], &[8]);
        quality.test(7, true, &[7], &[7], &[7]);
        assert_eq!((quality.fresh, quality.repeats), (3, 1));
        assert_eq!(quality.recall(&quality.shown), 2.0 / 3.0);
        assert_eq!(quality.mrr(&quality.shown), 1.5 / 3.0);
        assert_eq!(quality.mrr(&quality.popular), 0.5 / 3.0);
        assert_eq!(quality.recall(&quality.last_item), 1.0 / 3.0);
        let mut both = quality;
        both.add(&quality);
        let figures = both.summary(20);
        assert_eq!(figures["recall@20"], 2.0 / 3.0);
        assert_eq!(figures["recall@20 with repeats"], 0.5);
        assert_eq!(figures["popular.mrr@20"], 0.5 / 3.0);
        assert_eq!(Quality::default().summary(5)["recall@5"], 0.0);
    }
}
