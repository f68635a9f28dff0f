//! An operator at work on one event, and what is counted of it.

use super::gathered::{Gathered, Watched};
use super::{Emitter, Operator, Retain};
use crate::event::Due;
use crate::state::{States, TimeToLive};
use crate::task::{Context, Downstream, Figures};
use bytemuck::Pod;
use std::cell::Cell;

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

    /// Tells the operator of a watermark.
    pub(super) fn watermark<D: Downstream<Op::Out>>(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Op::State>,
        down: &mut D,
        cx: &mut Context,
    ) {
        if let Some(due) = cx.marker_due {
            let place = Cell::default();
            let mut gathered = Gathered::new(&place);
            let states = &mut Watched {
                states,
                place: &place,
            };
            self.operator.watermark(watermark_ns, states, &mut gathered);
            return self.put_out(gathered, due, down);
        }
        let mut out = emitter(down, cx);
        self.operator.watermark(watermark_ns, states, &mut out);
        self.events_expanded += out.outputs;
    }

    /// Tells the operator of the end.
    pub(super) fn end<D: Downstream<Op::Out>>(
        &mut self,
        states: &mut dyn States<Op::State>,
        down: &mut D,
        cx: &mut Context,
    ) {
        if let Some(due) = cx.marker_due {
            let place = Cell::default();
            let mut gathered = Gathered::new(&place);
            let states = &mut Watched {
                states,
                place: &place,
            };
            self.operator.end(states, &mut gathered);
            return self.put_out(gathered, due, down);
        }
        let mut out = emitter(down, cx);
        self.operator.end(states, &mut out);
        self.events_expanded += out.outputs;
    }

    fn put_out<D: Downstream<Op::Out>>(
        &mut self,
        gathered: Gathered<'_, Op::Out>,
        due: Due,
        down: &mut D,
    ) {
        for output in gathered.into_outputs() {
            self.events_expanded += 1;
            down.push(due, output);
        }
    }

    /// Adds what was counted, and what the operator itself has to say.
    pub(super) fn figures(self, figures: &mut Figures) {
        figures.events_filtered += self.events_filtered;
        figures.events_expanded += self.events_expanded;
        figures.keys_expired += self.expirations;
        figures.caches.extend(self.operator.caches());
        figures.measures.extend(self.operator.measures());
        figures.notes.extend(self.operator.notes());
    }
}

/// For outputs that no event brings: they are due now.
fn emitter<'a, D>(down: &'a mut D, cx: &Context) -> Emitter<'a, D> {
    Emitter {
        down,
        due: Due::new(cx.clock.now_ns()),
        outputs: 0,
    }
}

/// Notes that an event has touched an entry, which starts anew if its time to live had passed; whether it
/// had.
#[inline(always)]
fn touch<E, V: Pod>(live: &impl TimeToLive<E>, event: &E, stamp: &mut u64, state: &mut V) -> bool {
    if !live.is_limited() {
        return false;
    }
    let now = live.stamp(event);
    let over = live.is_over(*stamp, now);
    if over {
        *state = V::zeroed();
    }
    // An event that comes late in its key's order does not shorten the life of the key.
    *stamp = now.max(*stamp);
    over
}
