//! Events of many sizes: a key, a value, and a payload of so many words, all of which the operator reads.
//!
//! ```text
//!   byte 0     8       16                          16 + 8 W
//!        ├─────┼───────┼───────────────────────────┤
//!        │ key │ value │ n, n + 1, … n + W − 1     │   the n-th event; in a ring 8 bytes more, its due time
//!        └─────┴───────┴───────────────────────────┘
//! ```
//!
//! The sum of the payload goes into the answer as the event's time, so a word that is lost or changed on the
//! way changes the digest. With W = 1 this is the engine's own 24-byte record.

use millstream::app::aggregate::Reading;

/// Sizes there are, bytes. Beside the powers of two those whose *message*, with its 8 bytes of due time, fills
/// whole cache lines or half of one: 24, 56, 120, 248.
pub const EVENT_BYTES: [usize; 9] = [16, 24, 32, 56, 64, 120, 128, 248, 256];

/// An event with `WORDS` words beside key and value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Payload<const WORDS: usize> {
    /// Whose it is.
    pub key: u64,
    /// What was measured.
    pub value: i64,
    /// What it carries along.
    pub words: [u64; WORDS],
}

const _: () = assert!(size_of::<Payload<0>>() == 16 && size_of::<Payload<30>>() == 256);

impl<const WORDS: usize> Payload<WORDS> {
    /// The `number`th event.
    pub fn new(number: u64, key: u64, value: i64) -> Self {
        Payload {
            key,
            value,
            words: std::array::from_fn(|word| number.wrapping_add(word as u64)),
        }
    }
}

impl<const WORDS: usize> Reading for Payload<WORDS> {
    #[inline(always)]
    fn key(&self) -> u64 {
        self.key
    }
    #[inline(always)]
    fn value(&self) -> i64 {
        self.value
    }
    /// The sum of all words.
    #[inline(always)]
    fn ts_ns(&self) -> u64 {
        let words = self.words.iter();
        words.fold(0, |sum, word| sum.wrapping_add(*word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_tools::question::sum_of_words;

    #[test]
    fn the_formula_is_the_sum() {
        for number in [0, 1, 77, u64::MAX] {
            assert_eq!(
                Payload::<0>::new(number, 1, 2).ts_ns(),
                sum_of_words(number, 0)
            );
            assert_eq!(
                Payload::<1>::new(number, 1, 2).ts_ns(),
                sum_of_words(number, 1)
            );
            assert_eq!(
                Payload::<30>::new(number, 1, 2).ts_ns(),
                sum_of_words(number, 30)
            );
        }
        assert_eq!(sum_of_words(77, 1), 77);
    }
}
