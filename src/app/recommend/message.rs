//! What travels between the stages of `recommend`: fixed-size, `Copy`, less than four cache lines.

use super::params::{ANSWER_ITEMS, PARTIAL_ITEMS, REACH, RECENT_ITEMS};

/// A user did something to an item. Keyed by `user`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Click {
    /// Who.
    pub user: u64,
    /// What.
    pub item: u64,
    /// Event time, ns.
    pub ts_ns: u64,
    /// How much it counts; 1.0 is one click. What is not above zero, or no number, teaches nothing
    /// but is answered.
    pub weight: f32,
}

/// One click of one user: the unit of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClickId {
    /// Who.
    pub user: u64,
    /// The user's how-manieth click, from 1.
    pub number: u32,
}

impl ClickId {
    /// The key of the answer's state: user and number, mixed (splitmix64's finaliser, a bijection).
    ///
    /// Two different clicks share a key with a probability of 2^-64 a pair, as two text keys do.
    pub fn key(self) -> u64 {
        let mut z = self
            .user
            .wrapping_add(u64::from(self.number).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// What a click brings to, and asks of, one of the user's recent items. Keyed by `item`.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// The item touched: `seen[place]`.
    pub item: u64,
    /// The click it belongs to.
    pub click: ClickId,
    /// Event time of the click, ns.
    pub ts_ns: u64,
    /// What this item has to say in the answer.
    pub ask: f32,
    /// Strength of the links learned. At place 0: `learn[p]` from the clicked item back to `seen[p]`.
    /// Elsewhere: `learn[place]` from this item to the clicked one.
    pub learn: [f32; REACH],
    /// The user's recent items, newest first; `seen[0]` is the item clicked.
    pub seen: [u64; RECENT_ITEMS],
    /// Items in `seen`.
    pub seen_len: u8,
    /// Index of `item` in `seen`; less than `touches`.
    pub place: u8,
    /// Touches of this click.
    pub touches: u8,
    /// The clicked item was among the just-seen ones, which no answer may contain.
    pub repeat: bool,
}

/// Entries of an item partition's list of popular items that ride, in turn, on one message.
pub const HINTS: usize = 6;

/// A part of the answer to one click. Sent by user (or by `click.key()`), its state keyed by `click.key()`.
#[derive(Clone, Copy, Debug)]
pub struct Partial {
    /// The click whose answer it belongs to.
    pub click: ClickId,
    /// Event time of the click that sent it, ns: of an outcome, of the click after.
    pub ts_ns: u64,
    /// Parts of that answer, outcome not counted.
    pub parts: u8,
    /// What it says.
    pub body: Body,
}

/// What a [`Partial`] says.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// The strongest links of one touched item.
    Near(Near),
    /// Baseline: the clicked item's links by plain count, the just-seen ones left out.
    Followers {
        /// Items in `items`.
        len: u8,
        /// Most counted first.
        items: [u64; ANSWER_ITEMS],
    },
    /// Whom the answer is for.
    Seen {
        /// Items in `seen`.
        len: u8,
        /// Entries in the hints.
        hints: u8,
        /// The user's recent items, newest first.
        seen: [u64; RECENT_ITEMS],
        /// Popular items of the partition that owns the clicked item; on a user's first click itself first.
        hint_items: [u64; HINTS],
        /// Their clicks so far.
        hint_clicks: [u32; HINTS],
    },
    /// What the user clicked after the answer to `click` had been shown; not one of its parts.
    Outcome {
        /// The item clicked.
        item: u64,
        /// It was among the just-seen ones, which no answer may contain.
        repeat: bool,
        /// Its clicks so far, this one counted: news that must not reach the answer it tests.
        clicks: u32,
    },
}

/// The strongest links of one item, strongest first.
#[derive(Clone, Copy, Debug)]
pub struct Near {
    /// The item.
    pub item: u64,
    /// What it has to say in the answer.
    pub ask: f32,
    /// Items in `items`.
    pub len: u8,
    /// Its neighbours.
    pub items: [u64; PARTIAL_ITEMS],
    /// Root of each neighbour's share of all its links.
    pub scores: [f32; PARTIAL_ITEMS],
}

/// The answer to one click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The click.
    pub click: ClickId,
    /// The item clicked.
    pub item: u64,
    /// Event time of the click, ns.
    pub ts_ns: u64,
    /// Items in `items`.
    pub len: u8,
    /// Of these, how many the user's own items led to; the rest fills up.
    pub linked: u8,
    /// What to show, best first.
    pub items: [u64; ANSWER_ITEMS],
}

impl Recommendation {
    /// What to show, best first.
    pub fn items(&self) -> &[u64] {
        &self.items[..usize::from(self.len)]
    }
}

const _: () = {
    assert!(
        size_of::<Touch>() <= 248,
        "with its due time, a message of at most four cache lines"
    );
    assert!(
        size_of::<Partial>() <= 248,
        "with its due time, a message of at most four cache lines"
    );
    assert!(size_of::<Recommendation>() <= 248);
    assert!(RECENT_ITEMS <= 255 && ANSWER_ITEMS <= 255 && PARTIAL_ITEMS <= 255);
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_of_neighbouring_users_and_clicks_differ() {
        let mut keys = HashSet::new();
        for user in 0..500 {
            for number in 1..=200 {
                assert!(keys.insert(ClickId { user, number }.key()));
            }
        }
    }

    #[test]
    fn messages_are_events() {
        fn event<E: crate::event::Event>() {}
        event::<Click>();
        event::<Touch>();
        event::<Partial>();
        event::<Recommendation>();
    }
}
