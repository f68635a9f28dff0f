//! Fetching: a key comes back from the open frame at once, from the file later.
//!
//! ```text
//!   fetch ─► index: nothing of this fingerprint ─► Absent
//!                   in the open frame           ─► Here
//!                   else                        ─► Read ─► … ─► Found: out of the index
//!                                                               NotThis: another key of this fingerprint
//! ```
//!
//! A frame that was handed over needs no looking into: the read of a record in it is served after its write.
//! Until a read is answered its key stays in the index, marked as asked for, so that compaction, which may
//! move the record meanwhile, tells `Waiting` where it went.

use super::error::ColdError;
use super::index::{self, ASKED, fingerprint};
use super::layout;
use super::message::Request;
use super::tier::Cold;
use super::waiting::Read;
use bytemuck::Pod;

/// What became of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch<V> {
    /// The key is not cold.
    Absent,
    /// It was still at hand, and is no longer cold.
    Here {
        /// The stamp it was evicted with.
        stamp: u64,
        /// Its value.
        value: V,
    },
    /// A reply with the ticket comes through [`Cold::poll`].
    Asked,
    /// No room to ask: poll, then try again.
    Full,
}

/// What became of a key that is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remove {
    /// It is not cold, or no longer.
    Gone,
    /// It goes as soon as its record has been looked at; nothing comes back.
    Going,
    /// No room to ask: poll, then try again.
    Full,
}

/// The answer to a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<V> {
    /// The key, which is no longer cold.
    Found {
        /// The number the fetch was given.
        ticket: u32,
        /// The stamp the key was evicted with.
        stamp: u64,
        /// Its value.
        value: V,
    },
    /// The key is not cold: only another of the same fingerprint is.
    Absent {
        /// The number the fetch was given.
        ticket: u32,
    },
}

impl<V: Pod> Cold<V> {
    /// Asks for what [`Cold::prefetch`] of a key with this hash will read.
    #[inline(always)]
    pub fn prefetch_header(&self, hash: u64) {
        self.index.prefetch_header(fingerprint(hash));
    }

    /// Asks for the lines that [`Cold::fetch`] of a key with this hash will touch.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        self.index.prefetch(fingerprint(hash));
    }

    /// Whether a key of this hash's fingerprint is being fetched: surely so if the one meant is.
    #[inline(always)]
    pub fn is_asked(&self, hash: u64) -> bool {
        let found = self.index.find(fingerprint(hash)).iter();
        found.copied().any(index::is_asked)
    }

    /// Takes `key` back, now or later. `hash` is `mum64(key)`. A key of which a fetch is under way must not
    /// be fetched or evicted until its reply has come.
    #[inline]
    pub fn fetch(&mut self, hash: u64, key: u64, ticket: u32, now_ns: u64) -> Fetch<V> {
        self.take(Read {
            key,
            since_ns: now_ns,
            fingerprint: fingerprint(hash),
            ticket,
            ..Read::default()
        })
    }

    /// Forgets `key`. Only its record can tell that a fingerprint is its, so that this may take a read; a
    /// key that is going counts as not cold: it may be fetched and evicted at once.
    pub fn remove(&mut self, hash: u64, key: u64, now_ns: u64) -> Remove {
        let read = Read {
            key,
            since_ns: now_ns,
            fingerprint: fingerprint(hash),
            forget: true,
            ..Read::default()
        };
        match self.take(read) {
            Fetch::Absent | Fetch::Here { .. } => Remove::Gone,
            Fetch::Asked => Remove::Going,
            Fetch::Full => Remove::Full,
        }
    }

    fn take(&mut self, read: Read) -> Fetch<V> {
        let Read {
            fingerprint, key, ..
        } = read;
        if self.late.contains(fingerprint) {
            self.enter_late();
        }
        let found = self.index.find(fingerprint);
        if found.is_empty() {
            return Fetch::Absent;
        }
        let candidates = found.len();
        if let Some(open) = &self.open {
            for entry in found {
                let location = index::location(*entry);
                if self.layout.frame_of(location) != open.number {
                    continue;
                }
                let at = self.layout.record_of(location) * self.layout.record_bytes;
                let bytes: &[u8] = bytemuck::cast_slice(&open.frame);
                let (stamp, other, value) = layout::get(&bytes[at..at + self.layout.record_bytes]);
                if other == key && !self.waiting.is_going(location, key) {
                    self.index.remove(fingerprint, location);
                    self.segments.died(location);
                    return Fetch::Here { stamp, value };
                }
            }
        }
        self.ask_for(candidates, read)
    }

    /// Asks for every record of this fingerprint that may be the key's.
    #[inline(always)]
    fn ask_for(&mut self, candidates: usize, read: Read) -> Fetch<V> {
        let wanted = match candidates {
            1 => 1,
            _ => self.wanted(&read),
        };
        if wanted > self.waiting.room() {
            self.refuse(wanted, &read);
            return Fetch::Full;
        }
        let mut leader = None;
        for candidate in 0..candidates {
            let entry = self.index.find(read.fingerprint)[candidate];
            let location = index::location(entry);
            if !self.is_wanted(location, read.key) {
                continue;
            }
            if !index::is_asked(entry) {
                let mark = |found| found | ASKED;
                self.index.change(read.fingerprint, location, mark);
            }
            let slot = self.waiting.add(Read { location, ..read }, leader);
            let slot = slot.expect("there was room");
            leader.get_or_insert(slot);
            let key = read.key;
            self.ask(Request::Read {
                location,
                slot,
                key,
            });
        }
        match leader {
            Some(_) => Fetch::Asked,
            None => Fetch::Absent,
        }
    }

    /// Not those in the open frame, which have been looked at, nor the one that is going already.
    #[inline(always)]
    fn is_wanted(&self, location: u32, key: u64) -> bool {
        let frame = self.layout.frame_of(location);
        self.open.as_ref().is_none_or(|open| open.number != frame)
            && !self.waiting.is_going(location, key)
    }

    #[cold]
    fn wanted(&self, read: &Read) -> usize {
        let found = self.index.find(read.fingerprint).iter();
        found
            .filter(|entry| self.is_wanted(index::location(**entry), read.key))
            .count()
    }

    /// Fails the run if there will never be room.
    #[cold]
    fn refuse(&mut self, candidates: usize, read: &Read) {
        let reads_max = self.waiting.capacity();
        if candidates > reads_max {
            let error = ColdError::Collisions {
                name: self.name.clone(),
                key: read.key,
                candidates,
                reads_max,
            };
            self.failure = Some(error.to_string());
        }
    }
    #[inline(always)]
    pub(super) fn found(
        &mut self,
        slot: u32,
        stamp: u64,
        value: V,
        now_ns: u64,
        reply: &mut impl FnMut(Reply<V>),
    ) {
        let read = self.waiting.get(slot);
        if self.index.remove(read.fingerprint, read.location) {
            self.segments.died(read.location);
        } else {
            debug_assert!(false, "key {} was asked for twice", read.key);
        }
        if !read.forget {
            let ticket = read.ticket;
            reply(Reply::Found {
                ticket,
                stamp,
                value,
            });
        }
        self.read
            .saturating_record(now_ns.saturating_sub(read.since_ns));
        self.waiting.answered(slot, true);
    }

    #[cold]
    pub(super) fn not_this(&mut self, slot: u32, now_ns: u64, reply: &mut impl FnMut(Reply<V>)) {
        let read = self.waiting.get(slot);
        let done = self.waiting.answered(slot, false);
        if !self.waiting.is_asked(read.location) {
            self.index
                .change(read.fingerprint, read.location, |found| found & !ASKED);
        }
        let Some(leader) = done else {
            return;
        };
        self.read
            .saturating_record(now_ns.saturating_sub(read.since_ns));
        if !leader.found && !leader.forget {
            reply(Reply::Absent {
                ticket: leader.ticket,
            });
        }
    }
}
