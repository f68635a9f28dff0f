//! What is clicked near an item: the state of the second stage, one an item.
//!
//! ```text
//!   byte 0        256       384       512     520        528      532    536
//!        ├──────────┼─────────┼─────────┼───────┼──────────┼────────┼──────┤
//!        │ items[32]│ scores  │ counts  │ total │ since_ns │ clicks │ len  │     zeroed when new
//!        └──────────┴─────────┴─────────┴───────┴──────────┴────────┴──────┘
//! ```
//!
//! A score is a sum of link strengths, each halved every half-life. Nothing is ever swept: strengths are
//! written in units of `since_ns`, so that a later one is written larger (forward decay), and order and
//! shares, which is all that is asked, stay true. When a unit has grown 2^32-fold the list is rewritten.
//!
//! When the list is full a new neighbour replaces the weakest. To inherit the weakest one's score, as
//! Space-Saving does, changes recall@20 by less than 0.002 here: the list is long enough.
//!
//! Invariant: `items[..len]` are distinct and never the item itself; `total` is no less than the sum of
//! `scores[..len]`, up to rounding: it keeps what the replaced ones had.

use super::message::{Body, ClickId, HINTS, Near, Partial, Touch};
use super::params::{ANSWER_ITEMS, NEIGHBOURS, PARTIAL_ITEMS, Params, REACH};
use super::popular::Popular;
use bytemuck::{Pod, Zeroable};

/// The links of one item.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Neighbours {
    items: [u64; NEIGHBOURS],
    scores: [f32; NEIGHBOURS],
    counts: [u32; NEIGHBOURS],
    total: f64,
    since_ns: u64,
    clicks: u32,
    len: u32,
}

const _: () = {
    assert!(size_of::<Neighbours>() == 536, "as drawn above");
    assert!(PARTIAL_ITEMS <= NEIGHBOURS);
};

/// Parts of an answer beside one list for each item touched: followers, and whom it is for.
const PARTS_BESIDE: u8 = 2;

impl Neighbours {
    /// Learns what the touch brings, then says what it asks for: one part of the answer, and where this
    /// is the clicked item, two more and the outcome for the answer before.
    ///
    /// `popular` is the list of the partition that owns this item.
    pub fn touch(
        &mut self,
        touch: &Touch,
        params: &Params,
        popular: &mut Popular,
        emit: &mut impl FnMut(Partial),
    ) {
        self.learn(touch, params);
        let parts = touch.touches + PARTS_BESIDE;
        let part = |body| Partial {
            click: touch.click,
            parts,
            body,
        };
        if touch.place == 0 {
            self.clicks = self.clicks.saturating_add(1);
            popular.heard(touch.item, self.clicks);
            if touch.click.number > 1 {
                let before = ClickId {
                    number: touch.click.number - 1,
                    ..touch.click
                };
                let body = Body::Outcome {
                    item: touch.item,
                    repeat: touch.repeat,
                    clicks: self.clicks,
                };
                emit(Partial {
                    click: before,
                    parts: 0,
                    body,
                });
            }
            emit(part(self.seen(touch, popular)));
            emit(part(
                self.followers(&touch.seen[..usize::from(touch.seen_len)]),
            ));
        }
        emit(part(Body::Near(self.near(touch))));
    }

    /// Neighbours and their scores relative to all links, in no order.
    pub fn shares(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        (0..self.len as usize).map(|at| (self.items[at], f64::from(self.scores[at]) / self.total))
    }

    fn learn(&mut self, touch: &Touch, params: &Params) {
        let unit = self.unit(touch.ts_ns, params);
        if touch.place == 0 {
            for place in 1..usize::from(touch.touches).min(REACH) {
                self.link(touch.seen[place], unit * touch.learn[place] * params.back());
            }
        } else {
            self.link(touch.seen[0], unit * touch.learn[usize::from(touch.place)]);
        }
    }

    /// How large a strength of 1 is written at `ts_ns`.
    fn unit(&mut self, ts_ns: u64, params: &Params) -> f32 {
        if self.len == 0 {
            self.since_ns = ts_ns;
        }
        let growth = params.growth(self.since_ns, ts_ns);
        if growth < f64::from(u32::MAX) {
            return growth as f32;
        }
        self.scores
            .iter_mut()
            .for_each(|score| *score = (f64::from(*score) / growth) as f32);
        self.total /= growth;
        self.since_ns = ts_ns;
        1.0
    }

    /// Strengthens the link to `item`.
    fn link(&mut self, item: u64, strength: f32) {
        if strength <= 0.0 {
            return;
        }
        self.total += f64::from(strength);
        let len = self.len as usize;
        if let Some(at) = find(&self.items[..len], item) {
            self.scores[at] += strength;
            self.counts[at] = self.counts[at].saturating_add(1);
            return;
        }
        let at = if len < NEIGHBOURS {
            self.len += 1;
            len
        } else {
            (1..NEIGHBOURS).fold(0, |weakest, at| {
                if self.scores[at] < self.scores[weakest] {
                    at
                } else {
                    weakest
                }
            })
        };
        self.items[at] = item;
        self.scores[at] = strength;
        self.counts[at] = 1;
    }

    /// The strongest links, just-seen items and all: the list is kept to widen other users' answers too.
    fn near(&self, touch: &Touch) -> Near {
        let mut near = Near {
            item: touch.item,
            ask: touch.ask,
            len: 0,
            items: [0; PARTIAL_ITEMS],
            scores: [0.0; PARTIAL_ITEMS],
        };
        let order = self.by(|at| self.scores[at].to_bits());
        for at in order
            .iter()
            .take((self.len as usize).min(PARTIAL_ITEMS))
            .map(place_of)
        {
            near.items[usize::from(near.len)] = self.items[at];
            near.scores[usize::from(near.len)] =
                (f64::from(self.scores[at]) / self.total).sqrt() as f32;
            near.len += 1;
        }
        near
    }

    /// The baseline: links by plain count, without those just seen.
    fn followers(&self, seen: &[u64]) -> Body {
        let order = self.by(|at| self.counts[at]);
        let (mut len, mut items) = (0, [0; ANSWER_ITEMS]);
        let links = order
            .iter()
            .take(self.len as usize)
            .map(|key| self.items[place_of(key)]);
        for (slot, item) in items
            .iter_mut()
            .zip(links.filter(|item| !seen.contains(item)))
        {
            *slot = item;
            len += 1;
        }
        Body::Followers { len, items }
    }

    fn seen(&self, touch: &Touch, popular: &mut Popular) -> Body {
        let (mut hint_items, mut hint_clicks) = ([0; HINTS], [0; HINTS]);
        let mut hints = 0;
        if touch.click.number == 1 {
            // There is no answer before it, to whose outcome the news could be tied.
            (hint_items[0], hint_clicks[0]) = (touch.item, self.clicks);
            hints = 1;
        }
        while hints < HINTS {
            let Some(hint) = popular.next_hint() else {
                break;
            };
            (hint_items[hints], hint_clicks[hints]) = hint;
            hints += 1;
        }
        Body::Seen {
            ts_ns: touch.ts_ns,
            len: touch.seen_len,
            hints: hints as u8,
            seen: touch.seen,
            hint_items,
            hint_clicks,
        }
    }

    /// Places in descending order of `key` (positive floats order as their bits do); on a tie, as listed.
    fn by(&self, key: impl Fn(usize) -> u32) -> [u64; NEIGHBOURS] {
        let mut order = [u64::MAX; NEIGHBOURS];
        let len = self.len as usize;
        for (at, slot) in order.iter_mut().enumerate().take(len) {
            *slot = u64::from(!key(at)) << 32 | at as u64;
        }
        order[..len].sort_unstable();
        order
    }
}

/// Where `item` is. Eight comparisons at a time without a branch, which the compiler makes vectors of.
fn find(items: &[u64], item: u64) -> Option<usize> {
    let (eights, rest) = items.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        if eight
            .iter()
            .fold(false, |any, &known| any | (known == item))
        {
            return eight
                .iter()
                .position(|&known| known == item)
                .map(|i| 8 * at + i);
        }
    }
    rest.iter()
        .position(|&known| known == item)
        .map(|i| 8 * eights.len() + i)
}

fn place_of(key: &u64) -> usize {
    (key & 0xFFFF_FFFF) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::recommend::params::RECENT_ITEMS;

    fn touch(place: u8, ts_ns: u64, clicked: u64, learn: f32) -> Touch {
        let mut seen = [0; RECENT_ITEMS];
        (seen[0], seen[1]) = (clicked, 77);
        Touch {
            item: seen[usize::from(place)],
            click: ClickId { user: 1, number: 2 },
            ts_ns,
            ask: 1.0,
            learn: [learn; REACH],
            seen,
            seen_len: 2,
            place,
            touches: 2,
            repeat: false,
        }
    }

    fn send(state: &mut Neighbours, touch: Touch, params: &Params) -> Vec<Partial> {
        let mut out = Vec::new();
        state.touch(&touch, params, &mut Popular::default(), &mut |p| {
            out.push(p)
        });
        out
    }

    fn near(parts: &[Partial]) -> Near {
        let found = parts.iter().find_map(|p| match p.body {
            Body::Near(near) => Some(near),
            _ => None,
        });
        found.expect("every touch answers with its links")
    }

    #[test]
    fn a_clicked_item_sends_outcome_seen_followers_and_links() {
        let out = send(
            &mut Neighbours::zeroed(),
            touch(0, 5, 3, 1.0),
            &Params::default(),
        );
        assert!(matches!(
            out[0].body,
            Body::Outcome {
                item: 3,
                repeat: false,
                clicks: 1
            }
        ));
        assert_eq!((out[0].click.number, out[0].parts), (1, 0));
        let Body::Seen {
            len: 2,
            hints: 2..,
            hint_items,
            hint_clicks,
            ..
        } = out[1].body
        else {
            panic!("{:?}", out[1])
        };
        assert_eq!((hint_items[0], hint_clicks[0]), (3, 1));
        assert!(
            matches!(out[2].body, Body::Followers { len: 0, .. }),
            "its only follower has just been seen"
        );
        assert_eq!((near(&out).len, near(&out).items[0]), (1, 77));
        assert!(out[1..].iter().all(|p| p.parts == 4 && p.click.number == 2));
        assert_eq!(
            send(
                &mut Neighbours::zeroed(),
                touch(1, 5, 3, 1.0),
                &Params::default()
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_full_list_replaces_its_weakest() {
        let (mut state, params) = (Neighbours::zeroed(), Params::default());
        for item in 0..NEIGHBOURS as u64 {
            send(
                &mut state,
                touch(1, 0, item, if item == 5 { 0.5 } else { 1.0 }),
                &params,
            );
        }
        send(&mut state, touch(1, 0, 1000, 0.75), &params);
        let items: Vec<u64> = state.shares().map(|s| s.0).collect();
        assert_eq!(items.len(), NEIGHBOURS);
        assert!(items.contains(&1000) && !items.contains(&5));
    }

    #[test]
    fn a_link_counts_half_after_a_half_life() {
        let (mut state, params) = (
            Neighbours::zeroed(),
            Params::default().with_half_life_ns(100),
        );
        send(&mut state, touch(1, 1000, 1, 1.0), &params);
        send(&mut state, touch(1, 1100, 2, 1.0), &params);
        let shares: Vec<_> = state.shares().collect();
        assert!(
            (shares[0].1 - 1.0 / 3.0).abs() < 1e-6 && (shares[1].1 - 2.0 / 3.0).abs() < 1e-6,
            "{shares:?}"
        );
        assert_eq!(
            near(&send(&mut state, touch(1, 1100, 2, 0.0), &params)).items[0],
            2
        );
    }

    #[test]
    fn ages_apart_the_new_one_is_all_and_nothing_overflows() {
        let (mut state, params) = (Neighbours::zeroed(), Params::default().with_half_life_ns(1));
        for (item, ts_ns) in [(1, 0), (2, 40), (3, 100), (4, u64::MAX), (5, 3)] {
            send(&mut state, touch(1, ts_ns, item, 1e6), &params);
        }
        let shares: Vec<_> = state.shares().collect();
        assert!((shares[3].1 - 1.0).abs() < 1e-6, "{shares:?}");
        assert!(shares.iter().all(|s| s.1.is_finite()));
    }

    #[test]
    fn followers_are_ordered_by_plain_count() {
        let (mut state, params) = (Neighbours::zeroed(), Params::default());
        for (item, strength) in [(1, 100.0), (2, 1.0), (2, 1.0)] {
            send(&mut state, touch(1, 0, item, strength), &params);
        }
        let Body::Followers { len: 2, items } = state.followers(&[77]) else {
            panic!()
        };
        assert_eq!(items[..2], [2, 1]);
        let Body::Followers { len: 1, items } = state.followers(&[2]) else {
            panic!()
        };
        assert_eq!(items[0], 1);
    }
}
