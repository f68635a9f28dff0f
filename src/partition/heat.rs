//! Heat: which keys a task sends most of, from a sample of what it sends.
//!
//! ```text
//!   events   ∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙
//!            every one of the first    then one in 2, 4, … at last 256, each standing for its gap
//! ```
//!
//! Owned by the sending task of an exchange. An event that is not in the sample costs a decrement and a
//! branch; one that is costs an update of the sketch, and there is one in 256 (`benches/hot_keys.rs` measures
//! both). Gaps are drawn at random around their mean, so that no rhythm of a trace is taken for frequency. Each
//! sample has its gap as weight: the weights sum to the events seen.
//!
//! The bounds of [`SpaceSaving`] hold for the sample. What the sample says of the stream is as sure as a
//! sample is: [`Heat::margin`].

use super::heavy::HeavyHitters;
use super::space_saving::SpaceSaving;
use crate::sys::random::Random;

/// Counters: a key with more than 1/128 of the sample has one. 4 KiB and 512 bytes of index.
const COUNTERS: usize = 128;
/// Samples until the gap doubles.
const DOUBLE_AFTER: u32 = 4096;
/// The largest mean gap, events.
const GAP_MAX: u32 = 256;

/// Samples the keys of a stream.
#[derive(Clone, Debug)]
pub struct Heat {
    /// Events until the next sample.
    left: u32,
    /// The gap that it ends.
    gap: u32,
    mean: u32,
    until_double: u32,
    sampled: u64,
    random: Random,
    counted: SpaceSaving,
}

/// A key as the sample has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warm {
    /// Lower bound of its share of the events so far.
    pub share_min: f64,
    /// Samples so far, of all keys.
    pub sampled: u64,
}

impl Heat {
    /// Nothing seen; `seed` feeds the gaps.
    pub fn new(seed: u64) -> Self {
        Heat {
            left: 1,
            gap: 1,
            mean: 1,
            until_double: DOUBLE_AFTER,
            sampled: 0,
            random: Random::stream(seed, "heat"),
            counted: SpaceSaving::new(COUNTERS),
        }
    }

    /// An event of `key`, whose [`mum64`](super::mum64) is `hash`, passes; what the sample says of it, if
    /// this one is in it.
    #[inline(always)]
    pub fn note(&mut self, key: u64, hash: u64) -> Option<Warm> {
        self.left -= 1;
        if self.left > 0 {
            return None;
        }
        Some(self.sample(key, hash))
    }

    #[cold]
    #[inline(never)]
    fn sample(&mut self, key: u64, hash: u64) -> Warm {
        let (count, error) = self.counted.add(key, hash, u64::from(self.gap));
        self.sampled += 1;
        self.until_double -= 1;
        if self.until_double == 0 {
            self.until_double = DOUBLE_AFTER;
            self.mean = (2 * self.mean).min(GAP_MAX);
        }
        // 1 to twice the mean less 1, each as likely.
        self.gap = 1 + self.random.below(u64::from(2 * self.mean - 1)) as u32;
        self.left = self.gap;
        Warm {
            share_min: (count - error) as f64 / self.counted.weight() as f64,
            sampled: self.sampled,
        }
    }

    /// Events in the sample.
    pub fn sampled(&self) -> u64 {
        self.sampled
    }

    /// What was found; counts are in events.
    pub fn heavy(&self) -> HeavyHitters {
        self.counted.heavy()
    }

    /// How far a share found in `sampled` samples may be from that of the stream: two standard errors. Gaps
    /// differ, which makes it up to 2/√3 as wide as that of as many equal ones.
    pub fn margin(share: f64, sampled: u64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        2.0 * (4.0 / 3.0 * share * (1.0 - share) / sampled.max(1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::mum64;

    #[test]
    fn weights_sum_to_the_events_and_shares_are_found() {
        let (mut heat, mut random) = (Heat::new(7), Random::stream(7, "test"));
        let events = 3_000_000u64;
        for _ in 0..events {
            let draw = random.below(100);
            let key = if draw < 31 {
                17
            } else if draw < 40 {
                3
            } else {
                random.below(1 << 40)
            };
            heat.note(key, mum64(key));
        }
        let heavy = heat.heavy();
        assert!(events - heavy.weight() < 2 * u64::from(GAP_MAX));
        assert!(heat.sampled() < events / 64, "{} sampled", heat.sampled());
        let shares = [(17, 0.31), (3, 0.09)];
        for (hitter, (key, share)) in heavy.hitters().iter().zip(shares) {
            let (low, high) = (hitter.least() as f64, hitter.count as f64);
            let margin = 2.0 * Heat::margin(share, heat.sampled());
            assert_eq!(hitter.key, key);
            assert!(
                low / events as f64 <= share + margin && high / events as f64 >= share - margin
            );
        }
    }

    #[test]
    fn a_rhythm_is_not_taken_for_frequency() {
        let mut heat = Heat::new(1);
        for index in 0..2_000_000u64 {
            let key = index % 256;
            heat.note(key, mum64(key));
        }
        let most = heat.heavy().hitters()[0];
        assert!((most.least() as f64) < 0.02 * 2_000_000.0, "{most:?}");
    }

    #[test]
    fn the_first_events_are_all_in_the_sample() {
        let mut heat = Heat::new(1);
        for key in [5, 5, 9, 5] {
            heat.note(key, mum64(key));
        }
        let heavy = heat.heavy();
        assert_eq!((heavy.weight(), heat.sampled()), (4, 4));
        assert_eq!((heavy.hitters()[0].key, heavy.hitters()[0].count), (5, 3));
    }
}
