//! Every cache policy against a naive model of itself: the same hits, the same objects held and remembered
//! after every request, for random requests, sizes, invalidations, and caches of one object and more.
//!
//! Also: what a policy says of departures adds up. A node is evicted only while held, forgotten only when not
//! held, and what is neither evicted nor removed is held.
mod naive;
mod naive_adaptive;
mod results;

use millstream::cache::{
    Arc, Bounds, Clock, Departures, Fifo, Lfu, Lru, Policy, S3Fifo, Sieve, Sizes, Units, WTinyLfu,
    next_uses, opt_misses,
};
use naive::{Naive, NaiveClock, NaiveFifo, NaiveLfu, NaiveLru, NaiveSieve, Store};
use naive_adaptive::{NaiveArc, NaiveS3Fifo, NaiveWTinyLfu, hash};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeSet;

/// Nodes of a test.
const NODES: u32 = 40;

struct Table(Vec<u64>);

impl Sizes for Table {
    fn size(&self, node: u32) -> u64 {
        self.0[node as usize]
    }
}

/// What a policy says it holds and knows.
#[derive(Default)]
struct Ledger {
    held: BTreeSet<u32>,
    known: BTreeSet<u32>,
    /// What is being asked for, if that is a miss: it may be refused without having been held.
    asked: Option<u32>,
}

impl Departures for Ledger {
    fn evicted(&mut self, node: u32) {
        assert!(
            self.held.remove(&node) || self.asked == Some(node),
            "{node} is not held"
        );
    }

    fn forgotten(&mut self, node: u32) {
        assert!(!self.held.contains(&node), "{node} is held");
        assert!(
            self.known.remove(&node) || self.asked == Some(node),
            "{node} is not known"
        );
        self.asked = self.asked.filter(|asked| *asked != node);
    }
}

/// One thing that is done to a cache.
#[derive(Clone, Copy, Debug)]
enum Step {
    Request(u32),
    Remove(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = prop_oneof![3 => 0..8u32, 2 => 0..20u32, 1 => 0..NODES];
    let step = (node, 0..25).prop_map(|(node, kind)| match kind {
        0 => Step::Remove(node),
        _ => Step::Request(node),
    });
    prop::collection::vec(step, 0..400)
}

fn capacity() -> impl Strategy<Value = u64> {
    prop_oneof![1..6u64, 1..30u64, 90..120u64]
}

fn sorted(nodes: Vec<u32>) -> BTreeSet<u32> {
    let count = nodes.len();
    let set: BTreeSet<u32> = nodes.into_iter().collect();
    assert_eq!(set.len(), count, "an object twice");
    set
}

/// Both through all of `steps`.
fn agree<P: Policy, N: Naive>(capacity: u64, steps: &[Step], sizes: &impl Sizes) {
    let bounds = Bounds {
        capacity,
        nodes: NODES,
    };
    let mut policy = P::new(bounds);
    let bytes = policy.metadata_bytes();
    let table = (0..NODES).map(|node| sizes.size(node)).collect();
    let mut naive = N::new(Store {
        capacity,
        sizes: table,
    });
    let mut ledger = Ledger::default();
    for step in steps {
        match *step {
            Step::Request(node) => {
                let held = ledger.held.contains(&node);
                ledger.asked = (!held).then_some(node);
                let hit = policy.request(node, hash(node), sizes, &mut ledger);
                assert_eq!(hit, held, "{} on {node}", P::NAME);
                if ledger.asked.take().is_some() {
                    ledger.held.insert(node);
                    ledger.known.insert(node);
                }
                assert_eq!(hit, naive.request(node), "{} on {node}", P::NAME);
            }
            Step::Remove(node) => {
                let held = policy.remove(node, sizes);
                assert_eq!(
                    held,
                    ledger.held.remove(&node),
                    "{} removes {node}",
                    P::NAME
                );
                ledger.known.remove(&node);
                naive.remove(node);
            }
        }
        assert_eq!(
            ledger.held,
            sorted(naive.held()),
            "held by {} after {step:?}",
            P::NAME
        );
        let ghosts: BTreeSet<u32> = ledger.known.difference(&ledger.held).copied().collect();
        assert_eq!(
            ghosts,
            sorted(naive.remembered()),
            "{} after {step:?}",
            P::NAME
        );
        let used: u64 = ledger.held.iter().map(|node| sizes.size(*node)).sum();
        assert!(used <= capacity, "{} holds {used} of {capacity}", P::NAME);
        let known = ledger.known.len() as u64;
        assert!(
            known <= capacity + P::ghosts(bounds),
            "{} knows {known}",
            P::NAME
        );
        assert_eq!(policy.metadata_bytes(), bytes, "{} has grown", P::NAME);
    }
}

fn all_agree(capacity: u64, steps: &[Step], sizes: &impl Sizes) {
    agree::<Fifo, NaiveFifo>(capacity, steps, sizes);
    agree::<Lru, NaiveLru>(capacity, steps, sizes);
    agree::<Clock, NaiveClock<1>>(capacity, steps, sizes);
    agree::<Clock<3>, NaiveClock<3>>(capacity, steps, sizes);
    agree::<Sieve, NaiveSieve>(capacity, steps, sizes);
    agree::<Lfu, NaiveLfu>(capacity, steps, sizes);
    agree::<S3Fifo, NaiveS3Fifo<true>>(capacity, steps, sizes);
    agree::<S3Fifo<false>, NaiveS3Fifo<false>>(capacity, steps, sizes);
    agree::<Arc, NaiveArc>(capacity, steps, sizes);
    agree::<WTinyLfu, NaiveWTinyLfu>(capacity, steps, sizes);
}

/// OPT by looking ahead through the rest of the trace; of what is never used again, the last used goes first.
fn naive_opt(requests: &[u32], capacity: u64, sizes: &[u64]) -> u64 {
    let store = Store {
        capacity,
        sizes: sizes.to_vec(),
    };
    let (mut held, mut misses) = (Vec::new(), 0);
    for (now, node) in requests.iter().enumerate() {
        if !naive::take(&mut held, *node) {
            misses += 1;
            if !store.fits(*node) {
                continue;
            }
            while store.total(&held) + store.size(*node) > capacity {
                // Held from the least to the most recently used.
                let again = |node: u32| requests[now..].iter().position(|other| *other == node);
                let next_use = |at: &usize| (again(held[*at]).unwrap_or(usize::MAX), *at);
                let victim = (0..held.len()).max_by_key(next_use).unwrap();
                held.remove(victim);
            }
        }
        held.push(*node);
    }
    misses
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn objects_of_one_size(capacity in capacity(), steps in steps()) {
        all_agree(capacity, &steps, &Units);
    }

    #[test]
    fn objects_of_any_size(
        capacity in capacity(),
        steps in steps(),
        sizes in prop::collection::vec(1..12u64, NODES as usize),
    ) {
        all_agree(capacity, &steps, &Table(sizes));
    }

    #[test]
    fn opt(
        capacity in capacity(),
        requests in prop::collection::vec(0..NODES, 0..300),
        sizes in prop::collection::vec(1..12u64, NODES as usize),
    ) {
        let next = next_uses(&requests, NODES);
        let units = naive_opt(&requests, capacity, &[1; NODES as usize]);
        prop_assert_eq!(opt_misses(&requests, &next, capacity, &Units), units);
        let sized = naive_opt(&requests, capacity, &sizes);
        prop_assert_eq!(opt_misses(&requests, &next, capacity, &Table(sizes)), sized);
    }
}
