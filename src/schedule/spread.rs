//! Spread: how a stream's events lie over the hashes of their keys, so that the share of each partition can be
//! told for any number of them.
//!
//! ```text
//!   low half of the hash   0 ──────────────────────────────────────── 2³²
//!   buckets                ▁▁▂▁▁▁▁▂▁▁▁▁▁▁▁▁▁▁▁▁▁▂▁▁▁▁▁▁▁▁▁   65,536, each a share of the events
//!   hot keys                         █            ▃          each at its place, whole
//!   4 partitions           │    0    │    1    │    2    │    3    │
//! ```
//!
//! Invariant: buckets and hot keys sum to 1, or to 0 where there was no event.

use crate::partition::{HeavyHitters, Hitter, SpaceSaving, mum64, partition_of};

const BUCKETS: usize = 1 << 16;
/// Counters of the keys of a trace: a key with more than 1/1024 of it is found.
const COUNTERS: usize = 1024;
/// A key with a smaller share than this is left in its bucket.
const HOT: f64 = 0.001;

/// A key that is placed as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HotShare {
    /// The key.
    pub key: u64,
    /// Its share of the events.
    pub share: f64,
    /// Hash whose low half says where it lies.
    hash: u64,
}

/// How events lie over hashes.
#[derive(Clone, Debug)]
pub struct Spread {
    buckets: Vec<f64>,
    hot: Vec<HotShare>,
}

/// Counts the keys of a stream.
#[derive(Debug)]
pub struct KeyCensus {
    buckets: Vec<u64>,
    keys: SpaceSaving,
}

impl Default for KeyCensus {
    fn default() -> Self {
        KeyCensus {
            buckets: vec![0; BUCKETS],
            keys: SpaceSaving::new(COUNTERS),
        }
    }
}

fn bucket_of(hash: u64) -> usize {
    (hash as u32 >> 16) as usize
}

/// The hash in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    ((bucket as u64) << 16) | 0x8000
}

impl KeyCensus {
    /// An event of `key`.
    pub fn add(&mut self, key: u64) {
        let hash = mum64(key);
        self.buckets[bucket_of(hash)] += 1;
        self.keys.add(key, hash, 1);
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.keys.weight()
    }

    /// How they lie. Of a hot key, what is certain is placed as a whole, the rest with its bucket.
    pub fn spread(&self) -> Spread {
        let all = self.events().max(1) as f64;
        let mut buckets: Vec<f64> = self.buckets.iter().map(|n| *n as f64 / all).collect();
        let heavy: HeavyHitters = self.keys.heavy();
        let hot = heavy.hitters().iter().filter_map(|hitter: &Hitter| {
            let share = hitter.least() as f64 / all;
            let hash = mum64(hitter.key);
            (share >= HOT).then(|| {
                let bucket = &mut buckets[bucket_of(hash)];
                *bucket = (*bucket - share).max(0.0);
                HotShare {
                    key: hitter.key,
                    share,
                    hash,
                }
            })
        });
        let hot = hot.collect();
        Spread { buckets, hot }
    }
}

impl Spread {
    /// As a run measured it: the share of each partition, and the hot keys with their shares and partitions.
    /// What a partition has beside its hot keys lies evenly over its hashes. `hashed`: keys lie where
    /// [`mum64`] says; otherwise in the middle of their partition.
    pub fn measured(shares: &[f64], keys: &[(u64, f64, usize)], hashed: bool) -> Spread {
        let partitions = shares.len().max(1) as u32;
        let mut rest = shares.to_vec();
        let mut hot = Vec::with_capacity(keys.len());
        for &(key, share, partition) in keys {
            let Some(left) = rest.get_mut(partition) else {
                continue;
            };
            // A sample may say more than there was.
            let share = share.min(*left);
            *left -= share;
            let inside = ((2 * partition as u64 + 1) << 31) / u64::from(partitions);
            let hash = if hashed { mum64(key) } else { inside };
            hot.push(HotShare { key, share, hash });
        }
        let of = |bucket: usize| partition_of(middle(bucket), partitions) as usize;
        let mut widths = vec![0u32; rest.len()];
        (0..BUCKETS)
            .filter(|_| !rest.is_empty())
            .for_each(|bucket| widths[of(bucket)] += 1);
        let share = |bucket: usize| match rest.get(of(bucket)) {
            Some(rest) => rest / f64::from(widths[of(bucket)]),
            None => 0.0,
        };
        Spread {
            buckets: (0..BUCKETS).map(share).collect(),
            hot,
        }
    }

    /// Evenly, without hot keys.
    pub fn even() -> Spread {
        Spread::measured(&[1.0], &[], true)
    }

    /// The keys that are placed as a whole, as they were found.
    pub fn hot(&self) -> &[HotShare] {
        &self.hot
    }

    /// The share of each of `partitions`, and its heaviest hot key.
    pub fn shares(&self, partitions: usize) -> Vec<(f64, Option<HotShare>)> {
        let mut shares = vec![(0.0, None::<HotShare>); partitions.max(1)];
        let of = |hash: u64| partition_of(hash, partitions.max(1) as u32) as usize;
        for (bucket, share) in self.buckets.iter().enumerate() {
            shares[of(middle(bucket))].0 += share;
        }
        for hot in &self.hot {
            let (share, heaviest) = &mut shares[of(hot.hash)];
            *share += hot.share;
            if heaviest.is_none_or(|other| other.share < hot.share) {
                *heaviest = Some(*hot);
            }
        }
        shares
    }

    /// The same with hot keys of `share_min` and more spread over all partitions, as splitting does.
    pub fn split(&self, share_min: f64) -> Spread {
        let (over, hot): (Vec<HotShare>, Vec<HotShare>) =
            self.hot.iter().partition(|hot| hot.share >= share_min);
        let more = over.iter().map(|hot| hot.share).sum::<f64>() / BUCKETS as f64;
        Spread {
            buckets: self.buckets.iter().map(|share| share + more).collect(),
            hot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::random::Random;

    fn sum(shares: &[(f64, Option<HotShare>)]) -> f64 {
        shares.iter().map(|(share, _)| share).sum()
    }

    #[test]
    fn a_census_tells_the_share_of_each_partition_for_any_number() {
        let (mut census, mut random) = (KeyCensus::default(), Random::stream(1, "keys"));
        let mut keys = Vec::new();
        for _ in 0..200_000 {
            let key = if random.below(100) < 40 {
                17
            } else {
                random.below(5_000)
            };
            census.add(key);
            keys.push(key);
        }
        let spread = census.spread();
        for partitions in [1, 2, 3, 7, 8, 40] {
            let mut exact = vec![0.0; partitions];
            for key in &keys {
                exact[partition_of(mum64(*key), partitions as u32) as usize] += 1.0 / 200_000.0;
            }
            let shares = spread.shares(partitions);
            assert!((sum(&shares) - 1.0).abs() < 1e-9);
            for (partition, (share, _)) in shares.iter().enumerate() {
                assert!(
                    (share - exact[partition]).abs() < 1e-3,
                    "{partitions}: {partition}"
                );
            }
            let home = partition_of(mum64(17), partitions as u32) as usize;
            assert_eq!(shares[home].1.map(|hot| hot.key), Some(17));
        }
    }

    #[test]
    fn what_a_run_measured_comes_back_and_can_be_halved() {
        let shares = [0.5, 0.1, 0.15, 0.25];
        let spread = Spread::measured(&shares, &[(17, 0.4, 0)], false);
        let again: Vec<f64> = spread.shares(4).iter().map(|(share, _)| *share).collect();
        assert!(again.iter().zip(shares).all(|(a, b)| (a - b).abs() < 1e-9));
        let halves = spread.shares(2);
        assert!((halves[0].0 - 0.6).abs() < 1e-9 && (sum(&halves) - 1.0).abs() < 1e-9);
        // More partitions part the rest, not the key.
        let most = spread
            .shares(64)
            .iter()
            .map(|(share, _)| *share)
            .fold(0.0, f64::max);
        assert!((0.4..0.42).contains(&most));
        let split = spread.split(0.25).shares(64);
        assert!(split.iter().all(|(share, _)| *share < 0.05));
        assert!((sum(&split) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_lies_nowhere() {
        assert_eq!(sum(&KeyCensus::default().spread().shares(4)), 0.0);
        assert!((sum(&Spread::even().shares(5)) - 1.0).abs() < 1e-9);
        assert_eq!(sum(&Spread::measured(&[], &[], true).shares(3)), 0.0);
    }
}
