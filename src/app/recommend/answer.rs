//! The answer to one click while its parts arrive, and until the user's next click has tested it: the
//! state of the third stage, one a click.
//!
//! ```text
//!   zeroed ──part──► gathering ──last part: emit──► shown ──outcome: test──► removed
//!                        │ ▲ part, outcome                                      ▲
//!                        └─┘──last part, outcome already here: emit, test───────┘
//!
//!   byte 0          904          1064     1192    1200      1208        1212        1219    1224
//!        ├────────────┼─────────────┼────────┼───────┼─────────┼────────────┼───────────┼───────┤
//!        │ candidates │followers[20]│seen[16]│ ts_ns │ outcome │ its clicks │ 7 lengths │ spare │
//!        └────────────┴─────────────┴────────┴───────┴─────────┴────────────┴───────────┴───────┘
//! ```
//!
//! Once shown, the space of the candidates takes what was shown and what was popular at that moment.
//!
//! Invariant: it answers exactly once, with the last of its parts; a part never comes twice (rings
//! neither lose nor repeat).

use super::candidates::Candidates;
use super::lists::KnownLists;
use super::message::{Body, ClickId, HINTS, Partial, Recommendation};
use super::params::{ANSWER_ITEMS, Params, RECENT_ITEMS};
use super::popular::Popular;
use super::quality::Quality;
use super::ranking::{Ranking, widen};
use bytemuck::{Pod, Zeroable};

/// One click's answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Answer {
    candidates: Candidates,
    followers: [u64; ANSWER_ITEMS],
    seen: [u64; RECENT_ITEMS],
    ts_ns: u64,
    outcome: u64,
    outcome_clicks: u32,
    arrived: u8,
    followers_len: u8,
    seen_len: u8,
    shown_len: u8,
    popular_len: u8,
    /// 0 no outcome yet, [`FRESH`] or [`REPEAT`].
    outcome_kind: u8,
    /// 1 once shown.
    answered: u8,
    spare: [u8; 5],
}

const FRESH: u8 = 1;
const REPEAT: u8 = 2;

const _: () = assert!(size_of::<Answer>() == 1224, "as drawn above");

/// What [`Memory::save`] takes at most.
const SAVED_BYTES_MAX: usize = 1024;

/// What a partition of `answer` knows beside its keys.
#[derive(Debug, Default)]
pub struct Memory {
    /// The most popular items, as heard so far.
    pub popular: Popular,
    /// Neighbour lists that passed through.
    pub lists: KnownLists,
    /// How good the answers were.
    pub quality: Quality,
}

impl Memory {
    /// What a checkpoint keeps of it beside the lists, which are captured on their own. In room for all of it at
    /// once: events wait for it.
    pub fn save(&self) -> Vec<u8> {
        let saved = (self.popular.saved(), self.quality);
        let room = Vec::with_capacity(SAVED_BYTES_MAX);
        postcard::to_extend(&saved, room).expect("plain numbers can be written")
    }

    /// Takes up what was saved; what several partitions saved is put together.
    ///
    /// # Errors
    /// It is something else.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), postcard::Error> {
        let (popular, quality): (_, Quality) = postcard::from_bytes(saved)?;
        self.popular.restore(popular);
        self.quality.add(&quality);
        Ok(())
    }
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
                    self.candidates
                        .add(near.items[at], near.ask * near.scores[at]);
                }
                1
            }
            Body::Followers { len, items } => {
                self.followers = *items;
                self.followers_len = *len;
                1
            }
            Body::Seen {
                len,
                hints,
                seen,
                hint_items,
                hint_clicks,
            } => {
                for hint in 0..usize::from(*hints).min(HINTS) {
                    memory.popular.heard(hint_items[hint], hint_clicks[hint]);
                }
                self.ts_ns = partial.ts_ns;
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

    /// Ranks, fills up, and keeps the lists that the next click will test.
    fn show(&mut self, click: ClickId, params: &Params, memory: &mut Memory) -> Recommendation {
        let seen = &self.seen[..usize::from(self.seen_len)];
        let mut list = Ranking::new(params.answer_items());
        self.candidates.ranked(seen, |item| list.push(item));
        let linked = list.len;
        widen(&mut list, seen, click, &memory.lists);
        let mut popular = Ranking::new(params.answer_items());
        for item in memory.popular.items().filter(|item| !seen.contains(item)) {
            if popular.is_full() {
                break;
            }
            popular.push(item);
            if !list.is_full() && !list.has(item) {
                list.push(item);
            }
        }

        memory.quality.answers += 1;
        let item = self.seen[0];
        self.candidates.replace(&list.items, &popular.items);
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
        let (shown, popular) = self.candidates.replaced();
        quality.test(
            self.outcome,
            self.outcome_kind == REPEAT,
            &shown[..usize::from(self.shown_len)],
            &popular[..usize::from(self.popular_len)],
            &self.followers[..followers],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::recommend::message::Near;
    use crate::app::recommend::params::PARTIAL_ITEMS;
    use crate::app::recommend::quality::Score;

    const CLICK: ClickId = ClickId { user: 1, number: 1 };

    fn part(parts: u8, body: Body) -> Partial {
        Partial {
            ts_ns: 7,
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
    fn what_is_saved_at_a_barrier_is_small_however_much_is_known() {
        let mut memory = Memory::default();
        for at in 0..100 {
            memory.popular.heard(u64::MAX - at, u32::MAX - at as u32);
        }
        let score = Score {
            hits: u64::MAX,
            reciprocal_ranks: 0.1,
        };
        memory.quality = Quality {
            answers: u64::MAX,
            fresh: u64::MAX,
            repeats: u64::MAX,
            shown: score,
            popular: score,
            last_item: score,
        };
        let saved = memory.save();
        assert!(saved.len() < SAVED_BYTES_MAX, "{} bytes", saved.len());
        let mut restored = Memory::default();
        restored.restore(&saved).expect("it was saved");
        assert_eq!(restored.quality, memory.quality);
        assert!(restored.popular.items().eq(memory.popular.items()));
    }
}
