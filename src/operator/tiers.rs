//! The two tiers of bounded state, and what was counted between them.
//!
//! ```text
//!   hot table ── evicted by the policy ──► cold tier        over, by the watermark: dropped on the way
//!       ▲                                      │
//!       └───────── fetched, or new ◄───────────┘
//! ```
//!
//! Owns both. Invariant: a key is in the hot table, or in the cold tier, or handed out (to wait, or to an
//! event being processed); never in two places.

use super::waiting::Waiting;
use crate::partition::mum64;
use crate::state::{
    Cold, Entry, Fetch, Hot, Remove, Reply, SetPolicy, States, TimeToLive, stamp_at,
};
use crate::task::{CacheFigures, Figures, TaskError};
use bytemuck::Pod;

/// Hot table and cold tier of one partition.
pub struct Tiers<V: Pod + Send, P> {
    pub(super) hot: Hot<V, P>,
    cold: Cold<V>,
    /// The stamp of the watermark, 0 before the first.
    horizon: u64,
    /// Time of this step, ns: when reads are asked for.
    pub(super) now_ns: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) misses_new: u64,
    evictions: u64,
    dropped: u64,
}

impl<V: Pod + Send, P: SetPolicy> Tiers<V, P> {
    /// Both empty.
    pub fn new(hot: Hot<V, P>, cold: Cold<V>) -> Self {
        Tiers {
            hot,
            cold,
            horizon: 0,
            now_ns: 0,
            hits: 0,
            misses: 0,
            misses_new: 0,
            evictions: 0,
            dropped: 0,
        }
    }

    /// Whether an entry may be put into the set of `hash` now.
    #[inline(always)]
    pub(super) fn has_room(&self, hash: u64) -> bool {
        self.cold.has_room() || !self.hot.would_evict(hash)
    }

    /// A key of this hash is asked for soon: what is needed to look for it if it is not hot.
    #[inline(always)]
    pub(super) fn prefetch_cold_header(&self, hash: u64) {
        self.cold.prefetch_header(hash);
    }

    /// A key of this hash is asked for soon and is not hot. Its header has arrived.
    #[inline(always)]
    pub(super) fn prefetch_cold(&self, hash: u64) {
        self.cold.prefetch(hash);
    }

    /// No more is asked for in this step.
    #[inline(always)]
    pub(super) fn publish(&mut self) {
        self.cold.publish();
    }

    /// Asks the cold tier for `key`.
    #[inline(always)]
    pub(super) fn fetch(&mut self, hash: u64, key: u64, ticket: u32) -> Fetch<V> {
        self.cold.fetch(hash, key, ticket, self.now_ns)
    }

    /// Puts an entry into the hot table; there is room.
    #[inline]
    pub(super) fn admit<E>(
        &mut self,
        live: &impl TimeToLive<E>,
        hash: u64,
        key: u64,
        stamp: u64,
        state: V,
    ) -> &mut Entry<V> {
        let Tiers {
            hot,
            cold,
            horizon,
            evictions,
            dropped,
            ..
        } = self;
        hot.insert(hash, key, stamp, state, |victim| {
            if *horizon != 0 && live.is_over(victim.stamp, *horizon) {
                *dropped += 1;
                return;
            }
            *evictions += 1;
            let hash = mum64(victim.key);
            cold.evict(hash, victim.key, victim.stamp, &victim.value);
        })
    }

    /// What the cold tier has to say.
    pub(super) fn poll(&mut self, reply: impl FnMut(Reply<V>)) -> Result<bool, TaskError> {
        self.cold.poll(self.now_ns, reply)
    }

    /// No event before `watermark_ns` follows: what it finds over may go.
    pub(super) fn expire_before<E>(&mut self, live: &impl TimeToLive<E>, watermark_ns: u64) {
        self.horizon = stamp_at(watermark_ns);
        self.cold.set_horizon(live.oldest(self.horizon));
    }

    /// Everything, as an operator sees it.
    pub(super) fn whole<'a, E>(
        &'a mut self,
        waiting: &'a mut Waiting<E, V>,
        failure: &'a mut Option<TaskError>,
    ) -> Whole<'a, E, V, P> {
        Whole {
            tiers: self,
            waiting,
            failure,
        }
    }

    /// `waiting_max` events waited at most, and `expired` entries were found over by an event.
    pub(super) fn figures(&self, waiting_max: u64, expired: u64, figures: &mut Figures) {
        let mut cold = self.cold.figures();
        cold.waiting_max = waiting_max;
        figures.notes.extend(self.cold.notes());
        figures.keys = self.hot.len() as u64 + self.cold.len();
        figures.keys_expired += self.dropped;
        figures.state_bytes = self.hot.bytes() as u64 + cold.index_bytes;
        figures.caches.push(CacheFigures {
            name: "state",
            policy: P::NAME,
            capacity_slots: self.hot.capacity_slots() as u64,
            len: self.hot.len() as u64,
            hits: self.hits,
            misses: self.misses,
            misses_new: self.misses_new,
            evictions: self.evictions,
            invalidations: 0,
            expirations: expired + self.dropped,
            cold: Some(cold),
        });
    }
}

/// The state of a partition as its operator sees it whole: hot, on its way, and cold.
pub(super) struct Whole<'a, E, V: Pod + Send, P> {
    tiers: &'a mut Tiers<V, P>,
    waiting: &'a mut Waiting<E, V>,
    failure: &'a mut Option<TaskError>,
}

impl<E: Copy, V: Pod + Send, P: SetPolicy> Whole<'_, E, V, P> {
    /// Forgets a key that is cold, or on its way from there.
    fn forget(&mut self, key: u64) -> Result<(), TaskError> {
        let hash = mum64(key);
        if let Some(ticket) = self.waiting.find(hash, key) {
            self.waiting.retain(ticket, false);
            return Ok(());
        }
        let now_ns = self.tiers.now_ns;
        while self.tiers.cold.remove(hash, key, now_ns) == Remove::Full {
            self.tiers.cold.serve()?;
            let waiting = &mut *self.waiting;
            self.tiers.cold.poll(now_ns, |reply| waiting.hear(reply))?;
        }
        Ok(())
    }
}

impl<E: Copy, V: Pod + Send, P: SetPolicy> States<V> for Whole<'_, E, V, P> {
    fn len(&self) -> u64 {
        self.tiers.hot.len() as u64
            + self.waiting.arrived_kept().count() as u64
            + self.tiers.cold.len()
    }

    fn retain(&mut self, keep: &mut dyn FnMut(u64, &V) -> bool) {
        let mut over = Vec::new();
        let hot = self.tiers.hot.iter();
        over.extend(
            hot.filter(|entry| !keep(entry.key, &entry.value))
                .map(|entry| entry.key),
        );
        for key in over.drain(..) {
            self.tiers.hot.remove(mum64(key), key);
        }
        let on_the_way = self.waiting.arrived_kept();
        over.extend(
            on_the_way
                .filter(|(key, value)| !keep(*key, value))
                .map(|(key, _)| key),
        );
        let read = self.tiers.cold.for_each(&mut |key, _, value| {
            if !keep(key, value) {
                over.push(key);
            }
        });
        let forgot = over.into_iter().try_for_each(|key| self.forget(key));
        if let Err(error) = read.and(forgot) {
            self.failure.get_or_insert(error);
        }
    }
}

#[path = "tiers_capture.rs"]
mod capture;
