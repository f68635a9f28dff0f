//! An operator at work on one event, and what is counted of it.

use super::keyed::touch;
use super::{Emitter, Operator, Retain};
use crate::event::Due;
use crate::state::TimeToLive;
use crate::task::Downstream;

/// The operator, and what is counted of its work.
pub(super) struct Work<Op> {
    pub(super) operator: Op,
    pub(super) events_filtered: u64,
    pub(super) events_expanded: u64,
    pub(super) expirations: u64,
}

impl<Op: Operator> Work<Op> {
    pub(super) fn new(operator: Op) -> Self {
        Work {
            operator,
            events_filtered: 0,
            events_expanded: 0,
            expirations: 0,
        }
    }

    /// Processes one event on the state of its key, which starts anew if its time to live has passed.
    #[inline(always)]
    pub(super) fn process<D: Downstream<Op::Out>>(
        &mut self,
        live: &impl TimeToLive<Op::In>,
        (due, event): (Due, &Op::In),
        (key, stamp, state): (u64, &mut u64, &mut Op::State),
        down: &mut D,
    ) -> Retain {
        let over = touch(live, event, stamp, state);
        self.expirations += u64::from(over);
        let mut out = Emitter {
            down,
            due,
            outputs: 0,
        };
        let retain = self.operator.process(key, event, state, &mut out);
        let outputs = out.outputs;
        self.events_filtered += u64::from(outputs == 0);
        self.events_expanded += outputs.saturating_sub(1);
        retain
    }
}
