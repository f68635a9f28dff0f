//! Bounded logic goes on with events whose state has come in from the cold tier.

use super::Bounded;
use crate::operator::{KeyOf, Operator};
use crate::state::{SetPolicy, TimeToLive};
use crate::task::{Downstream, Watch};

/// How far ahead of the state being put back the set of another is asked for, and looked at.
const BACK_FETCH: usize = 12;
const BACK_LOOK: usize = 6;

impl<Op, K, P, L> Bounded<Op, K, P, L>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    P: SetPolicy,
    L: TimeToLive<Op::In>,
{
    /// Goes on with the events whose state has come, while there is room for what they put out and for
    /// what their state displaces. Whether anything moved.
    pub(super) fn go_on<D: Downstream<Op::Out>>(&mut self, down: &mut D) -> bool {
        let Bounded {
            live,
            work,
            tiers,
            waiting,
            interrupted,
            inline,
            ..
        } = self;
        let mut moved = false;
        'keys: while let Some((ticket, hash)) = waiting.ready(0) {
            if let Some((_, ahead)) = waiting.ready(BACK_FETCH) {
                tiers.hot.prefetch(ahead);
            }
            if let Some((_, ahead)) = waiting.ready(BACK_LOOK) {
                tiers.hot.look(tiers.hot.prefetch(ahead), ahead);
            }
            loop {
                // Inline, nothing may be overtaken, and an event puts out no more than it would have anyway.
                if (down.is_blocked() && inline.is_none()) || work.is_stuck() {
                    return moved;
                }
                let (is_new, failures) = (waiting.is_new(ticket), waiting.failures(ticket));
                let Some((due, event, key, stamp, state)) = waiting.next(ticket) else {
                    break;
                };
                let watch = Watch::at(&event, interrupted);
                let done = work.process(live, (due, &event), (key, stamp, state), failures, down);
                drop(watch);
                waiting.retain(ticket, !done.forgets(is_new));
                moved = true;
                if let Some(again_ns) = done.again_ns {
                    waiting.try_again(again_ns);
                    continue 'keys;
                }
                waiting.succeed(ticket);
            }
            if let Some((key, stamp, state)) = waiting.kept(ticket) {
                if !tiers.has_room(hash) {
                    return moved;
                }
                tiers.admit(live, hash, key, stamp, state);
            }
            waiting.close();
            moved = true;
        }
        moved
    }
}
