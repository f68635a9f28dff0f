//! Address space for a state table: reserved once at its largest size, filled with pages as it grows.
//!
//! ```text
//!   reserve(len)     ┌────────────────────────────────────────────── … ──┐  addresses only, no pages
//!   prefault(a..b)   ├──── pages, zeroed, huge where possible ──┤         │
//! ```
//!
//! Because the addresses never change, a table doubles in place: no copy stands beside the original, no
//! pointer moves, and the pages of the upper half are brought in by a helper thread before they are used.
//! Owned jointly by the table and the helper; the bytes belong to the table alone, the helper only asks
//! the kernel for (zeroed) pages, which never changes a byte that was written.
#![allow(unsafe_code)]

use memmap2::{Advice, MmapOptions, MmapRaw};
use std::io;
use std::ops::Range;

/// A huge page of x86-64 and (with 4 KiB pages) aarch64.
pub const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Anonymous memory of this process that is present, bytes; 0 where the system does not say.
pub fn resident_anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Asks the processor to fetch the line of `slice[index]` for reading; nothing where there is no such index.
#[inline(always)]
pub fn prefetch_read<T>(slice: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = slice.get(index) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads no memory and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, index);
}

/// Reserved, zeroed, private memory. Its address is a multiple of [`HUGE_PAGE_BYTES`].
#[derive(Debug)]
pub struct Reserve {
    mapping: MmapRaw,
    offset: usize,
    len: usize,
}

impl Reserve {
    /// Reserves `len` bytes of addresses. Pages come when they are first touched.
    ///
    /// # Errors
    /// The system's, when the address space is limited (`ulimit -v`) or overcommit is forbidden.
    pub fn new(len: usize) -> io::Result<Self> {
        let mapped = len + HUGE_PAGE_BYTES;
        let mapping = MmapRaw::from(
            MmapOptions::new()
                .len(mapped)
                .no_reserve_swap()
                .map_anon()?,
        );
        let offset = mapping.as_mut_ptr().align_offset(HUGE_PAGE_BYTES);
        Ok(Reserve {
            mapping,
            offset,
            len,
        })
    }

    /// The first byte; valid for [`Reserve::len`] bytes, zero until written.
    pub fn base(&self) -> *mut u8 {
        // SAFETY: `offset < HUGE_PAGE_BYTES`, and the mapping is that much longer than `len`.
        unsafe { self.mapping.as_mut_ptr().add(self.offset) }
    }

    /// Usable bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Asks for huge pages in `range`. A refusal costs speed, not correctness, and is ignored.
    pub fn advise_huge(&self, range: Range<usize>) {
        let _ = self
            .mapping
            .advise_range(Advice::HugePage, self.offset + range.start, range.len());
    }

    /// Brings zeroed pages into `range` without changing a byte; safe beside a thread that uses it.
    pub fn prefault(&self, range: Range<usize>) {
        let _ = self.mapping.advise_range(
            Advice::PopulateWrite,
            self.offset + range.start,
            range.len(),
        );
    }

    /// The same, with huge pages where at least one fits.
    pub fn prefault_huge(&self, range: Range<usize>) {
        if range.len() >= HUGE_PAGE_BYTES {
            self.advise_huge(range.clone());
        }
        self.prefault(range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_memory_is_aligned_zeroed_and_keeps_what_was_written() {
        let reserve = Reserve::new(64 << 30).expect("64 GiB of addresses");
        assert_eq!(reserve.base() as usize % HUGE_PAGE_BYTES, 0);
        // SAFETY: byte 4096 lies within the reserved length.
        unsafe {
            assert_eq!(*reserve.base().add(4096), 0);
            *reserve.base().add(4096) = 7;
            reserve.prefault(0..8192);
            assert_eq!(*reserve.base().add(4096), 7);
        }
    }
}
