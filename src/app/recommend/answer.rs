//! The answer to one click while its parts arrive, and until the user's next click has tested it: the
//! state of the third stage, one a click.
//!
//! ```text
//!             ┌──────────── part ────────────┐
//!   (zeroed) ─┴► gathering ── last part ──► shown ── outcome ──► tested: removed
//!                   │  └─ outcome (early) ─┐   ▲emit
//!                   ▼                      ▼
//!              keeps the item       last part: emit, test, removed
//!
//!   byte 0            512       768           928      1056    1064      1072       1080       1088
//!        ├──────────────┼─────────┼─────────────┼────────┼───────┼─────────┼──────────┼──────────┤
//!        │candidates[64]│ scores  │followers[20]│seen[16]│ ts_ns │ outcome │ 8 lengths│ its clicks│
//!        └──────────────┴─────────┴─────────────┴────────┴───────┴─────────┴──────────┴──────────┘
//!         once shown: [0..20] what was shown, [20..40] the popular items of that moment
//! ```
//!
//! Invariant: it answers exactly once, with the last of its parts; a part never comes twice (rings
//! neither lose nor repeat). Of the candidates, at most 6 × 16 with few twins, the 64 best-scored so far
//! are kept; with 48 the figures are the same.

use super::lists::KnownLists;
use super::message::{Body, ClickId, HINTS, Near, Partial, Recommendation};
use super::params::{ANSWER_ITEMS, PARTIAL_ITEMS, Params, RECENT_ITEMS};
use super::popular::Popular;
use super::quality::Quality;
use bytemuck::{Pod, Zeroable};

const CANDIDATES: usize = 64;
/// Best items of a short answer whose neighbours fill it.
const WIDEN_FROM: usize = 8;

/// One click's answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Answer {
    candidates: [u64; CANDIDATES],
    scores: [f32; CANDIDATES],
    followers: [u64; ANSWER_ITEMS],
    seen: [u64; RECENT_ITEMS],
    ts_ns: u64,
    outcome: u64,
    arrived: u8,
    candidates_len: u8,
    followers_len: u8,
    seen_len: u8,
    shown_len: u8,
    popular_len: u8,
    /// 0 no outcome yet, [`FRESH`] or [`REPEAT`].
    outcome_kind: u8,
    /// 1 once shown.
    answered: u8,
    outcome_clicks: u32,
    spare: u32,
}

const FRESH: u8 = 1;
const REPEAT: u8 = 2;

const _: () = {
    assert!(size_of::<Answer>() == 1088, "as drawn above");
    assert!(
        CANDIDATES >= 2 * ANSWER_ITEMS,
        "room for the shown and the popular items"
    );
};

/// What a partition of `answer` knows beside its keys.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The most popular items, as heard so far.
    pub popular: Popular,
    /// Neighbour lists that passed through.
    pub lists: KnownLists,
    /// How good the answers were.
    pub quality: Quality,
}

/// What a part led to.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The answer, with the last of its parts.
    pub recommendation: Option<Recommendation>,
    /// It has been shown and tested: remove the state.
    pub finished: bool,
}

impl Answer {
    /// Takes one part in, or the outcome.
    pub fn take(&mut self, partial: &Partial, params: &Params, memory: &mut Memory) -> Step {
        let part = match &partial.body {
            Body::Outcome {
                item,
                repeat,
                clicks,
            } => {
                self.outcome = *item;
                self.outcome_clicks = *clicks;
                self.outcome_kind = if *repeat { REPEAT } else { FRESH };
                0
            }
            Body::Near(near) => {
                memory.lists.keep(partial.click, near);
                for at in 0..usize::from(near.len) {
                    self.add(near.items[at], near.ask * near.scores[at]);
                }
                1
            }
            Body::Followers { len, items } => {
                self.followers = *items;
                self.followers_len = *len;
                1
            }
            Body::Seen {
                ts_ns,
                len,
                hints,
                seen,
                hint_items,
                hint_clicks,
            } => {
                for hint in 0..usize::from(*hints).min(HINTS) {
                    memory.popular.heard(hint_items[hint], hint_clicks[hint]);
                }
                self.ts_ns = *ts_ns;
                self.seen = *seen;
                self.seen_len = *len;
                1
            }
        };
        self.arrived += part;
        let complete = part == 1 && self.arrived == partial.parts;
        let recommendation = complete.then(|| self.show(partial.click, params, memory));
        let finished = self.answered == 1 && self.outcome_kind != 0;
        if finished {
            self.test(params, &mut memory.quality);
            // Only now: the answer just tested must not have heard of its own outcome.
            memory.popular.heard(self.outcome, self.outcome_clicks);
        }
        Step {
            recommendation,
            finished,
        }
    }

    /// Adds to a candidate's score; the weakest makes room for a stronger one.
    fn add(&mut self, item: u64, score: f32) {
        let len = usize::from(self.candidates_len);
        if let Some(at) = self.candidates[..len]
            .iter()
            .position(|&known| known == item)
        {
            self.scores[at] += score;
            return;
        }
        if len < CANDIDATES {
            self.candidates[len] = item;
            self.scores[len] = score;
            self.candidates_len += 1;
            return;
        }
        let weakest = (1..CANDIDATES).fold(0, |a, b| {
            if self.scores[b] < self.scores[a] {
                b
            } else {
                a
            }
        });
        if self.scores[weakest] < score {
            self.candidates[weakest] = item;
            self.scores[weakest] = score;
        }
    }

    /// Ranks, fills up, and keeps the lists that the next click will test.
    fn show(&mut self, click: ClickId, params: &Params, memory: &mut Memory) -> Recommendation {
        let seen = &self.seen[..usize::from(self.seen_len)];
        let mut list = List::new(params.answer_items());
        let mut order = [(0, 0.0f32); CANDIDATES];
        let mut fresh = 0;
        for at in 0..usize::from(self.candidates_len) {
            if !seen.contains(&self.candidates[at]) {
                order[fresh] = (self.candidates[at], self.scores[at]);
                fresh += 1;
            }
        }
        rank(&mut order[..fresh]);
        order[..fresh]
            .iter()
            .for_each(|candidate| list.push(candidate.0));
        let linked = list.len;
        widen(&mut list, seen, click, &memory.lists);
        for item in memory.popular.items() {
            if !seen.contains(&item) && !list.has(item) {
                list.push(item);
            }
        }
        let mut popular = List::new(params.answer_items());
        memory
            .popular
            .items()
            .filter(|item| !seen.contains(item))
            .for_each(|item| popular.push(item));

        memory.quality.answers += 1;
        let item = self.seen[0];
        self.candidates[..ANSWER_ITEMS].copy_from_slice(&list.items);
        self.candidates[ANSWER_ITEMS..2 * ANSWER_ITEMS].copy_from_slice(&popular.items);
        self.shown_len = list.len as u8;
        self.popular_len = popular.len as u8;
        self.answered = 1;
        Recommendation {
            click,
            item,
            ts_ns: self.ts_ns,
            len: list.len as u8,
            linked: linked as u8,
            items: list.items,
        }
    }

    fn test(&self, params: &Params, quality: &mut Quality) {
        let followers = usize::from(self.followers_len).min(params.answer_items());
        quality.test(
            self.outcome,
            self.outcome_kind == REPEAT,
            &self.candidates[..usize::from(self.shown_len)],
            &self.candidates[ANSWER_ITEMS..][..usize::from(self.popular_len)],
            &self.followers[..followers],
        );
    }
}

/// A list in the making, at most as long as an answer.
struct List {
    items: [u64; ANSWER_ITEMS],
    len: usize,
    most: usize,
}

impl List {
    fn new(most: usize) -> Self {
        List {
            items: [0; ANSWER_ITEMS],
            len: 0,
            most,
        }
    }

    fn has(&self, item: u64) -> bool {
        self.items[..self.len].contains(&item)
    }

    fn push(&mut self, item: u64) {
        if self.len < self.most {
            self.items[self.len] = item;
            self.len += 1;
        }
    }
}

/// Best first; on a tie the smaller item, so that the order of arrival does not show.
fn rank(candidates: &mut [(u64, f32)]) {
    candidates.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

/// Fills a short list with what lies near its best items, the first of them counting most.
fn widen(list: &mut List, seen: &[u64], click: ClickId, lists: &KnownLists) {
    if list.len == list.most {
        return;
    }
    let mut found = [(0u64, 0.0f32); WIDEN_FROM * PARTIAL_ITEMS];
    let mut len = 0;
    for (at, &item) in list.items[..list.len.min(WIDEN_FROM)].iter().enumerate() {
        let Some(Near {
            len: near_len,
            items,
            scores,
            ..
        }) = lists.get(item, click)
        else {
            continue;
        };
        for (&near, score) in items[..usize::from(*near_len)].iter().zip(scores) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const CLICK: ClickId = ClickId { user: 1, number: 1 };

    fn part(parts: u8, body: Body) -> Partial {
        Partial {
            click: CLICK,
            parts,
            body,
        }
    }

    fn seen(items: &[u64]) -> Body {
        let mut seen = [0; RECENT_ITEMS];
        seen[..items.len()].copy_from_slice(items);
        let (len, hint_items, hint_clicks) = (items.len() as u8, [0; HINTS], [0; HINTS]);
        Body::Seen {
            ts_ns: 7,
            len,
            hints: 0,
            seen,
            hint_items,
            hint_clicks,
        }
    }

    fn near(item: u64, ask: f32, links: &[(u64, f32)]) -> Body {
        let (mut items, mut scores) = ([0; PARTIAL_ITEMS], [0.0; PARTIAL_ITEMS]);
        for (at, link) in links.iter().enumerate() {
            (items[at], scores[at]) = *link;
        }
        Body::Near(Near {
            item,
            ask,
            len: links.len() as u8,
            items,
            scores,
        })
    }

    fn bodies() -> [Body; 4] {
        let followers = Body::Followers {
            len: 1,
            items: [30; ANSWER_ITEMS],
        };
        let (a, b) = (
            near(5, 1.0, &[(10, 0.5), (11, 0.4), (6, 0.9)]),
            near(6, 0.5, &[(11, 0.4), (5, 1.0)]),
        );
        [seen(&[5, 6]), followers, a, b]
    }

    #[test]
    fn one_answer_with_the_last_part_whatever_the_order() {
        for turn in 0..4 {
            let (mut answer, mut memory) = (Answer::zeroed(), Memory::default());
            let mut bodies = bodies();
            bodies.rotate_left(turn);
            let steps: Vec<Step> = bodies
                .iter()
                .map(|&body| answer.take(&part(4, body), &Params::default(), &mut memory))
                .collect();
            assert!(
                steps[..3]
                    .iter()
                    .all(|s| s.recommendation.is_none() && !s.finished)
            );
            let shown = steps[3].recommendation.expect("the last part answers");
            assert_eq!(
                shown.items(),
                [11, 10],
                "0.4 + 0.5 x 0.4 before 0.5; the seen 5 and 6 are out"
            );
            assert_eq!((shown.item, shown.ts_ns, shown.linked), (5, 7, 2));
            assert!(!steps[3].finished, "it waits for the user's next click");
        }
    }

    #[test]
    fn an_outcome_tests_before_and_after_the_last_part_alike() {
        let mut scored = Vec::new();
        for at in 0..=4 {
            let (mut answer, mut memory) = (Answer::zeroed(), Memory::default());
            let mut bodies = bodies().to_vec();
            bodies.insert(
                at,
                Body::Outcome {
                    item: 10,
                    repeat: false,
                    clicks: 1,
                },
            );
            let last = bodies.iter().fold((0, 0), |(answers, finished), &body| {
                let step = answer.take(&part(4, body), &Params::default(), &mut memory);
                (
                    answers + u32::from(step.recommendation.is_some()),
                    finished + u32::from(step.finished),
                )
            });
            assert_eq!(last, (1, 1));
            scored.push(memory.quality);
        }
        assert!(scored.iter().all(|q| *q == scored[0]));
        assert_eq!(scored[0].mrr(&scored[0].shown), 0.5);
        assert_eq!(scored[0].recall(&scored[0].last_item), 0.0);
    }

    #[test]
    fn short_answers_are_widened_then_filled_with_popular_items() {
        let (mut answer, mut memory) = (Answer::zeroed(), Memory::default());
        let Body::Near(links_of_10) = near(10, 1.0, &[(40, 0.2), (41, 0.3), (5, 0.9)]) else {
            panic!()
        };
        memory.lists.keep(CLICK, &links_of_10);
        for (item, clicks) in [(50, 9), (40, 8), (5, 7), (51, 6)] {
            memory.popular.heard(item, clicks);
        }
        let mut last = None;
        for body in bodies() {
            last = answer
                .take(&part(4, body), &Params::default(), &mut memory)
                .recommendation;
        }
        let shown = last.expect("the last part answers");
        assert_eq!(shown.items(), [11, 10, 41, 40, 50, 51]);
        assert_eq!(shown.linked, 2);
    }

    #[test]
    fn the_answer_is_as_long_as_asked() {
        let params = Params::default()
            .with_answer_items(1)
            .expect("within range");
        let (mut answer, mut memory) = (Answer::zeroed(), Memory::default());
        let shown = bodies().iter().find_map(|&b| {
            answer
                .take(&part(4, b), &params, &mut memory)
                .recommendation
        });
        assert_eq!(shown.expect("the last part answers").items(), [11]);
    }

    #[test]
    fn more_candidates_than_places_keeps_the_best() {
        let mut answer = Answer::zeroed();
        for item in 0..200u64 {
            answer.add(item, 1.0 + item as f32);
        }
        let mut kept = answer.candidates;
        kept.sort_unstable();
        assert_eq!(kept[0], 200 - CANDIDATES as u64);
    }
}
