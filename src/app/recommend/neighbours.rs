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
use super::orders::{Kept, Order};
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
        self.touch_with(touch, params, popular, None, emit);
    }

    /// The same, with the orders of the list if they are kept.
    pub(super) fn touch_with(
        &mut self,
        touch: &Touch,
        params: &Params,
        popular: &mut Popular,
        mut kept: Option<Kept<'_>>,
        emit: &mut impl FnMut(Partial),
    ) {
        let kept = &mut kept;
        self.learn(touch, params, kept);
        let parts = touch.touches + PARTS_BESIDE;
        let ts_ns = touch.ts_ns;
        let part = |body| Partial {
            ts_ns,
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
                    ts_ns,
                    click: before,
                    parts: 0,
                    body,
                });
            }
            emit(part(self.seen(touch, popular)));
            let seen = &touch.seen[..usize::from(touch.seen_len)];
            emit(part(self.followers(seen, kept)));
        }
        emit(part(Body::Near(self.near(touch, kept))));
    }

    /// Links in the list.
    pub(super) fn links(&self) -> usize {
        self.len as usize
    }

    /// Neighbours and their scores relative to all links, in no order.
    pub fn shares(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        (0..self.len as usize).map(|at| (self.items[at], f64::from(self.scores[at]) / self.total))
    }

    fn learn(&mut self, touch: &Touch, params: &Params, kept: &mut Option<Kept<'_>>) {
        let unit = self.unit(touch.ts_ns, params, kept);
        if touch.place == 0 {
            for place in 1..usize::from(touch.touches).min(REACH) {
                let strength = unit * touch.learn[place] * params.back();
                self.link(touch.seen[place], strength, kept);
            }
        } else {
            let strength = unit * touch.learn[usize::from(touch.place)];
            self.link(touch.seen[0], strength, kept);
        }
    }

    /// How large a strength of 1 is written at `ts_ns`.
    fn unit(&mut self, ts_ns: u64, params: &Params, kept: &mut Option<Kept<'_>>) -> f32 {
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
        if let Some(kept) = kept {
            kept.rescored();
        }
        self.total /= growth;
        self.since_ns = ts_ns;
        1.0
    }

    /// Strengthens the link to `item`.
    fn link(&mut self, item: u64, strength: f32, kept: &mut Option<Kept<'_>>) {
        if strength <= 0.0 {
            return;
        }
        self.total += f64::from(strength);
        let at = self.strengthen(item, strength);
        if let Some(kept) = kept {
            let score = |at: usize| self.scores[at].to_bits();
            kept.change(at, self.links(), score, |at| self.counts[at]);
        }
    }

    /// Where the link to `item` now is; a new one takes the place of the weakest of a full list.
    fn strengthen(&mut self, item: u64, strength: f32) -> usize {
        let len = self.len as usize;
        if let Some(at) = find(&self.items[..len], item) {
            self.scores[at] += strength;
            self.counts[at] = self.counts[at].saturating_add(1);
            return at;
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
        at
    }

    /// The strongest links, just-seen items and all: the list is kept to widen other users' answers too.
    fn near(&self, touch: &Touch, kept: &mut Option<Kept<'_>>) -> Near {
        let mut near = Near {
            item: touch.item,
            ask: touch.ask,
            len: 0,
            items: [0; PARTIAL_ITEMS],
            scores: [0.0; PARTIAL_ITEMS],
        };
        // Positive floats order as their bits do.
        let score = |at: usize| self.scores[at].to_bits();
        let order = match kept {
            Some(kept) => kept.by_score(self.links(), score),
            None => Order::sorted(self.links(), score),
        };
        for at in order.places(self.links().min(PARTIAL_ITEMS)) {
            near.items[usize::from(near.len)] = self.items[at];
            near.scores[usize::from(near.len)] =
                (f64::from(self.scores[at]) / self.total).sqrt() as f32;
            near.len += 1;
        }
        near
    }

    /// The baseline: links by plain count, without those just seen.
    fn followers(&self, seen: &[u64], kept: &mut Option<Kept<'_>>) -> Body {
        let count = |at: usize| self.counts[at];
        let order = match kept {
            Some(kept) => kept.by_count(self.links(), count),
            None => Order::sorted(self.links(), count),
        };
        let (mut len, mut items) = (0, [0; ANSWER_ITEMS]);
        let links = order.places(self.links()).map(|at| self.items[at]);
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
            len: touch.seen_len,
            hints: hints as u8,
            seen: touch.seen,
            hint_items,
            hint_clicks,
        }
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

#[cfg(test)]
#[path = "neighbours_tests.rs"]
mod tests;
