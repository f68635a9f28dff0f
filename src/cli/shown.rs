//! Recommendations in words: keeps a few of the last ones beside whatever the sink does with them.

use super::labels::Labels;
use crate::app::recommend::Recommendation;
use crate::sink::Sink;
use crate::source::trace::Texts;
use std::collections::HashSet;

/// Recommendations kept a partition.
const KEPT: usize = 4;
/// Items named of each.
const NAMED: usize = 3;
/// Kept only when so many of its items came from the user's own links: the others say little.
const LINKED_MIN: u32 = 3;

/// A sink that remembers the last few results of different users.
#[derive(Debug)]
pub(super) struct Shown<S> {
    inner: S,
    last: [Option<Recommendation>; KEPT],
    next: usize,
}

impl<S> Shown<S> {
    pub(super) fn new(inner: S) -> Self {
        Shown {
            inner,
            last: [None; KEPT],
            next: 0,
        }
    }

    /// What was kept, and the sink within.
    pub(super) fn into_parts(self) -> (Vec<Recommendation>, S) {
        (self.last.into_iter().flatten().collect(), self.inner)
    }
}

impl<S: Sink<Recommendation>> Sink<Recommendation> for Shown<S> {
    fn take(&mut self, result: &Recommendation) {
        self.inner.take(result);
        if u32::from(result.linked) < LINKED_MIN {
            return;
        }
        // The latest of a user replaces that user's earlier one.
        let same = |kept: &Option<Recommendation>| {
            kept.is_some_and(|kept| kept.click.user == result.click.user)
        };
        let place = self.last.iter().position(same).unwrap_or_else(|| {
            self.next = (self.next + 1) % KEPT;
            self.next
        });
        self.last[place] = Some(*result);
    }

    fn save(&self) -> Vec<u8> {
        self.inner.save()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.inner.restore(saved)
    }

    fn flush(&mut self) -> bool {
        self.inner.flush()
    }

    fn is_blocked(&self) -> bool {
        self.inner.is_blocked()
    }

    fn barrier(&mut self, epoch: u64) {
        self.inner.barrier(epoch);
    }

    fn end(&mut self) {
        self.inner.end();
    }

    fn digest(&self) -> Option<u64> {
        self.inner.digest()
    }
}

/// The latest recommendations of a run, a line each.
pub(super) fn in_words(
    mut kept: Vec<Recommendation>,
    labels: &Labels,
    texts: &Texts,
) -> Vec<String> {
    kept.sort_by_key(|shown| std::cmp::Reverse(shown.ts_ns));
    // One a user: a partition keeps the latest of each, but a user's clicks answer in many partitions.
    let mut seen = HashSet::new();
    kept.retain(|shown| seen.insert(shown.click.user));
    let name = |id: u64| {
        let label = labels.text(id).map(str::to_owned);
        label
            .or_else(|| texts.get(id).map(|text| text.as_str().to_owned()))
            .unwrap_or_else(|| id.to_string())
    };
    let user = |id: u64| {
        texts
            .get(id)
            .map_or_else(|| id.to_string(), |text| text.as_str().to_owned())
    };
    let lines = kept.iter().take(KEPT).map(|shown| {
        let items: Vec<String> = shown
            .items()
            .iter()
            .take(NAMED)
            .map(|item| name(*item))
            .collect();
        format!(
            "user {}, after {}: {}",
            user(shown.click.user),
            name(shown.item),
            items.join(" · ")
        )
    });
    lines.collect()
}
