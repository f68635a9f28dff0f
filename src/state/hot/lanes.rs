//! Comparisons of a whole set at once: which of its tags, which of its ghosts, equal a given one.
//!
//! ```text
//!   tags   16 × u8   = one 128-bit register   ── compare, one bit a lane ──► mask of 16 ways
//!   ghosts  8 × u16  = one 128-bit register   ── compare, one bit a lane ──► mask of 8 ghosts
//! ```
//!
//! SSE2 belongs to every x86-64; elsewhere the plain loop below stands in, which is also the model the
//! tests compare with.
#![allow(unsafe_code)]

/// One bit for each of `lanes` that equals `wanted`, lane 0 in bit 0.
#[inline(always)]
pub(super) fn equal_u8(lanes: &[u8; 16], wanted: u8) -> u16 {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
        let lanes: __m128i = bytemuck::cast(*lanes);
        // SAFETY: SSE2 belongs to every x86-64.
        unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(lanes, _mm_set1_epi8(wanted as i8))) as u16 }
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain(lanes, wanted)
}

/// The same for eight lanes of 16 bits.
#[inline(always)]
pub(super) fn equal_u16(lanes: &[u16; 8], wanted: u16) -> u16 {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{
            __m128i, _mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16,
            _mm_setzero_si128,
        };
        let lanes: __m128i = bytemuck::cast(*lanes);
        // SAFETY: SSE2 belongs to every x86-64.
        unsafe {
            let equal = _mm_cmpeq_epi16(lanes, _mm_set1_epi16(wanted as i16));
            _mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())) as u16
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    plain(lanes, wanted)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain<T: PartialEq, const N: usize>(lanes: &[T; N], wanted: T) -> u16 {
    let bits = lanes.iter().enumerate();
    bits.fold(0, |mask, (lane, value)| {
        mask | u16::from(*value == wanted) << lane
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_found_alone_and_with_others() {
        for pattern in 0..=u16::MAX {
            let tags: [u8; 16] = std::array::from_fn(|lane| 200 + (pattern >> lane & 1) as u8);
            assert_eq!(equal_u8(&tags, 201), pattern);
            assert_eq!(equal_u8(&tags, 201), plain(&tags, 201));
        }
        for pattern in 0..=255u16 {
            let ghosts: [u16; 8] = std::array::from_fn(|lane| 0xFFFE + (pattern >> lane & 1));
            assert_eq!(equal_u16(&ghosts, 0xFFFF), pattern);
            assert_eq!(equal_u16(&ghosts, 0xFFFF), plain(&ghosts, 0xFFFF));
        }
    }
}
