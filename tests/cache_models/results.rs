//! The cache of results against a map: what it returns was inserted last, and its counts add up.
use millstream::cache::{
    Arc, Cache, CacheCounts, Clock, Fifo, Lfu, Lru, Policy, S3Fifo, Sieve, WTinyLfu,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashMap;

/// Keys that share the low bits of each other.
fn key(number: u64) -> u64 {
    number << 40
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Get(u64),
    /// As it is used: computed when it is not there.
    GetOrInsert(u64),
    Insert(u64),
    Invalidate(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = prop_oneof![0..6u64, 0..60u64];
    let step = (number, 0..10).prop_map(|(number, kind)| match kind {
        0 => Step::Get(number),
        1 => Step::Insert(number),
        2 => Step::Invalidate(number),
        _ => Step::GetOrInsert(number),
    });
    prop::collection::vec(step, 0..600)
}

fn agrees<P: Policy + Clone>(capacity: usize, steps: &[Step]) {
    let mut cache: Cache<u64, P> = Cache::new(capacity);
    let bytes = cache.metadata_bytes();
    // What a held value must be: the last inserted since the last invalidation.
    let mut last = HashMap::new();
    let (mut expected, mut inserted) = (CacheCounts::default(), 0);
    for (now, step) in steps.iter().enumerate() {
        let (now, name) = (now as u64, P::NAME);
        match *step {
            Step::Get(number) | Step::GetOrInsert(number) => {
                let found = cache.get(key(number)).copied();
                expected.hits += u64::from(found.is_some());
                expected.misses += u64::from(found.is_none());
                if found.is_some() {
                    assert_eq!(found, last.get(&number).copied(), "{name}: {number}");
                } else if matches!(step, Step::GetOrInsert(_)) {
                    cache.insert(key(number), now);
                    last.insert(number, now);
                    inserted += 1;
                }
            }
            Step::Insert(number) => {
                let before = cache.len() as u64 + cache.counts().evictions;
                cache.insert(key(number), now);
                last.insert(number, now);
                inserted += cache.len() as u64 + cache.counts().evictions - before;
            }
            Step::Invalidate(number) => {
                let held = cache.invalidate(key(number));
                assert!(!held || last.contains_key(&number), "{name}: {number}");
                expected.invalidations += u64::from(held);
                last.remove(&number);
                assert!(cache.clone().get(key(number)).is_none(), "{name}: {number}");
            }
        }
        expected.evictions = inserted - expected.invalidations - cache.len() as u64;
        assert_eq!(cache.counts(), expected, "{name} after {step:?}");
        assert!(cache.len() <= capacity, "{name} holds {}", cache.len());
        assert_eq!(cache.metadata_bytes(), bytes, "{name} has grown");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn a_cache_returns_what_was_inserted_last(capacity in 1..40usize, steps in steps()) {
        agrees::<Fifo>(capacity, &steps);
        agrees::<Lru>(capacity, &steps);
        agrees::<Clock>(capacity, &steps);
        agrees::<Clock<3>>(capacity, &steps);
        agrees::<Sieve>(capacity, &steps);
        agrees::<Lfu>(capacity, &steps);
        agrees::<S3Fifo>(capacity, &steps);
        agrees::<Arc>(capacity, &steps);
        agrees::<WTinyLfu>(capacity, &steps);
    }
}

/// A value that is mutated in place stays so, and no value outlives its place.
#[test]
fn values_are_changed_in_place_and_dropped_with_their_places() {
    let mut cache: Cache<std::rc::Rc<u64>> = Cache::new(100);
    let value = std::rc::Rc::new(7);
    for number in 0..1_000 {
        cache.insert(key(number), value.clone());
        assert_eq!(std::rc::Rc::strong_count(&value), 1 + cache.len());
    }
    let held: Vec<u64> = (0..1_000)
        .filter(|n| cache.get(key(*n)).is_some())
        .collect();
    assert_eq!((held.len(), cache.capacity()), (100, 100));
    *cache.get_mut(key(held[0])).unwrap() = std::rc::Rc::new(8);
    assert_eq!(**cache.get(key(held[0])).unwrap(), 8);
    for number in &held {
        assert!(cache.invalidate(key(*number)) && !cache.invalidate(key(*number)));
    }
    assert_eq!((cache.len(), std::rc::Rc::strong_count(&value)), (0, 1));
}

/// With every look-up followed by an insertion, a cache misses as its policy does in the laboratory.
#[test]
fn a_cache_misses_as_often_as_its_policy() {
    fn misses<P: Policy>() -> (u64, u64) {
        use millstream::cache::{Bounds, Unheard, Units};
        let mut random = millstream::sys::random::Random::new(3);
        let (capacity, nodes) = (50, 1_000);
        let mut cache: Cache<(), P> = Cache::new(capacity as usize);
        let mut policy = P::new(Bounds { capacity, nodes });
        let mut misses = 0;
        for _ in 0..20_000 {
            let number = random.below(random.clone().below(u64::from(nodes)) + 1);
            if cache.get(number).is_none() {
                cache.insert(number, ());
            }
            let hash = millstream::partition::mum64(number);
            misses += u64::from(!policy.request(number as u32, hash, &Units, &mut Unheard));
        }
        (cache.counts().misses, misses)
    }
    for (cache, policy) in [
        misses::<Lru>(),
        misses::<Lfu>(),
        misses::<Sieve>(),
        misses::<S3Fifo>(),
        misses::<Arc>(),
        misses::<WTinyLfu>(),
    ] {
        assert_eq!(cache, policy);
    }
}
