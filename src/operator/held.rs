//! Bounded state in deterministic order: an event that waits for its state holds up all behind it.
//!
//! ```text
//!   arrival          7 waits ─ 8 hit ─► processed ─ 9 waits ─ …             7 when its state has come
//!   deterministic    7 waits ─ 8 … 39: their state is asked for, none taken    7, 8, 9 …
//! ```

use super::Operator;
use super::bounded::Bounded;
use super::keyed::KeyOf;
use crate::event::Message;
use crate::partition::mum64;
use crate::state::{Fetch, SetPolicy, TimeToLive};

/// Events behind one that waits whose state is asked for.
const ASK_AHEAD: usize = 32;

impl<Op, K, P, L> Bounded<Op, K, P, L>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    P: SetPolicy,
    L: TimeToLive<Op::In>,
{
    /// Lets no event overtake one that waits, of another key neither.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Whether an event waits that none may overtake.
    #[inline(always)]
    pub(super) fn is_held(&self) -> bool {
        self.in_order && self.waiting.through() < self.waiting.put_aside()
    }

    /// Asks for the state of the events behind the one that waits; it goes into the hot table when it comes,
    /// and where it is evicted again before its event's turn it is asked for again.
    #[cold]
    pub(super) fn ask_ahead(&mut self, messages: &[Message<Op::In>]) {
        let Bounded {
            live,
            tiers,
            waiting,
            ..
        } = self;
        for message in messages.iter().take(ASK_AHEAD) {
            let Message::Event(_, event) = message else {
                return;
            };
            let key = (self.key)(event);
            let hash = mum64(key);
            let spot = tiers.hot.look(tiers.hot.prefetch(hash), hash);
            if !tiers.hot.is_absent(spot, hash) || waiting.find(hash, key).is_some() {
                continue;
            }
            let Some(ticket) = waiting.next_ticket().filter(|_| tiers.has_room(hash)) else {
                return;
            };
            match tiers.fetch(hash, key, ticket) {
                Fetch::Full => return,
                Fetch::Asked => waiting.open(hash, key),
                Fetch::Here { stamp, value } => {
                    tiers.admit(live, hash, key, stamp, value);
                }
                Fetch::Absent => {}
            }
        }
    }
}
