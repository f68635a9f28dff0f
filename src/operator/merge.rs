//! Deterministic order: the inputs of a stage become one stream, the same in every run.
//!
//! Sources give their events strictly increasing due times and outputs inherit them, so the due time is an
//! event's place in the order. Each input comes in that order; an event is next when no input can bring
//! one before it any more:
//!
//! ```text
//!   input 0   ─ 40 ─ 31 ─ 17 ─►        low 17 ┐
//!   input 1   ─────── P(24) ──►        low 25 ├─ 17 is lowest: take input 0 up to 25
//!   input 2   ─ 50 ─ 28 ──────►        low 28 ┘  then input 1 is lowest and empty: wait
//!                                                      │
//!   fill:  runs below the lows of the others ─► staged ─► logic, as one slice
//! ```
//!
//! Of one due time the lower input comes first, all of it: having shown 17, an input may bring more of 17
//! until its progress reaches 17 or it shows something later, so its low stays 17. Watermarks, barriers and
//! the end are sent to every task at the same place of the order: an input that has come to one stands
//! until all do. What a watermark makes the logic put out has a due time of its own, which the source keeps
//! free behind the last event ([`Context::marker_due`]).
//!
//! A logic may put an event aside, but then takes no other until it is through.
//!
//! Owns the messages it has taken and the logic has not. Invariants
//! 1. `lows[i]`: no event with an earlier due time follows from input `i`.
//! 2. `keys[i]` is `lows[i]`, or [`STANDS`] while the next of input `i` is a marker that all must reach.
//! 3. Progress sent on is below every low, and below every event that is staged or put aside.

use super::logic::Logic;
use super::stage::Body;
use crate::event::{Due, Event, Marker, Message};
use crate::latency::{new_histogram, record};
use crate::ring::Inlet;
use crate::task::{Context, Downstream};
use hdrhistogram::Histogram;

/// Messages staged at most: enough for the logic to fetch ahead in, and few enough to stay in the first two
/// levels of cache (32 KiB where a message is 256 bytes).
const STAGED_MAX: usize = 128;
/// The key of an input that stands at a marker: behind all due times.
const STANDS: u64 = u64::MAX;

/// Puts the inputs of one task in order.
pub(super) struct Merge<E> {
    lows: Vec<u64>,
    keys: Vec<u64>,
    pub(super) staged: Vec<Message<E>>,
    /// The first of `staged` that the logic has not taken.
    pub(super) next: usize,
    /// When the last event that the logic has taken was due, ns.
    pub(super) handed_ns: u64,
    /// The latest progress sent on, ns.
    sent_ns: u64,
    /// Since when an event at hand waits for another input, ns.
    held_since_ns: Option<u64>,
    held: Histogram<u64>,
}

impl<E: Event> Merge<E> {
    /// For `inputs` inputs.
    pub(super) fn new(inputs: usize) -> Self {
        Merge {
            lows: vec![1; inputs],
            keys: vec![1; inputs],
            staged: Vec::with_capacity(STAGED_MAX),
            next: 0,
            handed_ns: 0,
            sent_ns: 0,
            held_since_ns: None,
            held: new_histogram(),
        }
    }

    /// Whether messages are staged that the logic could not take yet.
    pub(super) fn has_staged(&self) -> bool {
        self.next < self.staged.len()
    }

    /// How long events at hand waited for an input that was behind, ns.
    pub(super) fn into_held(self) -> Histogram<u64> {
        self.held
    }

    /// Takes what is next in order from the inputs and works through it: at most a budget's worth of
    /// messages for each input. Returns how many moved.
    pub(super) fn step<L, D>(
        &mut self,
        inlets: &mut [Inlet<E>],
        body: &mut Body<L, D>,
        cx: &mut Context,
    ) -> usize
    where
        L: Logic<In = E>,
        D: Downstream<L::Out>,
    {
        let (mut moved, mut taken) = (0, 0);
        let taken_max = cx.budget.saturating_mul(inlets.len());
        let mut waits = false;
        loop {
            if self.next < self.staged.len() {
                let worked = body.work(&self.staged[self.next..], 0, cx).0;
                let events = self.staged[self.next..self.next + worked].iter().rev();
                self.handed_ns = events.filter_map(due_of).next().unwrap_or(self.handed_ns);
                self.next += worked;
                moved += worked;
            }
            if self.next < self.staged.len() || body.down.is_blocked() || taken >= taken_max {
                break;
            }
            self.staged.clear();
            self.next = 0;
            if self.all_stand() {
                if !is_settled(&body.logic) {
                    break;
                }
                taken += self.pass_marker(inlets, body, cx);
                if body.ended {
                    break;
                }
                continue;
            }
            let filled = match &mut *inlets {
                [inlet] => self.take_all(inlet, body, taken_max - taken, cx),
                _ => self.fill(inlets, taken_max - taken),
            };
            taken += filled;
            if filled == 0 && !self.all_stand() {
                waits = inlets.len() > 1 && self.staged.is_empty();
                break;
            }
        }
        let at_hand = |(inlet, key): (&Inlet<E>, &u64)| *key != STANDS && inlet.has_waiting();
        let held = waits && inlets.iter().zip(&self.keys).any(at_hand);
        self.note_held(held, moved > 0, cx);
        moved + taken + usize::from(self.send_progress(body, cx))
    }

    /// Takes runs of events that are next in order, up to a full stage or a marker that all must reach.
    fn fill(&mut self, inlets: &mut [Inlet<E>], taken_max: usize) -> usize {
        self.fill_to(inlets, STANDS, taken_max)
    }

    /// The same, of events that are due no later than `last_ns`.
    pub(super) fn fill_to(
        &mut self,
        inlets: &mut [Inlet<E>],
        last_ns: u64,
        taken_max: usize,
    ) -> usize {
        let mut taken = 0;
        while let Some((first, bound)) = self.lowest() {
            let bound = bound.min(last_ns);
            let room = (STAGED_MAX - self.staged.len()).min(taken_max - taken);
            if room == 0 {
                break;
            }
            let before = self.keys[first];
            let count = inlets[first].take(room, |messages| self.stage(messages, first, bound));
            taken += count;
            if count == 0 && self.keys[first] == before {
                break;
            }
        }
        taken
    }

    /// The input whose turn it is, and the last due time up to which it may be taken; `None` if all stand.
    #[inline]
    fn lowest(&self) -> Option<(usize, u64)> {
        let (mut first, mut bound) = (0, STANDS);
        let mut lowest = self.keys[0];
        for (index, &key) in self.keys.iter().enumerate().skip(1) {
            if key < lowest {
                // The one that was lowest comes first of an equal due time: this one ends before it.
                bound = lowest - 1;
                (first, lowest) = (index, key);
            } else {
                bound = bound.min(key);
            }
        }
        (lowest != STANDS).then_some((first, bound))
    }

    /// Stages what of `messages`, from input `index`, is due no later than `bound`; as [`Inlet::take`] asks.
    #[inline]
    fn stage(&mut self, messages: &[Message<E>], index: usize, bound: u64) -> (usize, bool) {
        for (at, message) in messages.iter().enumerate() {
            match *message {
                Message::Event(due, _) => {
                    debug_assert!(due.ns() >= self.lows[index], "an input runs backwards");
                    self.set_low(index, due.ns());
                    if due.ns() > bound {
                        return (at, false);
                    }
                    self.staged.push(*message);
                }
                Message::Marker(Marker::Progress(progress_ns)) => {
                    self.set_low(index, self.lows[index].max(progress_ns + 1));
                }
                Message::Marker(Marker::Probe { .. }) => self.staged.push(*message),
                Message::Marker(_) => {
                    self.keys[index] = STANDS;
                    return (at, false);
                }
            }
        }
        (messages.len(), true)
    }

    /// A single input is in order: its events go to the logic from where they lie.
    fn take_all<L, D>(
        &mut self,
        inlet: &mut Inlet<E>,
        body: &mut Body<L, D>,
        taken_max: usize,
        cx: &mut Context,
    ) -> usize
    where
        L: Logic<In = E>,
        D: Downstream<L::Out>,
    {
        inlet.take(taken_max, |messages| {
            let mut taken = 0;
            loop {
                let worked = taken + body.work(&messages[taken..], 0, cx).0;
                let events = messages[taken..worked].iter().rev();
                // Were this left to the markers of progress, two tasks that are full could wait for each
                // other's.
                if let Some(due) = events.filter_map(due_of).next() {
                    self.set_low(0, due);
                    self.handed_ns = due;
                }
                taken = worked;
                match messages.get(taken) {
                    None => return (taken, true),
                    Some(Message::Marker(Marker::Progress(progress_ns))) => {
                        self.set_low(0, self.lows[0].max(progress_ns + 1));
                        taken += 1;
                    }
                    Some(Message::Marker(Marker::Probe { .. }) | Message::Event(..)) => {
                        return (taken, false);
                    }
                    Some(Message::Marker(_)) => {
                        self.keys[0] = STANDS;
                        return (taken, false);
                    }
                }
            }
        })
    }

    /// All inputs stand at the same marker: it takes effect here.
    #[cold]
    fn pass_marker<L, D>(
        &mut self,
        inlets: &mut [Inlet<E>],
        body: &mut Body<L, D>,
        cx: &mut Context,
    ) -> usize
    where
        L: Logic<In = E>,
        D: Downstream<L::Out>,
    {
        self.send_progress(body, cx);
        cx.marker_due = Some(Due::new(self.lowest_low()));
        let mut taken = 0;
        for (index, inlet) in inlets.iter_mut().enumerate() {
            taken += inlet.take(1, |messages| {
                if let [Message::Marker(marker), ..] = *messages {
                    body.marker(marker, index, cx);
                }
                (1, false)
            });
        }
        cx.marker_due = None;
        self.keys.copy_from_slice(&self.lows);
        taken
    }

    /// Tells the next tasks up to where nothing follows any more; whether that was news.
    pub(super) fn send_progress<L, D>(&mut self, body: &mut Body<L, D>, cx: &mut Context) -> bool
    where
        L: Logic<In = E>,
        D: Downstream<L::Out>,
    {
        if body.ended {
            return false;
        }
        let staged = self.staged[self.next..].iter().find_map(due_of);
        let mut next_ns = staged.unwrap_or(u64::MAX).min(self.lowest_low());
        if !is_settled(&body.logic) {
            next_ns = next_ns.min(self.handed_ns);
        }
        let progress_ns = next_ns.saturating_sub(1);
        if progress_ns <= self.sent_ns {
            return false;
        }
        self.sent_ns = progress_ns;
        body.down.marker(Marker::Progress(progress_ns), cx);
        true
    }

    fn note_held(&mut self, held: bool, worked: bool, cx: &Context) {
        if let Some(since_ns) = self.held_since_ns.take_if(|_| worked || !held) {
            record(&mut self.held, cx.now_ns.saturating_sub(since_ns), 1);
        }
        if held && self.held_since_ns.is_none() {
            self.held_since_ns = Some(cx.now_ns);
        }
    }

    #[inline(always)]
    fn set_low(&mut self, index: usize, low: u64) {
        self.lows[index] = low;
        self.keys[index] = low;
    }

    fn all_stand(&self) -> bool {
        self.keys.iter().all(|key| *key == STANDS)
    }

    fn lowest_low(&self) -> u64 {
        self.lows.iter().copied().min().unwrap_or(1)
    }
}

#[inline(always)]
pub(super) fn due_of<E>(message: &Message<E>) -> Option<u64> {
    match message {
        Message::Event(due, _) => Some(due.ns()),
        Message::Marker(_) => None,
    }
}

/// Whether no event that the logic has taken waits for its state.
#[inline(always)]
fn is_settled(logic: &impl Logic) -> bool {
    logic.through() == logic.put_aside()
}
