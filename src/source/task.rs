//! The source task: offers events when they are due, and cuts the stream with markers.
//!
//! Owns the source and the first exchange. Open loop: the due times come from the schedule alone; a full
//! ring or a slow engine makes the source late, which is recorded, and never moves a due time.
//!
//! ```text
//!   step:  flush what was kept ─ full? ──► Blocked
//!          source.poll: every event that is due, at most a budget's worth   due_ns from the schedule
//!          a probe behind the last event, one in PROBE_EVERY                 reads: service, queueing
//!          a watermark at most each millisecond, a barrier each interval
//!          flush: publish
//! ```
//!
//! In deterministic order due times increase strictly and watermarks go by the number of events (`sequence`).

use super::barriers::{Barriers, Checkpoints};
use super::offer::{Counts, Offer};
use super::position::cannot_rewind;
use super::sequence::Sequence;
use crate::checkpoint::Saved;
use crate::event::{Event, Marker};
use crate::latency::{Buckets, new_histogram, record};
use crate::task::{
    CheckpointFigures, Context, Downstream, Figures, Gauge, Progress, Task, TaskError,
};

/// At least so many events between two probes.
const PROBE_EVERY: u64 = 128;
/// A watermark is sent at most this often, ns: it is a message to every partition.
const WATERMARK_EVERY_NS: u64 = 1_000_000;

/// How often the end of a run looks whether the last checkpoint is settled, ns.
const SETTLED_AGAIN_NS: u64 = 100_000;

/// What a poll achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Events were offered, or more may be due now.
    Ready,
    /// Nothing is due before this time (ns of the run's clock), if it knows.
    Idle(Option<u64>),
    /// No more events.
    End,
}

/// Where events come from. Implementations are asked for what is due and never wait.
pub trait Source: Send + 'static {
    /// What it offers.
    type Event: Event;

    /// Offers what is due at `cx.now_ns`, at most about `cx.budget` events.
    ///
    /// # Errors
    /// When it cannot be read on; the run ends.
    fn poll<D: Downstream<Self::Event>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError>;

    /// Where it stands: everything offered so far lies before it. Called at a barrier, between two polls, and
    /// before the first. `None`: it cannot rewind.
    fn position(&self) -> Option<Vec<u8>> {
        None
    }

    /// Goes to `position`, which a source of the same configuration gave; called at most once, before the first
    /// poll. May take as long as it needs. Then exactly the events behind it are offered, with the event times
    /// they would have had; the first of them is due when the restored run starts, and the others keep their
    /// distances. A bound on the number of events counts the whole stream, one on the time counts anew.
    ///
    /// # Errors
    /// It cannot rewind, or not there: the position is one in something else.
    fn seek(&mut self, position: &[u8]) -> Result<(), TaskError> {
        let _ = position;
        Err(cannot_rewind(std::any::type_name::<Self>()))
    }

    /// No checkpoint that is kept stands before `position`, which it once gave: what it keeps to go back there it
    /// may forget. Called at a barrier.
    fn release(&mut self, position: &[u8]) {
        let _ = position;
    }

    /// Adds what it counted (late, dead-lettered, pace, notes).
    fn figures(&mut self, figures: &mut Figures) {
        let _ = figures;
    }
}

/// A source and what follows it.
pub struct SourceTask<S, D> {
    name: String,
    source: S,
    down: D,
    counts: Counts,
    late_start: Buckets,
    barriers: Barriers,
    /// Events to offer at the most, those of the runs before this one among them.
    events_max: u64,
    sequence: Option<Sequence>,
    interrupted: Option<String>,
    /// Where checkpoints are made: what they take of its time.
    pauses: Option<Box<CheckpointFigures>>,
    /// The source has no more events; what follows is the last checkpoint and the end.
    exhausted: bool,
    ended: bool,
}

impl<S: Source, D: Downstream<S::Event>> SourceTask<S, D> {
    /// A task that offers the events of `source` to `down`, with a barrier each `interval_ns`.
    pub fn new(name: String, source: S, down: D, interval_ns: u64) -> Self {
        SourceTask {
            name,
            source,
            down,
            counts: Counts::default(),
            late_start: Buckets::default(),
            barriers: Barriers::new(interval_ns),
            events_max: u64::MAX,
            sequence: None,
            interrupted: None,
            pauses: None,
            exhausted: false,
            ended: false,
        }
    }

    /// Makes checkpoints; `epoch` was the last of the run before.
    pub fn with_checkpoints(mut self, epoch: u64, checkpoints: Checkpoints) -> Self {
        self.counts.events_before = checkpoints.before.events;
        self.counts.event_time_ns = checkpoints.before.event_time_ns;
        self.counts.watermark_ns = checkpoints.before.watermark_ns;
        self.barriers.with_checkpoints(epoch, checkpoints);
        self.pauses = Some(Box::new(CheckpointFigures::new(new_histogram)));
        self
    }

    /// Gives events and markers places that depend on the events alone.
    pub fn ordered(mut self) -> Self {
        self.sequence = Some(Sequence::default());
        self
    }

    /// Ends after `events_max` events, if the source has not ended before; counted over all runs, where
    /// one goes on from another.
    pub fn at_most(mut self, events_max: u64) -> Self {
        self.events_max = events_max;
        self
    }

    /// Sends the markers that are due behind the events of this step; whether there were any.
    fn mark(&mut self, cx: &mut Context, offered_before: u64) -> bool {
        let counts = &mut self.counts;
        let offered = counts.offered;
        if offered_before == 0 && offered > 0 {
            counts.first_due_ns = counts.last_due_ns.min(cx.now_ns);
        }
        let mut marked = false;
        if offered > offered_before && offered - counts.probed_at >= PROBE_EVERY {
            counts.probed_at = offered;
            let sent_after_ns = u32::try_from(cx.clock.now_ns() - cx.now_ns).unwrap_or(u32::MAX);
            self.down.marker(
                Marker::Probe {
                    read_ns: cx.now_ns,
                    sent_after_ns,
                },
                cx,
            );
            marked = true;
        }
        if let Some(sequence) = &mut self.sequence {
            marked |= sequence.tell(&mut self.down, cx);
        } else if counts.event_time_ns > counts.watermark_ns
            && cx.now_ns >= counts.watermark_sent_ns + WATERMARK_EVERY_NS
        {
            counts.watermark_ns = counts.event_time_ns;
            counts.watermark_sent_ns = cx.now_ns;
            self.down.marker(Marker::Watermark(counts.watermark_ns), cx);
            marked = true;
        }
        if !self.exhausted
            && let Some(barrier) = self.barriers.due(cx.now_ns)
        {
            self.cut(barrier, cx);
            marked = true;
        }
        marked
    }

    /// Sends a barrier; where it is a checkpoint, the source captures itself first.
    fn cut(&mut self, barrier: Marker, cx: &mut Context) {
        if let Marker::Barrier {
            epoch,
            checkpoint: true,
        } = barrier
        {
            let begun_ns = cx.clock.now_ns();
            let mut saved = Saved {
                watermark_ns: self.counts.watermark_ns,
                event_time_ns: self.counts.event_time_ns,
                events: self.counts.events_before + self.counts.offered,
                position: self.source.position(),
                ..Saved::default()
            };
            self.down.save(&mut saved.sink);
            if let Some(position) = self.barriers.released() {
                self.source.release(position);
            }
            self.barriers.capture(epoch, saved);
            self.down.marker(barrier, cx);
            let pause_ns = cx.clock.now_ns().saturating_sub(begun_ns);
            if let Some(pauses) = &mut self.pauses {
                record(&mut pauses.barrier, pause_ns, 1);
            }
            cx.checkpoint.barrier_ns += pause_ns;
            return;
        }
        self.down.marker(barrier, cx);
    }

    fn end(&mut self, cx: &mut Context) {
        // Before the last watermark: what that brings about belongs to the end, which a run that goes on from
        // here comes to again.
        if let Some(barrier) = self.barriers.last() {
            self.cut(barrier, cx);
        }
        let watermark = Marker::Watermark(self.counts.event_time_ns);
        let markers = [watermark, Marker::End].into_iter();
        for marker in markers.skip(usize::from(self.counts.event_time_ns == 0)) {
            match &mut self.sequence {
                Some(sequence) => sequence.mark(marker, &mut self.down, cx),
                None => self.down.marker(marker, cx),
            }
        }
        self.ended = true;
    }
}

impl<S: Source, D: Downstream<S::Event>> Task for SourceTask<S, D> {
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
        if self.down.is_blocked() && !self.down.flush(cx) {
            return Ok(Progress::Blocked);
        }
        if self.ended {
            return Ok(Progress::Done);
        }
        let before = self.counts.offered;
        let left = self
            .events_max
            .saturating_sub(self.counts.events_before + before);
        let poll = if cx.stopping || self.exhausted || left == 0 {
            Poll::End
        } else {
            let budget = cx.budget;
            cx.budget = budget.min(usize::try_from(left).unwrap_or(usize::MAX));
            let order = self.sequence.as_mut();
            let mut offer = Offer {
                down: &mut self.down,
                counts: &mut self.counts,
                late_start: &mut self.late_start,
                interrupted: &mut self.interrupted,
                now_ns: cx.now_ns,
                order: order.map(|sequence| (sequence, cx.clone())),
            };
            let poll = self.source.poll(cx, &mut offer)?;
            cx.budget = budget;
            poll
        };
        let marked = self.mark(cx, before);
        if poll == Poll::End {
            self.exhausted = true;
            if !self.barriers.is_settled() {
                let flushed = self.down.flush(cx);
                return Ok(if flushed {
                    Progress::Idle(Some(cx.now_ns + SETTLED_AGAIN_NS))
                } else {
                    Progress::Blocked
                });
            }
            self.end(cx);
        }
        if !self.down.flush(cx) {
            return Ok(Progress::Blocked);
        }
        Ok(match poll {
            Poll::Idle(next) if !marked && self.counts.offered == before => {
                let barrier = Some(self.barriers.next_due_ns());
                Progress::Idle([next, barrier].into_iter().flatten().min())
            }
            _ => Progress::Worked,
        })
    }

    fn gauge(&self) -> Gauge {
        Gauge {
            events: self.counts.offered,
            waiting: 0,
        }
    }

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(mut self: Box<Self>) -> Figures {
        let mut figures = Figures {
            stage: self.name,
            ..Figures::default()
        };
        self.down.figures(&mut figures);
        figures.events_in = self.counts.offered;
        figures.checkpoints_late = self.barriers.checkpoints_late;
        let mut late_start = new_histogram();
        self.late_start.add_to(&mut late_start);
        figures.late_start = Some(late_start);
        figures.checkpoints = self.pauses;
        figures.offered_range = (self.counts.offered > 0)
            .then_some((self.counts.first_due_ns, self.counts.last_offered_ns));
        self.source.figures(&mut figures);
        figures
    }
}

/// Polls `source` alone, without a task around it.
#[cfg(test)]
pub(super) fn poll_alone<S: Source, D: Downstream<S::Event>>(
    source: &mut S,
    cx: &mut Context,
    down: &mut D,
) -> Result<Poll, TaskError> {
    let now_ns = cx.now_ns;
    let mut offer = Offer {
        down,
        counts: &mut Counts::default(),
        late_start: &mut Buckets::default(),
        interrupted: &mut None,
        now_ns,
        order: None,
    };
    source.poll(cx, &mut offer)
}
