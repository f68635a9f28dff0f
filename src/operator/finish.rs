//! Deterministic order, where a ring is full: the due time under way is finished all the same.
//!
//! A task that stopped in the middle of a due time could wait for itself. Of one due time a task takes the
//! lower inputs first, so it may have to wait for a neighbour of the full one, which waits for the rest:
//!
//! ```text
//!             ┌─► b, idle: is there more of 17? ──────────────┐
//!   a: 17 17 ─┤                                               ├─► d: waits for 17 of b
//!             └─► c, full: 17 17 17 ─────────── 17 17 17 17 ──┘
//!     a is full as well, and holds back the second 17, or that there is no third
//! ```
//!
//! With this the lowest due time that any task has not finished can be finished by all: what has no room is
//! kept at the outlet, and is no more than what the events of one due time put out.

use super::logic::Logic;
use super::merge::{Merge, due_of};
use super::stage::Body;
use crate::event::{Due, Event, Marker};
use crate::ring::Inlet;
use crate::task::{Context, Downstream, Figures, Progress, TaskError};

impl<E: Event> Merge<E> {
    /// Takes the rest of the events that are due when the last one was, and says how far the task has come.
    ///
    /// # Errors
    /// As [`Logic::poll`].
    #[cold]
    pub(super) fn finish_due<L, D>(
        &mut self,
        inlets: &mut [Inlet<E>],
        body: &mut Body<L, D>,
        cx: &mut Context,
    ) -> Result<Progress, TaskError>
    where
        L: Logic<In = E>,
        D: Downstream<L::Out>,
    {
        if body.ended {
            return Ok(Progress::Blocked);
        }
        let mut moved = body.logic.poll(&mut Roomy(&mut body.down), cx)?;
        loop {
            if self.next == self.staged.len() {
                self.staged.clear();
                self.next = 0;
                self.fill_to(inlets, self.handed_ns, usize::MAX);
            }
            let waiting = &self.staged[self.next..];
            let later = |due: u64| due > self.handed_ns;
            let end = waiting
                .iter()
                .position(|message| due_of(message).is_none_or(later))
                .unwrap_or(waiting.len());
            if end == 0 {
                // A probe: behind its event, like this one. Anything else is not of this due time.
                if waiting
                    .first()
                    .is_some_and(|message| due_of(message).is_none())
                {
                    self.next += body.work(&waiting[..1], 0, cx).0;
                    continue;
                }
                break;
            }
            let taken = body.logic.run(&waiting[..end], &mut Roomy(&mut body.down));
            body.events_in += taken as u64;
            self.next += taken;
            moved |= taken > 0;
            if taken == 0 {
                break;
            }
        }
        moved |= self.send_progress(body, cx);
        body.logic.check()?;
        let room = body.down.flush(cx);
        Ok(if moved || room {
            Progress::Worked
        } else {
            Progress::Blocked
        })
    }
}

/// A downstream that does not say that it is full.
struct Roomy<'a, D>(&'a mut D);

impl<T, D: Downstream<T>> Downstream<T> for Roomy<'_, D> {
    #[inline(always)]
    fn push(&mut self, due: Due, value: T) {
        self.0.push(due, value);
    }

    fn marker(&mut self, marker: Marker, cx: &mut Context) {
        self.0.marker(marker, cx);
    }

    #[inline(always)]
    fn is_blocked(&self) -> bool {
        false
    }

    fn flush(&mut self, cx: &mut Context) -> bool {
        self.0.flush(cx)
    }

    fn figures(self, _: &mut Figures) {}
}
