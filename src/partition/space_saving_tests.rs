//! Space-Saving against exact counts: the guarantees of the paper, for any stream.

use super::*;
use crate::partition::mum64;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Exact = BTreeMap<u64, u64>;

fn counted(stream: &[(u64, u64)], counters: usize) -> (SpaceSaving, Exact) {
    let (mut sketch, mut exact) = (SpaceSaving::new(counters), Exact::new());
    for &(key, weight) in stream {
        let (count, error) = sketch.add(key, mum64(key), weight);
        let truth = exact.entry(key).or_default();
        *truth += weight;
        assert!(count - error <= *truth && *truth <= count);
    }
    (sketch, exact)
}

fn holds(heavy: &HeavyHitters, exact: &Exact, counters: u64, pieces: u64) {
    let weight: u64 = exact.values().sum();
    assert_eq!(heavy.weight(), weight);
    let mut unlisted = exact.clone();
    for hitter in heavy.hitters() {
        let truth = unlisted.remove(&hitter.key).unwrap_or(0);
        assert!(
            hitter.least() <= truth && truth <= hitter.count,
            "{hitter:?}: {truth}"
        );
        // Each piece rounds its own W / m down, so the sum is at most the whole one's.
        assert!(hitter.error <= weight / counters + pieces, "{hitter:?}");
    }
    for (key, truth) in unlisted {
        assert!(
            truth <= heavy.unlisted_max(),
            "{key}: {truth} and not listed"
        );
    }
    assert!(
        heavy
            .hitters()
            .is_sorted_by_key(|hitter| std::cmp::Reverse(hitter.count))
    );
}

/// Streams from all keys alike to nearly all of one, with some far apart.
fn streams() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let key = prop_oneof![
        3 => 0u64..4,
        2 => 0u64..40,
        1 => 0u64..400,
        1 => any::<u64>().prop_map(|key| key << 40),
    ];
    prop::collection::vec((key, 1u64..5), 0..1_500)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn counts_errors_and_absences_are_as_the_paper_says(
        stream in streams(),
        counters in 1usize..70,
    ) {
        let (sketch, exact) = counted(&stream, counters);
        let heavy = sketch.heavy();
        holds(&heavy, &exact, counters as u64, 0);
        prop_assert!(heavy.unlisted_max() <= sketch.weight() / counters as u64);
        // Counts sum to the weight of the stream.
        prop_assert_eq!(heavy.hitters().iter().map(|hitter| hitter.count).sum::<u64>(), sketch.weight());
        // With a counter for each key nothing is unsure.
        if exact.len() <= counters {
            prop_assert!(heavy.hitters().iter().all(|hitter| hitter.error == 0));
            prop_assert_eq!(heavy.hitters().len(), exact.len());
        }
    }

    #[test]
    fn two_put_together_hold_for_both_streams(
        one in streams(),
        two in streams(),
        counters in 1usize..70,
        kept in 1usize..70,
    ) {
        let ((a, mut exact), (b, more)) = (counted(&one, counters), counted(&two, counters));
        for (key, count) in more {
            *exact.entry(key).or_default() += count;
        }
        let mut both = a.heavy().merged(&b.heavy());
        holds(&both, &exact, counters as u64, 2);
        both.shorten(kept);
        holds(&both, &exact, counters as u64, 2);
        prop_assert!(both.hitters().len() <= kept);
    }
}

#[test]
fn a_key_with_most_of_a_stream_is_told_exactly_where_the_rest_is_spread_thin() {
    let stream = (0..30_000u64).map(|i| (if i % 3 == 0 { i } else { 17 }, 1));
    let (sketch, _) = counted(&stream.collect::<Vec<_>>(), 128);
    let heavy = sketch.heavy();
    let first = heavy.hitters()[0];
    assert_eq!((first.key, first.count, first.error), (17, 20_000, 0));
    assert!(heavy.hitters()[1].count <= 30_000 / 128);
}

#[test]
fn a_copy_has_room_for_all_counters_from_the_start() {
    let copy = SpaceSaving::new(128).clone();
    assert!(copy.counters.capacity() >= 128);
}
