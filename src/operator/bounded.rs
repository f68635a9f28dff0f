//! Keyed logic over bounded state: a hot table of a fixed size in front of a cold tier.
//!
//! Owns the state (`tiers`) and the events that wait for some of it. Where the state of an event's key
//! is, decides its way:
//!
//! ```text
//!   event ─► hot?     yes ─► process in place                                             (a hit)
//!            waits?   yes ─► behind the events of its key                                 ┐
//!            cold?    no  ─► into the hot table, all zero ─► process                      │ misses
//!                     yes, in memory still ─► into the hot table ─► process               │
//!                     yes ─► ask for it; wait                                             ┘
//!
//!   poll:  what has come in ─► its events, in order ─► into the hot table
//! ```
//!
//! Invariants
//! 1. A key is in one place: hot, waiting, or cold.
//! 2. Events of a key are processed in the order of their arrival, each on the state the one before left:
//!    the answers are those of [`super::Keyed`].
//! 3. In deterministic order no event overtakes another: at most one waits, and those behind it have only
//!    their state asked for.
//! 4. Nothing here blocks. Where there is no room (for an event that waits, for a read, for an entry that
//!    is to be evicted) the event stays in its ring, and the ring pushes back.

use super::Operator;
use super::keyed::{CAPTURE_BLOCKS, KeyOf};
use super::logic::Logic;
use super::tiers::Tiers;
use super::waiting::Waiting;
use super::work::Work;
use crate::checkpoint::{Copied, Saved};
use crate::event::{Due, Message};
use crate::partition::mum64;
use crate::state::{Fetch, SetPolicy, Spot, TimeToLive};
use crate::task::{Context, Downstream, Figures, Task, TaskError, Watch};
use bytemuck::Zeroable;

/// Events of a block, and spots remembered; as in `keyed`.
const BLOCK: usize = 16;
const SPOTS: usize = 64;
const _: () = assert!(3 * BLOCK <= SPOTS && SPOTS.is_power_of_two());

/// An operator over state that may be larger than its memory.
pub struct Bounded<Op: Operator, K, P, L> {
    pub(super) key: K,
    pub(super) live: L,
    work: Work<Op>,
    pub(super) tiers: Tiers<Op::State, P>,
    pub(super) waiting: Waiting<Op::In, Op::State>,
    /// The other half of the cold tier, where it is to answer at once.
    inline: Option<Box<dyn Task>>,
    /// While an event waits, none is taken: state is only asked for ahead.
    pub(super) in_order: bool,
    arrays_captured: bool,
    failure: Option<TaskError>,
    interrupted: Option<String>,
}

impl<Op, K, P, L> Bounded<Op, K, P, L>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    P: SetPolicy,
    L: TimeToLive<Op::In>,
{
    /// Runs `operator` on the state of what `key` finds, kept in `tiers` for as long as it is to `live`.
    /// At most `reads_max` keys wait at a time. `inline`: the cold tier's other half, where it answers at once.
    pub fn new(
        operator: Op,
        key: K,
        tiers: Tiers<Op::State, P>,
        live: L,
        reads_max: usize,
        inline: Option<Box<dyn Task>>,
    ) -> Self {
        Bounded {
            key,
            live,
            work: Work::new(operator),
            tiers,
            waiting: Waiting::new(reads_max),
            inline,
            in_order: false,
            arrays_captured: false,
            failure: None,
            interrupted: None,
        }
    }

    /// Processes one block, whose lines are here; returns how many events it took.
    #[inline(always)]
    fn block<D: Downstream<Op::Out>>(
        &mut self,
        messages: &[Message<Op::In>],
        spot_of: impl Fn(usize) -> (Spot, u64),
        down: &mut D,
    ) -> usize {
        for (index, message) in messages.iter().enumerate() {
            let Message::Event(due, event) = message else {
                return index;
            };
            let (spot, hash) = spot_of(index);
            let key = (self.key)(event);
            let Bounded {
                live,
                work,
                tiers,
                interrupted,
                waiting,
                ..
            } = self;
            if Op::GUARDED && (work.is_stuck() || !waiting.has_room_for_a_key()) {
                return index;
            }
            let watch = Watch::at(event, interrupted);
            if let Some(entry) = tiers.hot.hit(spot, hash, key) {
                tiers.hits += 1;
                let at = (key, &mut entry.stamp, &mut entry.value);
                let done = work.process(live, (*due, event), at, 0, down);
                if let Some(again_ns) = done.again_ns {
                    let state = (!done.remove).then_some((entry.stamp, entry.value));
                    waiting.park((hash, key), (*due, *event), state, again_ns);
                }
                if done.remove || done.again_ns.is_some() {
                    tiers.hot.remove(hash, key);
                }
                continue;
            }
            drop(watch);
            if !self.missed((hash, key), (*due, event), down) {
                return index;
            }
            if self.is_held() {
                return index + 1;
            }
        }
        messages.len()
    }

    /// Takes an event whose key is not in the hot table. False: there is no room for it now.
    #[inline(never)]
    fn missed<D: Downstream<Op::Out>>(
        &mut self,
        (hash, key): (u64, u64),
        (due, event): (Due, &Op::In),
        down: &mut D,
    ) -> bool {
        let Bounded { tiers, waiting, .. } = self;
        if !waiting.has_room() {
            return false;
        }
        if let Some(ticket) = waiting.find(hash, key) {
            tiers.misses += 1;
            waiting.push(ticket, due, *event);
            return true;
        }
        let Some(ticket) = waiting.next_ticket() else {
            return false;
        };
        if !tiers.has_room(hash) {
            let answered = self.inline.is_some() && self.step_inline().is_ok();
            if !answered || self.hear().is_err() || !self.tiers.has_room(hash) {
                return false;
            }
        }
        let Bounded {
            live,
            work,
            tiers,
            waiting,
            interrupted,
            ..
        } = self;
        let mut is_new = false;
        let (stamp, state) = match tiers.fetch(hash, key, ticket) {
            Fetch::Full => return false,
            Fetch::Asked => {
                tiers.misses += 1;
                waiting.open(hash, key);
                waiting.push(ticket, due, *event);
                if self.inline.is_some() {
                    self.answer_inline(down);
                }
                return true;
            }
            Fetch::Here { stamp, value } => (stamp, value),
            Fetch::Absent => {
                tiers.misses_new += 1;
                is_new = true;
                (0, Op::State::zeroed())
            }
        };
        tiers.misses += 1;
        let watch = Watch::at(event, interrupted);
        let entry = tiers.admit(live, hash, key, stamp, state);
        let at = (key, &mut entry.stamp, &mut entry.value);
        let done = work.process(live, (due, event), at, 0, down);
        drop(watch);
        if let Some(again_ns) = done.again_ns {
            let state = (!done.forgets(is_new)).then_some((entry.stamp, entry.value));
            waiting.park((hash, key), (due, *event), state, again_ns);
        }
        if done.forgets(is_new) || done.again_ns.is_some() {
            tiers.hot.remove(hash, key);
        }
        true
    }
}

impl<Op, K, P, L> Logic for Bounded<Op, K, P, L>
where
    Op: Operator,
    K: KeyOf<Op::In>,
    P: SetPolicy,
    L: TimeToLive<Op::In>,
{
    type In = Op::In;
    type Out = Op::Out;

    #[inline]
    fn run<D: Downstream<Op::Out>>(&mut self, messages: &[Message<Op::In>], down: &mut D) -> usize {
        let mut hashes = [0; SPOTS];
        let mut spots = [Spot::default(); SPOTS];
        let (mut done, mut looked, mut fetched) = (0, 0, 0);
        let mut end = messages.len();
        while done < end && !down.is_blocked() && !self.is_held() {
            let hot = &self.tiers.hot;
            let fetch_to = end.min(done + 3 * BLOCK);
            while fetched < fetch_to {
                let Message::Event(_, event) = &messages[fetched] else {
                    end = fetched;
                    break;
                };
                let hash = mum64((self.key)(event));
                hashes[fetched % SPOTS] = hash;
                spots[fetched % SPOTS] = hot.prefetch(hash);
                self.tiers.prefetch_cold_header(hash);
                fetched += 1;
            }
            let look_to = fetched.min(done + 2 * BLOCK);
            while looked < look_to {
                let hash = hashes[looked % SPOTS];
                let spot = hot.look(spots[looked % SPOTS], hash);
                if hot.is_absent(spot, hash) {
                    self.tiers.prefetch_cold(hash);
                }
                spots[looked % SPOTS] = spot;
                looked += 1;
            }
            let stop = looked.min(done + BLOCK);
            let before = done;
            done += self.block(
                &messages[done..stop],
                |index| {
                    let at = (before + index) % SPOTS;
                    (spots[at], hashes[at])
                },
                down,
            );
            if done < stop {
                break;
            }
        }
        if self.is_held() {
            self.ask_ahead(&messages[done..]);
        }
        self.tiers.publish();
        self.work.leave();
        done
    }

    fn poll<D: Downstream<Op::Out>>(
        &mut self,
        down: &mut D,
        cx: &mut Context,
    ) -> Result<bool, TaskError> {
        self.tiers.now_ns = cx.now_ns;
        self.step_inline()?;
        let moved = self.hear()?;
        self.work.begin(cx.now_ns);
        self.waiting.wake(cx.wake_ns());
        let moved = self.go_on(down) | (moved && self.inline.is_none());
        self.work.leave();
        Ok(moved | self.work.is_stuck()) // a letter that waits for room: look again
    }

    fn takes_part(&self) -> bool {
        self.tiers.takes_part()
    }

    fn capture(&mut self, epoch: u64, mut saved: Saved) {
        debug_assert!(
            self.waiting.is_empty(),
            "a barrier waits for what was put aside"
        );
        saved.operator = self.work.save(epoch);
        self.tiers.capture(epoch, |keys| {
            saved.entries = keys;
            saved.to_bytes()
        });
        self.arrays_captured = self.work.capture_arrays(epoch);
    }

    #[inline(always)]
    fn is_captured(&self) -> bool {
        self.tiers.is_captured() || self.arrays_captured
    }

    fn copied(&mut self) -> Copied {
        let mut copied = self.work.copied_arrays();
        copied += self.tiers.copied();
        copied
    }

    #[inline(always)]
    fn capture_some(&mut self) -> bool {
        self.is_captured() && self.hand_over()
    }

    #[inline(always)]
    fn check(&mut self) -> Result<(), TaskError> {
        self.work.check()?;
        self.failure.take().map_or(Ok(()), Err)
    }

    #[inline(always)]
    fn put_aside(&self) -> u64 {
        self.waiting.put_aside()
    }

    #[inline(always)]
    fn through(&self) -> u64 {
        self.waiting.through()
    }

    fn watermark<D: Downstream<Op::Out>>(
        &mut self,
        watermark_ns: u64,
        down: &mut D,
        cx: &mut Context,
    ) {
        if self.live.is_limited() {
            self.tiers.expire_before(&self.live, watermark_ns);
        }
        let mut states = self.tiers.whole(&mut self.waiting, &mut self.failure);
        self.work.watermark(watermark_ns, &mut states, down, cx);
    }

    fn end<D: Downstream<Op::Out>>(&mut self, down: &mut D, cx: &mut Context) {
        let mut states = self.tiers.whole(&mut self.waiting, &mut self.failure);
        self.work.end(&mut states, down, cx);
    }

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(self, figures: &mut Figures) {
        self.tiers
            .figures(self.waiting.most(), self.work.expirations, figures);
        self.work.figures(figures);
    }
}

#[path = "bounded_go_on.rs"]
mod go_on;
#[path = "bounded_inline.rs"]
mod inline;
#[cfg(test)]
#[path = "bounded_tests.rs"]
mod tests;
