//! Each policy of a set against the plainest version of it: the same victim every time.
use super::*;
use crate::partition::mum64;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A set without tricks: what is in each way, and how often it was asked for since.
#[derive(Default)]
struct Plain {
    ways: [Option<(u64, u8)>; 16],
    hand: usize,
    /// S3-FIFO: ways of the small FIFO, oldest first; fingerprints, 0 for none.
    small: VecDeque<usize>,
    ghosts: [u16; 16],
    next_ghost: usize,
}

impl Plain {
    fn way_of(&self, key: u64) -> Option<usize> {
        let held = |way: &Option<(u64, u8)>| way.is_some_and(|(held, _)| held == key);
        self.ways.iter().position(held)
    }

    fn touch(&mut self, key: u64) -> bool {
        let Some(way) = self.way_of(key) else {
            return false;
        };
        self.ways[way] = self.ways[way].map(|(key, count)| (key, (count + 1).min(3)));
        true
    }

    fn is_in_small(&self, way: usize) -> bool {
        self.small.contains(&way)
    }

    /// The hand goes on, way by way, until somebody leaves.
    fn clock(&mut self) -> usize {
        loop {
            let way = self.hand;
            self.hand = (self.hand + 1) % 16;
            if self.is_in_small(way) {
                continue;
            }
            let (key, count) = self.ways[way].expect("a full set");
            if count == 0 {
                return way;
            }
            self.ways[way] = Some((key, count - 1));
        }
    }

    fn insert_by_clock(&mut self, key: u64) -> Option<u64> {
        let free = self.ways.iter().position(Option::is_none);
        let way = free.unwrap_or_else(|| self.clock());
        self.ways[way].replace((key, 0)).map(|(key, _)| key)
    }

    fn insert_by_s3_fifo(&mut self, key: u64) -> Option<u64> {
        let fingerprint = |key: u64| (mum64(key) as u16).max(1);
        let ghost = self
            .ghosts
            .iter()
            .position(|ghost| *ghost == fingerprint(key));
        if let Some(ghost) = ghost {
            self.ghosts[ghost] = 0;
        }
        let free: Vec<usize> = (0..16).filter(|way| self.ways[*way].is_none()).collect();
        let liked = free
            .iter()
            .find(|way| self.is_in_small(**way) != ghost.is_some());
        let way = match (liked.or(free.first()), ghost) {
            (Some(way), _) => {
                let way = *way;
                if let Some(at) = self.small.iter().position(|small| *small == way) {
                    self.small.remove(at);
                    self.small.push_back(way);
                }
                way
            }
            (None, Some(_)) => self.clock(),
            (None, None) => {
                let oldest = self.small[0];
                let (old, count) = self.ways[oldest].expect("a full set");
                let way = if count >= 1 {
                    let way = self.clock();
                    self.ways[oldest] = Some((old, 0));
                    way
                } else {
                    self.ghosts[self.next_ghost] = fingerprint(old);
                    self.next_ghost = (self.next_ghost + 1) % 16;
                    oldest
                };
                self.small.pop_front();
                self.small.push_back(way);
                way
            }
        };
        self.ways[way].replace((key, 0)).map(|(key, _)| key)
    }
}

/// Runs `keys` (and, where the flag is set, removals) through one set of both.
fn agrees<P: SetPolicy>(
    mut plain: Plain,
    insert: fn(&mut Plain, u64) -> Option<u64>,
    steps: &[(u64, bool)],
) -> Result<u32, TestCaseError> {
    let mut hot = Hot::<u64, P>::new(0).expect("one set");
    let mut evictions = 0;
    for (key, is_removal) in steps {
        let hash = mum64(*key);
        if *is_removal {
            let way = plain.way_of(*key);
            prop_assert_eq!(hot.remove(hash, *key), way.is_some());
            if let Some(way) = way {
                plain.ways[way] = None;
            }
            continue;
        }
        let held = hot.hit(hot.prefetch(hash), hash, *key).is_some();
        prop_assert_eq!(held, plain.touch(*key));
        if !held {
            let mut victim = None;
            hot.insert(hash, *key, 0, 0, |entry| victim = Some(entry.key));
            prop_assert_eq!(victim, insert(&mut plain, *key));
            evictions += u32::from(victim.is_some());
        }
    }
    Ok(evictions)
}

fn plain_s3_fifo() -> Plain {
    Plain {
        small: VecDeque::from([0, 1]),
        ..Plain::default()
    }
}

proptest! {
    #[test]
    fn sets_choose_the_victims_of_their_plain_versions(
        steps in proptest::collection::vec(
            (prop_oneof![2 => 0u64..24, 1 => 0u64..60], proptest::bool::weighted(0.02)), 1..600)
    ) {
        agrees::<Clock>(Plain::default(), Plain::insert_by_clock, &steps)?;
        agrees::<S3Fifo>(plain_s3_fifo(), Plain::insert_by_s3_fifo, &steps)?;
    }
}

#[test]
fn a_long_trace_evicts_and_agrees_throughout() {
    let mut random = 7u64;
    let steps: Vec<(u64, bool)> = (0..50_000)
        .map(|_| {
            random = mum64(random);
            ((random % 40).min(random >> 40 & 63), random >> 58 == 0)
        })
        .collect();
    let clock = agrees::<Clock>(Plain::default(), Plain::insert_by_clock, &steps);
    let s3_fifo = agrees::<S3Fifo>(plain_s3_fifo(), Plain::insert_by_s3_fifo, &steps);
    assert!(clock.expect("agrees") > 5_000);
    assert!(s3_fifo.expect("agrees") > 5_000);
}

/// What `look` asks for ahead is what an insertion takes, as long as nothing comes between.
#[test]
fn the_victim_foretold_is_the_victim() {
    fn check<P: SetPolicy>() {
        let (mut line, mut random) = (P::empty(), 3u64);
        line.tags_mut().fill(9);
        for _ in 0..50_000 {
            random = mum64(random);
            if random & 3 != 0 {
                line.hit((random >> 8) as u32 % WAYS);
                continue;
            }
            // Few hashes, so that ghosts come back.
            let hash = random >> 20 & 31;
            let foretold = line.victim(hash);
            assert_eq!(line.replace(hash, |way| u64::from(way) + 10), foretold);
        }
    }
    check::<Clock>();
    check::<S3Fifo>();
}
