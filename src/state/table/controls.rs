//! Control bytes: one for each slot of a table, so that a search looks at sixteen slots with one load.
//!
//! ```text
//!   controls    a3 │ 00 │ 1f │ c2 │ 1f │ …    one byte a slot; 0: empty, else the low byte of the hash of its key (1 for 0)
//!   slots       K1 │    │ K7 │ K3 │ K9 │ …    64 bytes each, mostly not in any cache
//!
//!   search from the home of a key for its control, or for 0, whichever comes first:
//!   there the key is, or another with the same control (one in 255), or the place for it
//! ```
//!
//! A new key in a table that is filled to 0.6 passes 3.6 slots on average, each of them a line to fetch; of its
//! control bytes one line holds 64. The idea is that of Swiss tables (Abseil, hashbrown) and of F14 (Folly); here the
//! slots stay where linear probing has them, so that a table that is hardly filled can be searched without.
//!
//! Owned by the table, who keeps the invariant: the control of a slot is 0 exactly if the slot is empty.
#![allow(unsafe_code)]

use crate::sys::memory::Reserve;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Slots whose controls are looked at together.
const GROUP_SLOTS: usize = 16;

/// The controls of a table, in addresses that are reserved once, as those of its slots.
pub(super) struct Controls {
    base: *mut u8,
    reserve: Arc<Reserve>,
}

impl Controls {
    /// Of a table that never has more than `slots` slots; all are empty.
    ///
    /// # Errors
    /// When the addresses cannot be reserved.
    pub(super) fn new(slots: usize) -> io::Result<Self> {
        let reserve = Arc::new(Reserve::new(slots + GROUP_SLOTS)?);
        Ok(Controls {
            base: reserve.base(),
            reserve,
        })
    }

    /// Their memory, for who brings in its pages.
    pub(super) fn memory(&self) -> Arc<Reserve> {
        self.reserve.clone()
    }

    /// Brings in the pages of `slots`, before the table is used.
    pub(super) fn prefault(&self, slots: Range<usize>) {
        self.reserve.prefault_huge(slots);
    }

    /// What stands for a key with this hash. The high bits choose the slot, so the low ones are independent of it.
    #[inline(always)]
    fn of(hash: u64) -> u8 {
        (hash as u8).max(1)
    }

    #[inline(always)]
    fn at(&self, slot: usize) -> *mut u8 {
        debug_assert!(slot + GROUP_SLOTS <= self.reserve.len());
        // SAFETY: the table asks for slots below the number that was reserved, behind which lies one group more.
        unsafe { self.base.add(slot) }
    }

    /// A key with `hash` is in `slot` now.
    #[inline(always)]
    pub(super) fn fill(&mut self, slot: usize, hash: u64) {
        // SAFETY: see `at`; nobody else writes, since the table is the only owner.
        unsafe { *self.at(slot) = Self::of(hash) };
    }

    /// `slot` is empty now.
    #[inline(always)]
    pub(super) fn clear(&mut self, slot: usize) {
        // SAFETY: as in `fill`.
        unsafe { *self.at(slot) = 0 };
    }

    /// Whether `slot` is empty.
    #[inline(always)]
    pub(super) fn is_empty(&self, slot: usize) -> bool {
        // SAFETY: see `at`.
        unsafe { *self.at(slot) == 0 }
    }

    /// Asks the processor for the controls that a search from `home` looks at first; they may lie on two lines.
    #[inline(always)]
    pub(super) fn prefetch(&self, home: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a prefetch reads no memory and cannot fault.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(self.at(home).cast());
                _mm_prefetch::<_MM_HINT_T0>(self.at(home + GROUP_SLOTS - 1).cast());
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = home;
    }

    /// The first slot from `home` on that is empty or has the control of a key with `hash`.
    #[inline(always)]
    pub(super) fn search(&self, home: usize, hash: u64) -> usize {
        let mut group = home;
        loop {
            let found = self.matches(group, Self::of(hash));
            if found != 0 {
                return group + found.trailing_zeros() as usize;
            }
            group += GROUP_SLOTS;
        }
    }

    /// A bit for each slot of a group that is empty or has this control.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    fn matches(&self, group: usize, control: u8) -> u32 {
        use core::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
            _mm_setzero_si128,
        };
        // SAFETY: SSE2 is part of x86-64; sixteen bytes from `group` on are reserved (see `at`).
        unsafe {
            let controls = _mm_loadu_si128(self.at(group).cast());
            let same = _mm_cmpeq_epi8(controls, _mm_set1_epi8(control as i8));
            let empty = _mm_cmpeq_epi8(controls, _mm_setzero_si128());
            _mm_movemask_epi8(_mm_or_si128(same, empty)) as u32
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn matches(&self, group: usize, control: u8) -> u32 {
        (0..GROUP_SLOTS)
            // SAFETY: see `at`.
            .map(|slot| (slot, unsafe { *self.at(group + slot) }))
            .filter(|(_, found)| *found == 0 || *found == control)
            .fold(0, |bits, (slot, _)| bits | 1 << slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        /// Against the plain walk over all slots from home.
        #[test]
        fn a_search_ends_where_a_walk_would(filled in proptest::collection::vec(0u64..6, 200), home in 0usize..200, hash in 0u64..6) {
            let mut controls = Controls::new(filled.len() + 1).expect("addresses");
            for (slot, hash) in filled.iter().enumerate() {
                if *hash != 5 {
                    controls.fill(slot, *hash);
                }
            }
            // What has the hashes 0 and 1 cannot be told apart.
            let same = |found: u64| found.max(1) == hash.max(1);
            let walk = (home..filled.len()).find(|slot| filled[*slot] == 5 || same(filled[*slot]));
            prop_assert_eq!(controls.search(home, hash), walk.unwrap_or(filled.len()));
        }
    }

    #[test]
    fn a_slot_is_empty_until_it_is_filled_and_after_it_is_cleared() {
        let mut controls = Controls::new(64).expect("addresses");
        controls.prefault(0..64);
        assert!(controls.is_empty(63));
        controls.fill(63, 256);
        assert!(
            !controls.is_empty(63),
            "a hash whose low byte is 0 counts as well"
        );
        controls.clear(63);
        assert!(controls.is_empty(63));
    }
}
