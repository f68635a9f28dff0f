//! Compaction: the segment with the fewest live records is read, what is live is appended again, and the
//! segment is filled anew.
//!
//! ```text
//!   closed records > 2 × live + slack ─► choose a victim ─► Move for each live record ─► … ─► still live?
//!   newest stamp of a segment < horizon ──────┘                                yes: append, change the index
//!                                                                              expired: out of the index
//! ```
//!
//! The task's half knows which records are live, so dead ones are never read. It asks for so many as it has
//! room for and goes on by a bounded amount a poll.
//!
//! What it costs: a log half of which is garbage has victims less than half of which is live, so each
//! record evicted is followed by at most one that is moved: write amplification below 2, measured 1.2
//! for uniformly chosen keys (tests).

use super::index::{self, ASKED, fingerprint};
use super::tier::Cold;
use crate::partition::mum64;
use bytemuck::Pod;

/// Moves under way at the most.
pub(super) const MOVES_MAX: usize = 256;
/// Moves asked for in one poll, beside two for each eviction since the last.
const MOVES_A_POLL: u64 = 32;
/// Closed segments that are not worth the trouble.
const SEGMENTS_SLACK: u64 = 3;

/// How far compaction is.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    victim: Option<Victim>,
    horizon: u64,
    /// Segments still to be looked at for ones that the horizon has passed.
    unlooked: u64,
    evicted: u64,
    moved: u64,
    expired: u64,
}

#[derive(Debug)]
struct Victim {
    segment: u32,
    /// Where the search for live records goes on.
    next: u32,
    moving: u64,
}

impl Compaction {
    #[inline(always)]
    pub(super) fn evicted(&mut self) {
        self.evicted += 1;
    }

    /// Records under way, each of which may need room.
    #[inline(always)]
    pub(super) fn moving(&self) -> u64 {
        self.victim.as_ref().map_or(0, |victim| victim.moving)
    }

    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.victim.is_some()
    }
}

impl<V: Pod> Cold<V> {
    /// Entries with a stamp below `stamp` may be dropped from now on: compaction does so where it meets
    /// them, and it seeks out segments that hold nothing later. Never lower than before. An expired entry
    /// may still be fetched; its stamp tells.
    pub fn set_horizon(&mut self, stamp: u64) {
        if stamp > self.compaction.horizon {
            self.compaction.horizon = stamp;
            self.compaction.unlooked = self.segments.count();
        }
    }

    /// Entries dropped because the horizon had passed them.
    pub fn expired(&self) -> u64 {
        self.compaction.expired
    }

    /// Goes on by a bounded amount; whether it asked for anything.
    #[inline]
    pub(super) fn compact(&mut self) -> bool {
        let budget = MOVES_A_POLL + 2 * std::mem::take(&mut self.compaction.evicted);
        if self.compaction.victim.is_none() {
            self.choose();
        }
        let Some(mut victim) = self.compaction.victim.take() else {
            return false;
        };
        let mut asked = 0;
        // A barrier may hand a frame over before it is full.
        let given_up = u64::from(self.takes_part()) * u64::from(self.layout.frame_records);
        let room = self.free_records().saturating_sub(given_up);
        while asked < budget && victim.moving < (MOVES_MAX as u64).min(room) {
            let Some(location) = self.segments.next_live(victim.segment, victim.next) else {
                break;
            };
            victim.next = self.layout.in_segment(location) + 1;
            victim.moving += 1;
            asked += 1;
            self.ask(super::message::Request::Move { location });
        }
        if victim.moving > 0
            || self
                .segments
                .next_live(victim.segment, victim.next)
                .is_some()
        {
            self.compaction.victim = Some(victim);
        } else {
            self.segments.emptied(victim.segment);
        }
        asked > 0
    }

    fn choose(&mut self) {
        let kept =
            2 * self.segments.live() + SEGMENTS_SLACK * u64::from(self.layout.segment_records());
        let too_long =
            self.segments.closed_records() > kept && self.segments.closed() > SEGMENTS_SLACK;
        if !too_long && self.compaction.unlooked == 0 {
            return;
        }
        let (victim, looked) = self.segments.choose(self.compaction.horizon, !too_long);
        self.compaction.unlooked = self.compaction.unlooked.saturating_sub(looked);
        self.compaction.victim = victim.map(|segment| Victim {
            segment,
            next: 0,
            moving: 0,
        });
    }

    /// A record of the victim has come.
    #[inline]
    pub(super) fn moved(&mut self, location: u32, stamp: u64, key: u64, value: &V) {
        if let Some(victim) = &mut self.compaction.victim {
            victim.moving -= 1;
        }
        if !self.segments.is_live(location) {
            return; // fetched while it was on its way
        }
        let fingerprint = fingerprint(mum64(key));
        let entry = self.index.find(fingerprint).iter().copied();
        let asked = entry
            .filter(|entry| index::location(*entry) == location)
            .any(index::is_asked);
        if stamp < self.compaction.horizon && !asked {
            self.index.remove(fingerprint, location);
            self.segments.died(location);
            self.compaction.expired += 1;
            return;
        }
        let to = self.append(key, stamp, value);
        let changed = self
            .index
            .change(fingerprint, location, |old| old & ASKED | to);
        debug_assert!(changed, "a live record is in the index");
        self.segments.died(location);
        self.compaction.moved += 1;
        if asked {
            self.waiting.moved(location, to);
        }
    }
}
