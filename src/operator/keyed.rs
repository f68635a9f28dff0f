//! Keyed logic: an operator and the state table of its partition.
//!
//! Owns the table. The events of a slice go through a pipeline of blocks, so that cache misses overlap
//! with each other and with work:
//!
//! ```text
//!   block b+2   hash the key, ask for what tells where its entry is     (`state/table/search.rs`)
//!   block b+1   look where it is, ask for its line                      (the first has arrived)
//!   block b     process: find the entry, run the operator               (both have arrived)
//! ```
//!
//! Where the operator is a recovery block, an event may fail and wait to be tried again (`parked`); the later
//! events of its key then wait behind it, and the others pass.
//!
//! Between blocks the table may grow and an operator may remove a key; both move entries, so the places
//! found ahead are found again.

use super::Operator;
use super::logic::Logic;
use super::parked::{self, Parked};
use super::places::{BLOCK, Places, fetch, look};
use super::work::Work;
use crate::checkpoint::{Copied, Saved};
use crate::event::Message;
use crate::partition::{KeyState, SideInlet, mum64};
use crate::state::{Table, TimeToLive, stamp_at};
use crate::task::{Context, Downstream, Figures, TaskError, Watch};
use bytemuck::Zeroable;

/// Blocks handed over in a step while state is captured: a copy takes 1–2 µs, and an event may wait for it.
pub(super) const CAPTURE_BLOCKS: usize = 1;

/// Takes the key of an event.
pub trait KeyOf<T>: Fn(&T) -> u64 + Clone + Send + 'static {}
impl<T, F: Fn(&T) -> u64 + Clone + Send + 'static> KeyOf<T> for F {}

/// An operator over keyed state that is all in memory.
pub struct Keyed<Op: Operator, K, L> {
    work: Work<Op>,
    key: K,
    table: Table<Op::State>,
    live: L,
    /// The stamp of the watermark, 0 before the first.
    horizon: u64,
    parked: Parked<Op::In>,
    /// Arrays of the operator are being captured.
    arrays_captured: bool,
    interrupted: Option<String>,
    /// Here, and not made for each slice, so that it need not be cleared for each.
    places: Places,
    /// Where keys may be split: how their states come and go.
    side_lane: Option<SideInlet<Op::State>>,
}

impl<Op: Operator, K: KeyOf<Op::In>, L: TimeToLive<Op::In>> Keyed<Op, K, L> {
    /// Runs `operator` on the state in `table` of what `key` finds, for as long as it is to `live`.
    pub fn new(operator: Op, key: K, table: Table<Op::State>, live: L) -> Self {
        Keyed {
            work: Work::new(operator),
            key,
            table,
            live,
            horizon: 0,
            parked: Parked::new(),
            arrays_captured: false,
            interrupted: None,
            places: Places::default(),
            side_lane: None,
        }
    }

    /// Keys may be split: their states come and go on `side_lane`.
    pub fn split(mut self, side_lane: Option<SideInlet<Op::State>>) -> Self {
        self.side_lane = side_lane;
        self
    }
}

impl<Op: Operator, K: KeyOf<Op::In>, L: TimeToLive<Op::In>> Keyed<Op, K, L> {
    /// Goes on with the keys that waited for an event to be tried again by `now_ns`. Whether anything moved.
    fn try_again<D: Downstream<Op::Out>>(&mut self, down: &mut D, now_ns: u64) -> bool {
        let Keyed {
            work,
            table,
            live,
            parked,
            interrupted,
            ..
        } = self;
        let Some(waiting) = parked.woken(now_ns) else {
            return false;
        };
        let mut moved = false;
        'keys: while let Some((ticket, hash)) = waiting.ready(0) {
            loop {
                if down.is_blocked() || work.is_stuck() {
                    return moved;
                }
                let failures = waiting.failures(ticket);
                let Some((due, event, key, ..)) = waiting.next(ticket) else {
                    break;
                };
                let watch = Watch::at(&event, interrupted);
                table.settle();
                let (place, keys) = (table.prefetch(hash, table.way()), table.len());
                let (stamp, state) = table.at_stamped(place, key);
                let at = (key, stamp, state);
                let after = work.process(live, (due, &event), at, failures, down);
                drop(watch);
                if after.forgets(table.len() > keys) {
                    table.remove(hash, key);
                }
                moved = true;
                if let Some(again_ns) = after.again_ns {
                    waiting.try_again(again_ns);
                    continue 'keys;
                }
                waiting.succeed(ticket);
            }
            waiting.close();
            moved = true;
        }
        moved
    }
}

impl<Op: Operator, K: KeyOf<Op::In>, L: TimeToLive<Op::In>> Logic for Keyed<Op, K, L> {
    type In = Op::In;
    type Out = Op::Out;

    #[inline]
    fn run<D: Downstream<Op::Out>>(&mut self, messages: &[Message<Op::In>], down: &mut D) -> usize {
        let Keyed {
            work,
            key: key_of,
            table,
            live,
            horizon,
            parked,
            interrupted,
            places,
            ..
        } = self;
        let mut watch = Watch {
            event: None,
            interrupted,
        };
        let (mut done, mut looked, mut fetched) = (0, 0, 0);
        let mut end = messages.len();
        'blocks: while done < end && !down.is_blocked() {
            let version = table.layout_version();
            table.settle();
            if live.is_limited() && *horizon != 0 {
                // Each event pays for looking at one slot: all are looked at once in as many events.
                work.expirations += table.sweep(BLOCK, |stamp| live.is_over(stamp, *horizon));
            }
            if table.layout_version() != version {
                places.find_again(table, key_of, messages, done..fetched);
                looked = done;
            }
            let way = table.way();
            while fetched < end.min(done + 3 * BLOCK) {
                let count = fetch(
                    table,
                    key_of,
                    &messages[fetched..end],
                    places.of(fetched),
                    way,
                );
                fetched += count;
                if count < BLOCK {
                    end = fetched;
                }
            }
            let (from, mut past_home) = (looked, 0);
            while looked < fetched.min(done + 2 * BLOCK) {
                let block = &messages[looked..fetched.min(looked + BLOCK)];
                past_home += look(table, key_of, block, places.of(looked), way);
                looked += block.len();
            }
            table.looked(looked - from, past_home);
            let mut block = *places.of(done);
            let stop = looked.min(done + BLOCK);
            for (index, message) in messages[done..stop].iter().enumerate() {
                let Message::Event(due, event) = message else {
                    break;
                };
                watch.event = Some(event);
                if Op::GUARDED {
                    if work.is_stuck() {
                        break 'blocks;
                    }
                    match parked.way(key_of, *due, event) {
                        parked::Way::Through => {}
                        parked::Way::Behind => {
                            done += 1;
                            continue;
                        }
                        parked::Way::Nowhere => break 'blocks,
                    }
                }
                let key = key_of(event);
                let keys = table.len();
                let (stamp, state) = table.at_stamped(block[index % BLOCK], key);
                let at = (key, stamp, state);
                let after = work.process(live, (*due, event), at, 0, down);
                done += 1;
                if after.forgets(table.len() > keys) {
                    table.remove(mum64(key), key);
                    places.find_again(table, key_of, messages, done..fetched);
                    // The block of `done` is the next one if this was the last event of its own.
                    block = *places.of(done - 1);
                }
                if let Some(again_ns) = after.again_ns {
                    parked.park(key, *due, *event, again_ns);
                }
            }
        }
        watch.event = None;
        work.leave();
        done
    }

    fn capture(&mut self, epoch: u64, mut saved: Saved) {
        saved.operator = self.work.save(epoch);
        saved.entries = self.table.len() as u64;
        self.table.capture(epoch, &saved.to_bytes());
        self.arrays_captured = self.work.capture_arrays(epoch);
    }

    fn takes_part(&self) -> bool {
        self.table.takes_part()
    }

    #[inline(always)]
    fn is_captured(&self) -> bool {
        self.table.is_captured() || self.arrays_captured
    }

    fn key_state(&mut self) {
        let Some(side_lane) = &mut self.side_lane else {
            return;
        };
        match side_lane.take() {
            Some(KeyState::Show(key)) => {
                let state = self.table.get(key).copied();
                side_lane.answer(key, state.unwrap_or_else(Zeroable::zeroed));
            }
            Some(KeyState::Set(key, state)) => *self.table.entry(mum64(key), key) = state,
            Some(KeyState::Forget(key)) => {
                self.table.forget(key);
            }
            None => {}
        }
    }

    fn copied(&mut self) -> Copied {
        let mut copied = self.work.copied_arrays();
        copied += self.table.copied();
        copied
    }

    #[inline(always)]
    fn capture_some(&mut self) -> bool {
        if self.table.is_captured() {
            self.table.capture_some(CAPTURE_BLOCKS);
        } else if self.arrays_captured {
            self.arrays_captured = self.work.capture_arrays_some(CAPTURE_BLOCKS);
        }
        self.is_captured()
    }

    #[inline(always)]
    fn poll<D: Downstream<Op::Out>>(
        &mut self,
        down: &mut D,
        cx: &mut Context,
    ) -> Result<bool, TaskError> {
        if let Some(side_lane) = &mut self.side_lane {
            side_lane.step();
        }
        if !Op::GUARDED {
            return Ok(false);
        }
        self.work.begin(cx.now_ns);
        let moved = self.try_again(down, cx.wake_ns());
        self.work.leave();
        // Nobody wakes a core when the letters of failed events have been taken from it.
        Ok(moved | self.work.is_stuck())
    }

    #[inline(always)]
    fn check(&mut self) -> Result<(), TaskError> {
        self.work.check()
    }

    #[inline(always)]
    fn put_aside(&self) -> u64 {
        if Op::GUARDED {
            self.parked.put_aside()
        } else {
            0
        }
    }

    #[inline(always)]
    fn through(&self) -> u64 {
        if Op::GUARDED {
            self.parked.through()
        } else {
            0
        }
    }

    fn watermark<D: Downstream<Op::Out>>(
        &mut self,
        watermark_ns: u64,
        down: &mut D,
        cx: &mut Context,
    ) {
        if self.live.is_limited() {
            self.horizon = stamp_at(watermark_ns);
        }
        self.work.watermark(watermark_ns, &mut self.table, down, cx);
    }

    fn end<D: Downstream<Op::Out>>(&mut self, down: &mut D, cx: &mut Context) {
        self.work.end(&mut self.table, down, cx);
    }

    fn at_event(&self) -> Option<String> {
        self.interrupted.clone()
    }

    fn figures(self, figures: &mut Figures) {
        figures.keys = self.table.len() as u64;
        figures.state_bytes = self.table.state_bytes() as u64;
        self.work.figures(figures);
    }
}
