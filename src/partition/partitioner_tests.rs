//! Partitioners: in range, stable, even where they promise it.

use super::super::{PARTITIONS_MAX, Partitioning, mum64};
use super::*;
use proptest::prelude::*;

fn partitions(n: u32) -> Partitions {
    Partitions::new(n.into()).unwrap()
}

type ByNumber = Partitioner<fn(&u64) -> u64>;

/// One of each scheme, `content` by the key's lowest digits.
fn all(n: u32, seed: u64) -> Vec<ByNumber> {
    let p = partitions(n);
    let boundaries = (1..u64::from(n)).map(|i| i * 1_000).collect();
    vec![
        Partitioner::hash(p),
        Partitioner::random(p, seed),
        Partitioner::range(p, boundaries).unwrap(),
        Partitioner::range_even(p, u64::MAX).unwrap(),
        Partitioner::time(p, 1_000).unwrap(),
        Partitioner::content(p, |event| *event),
    ]
}

proptest! {
    #[test]
    fn a_partition_is_always_below_their_number(
        n in prop_oneof![Just(1), Just(2), Just(PARTITIONS_MAX), 1..=PARTITIONS_MAX],
        keys in prop::collection::vec(any::<u64>(), 1..20),
        seed in any::<u64>(),
    ) {
        for mut partitioner in all(n, seed) {
            for key in keys.iter().copied().chain([0, u64::MAX]) {
                let partition = partitioner.of(key, mum64(key), &key, key);
                prop_assert!(partition < n, "{}: {partition}", partitioner.scheme());
                if partitioner.keeps_keys() {
                    prop_assert_eq!(partition, partitioner.of(key, mum64(key), &0, 0));
                }
            }
        }
    }

    #[test]
    fn an_even_range_has_parts_that_differ_by_one_key(max_key in 0u64..2_000, n in 1u32..50) {
        prop_assume!(max_key >= u64::from(n) - 1);
        let mut partitioner: Partitioner = Partitioner::range_even(partitions(n), max_key).unwrap();
        let mut counts = vec![0u64; n as usize];
        let mut last = 0;
        for key in 0..=max_key {
            let partition = partitioner.of(key, 0, &(), 0);
            prop_assert!(partition >= last, "in order");
            last = partition;
            counts[partition as usize] += 1;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        prop_assert!(*least >= 1 && most - least <= 1, "{counts:?}");
        prop_assert_eq!(partitioner.of(max_key + 1, 0, &(), 0), n - 1);
        prop_assert_eq!(partitioner.of(u64::MAX, 0, &(), 0), n - 1);
    }
}

#[test]
fn every_partition_is_reached() {
    for n in [1, 2, 3, 7, 64, 1_000, PARTITIONS_MAX] {
        for mut partitioner in all(n, 5) {
            let mut reached = vec![false; n as usize];
            // Twenty events a partition: a random partitioner misses one with e^-20.
            let events = 20 * u64::from(n);
            for i in 0..events {
                let key = match &partitioner.way {
                    Way::Even { .. } => (u64::MAX / events) * i + (u64::MAX / events) / 2,
                    _ => i * 50,
                };
                let partition = partitioner.of(key, mum64(key), &i, i * 50);
                reached[partition as usize] = true;
            }
            let missed = reached.iter().filter(|r| !**r).count();
            assert_eq!(missed, 0, "{} over {n}", partitioner.scheme());
        }
    }
}

#[test]
fn range_boundaries_are_first_keys() {
    let mut p: Partitioner = Partitioner::range(partitions(3), vec![10, 20]).unwrap();
    let got: Vec<u32> = [0, 9, 10, 19, 20, u64::MAX]
        .map(|key| p.of(key, 0, &(), 0))
        .into();
    assert_eq!(got, [0, 0, 1, 1, 2, 2]);
    let mut even: Partitioner = Partitioner::range_even(partitions(4), u64::MAX).unwrap();
    let quarter = 1u64 << 62;
    let keys = [
        quarter - 1,
        quarter,
        2 * quarter - 1,
        2 * quarter,
        3 * quarter,
        u64::MAX,
    ];
    assert_eq!(keys.map(|key| even.of(key, 0, &(), 0)), [0, 1, 1, 2, 3, 3]);
}

#[test]
fn time_slices_go_round() {
    let mut p: Partitioner = Partitioner::time(partitions(3), 100).unwrap();
    let got = [0, 99, 100, 299, 300, 1_000].map(|ts| p.of(7, 7, &(), ts));
    assert_eq!(got, [0, 0, 1, 2, 0, 1]);
}

#[test]
fn content_follows_the_closure() {
    let offset = 1;
    let mut p = Partitioner::content(partitions(4), move |event: &&str| {
        event.len() as u64 + offset
    });
    assert_eq!([p.of(0, 0, &"", 0), p.of(0, 0, &"abcd", 0)], [1, 1]);
    assert_eq!(p.of(9, 9, &"ab", 9), 3);
    assert!(!p.keeps_keys());
}

#[test]
fn random_repeats_with_its_seed() {
    let draw = |seed| {
        let mut p: Partitioner = Partitioner::random(partitions(16), seed);
        (0..50).map(|_| p.of(1, 1, &(), 1)).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_value() {
    for value in [0, 65_537, 1_000_000, u64::from(u32::MAX) + 2] {
        let error = Partitions::new(value).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{value} partitions: expected 1 to 65536; about four a core is usual")
        );
    }
    let p = partitions(3);
    let error = |e: Result<Partitioner, PartitionError>| e.unwrap_err().to_string();
    let boundaries = error(Partitioner::range(p, vec![1]));
    assert!(
        boundaries.starts_with("1 boundaries for 3 partitions: expected 2"),
        "{boundaries}"
    );
    let order = error(Partitioner::range(p, vec![5, 5]));
    assert!(
        order.starts_with("boundary 5 (number 2) follows 5"),
        "{order}"
    );
    let max_key = error(Partitioner::range_even(p, 1));
    assert!(max_key.contains("expected at least 2"), "{max_key}");
    assert_eq!(
        Partitioner::<NoContent>::time(p, 0).unwrap_err(),
        PartitionError::Slice
    );
}

#[test]
fn configuration_builds_each_scheme() {
    for name in Scheme::NAMES {
        let scheme: Scheme = name.parse().unwrap();
        assert_eq!(scheme.to_string(), name);
        assert_eq!(
            serde_json::to_string(&scheme).unwrap(),
            format!("\"{name}\"")
        );
        let config: Partitioning =
            toml::from_str(&format!("scheme = \"{name}\"\npartitions = 8")).unwrap();
        let built = config.build_with(1, |event: &u64| *event).unwrap();
        assert_eq!((built.scheme(), built.partitions()), (scheme, 8));
        match scheme {
            Scheme::Content => assert_eq!(config.build(1).unwrap_err(), PartitionError::NoContent),
            _ => assert_eq!(config.build(1).unwrap().scheme(), scheme),
        }
    }
    let none = Partitioning {
        partitions: 0,
        ..Partitioning::default()
    };
    assert_eq!(
        none.build(1).unwrap_err(),
        PartitionError::Count { value: 0 }
    );
    let error = "hsah".parse::<Scheme>().unwrap_err().to_string();
    assert!(error.contains("did you mean `hash`?"), "{error}");
}
