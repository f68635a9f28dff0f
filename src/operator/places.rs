//! Places: where the events of the blocks under way have their entries in the state table.
//!
//! Owned by the logic of a partition, filled anew for each slice of messages. The blocks of a slice go through the steps of
//! its pipeline one behind the other ([`super::keyed`]); what one step finds out, the next takes up here:
//!
//! ```text
//!   events of the slice   0 … 15 │ 16 … 31 │ 32 … 47 │ 48 … 63 │ 64 … 79 │ …
//!   places                  [0]  │   [1]   │   [2]   │   [3]   │   [0]   │
//! ```
//!
//! Invariant: a block under way has its places to itself, since at most three are.

use crate::event::{Event, Message};
use crate::partition::mum64;
use crate::state::{Place, SETTLE_EVERY, Table, Way};
use bytemuck::Pod;
use std::ops::Range;

/// Events of a block. While one is processed, the lines of the next two are on their way; a core can have
/// 12–48 line fetches under way.
pub(super) const BLOCK: usize = 16;
/// Blocks whose places are remembered: three, rounded up so that finding one is a mask.
const BLOCKS: usize = 4;
const _: () = assert!(BLOCK <= SETTLE_EVERY, "the table grows between blocks only");

/// Where the events of the blocks under way have their entries; of a slice from its first event on, so that a block
/// begins at a multiple of its length.
#[derive(Default)]
pub(super) struct Places([[Place; BLOCK]; BLOCKS]);

impl Places {
    /// Those of the block with event `index`.
    #[inline(always)]
    pub(super) fn of(&mut self, index: usize) -> &mut [Place; BLOCK] {
        &mut self.0[index / BLOCK % BLOCKS]
    }

    /// Finds those of `range` anew, after entries have moved.
    #[cold]
    pub(super) fn find_again<T: Event, V: Pod + Send>(
        &mut self,
        table: &Table<V>,
        key_of: &impl Fn(&T) -> u64,
        messages: &[Message<T>],
        range: Range<usize>,
    ) {
        for index in range {
            if let Message::Event(_, event) = &messages[index] {
                let place = table.prefetch(mum64(key_of(event)), table.way());
                self.of(index)[index % BLOCK] = place;
            }
        }
    }
}

/// Asks for what tells where the entries of a block of events are; how many events it has: fewer than [`BLOCK`] before a
/// marker and at the end of `messages`.
#[inline(always)]
pub(super) fn fetch<T: Event, V: Pod + Send>(
    table: &Table<V>,
    key_of: &impl Fn(&T) -> u64,
    messages: &[Message<T>],
    places: &mut [Place; BLOCK],
    way: Way,
) -> usize {
    let mut count = 0;
    for (place, message) in places.iter_mut().zip(messages) {
        let Message::Event(_, event) = message else {
            break;
        };
        *place = table.prefetch(mum64(key_of(event)), way);
        count += 1;
    }
    count
}

/// Looks where the entries of a block of events are, and asks for their lines; how many are not at home.
#[inline(always)]
pub(super) fn look<T: Event, V: Pod + Send>(
    table: &Table<V>,
    key_of: &impl Fn(&T) -> u64,
    events: &[Message<T>],
    places: &mut [Place; BLOCK],
    way: Way,
) -> usize {
    let mut past_home = 0;
    for (place, message) in places.iter_mut().zip(events) {
        if let Message::Event(_, event) = message {
            let found = table.look(*place, key_of(event), way);
            past_home += usize::from(found != *place);
            *place = found;
        }
    }
    past_home
}
