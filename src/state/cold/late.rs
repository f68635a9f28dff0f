//! Index entries that are entered a little late, so that the lines they go to have arrived.
//!
//! Owned by the task's half. An eviction learns its victim's key only when it happens, too late to fetch the
//! index line ahead; so the entry waits here until sixteen more have come. Whoever looks a fingerprint up
//! asks here first; whoever goes by locations has all entered before.
//!
//! ```text
//!   evicted ─► header of its bucket asked for ── 8 evictions ─► its line asked for ── 8 more ─► entered
//! ```

/// Entries that wait.
const LATE: usize = 16;
/// No fingerprint has this value.
const NONE: u32 = u32::MAX;

/// The entries, the oldest at `next`.
#[derive(Debug)]
pub(super) struct Late {
    fingerprints: [u32; LATE],
    locations: [u32; LATE],
    next: usize,
}

impl Late {
    pub(super) fn new() -> Self {
        Late {
            fingerprints: [NONE; LATE],
            locations: [0; LATE],
            next: 0,
        }
    }

    /// Takes an entry; gives up the oldest, if all places were taken.
    #[inline(always)]
    pub(super) fn exchange(&mut self, fingerprint: u32, location: u32) -> Option<(u32, u32)> {
        let at = self.next % LATE;
        self.next = at + 1;
        let before = std::mem::replace(&mut self.fingerprints[at], fingerprint);
        let place = std::mem::replace(&mut self.locations[at], location);
        (before != NONE).then_some((before, place))
    }

    /// The fingerprint that has waited half its time, whose bucket's header has arrived.
    #[inline(always)]
    pub(super) fn half_way(&self) -> Option<u32> {
        let fingerprint = self.fingerprints[(self.next + LATE / 2) % LATE];
        (fingerprint != NONE).then_some(fingerprint)
    }

    /// Whether an entry of this fingerprint waits.
    #[inline(always)]
    pub(super) fn contains(&self, fingerprint: u32) -> bool {
        let same = self.fingerprints.iter();
        same.fold(false, |any, waiting| any | (*waiting == fingerprint))
    }

    /// Entries that wait.
    pub(super) fn len(&self) -> u64 {
        let waiting = self.fingerprints.iter();
        waiting.filter(|fingerprint| **fingerprint != NONE).count() as u64
    }

    /// Gives up all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (u32, u32)> {
        let fingerprints = std::mem::replace(&mut self.fingerprints, [NONE; LATE]);
        let waiting = fingerprints.into_iter().zip(self.locations);
        waiting.filter(|(fingerprint, _)| *fingerprint != NONE)
    }
}
