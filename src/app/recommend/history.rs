//! What a user has seen last: the state of the first stage, one a user.
//!
//! ```text
//!   byte 0        128        256       260      264
//!        ├──────────┼──────────┼─────────┼───────┤
//!        │ items[16]│ seen_ns  │ clicks  │ len   │     newest first; zeroed when new
//!        └──────────┴──────────┴─────────┴───────┘
//! ```
//!
//! Invariant: `items[..len]` are distinct; `len <= 16`.

use super::message::{Click, ClickId, Touch};
use super::params::{Params, REACH, RECENT_ITEMS};
use bytemuck::{Pod, Zeroable};

/// The recent items of one user.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct History {
    items: [u64; RECENT_ITEMS],
    seen_ns: [u64; RECENT_ITEMS],
    clicks: u32,
    len: u32,
}

const _: () = assert!(size_of::<History>() == 264, "as drawn above");

impl History {
    /// Takes a click in and touches the newest items with it; at least one touch, at most [`REACH`].
    pub fn click(&mut self, click: &Click, params: &Params, emit: &mut impl FnMut(Touch)) {
        let repeat = self.move_to_front(click.item, click.ts_ns);
        self.clicks = self.clicks.wrapping_add(1);
        let weight = if click.weight.is_finite() {
            click.weight.max(0.0)
        } else {
            0.0
        };
        let touches = (self.len as usize).min(REACH);
        let gap_ns = |place: usize| click.ts_ns.saturating_sub(self.seen_ns[place]);
        let mut learn = [0.0; REACH];
        for (place, learn) in learn.iter_mut().enumerate().take(touches).skip(1) {
            *learn = weight * params.learn(place, gap_ns(place));
        }
        for place in 0..touches {
            emit(Touch {
                item: self.items[place],
                click: ClickId {
                    user: click.user,
                    number: self.clicks,
                },
                ts_ns: click.ts_ns,
                ask: params.ask(place, gap_ns(place)),
                learn,
                seen: self.items,
                seen_len: self.len as u8,
                place: place as u8,
                touches: touches as u8,
                repeat,
            });
        }
    }

    /// The user's recent items, newest first.
    pub fn items(&self) -> &[u64] {
        &self.items[..self.len as usize]
    }

    /// True if the item had been there before. The oldest makes room for a new one.
    fn move_to_front(&mut self, item: u64, ts_ns: u64) -> bool {
        let found = self.items().iter().position(|&seen| seen == item);
        let hole = match found {
            Some(place) => place,
            None => {
                self.len = (self.len + 1).min(RECENT_ITEMS as u32);
                self.len as usize - 1
            }
        };
        self.items.copy_within(..hole, 1);
        self.seen_ns.copy_within(..hole, 1);
        self.items[0] = item;
        self.seen_ns[0] = ts_ns;
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clicks(items: &[u64]) -> (History, Vec<Touch>) {
        let mut history = History::zeroed();
        let mut last = Vec::new();
        for (at, &item) in items.iter().enumerate() {
            last.clear();
            let click = Click {
                user: 9,
                item,
                ts_ns: at as u64 * 60_000_000_000,
                weight: 1.0,
            };
            history.click(&click, &Params::default(), &mut |t| last.push(t));
        }
        (history, last)
    }

    #[test]
    fn a_first_click_touches_its_own_item() {
        let (_, touches) = clicks(&[0]);
        assert_eq!(touches.len(), 1);
        assert_eq!(
            (touches[0].item, touches[0].place, touches[0].touches),
            (0, 0, 1)
        );
        assert_eq!(touches[0].click, ClickId { user: 9, number: 1 });
        assert!(!touches[0].repeat);
    }

    #[test]
    fn newest_first_without_twins_and_bounded() {
        let (history, touches) = clicks(&[1, 2, 3, 2]);
        assert_eq!(history.items(), [2, 3, 1]);
        assert!(touches[0].repeat);
        let (history, touches) = clicks(&(0..40).collect::<Vec<_>>());
        assert_eq!(history.items(), (24..40).rev().collect::<Vec<_>>());
        assert_eq!(touches.len(), REACH);
        assert!(
            touches
                .iter()
                .enumerate()
                .all(|(p, t)| t.place as usize == p && t.item == 39 - p as u64)
        );
    }

    #[test]
    fn later_places_learn_and_say_less() {
        let (_, touches) = clicks(&[1, 2, 3]);
        let learn = touches[0].learn;
        assert_eq!(learn[0], 0.0, "an item learns nothing about itself");
        assert_eq!(learn[1], 0.5, "one minute apart");
        assert!(learn[2] < learn[1] && learn[2] > 0.0 && learn[3] == 0.0);
        assert!(touches[1].ask < touches[0].ask && touches[2].ask < touches[1].ask);
    }

    #[test]
    fn an_absurd_weight_teaches_nothing_and_is_answered() {
        for weight in [f32::NAN, f32::INFINITY, -3.0, 0.0] {
            let (mut history, _) = clicks(&[1]);
            let mut touches = Vec::new();
            let click = Click {
                user: 9,
                item: 2,
                ts_ns: 0,
                weight,
            };
            history.click(&click, &Params::default(), &mut |t| touches.push(t));
            assert_eq!(touches.len(), 2);
            assert!(touches.iter().all(|t| t.learn == [0.0; REACH]));
        }
    }
}
