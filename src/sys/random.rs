//! The random numbers of every seeded choice: xoshiro256++, seeded through SplitMix64.
//!
//! Written out here, not taken from a crate, because a seed must give the same stream in every
//! version of Millstream: `rand` reserves the right to change what `SmallRng` is.
//! Source: D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47(4),
//! 2021; reference code in the public domain at <https://prng.di.unimi.it>. Not for secrets.
//!
//! Owned by whoever draws from it; a clone repeats its stream.

/// 2^-53: a 53-bit integer times this is a `f64` in [0, 1), every one exactly representable.
const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// One step of SplitMix64: fills a state from a seed so that seeds 0, 1, 2 … give unlike streams.
#[inline]
pub fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut s = seed;
        Random {
            state: std::array::from_fn(|_| splitmix64(&mut s)),
        }
    }

    /// The stream named `stream` of `seed`: one seed of a run feeds keys, values and arrivals without
    /// any of them repeating another's numbers.
    pub fn stream(seed: u64, stream: &str) -> Self {
        // FNV-1a, 64 bit (RFC 9923): the names are few and short, and the constants never change.
        let name = stream.bytes().fold(0xCBF2_9CE4_8422_2325, |h: u64, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let mut s = seed;
        Random::new(splitmix64(&mut s) ^ name)
    }

    /// The next 64 random bits.
    #[inline(always)]
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `0..n`, by multiply-shift (Lemire 2019, without the rejection): a number's share
    /// is off by at most n / 2^64 of itself. `n = 0` gives 0.
    #[inline(always)]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// A number in [0, 1), in steps of 2^-53.
    #[inline(always)]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * UNIT
    }

    /// An exponentially distributed number with mean 1; never infinite (at most 36.8).
    #[inline(always)]
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_the_reference_code() {
        let mut seed = 1_234_567;
        assert_eq!(splitmix64(&mut seed), 6_457_827_717_110_365_317);
        assert_eq!(splitmix64(&mut seed), 3_203_168_211_198_807_973);
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        for expected in [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ] {
            assert_eq!(random.next_u64(), expected);
        }
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let draw = |seed, name| Random::stream(seed, name).next_u64();
        assert_eq!(draw(7, "keys"), draw(7, "keys"));
        assert_ne!(draw(7, "keys"), draw(7, "values"));
        assert_ne!(draw(7, "keys"), draw(8, "keys"));
    }

    #[test]
    fn below_unit_and_exponential_keep_their_range_and_mean() {
        let mut random = Random::new(1);
        let (mut unit, mut exponential, mut below) = (0.0, 0.0, 0u64);
        let n = 100_000;
        for _ in 0..n {
            let u = random.unit();
            assert!((0.0..1.0).contains(&u));
            unit += u;
            let e = random.exponential();
            assert!((0.0..37.0).contains(&e));
            exponential += e;
            let b = random.below(10);
            assert!(b < 10);
            below += b;
        }
        // Five standard errors: 0.289/√n, 1/√n, 2.87/√n.
        let root = f64::from(n).sqrt();
        assert!((unit / f64::from(n) - 0.5).abs() < 5.0 * 0.289 / root);
        assert!((exponential / f64::from(n) - 1.0).abs() < 5.0 / root);
        assert!((below as f64 / f64::from(n) - 4.5).abs() < 5.0 * 2.87 / root);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
