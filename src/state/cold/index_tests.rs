//! The index against a `HashMap`.

use super::*;
use crate::sys::random::Random;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashMap;

impl Index {
    /// Every invariant of the module header.
    fn check(&self) {
        let mut len = 0;
        for number in 0..self.buckets as usize {
            let bucket = &self.groups[number / GROUP][number % GROUP];
            assert_eq!(bucket.slots.last(), Some(&EMPTY));
            let mut before = 0;
            for (at, entry) in bucket.slots.iter().enumerate() {
                if *entry == EMPTY {
                    continue;
                }
                len += 1;
                let fingerprint = fingerprint_of(*entry);
                assert_eq!(
                    self.bucket_of(fingerprint),
                    (number / GROUP, number % GROUP)
                );
                assert!(fingerprint >= before, "ascending");
                before = fingerprint;
                let home = bucket.home(fingerprint);
                assert!(home <= at && !bucket.slots[home..at].contains(&EMPTY));
            }
        }
        assert_eq!(len, self.len);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), fingerprints in prop_oneof![Just(3u64), Just(100), Just(1 << 32)], steps in 1usize..6000) {
        let mut random = Random::new(seed);
        let mut index = Index::new();
        let mut model: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut live: Vec<(u32, u32)> = Vec::new();
        let growing = random.below(10);
        for next in 0..steps as u32 {
            if live.is_empty() || random.below(10) < 3 + growing {
                let spread = (random.below(fingerprints) * (u64::from(u32::MAX) / fingerprints).max(1)) << 32;
                let fingerprint = fingerprint(spread);
                index.insert(fingerprint, next);
                model.entry(fingerprint).or_default().push(next);
                live.push((fingerprint, next));
            } else {
                let at = random.below(live.len() as u64) as usize;
                let (fingerprint, location) = live.swap_remove(at);
                if random.below(4) == 0 {
                    prop_assert!(index.change(fingerprint, location, |old| old | ASKED));
                    prop_assert!(index.find(fingerprint).iter().any(|e| is_asked(*e)));
                }
                prop_assert!(index.remove(fingerprint, location));
                prop_assert!(!index.remove(fingerprint, location));
                model.get_mut(&fingerprint).expect("inserted").retain(|l| *l != location);
            }
        }
        index.check();
        for (fingerprint, locations) in &model {
            let mut found: Vec<u32> = index.find(*fingerprint).iter().map(|e| location(*e)).collect();
            found.sort_unstable();
            prop_assert_eq!(&found, locations);
        }
        prop_assert_eq!(index.len(), live.len() as u64);
    }
}

#[test]
fn five_million_keys_take_less_than_eleven_bytes_each() {
    let mut index = Index::new();
    let mut random = Random::new(5);
    let keys: Vec<u32> = (0..5_000_000)
        .map(|_| fingerprint(random.next_u64()))
        .collect();
    let mut worst: f64 = 0.0;
    for (at, key) in keys.iter().enumerate() {
        index.insert(*key, at as u32);
        if at >= 10_000 && at % 1000 == 0 {
            worst = worst.max(index.bytes() as f64 / (at + 1) as f64);
        }
    }
    assert!(worst < 13.0, "{worst} bytes a key");
    let mean = index.bytes() as f64 / keys.len() as f64;
    println!("{mean:.2} bytes a key, {worst:.2} at the most");
    assert!(mean < 11.0, "{mean} bytes a key");
    for (at, key) in keys.iter().enumerate().step_by(7) {
        assert!(index.remove(*key, at as u32));
    }
    for (at, key) in keys.iter().enumerate() {
        let found = index.find(*key).iter().any(|e| location(*e) == at as u32);
        assert_eq!(found, at % 7 != 0);
    }
}
