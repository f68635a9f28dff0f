//! The stage task: one partition of a stage, with its inputs, its logic and what follows.
//!
//! Owns the inlets from every task of the stage before, the logic (and with it the state), and the
//! downstream. One step visits every input once:
//!
//! ```text
//!   flush what was kept ─ full? ──► Blocked
//!   logic.poll: what has come in from the cold tier
//!   each input, starting one further each step:               (timed while an epoch is being captured)
//!       events   ──► logic.run: runs of up to GROUP events, state prefetched, then processed
//!       watermark ─► (once events before it that wait for state are through)
//!                    minimum over the inputs moved? ──► logic, downstream
//!       barrier  ──► (held back while events before it wait for state)
//!                    stop reading this input until all inputs stand at it ──► downstream
//!       probe    ──► record the wait, send on
//!       key state ─► logic.key_state: the state of a split key comes or goes
//!       end      ──► (held back likewise) all inputs ended? ──► logic.end, downstream
//!   flush: publish, stamp
//!   logic.capture_some: a block of what is being captured      (timed)
//! ```
//!
//! In deterministic order the inputs go through `merge` first, which puts them into one.

use super::logic::Logic;
use super::merge::Merge;
use super::pauses::{CAPTURED_BUDGET, EVENTS_A_BLOCK, Pauses};
use crate::checkpoint::Saved;
use crate::event::{Marker, Message};
use crate::latency::{new_histogram, record};
use crate::ring::Inlet;
use crate::task::{Context, Downstream, Figures, Gauge, Progress, Task, TaskError};
use hdrhistogram::Histogram;

/// How a stage is called and where one of its partitions stands.
#[derive(Clone, Debug, Default)]
pub struct StageName {
    /// As the user named it.
    pub name: String,
    /// Position in the flow; the source is 0.
    pub stage_index: usize,
    /// Partition.
    pub partition: usize,
    /// How events reach its partitions.
    pub partitioner: String,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Input {
    pub(super) watermark_ns: u64,
    at_barrier: bool,
    pub(super) ended: bool,
    /// A barrier or the end is next, and waits until so many events put aside are through.
    held_until: Option<u64>,
    /// A watermark that has been taken, and so many events put aside have to be through before it counts.
    pub(super) deferred: Option<(u64, u64)>,
    /// The latest watermark behind the deferred one.
    pub(super) newest_ns: u64,
}

/// While events wait for their state, a core without other work looks again after this long, ns.
const WAITING_AGAIN_NS: u64 = 50_000;

/// One partition of a stage.
pub struct Stage<L: Logic, D> {
    inlets: Vec<Inlet<L::In>>,
    first: usize,
    body: Body<L, D>,
    /// In deterministic order: what puts the inputs into one.
    merge: Option<Merge<L::In>>,
}

pub(super) struct Body<L, D> {
    name: StageName,
    pub(super) inputs: Vec<Input>,
    pub(super) watermark_ns: u64,
    pub(super) logic: L,
    pub(super) down: D,
    pub(super) events_in: u64,
    queueing: Histogram<u64>,
    /// The latest that an input has reached.
    barrier: Marker,
    pub(super) ended: bool,
    /// Messages taken since a block was last captured.
    uncaptured: usize,
    /// The last step took all it was allowed to: more may be waiting.
    behind: bool,
    /// Where checkpoints are made: what they take of its time.
    pauses: Option<Box<Pauses>>,
    /// Inputs with a deferred watermark.
    pub(super) deferred: usize,
    /// Markers but probes are the business of `merge`.
    ordered: bool,
}

impl<L: Logic, D: Downstream<L::Out>> Stage<L, D> {
    /// The watermark from which a restored run goes on, ns of event time.
    pub fn starting_at(mut self, watermark_ns: u64) -> Self {
        self.body.watermark_ns = watermark_ns;
        self
    }

    /// A partition that reads `inlets` and hands what `logic` makes to `down`.
    pub fn new(name: StageName, inlets: Vec<Inlet<L::In>>, logic: L, down: D) -> Self {
        let pauses = logic.takes_part().then(|| Box::new(Pauses::new()));
        let body = Body {
            name,
            inputs: vec![Input::default(); inlets.len()],
            watermark_ns: 0,
            logic,
            down,
            events_in: 0,
            queueing: new_histogram(),
            barrier: Marker::End,
            ended: false,
            uncaptured: 0,
            behind: false,
            pauses,
            deferred: 0,
            ordered: false,
        };
        Stage {
            inlets,
            first: 0,
            body,
            merge: None,
        }
    }

    /// Takes events in deterministic order: by their due time, whichever input they come by.
    pub fn ordered(mut self) -> Self {
        self.body.ordered = true;
        self.merge = Some(Merge::new(self.inlets.len()));
        self
    }
}

impl<L: Logic, D: Downstream<L::Out>> Task for Stage<L, D> {
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
        let Stage {
            inlets,
            first,
            body,
            merge,
        } = self;
        if body.down.is_blocked() && !body.down.flush(cx) {
            return match merge {
                Some(merge) => merge.finish_due(inlets, body, cx),
                None => Ok(Progress::Blocked),
            };
        }
        if body.ended {
            return Ok(if body.capture_some(cx) {
                Progress::Worked
            } else {
                Progress::Done
            });
        }
        let timed = body.pauses.as_ref();
        let timed = timed.and_then(|pauses| pauses.begin_step(body.logic.is_captured(), cx));
        let moved = body.logic.poll(&mut body.down, cx)?;
        if body.deferred > 0 {
            body.release_watermarks(cx);
        }
        // Each event may be the first to write to a block, whose copy those taken with it wait for.
        let budget = match body.logic.is_captured() && !body.behind {
            true => cx.budget.min(CAPTURED_BUDGET),
            false => cx.budget,
        };
        let mut taken = 0;
        if let Some(merge) = merge {
            taken = merge.step(inlets, body, cx);
        } else {
            for offset in 0..inlets.len() {
                let index = (*first + offset) % inlets.len();
                if !body.inputs[index].at_barrier && !body.inputs[index].ended {
                    taken += inlets[index].take(budget, |messages| body.work(messages, index, cx));
                }
            }
        }
        body.behind = taken >= budget;
        body.logic.check()?;
        *first = (*first + 1) % inlets.len();
        let is_captured = body.logic.is_captured();
        if (timed.is_some() || is_captured)
            && let Some(pauses) = &mut body.pauses
        {
            pauses.end_step(timed, taken, is_captured, body.logic.copied(), cx);
        }
        let worked = taken > 0 || moved;
        let flushed = !worked || body.down.flush(cx);
        // Results have gone on. A block is copied when there is nothing else to do, or its share of events has
        // gone by: the next event may wait for a copy of 1–2 µs.
        body.uncaptured += taken;
        let captures = (taken == 0 || body.uncaptured >= EVENTS_A_BLOCK) && {
            body.uncaptured = 0;
            body.capture_some(cx)
        };
        if !flushed {
            return Ok(Progress::Blocked);
        }
        if !worked && !captures {
            let waiting = body.logic.through() < body.logic.put_aside()
                || merge.as_ref().is_some_and(Merge::has_staged);
            return Ok(Progress::Idle(
                waiting.then(|| cx.now_ns + WAITING_AGAIN_NS),
            ));
        }
        Ok(Progress::Worked)
    }

    fn gauge(&self) -> Gauge {
        Gauge {
            events: self.body.events_in,
            waiting: self.inlets.iter().map(Inlet::waiting).sum::<usize>() as u64,
        }
    }

    fn ring_slots(&self) -> usize {
        self.inlets.iter().map(Inlet::slots).sum()
    }

    fn at_event(&self) -> Option<String> {
        self.body.logic.at_event()
    }

    fn figures(self: Box<Self>) -> Figures {
        let body = self.body;
        let mut figures = Figures {
            stage: body.name.name,
            stage_index: body.name.stage_index,
            partition: body.name.partition,
            partitioner: body.name.partitioner,
            events_in: body.events_in,
            queueing: Some(body.queueing),
            ..Figures::default()
        };
        figures.checkpoints = body.pauses.map(|pauses| Box::new(pauses.into_figures()));
        body.down.figures(&mut figures);
        body.logic.figures(&mut figures);
        if let Some(merge) = self.merge {
            figures.held = Some(merge.into_held());
        }
        figures
    }
}

impl<L: Logic, D: Downstream<L::Out>> Body<L, D> {
    /// Works through one slice of input `index`; returns how many messages it took, and whether it would
    /// take more: not behind a barrier that other inputs have yet to reach, nor with a full ring ahead.
    #[inline]
    pub(super) fn work(
        &mut self,
        messages: &[Message<L::In>],
        index: usize,
        cx: &mut Context,
    ) -> (usize, bool) {
        let mut taken = 0;
        while let Some(message) = messages.get(taken) {
            let stop = match *message {
                Message::Event(..) => {
                    let count = self.logic.run(&messages[taken..], &mut self.down);
                    self.events_in += count as u64;
                    taken += count;
                    count == 0 || self.down.is_blocked()
                }
                Message::Marker(marker) if self.holds(marker, index) => true,
                Message::Marker(marker) => {
                    taken += 1;
                    self.marker(marker, index, cx)
                }
            };
            if stop {
                return (taken, false);
            }
        }
        (taken, true)
    }

    /// Whether `marker`, next in input `index`, must wait for events before it that were put aside. The
    /// other inputs go on meanwhile.
    #[inline(always)]
    fn holds(&mut self, marker: Marker, index: usize) -> bool {
        if self.ordered {
            return !matches!(marker, Marker::Probe { .. });
        }
        let through = self.logic.through();
        let passes = matches!(marker, Marker::Probe { .. } | Marker::Watermark(_));
        if through == self.logic.put_aside() || passes {
            self.inputs[index].held_until = None;
            return false;
        }
        let until = *self.inputs[index]
            .held_until
            .get_or_insert(self.logic.put_aside());
        if through >= until {
            self.inputs[index].held_until = None;
        }
        through < until
    }

    /// Handles a marker of input `index`; whether that input must not be read further now.
    #[inline(never)]
    pub(super) fn marker(&mut self, marker: Marker, index: usize, cx: &mut Context) -> bool {
        match marker {
            Marker::Probe {
                read_ns,
                sent_after_ns,
            } => {
                let now_ns = cx.clock.now_ns();
                let sent_ns = read_ns + u64::from(sent_after_ns);
                record(&mut self.queueing, now_ns.saturating_sub(sent_ns), 1);
                let sent_after_ns =
                    u32::try_from(now_ns.saturating_sub(read_ns)).unwrap_or(u32::MAX);
                self.down.marker(
                    Marker::Probe {
                        read_ns,
                        sent_after_ns,
                    },
                    cx,
                );
            }
            Marker::Watermark(watermark_ns) => self.watermark(watermark_ns, index, cx),
            // Only sources in deterministic order send it, and there `merge` takes it.
            Marker::Progress(_) => {}
            Marker::KeyState => self.logic.key_state(),
            Marker::Barrier { .. } => {
                self.release_watermarks(cx);
                self.inputs[index].at_barrier = true;
                return !self.pass_barrier(Some(marker), cx);
            }
            Marker::End => {
                self.release_watermarks(cx);
                self.inputs[index].ended = true;
                if self.inputs.iter().all(|input| input.ended) {
                    self.logic.end(&mut self.down, cx);
                    self.down.marker(Marker::End, cx);
                    self.ended = true;
                } else {
                    self.advance_watermark(cx);
                    self.pass_barrier(None, cx);
                }
                return true;
            }
        }
        self.down.is_blocked()
    }

    /// Hands over a little of what is being captured; whether there is more.
    #[inline]
    fn capture_some(&mut self, cx: &mut Context) -> bool {
        if !self.logic.is_captured() {
            return self.logic.capture_some();
        }
        let begun_ns = cx.clock.now_ns();
        let more = self.logic.capture_some();
        if let Some(pauses) = &mut self.pauses {
            pauses.piece(begun_ns, self.logic.copied(), cx);
        }
        more
    }

    /// Sends the barrier on once every open input stands at it; whether it did.
    fn pass_barrier(&mut self, barrier: Option<Marker>, cx: &mut Context) -> bool {
        if let Some(barrier) = barrier {
            self.barrier = barrier;
        }
        let waiting = self.inputs.iter().any(|input| input.at_barrier);
        if !waiting
            || !self
                .inputs
                .iter()
                .all(|input| input.at_barrier || input.ended)
        {
            return false;
        }
        self.inputs
            .iter_mut()
            .for_each(|input| input.at_barrier = false);
        if let Marker::Barrier {
            epoch,
            checkpoint: true,
        } = self.barrier
        {
            let begun_ns = cx.clock.now_ns();
            let mut saved = Saved {
                watermark_ns: self.watermark_ns,
                ..Saved::default()
            };
            self.down.save(&mut saved.sink);
            self.logic.capture(epoch, saved);
            self.down.marker(self.barrier, cx);
            if let Some(pauses) = &mut self.pauses {
                pauses.barrier(begun_ns, cx);
            }
        } else {
            self.down.marker(self.barrier, cx);
        }
        true
    }
}
