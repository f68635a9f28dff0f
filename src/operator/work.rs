//! An operator at work on one event, and what is counted of it.

use super::gathered::{Gathered, Watched};
use super::{Emit, Emitter, Operator};
use crate::checkpoint::Copied;
use crate::event::Due;
use crate::failure::{Turn, Verdict};
use crate::state::{States, TimeToLive};
use crate::task::{Context, Downstream, Figures, TaskError};
use bytemuck::Pod;
use std::cell::Cell;

/// The operator, and what is counted of its work.
pub(super) struct Work<Op> {
    pub(super) operator: Op,
    pub(super) events_filtered: u64,
    pub(super) events_expanded: u64,
    pub(super) expirations: u64,
}

/// What is to be done after an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// The key is to be forgotten.
    pub(super) remove: bool,
    /// The event failed: the key is to be forgotten if it was new.
    pub(super) undone: bool,
    /// The event failed, and is to be tried again at this time, ns; its key waits.
    pub(super) again_ns: Option<u64>,
}

impl Done {
    /// Whether a key that `is_new`, or was there before the event, is to be forgotten.
    #[inline(always)]
    pub(super) fn forgets(self, is_new: bool) -> bool {
        self.remove || (self.undone && is_new)
    }
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
    /// The event has failed so many `failures` times before.
    #[inline(always)]
    pub(super) fn process<D: Downstream<Op::Out>>(
        &mut self,
        live: &impl TimeToLive<Op::In>,
        (due, event): (Due, &Op::In),
        (key, stamp, state): (u64, &mut u64, &mut Op::State),
        failures: u32,
        down: &mut D,
    ) -> Done {
        let stamp_before = *stamp;
        let over = touch(live, event, stamp, state);
        self.expirations += u64::from(over);
        let mut out = Emitter {
            down,
            due,
            outputs: 0,
        };
        let turn = Turn { due, key, failures };
        let verdict = self.operator.attempt(turn, event, state, &mut out);
        let outputs = out.outputs;
        if let Verdict::Keep | Verdict::Remove = verdict {
            self.events_filtered += u64::from(outputs == 0);
            self.events_expanded += outputs.saturating_sub(1);
            return Done {
                remove: verdict == Verdict::Remove,
                undone: false,
                again_ns: None,
            };
        }
        // As if the event had never been: a key that it made, or found over, is not there.
        *stamp = stamp_before;
        Done {
            remove: over,
            undone: true,
            again_ns: match verdict {
                Verdict::Again(at_ns) => Some(at_ns),
                _ => None,
            },
        }
    }

    /// The operator as it is to be saved for checkpoint `epoch`, whose barrier is here.
    pub(super) fn save(&mut self, epoch: u64) -> Vec<u8> {
        if let Some(guard) = self.operator.guard() {
            guard.barrier(epoch);
        }
        self.operator.save()
    }

    /// A step begins at `now_ns`.
    #[inline(always)]
    pub(super) fn begin(&mut self, now_ns: u64) {
        if let Some(guard) = self.operator.guard() {
            guard.begin(now_ns);
        }
    }

    /// Whether no event can be taken now, because of one that failed.
    #[inline(always)]
    pub(super) fn is_stuck(&mut self) -> bool {
        self.operator.guard().is_some_and(|guard| guard.is_stuck())
    }

    /// No event is being processed until the next.
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        if let Some(guard) = self.operator.guard() {
            guard.leave();
        }
    }

    /// # Errors
    /// An event failed for good and the run is to end.
    #[inline(always)]
    pub(super) fn check(&mut self) -> Result<(), TaskError> {
        self.operator.guard().map_or(Ok(()), |guard| guard.check())
    }

    /// The arrays of the operator are to be captured for `epoch` as they are now; whether there are any to be.
    pub(super) fn capture_arrays(&mut self, epoch: u64) -> bool {
        let mut open = false;
        self.operator.arrays(&mut |array| {
            array.capture(epoch);
            open |= array.is_captured();
        });
        open
    }

    /// Hands over up to `most` blocks of the first array that is being captured; whether one still is.
    pub(super) fn capture_arrays_some(&mut self, most: usize) -> bool {
        let (mut open, mut its_turn) = (false, true);
        self.operator.arrays(&mut |array| {
            if its_turn && array.is_captured() {
                array.capture_some(most);
                its_turn = false;
            }
            open |= array.is_captured();
        });
        open
    }

    /// Blocks of arrays copied for checkpoints so far.
    pub(super) fn copied_arrays(&mut self) -> Copied {
        let mut copied = Copied::default();
        self.operator.arrays(&mut |array| copied += array.copied());
        copied
    }

    /// Tells the operator of a watermark.
    pub(super) fn watermark<D: Downstream<Op::Out>>(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Op::State>,
        down: &mut D,
        cx: &mut Context,
    ) {
        self.tell(Moment::Watermark(watermark_ns), states, down, cx);
    }

    /// Tells the operator of the end.
    pub(super) fn end<D: Downstream<Op::Out>>(
        &mut self,
        states: &mut dyn States<Op::State>,
        down: &mut D,
        cx: &mut Context,
    ) {
        self.tell(Moment::End, states, down, cx);
    }

    /// Tells the operator of `moment`, and hands on what it puts out then: where order matters, by key.
    fn tell<D: Downstream<Op::Out>>(
        &mut self,
        moment: Moment,
        states: &mut dyn States<Op::State>,
        down: &mut D,
        cx: &Context,
    ) {
        let Some(due) = cx.marker_due else {
            let mut out = emitter(down, cx);
            moment.tell(&mut self.operator, states, &mut out);
            self.events_expanded += out.outputs;
            return;
        };
        let place = Cell::default();
        let mut gathered = Gathered::new(&place);
        let states = &mut Watched {
            states,
            place: &place,
        };
        moment.tell(&mut self.operator, states, &mut gathered);
        for output in gathered.into_outputs() {
            self.events_expanded += 1;
            down.push(due, output);
        }
    }

    /// Adds what was counted, and what the operator itself has to say.
    pub(super) fn figures(mut self, figures: &mut Figures) {
        if let Some(guard) = self.operator.guard() {
            figures.events_filtered += guard.counts.skipped;
            figures.events_dead_letter += guard.counts.dead_letters;
        }
        figures.events_filtered += self.events_filtered;
        figures.events_expanded += self.events_expanded;
        figures.keys_expired += self.expirations;
        figures.caches.extend(self.operator.caches());
        figures.measures.extend(self.operator.measures());
        figures.notes.extend(self.operator.notes());
    }
}

/// What an operator is told of beside events.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Watermark(u64),
    End,
}

impl Moment {
    fn tell<Op: Operator>(
        self,
        operator: &mut Op,
        states: &mut dyn States<Op::State>,
        out: &mut impl Emit<Op::Out>,
    ) {
        match self {
            Moment::Watermark(watermark_ns) => operator.watermark(watermark_ns, states, out),
            Moment::End => operator.end(states, out),
        }
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
