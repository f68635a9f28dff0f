//! What bounded state hears from its cold tier, how that is made to answer at once where nobody else steps it, and
//! what it hands over to a checkpoint.

use super::{Bounded, CAPTURE_BLOCKS};
use crate::operator::logic::Logic;
use crate::operator::{KeyOf, Operator};
use crate::state::{SetPolicy, TimeToLive};
use crate::task::{Context, Downstream, TaskError};

impl<Op, K, P, L> Bounded<Op, K, P, L>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    P: SetPolicy,
    L: TimeToLive<Op::In>,
{
    /// What the cold tier has to say.
    pub(super) fn hear(&mut self) -> Result<bool, TaskError> {
        let waiting = &mut self.waiting;
        self.tiers.poll(|reply| waiting.hear(reply))
    }

    /// Has the cold tier answer now.
    #[cold]
    pub(super) fn answer_inline<D: Downstream<Op::Out>>(&mut self, down: &mut D) {
        while self.waiting.expects_state() && self.failure.is_none() {
            match self.step_inline().and_then(|()| self.hear()) {
                Ok(_) => _ = self.go_on(down),
                Err(error) => self.failure = Some(error),
            }
        }
    }

    pub(super) fn step_inline(&mut self) -> Result<(), TaskError> {
        self.tiers.publish();
        if let Some(server) = &mut self.inline {
            server.step(&mut Context::at(self.tiers.now_ns))?;
        }
        Ok(())
    }

    /// Hands over a block of what is being captured; whether there is more.
    #[inline(never)]
    pub(super) fn hand_over(&mut self) -> bool {
        // Where nobody else steps the server, it is what writes what the maps speak of.
        if let Err(error) = self.step_inline() {
            self.failure.get_or_insert(error);
        }
        if self.tiers.is_captured() {
            self.tiers.capture_some(CAPTURE_BLOCKS);
        } else if self.arrays_captured {
            self.arrays_captured = self.work.capture_arrays_some(CAPTURE_BLOCKS);
        }
        self.is_captured()
    }
}
