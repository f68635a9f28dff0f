//! The caches of a run: those of one task, and those of a stage added up over its partitions.

use crate::latency::{CacheSummary, ColdSummary, merge, percentiles};
use crate::task::{CacheFigures, ColdFigures};

/// What a partition's caches counted.
pub(super) fn summaries(caches: &[CacheFigures]) -> Vec<CacheSummary> {
    caches.iter().map(summary).collect()
}

/// Adds the caches of one more partition to those of its stage; a cache is known by its name.
pub(super) fn add(sums: &mut Vec<CacheFigures>, partition: &[CacheFigures]) {
    for cache in partition {
        let Some(sum) = sums.iter_mut().find(|sum| sum.name == cache.name) else {
            sums.push(cache.clone());
            continue;
        };
        sum.capacity_slots += cache.capacity_slots;
        sum.len += cache.len;
        sum.hits += cache.hits;
        sum.misses += cache.misses;
        sum.misses_new += cache.misses_new;
        sum.evictions += cache.evictions;
        sum.invalidations += cache.invalidations;
        sum.expirations += cache.expirations;
        match (&mut sum.cold, &cache.cold) {
            (Some(sum), Some(cold)) => add_cold(sum, cold),
            (none @ None, Some(cold)) => *none = Some(cold.clone()),
            (_, None) => {}
        }
    }
}

fn add_cold(sum: &mut ColdFigures, cold: &ColdFigures) {
    sum.reads += cold.reads;
    merge(&mut sum.read, &cold.read);
    sum.writes += cold.writes;
    sum.moved += cold.moved;
    sum.file_bytes += cold.file_bytes;
    sum.live_bytes += cold.live_bytes;
    sum.index_bytes += cold.index_bytes;
    // The partitions' moments need not be the same one: a sum would tell of a crowd that never was.
    sum.waiting_max = sum.waiting_max.max(cold.waiting_max);
}

fn summary(cache: &CacheFigures) -> CacheSummary {
    CacheSummary {
        name: cache.name.to_owned(),
        policy: cache.policy.to_owned(),
        hits: cache.hits,
        misses: cache.misses,
        hit_ratio: ratio(cache.hits, cache.hits + cache.misses),
        misses_new: cache.misses_new,
        evictions: cache.evictions,
        invalidations: cache.invalidations,
        expirations: cache.expirations,
        capacity_slots: cache.capacity_slots,
        entries: cache.len,
        cold: cache.cold.as_ref().map(|cold| ColdSummary {
            reads: cold.reads,
            read_ns: percentiles(&cold.read),
            writes: cold.writes,
            moved: cold.moved,
            write_amplification: ratio(cold.writes, cold.writes.saturating_sub(cold.moved)),
            file_bytes: cold.file_bytes,
            live_bytes: cold.live_bytes,
            index_bytes: cold.index_bytes,
            waiting_max: cold.waiting_max,
        }),
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{new_histogram, record};

    fn state(partition: u64) -> CacheFigures {
        let mut read = new_histogram();
        record(&mut read, 1_000 * partition, 30);
        CacheFigures {
            name: "state",
            policy: "clock",
            capacity_slots: 100,
            len: 90 + partition,
            hits: 300,
            misses: 100 * partition,
            misses_new: 7,
            evictions: 5,
            invalidations: 3,
            expirations: 2,
            cold: Some(ColdFigures {
                reads: 30,
                read,
                writes: 12,
                moved: 4,
                file_bytes: 4_096,
                live_bytes: 1_000,
                index_bytes: 80,
                waiting_max: 10 * partition,
            }),
        }
    }

    #[test]
    fn a_stage_is_the_sum_of_its_partitions() {
        let mut sums = Vec::new();
        add(&mut sums, &[state(1)]);
        let answers = CacheFigures {
            name: "answers",
            ..CacheFigures::default()
        };
        add(&mut sums, &[state(2), answers]);
        let caches = summaries(&sums);
        assert_eq!(caches.len(), 2);
        let whole = &caches[0];
        assert_eq!(
            (whole.hits, whole.misses, whole.hit_ratio),
            (600, 300, Some(2.0 / 3.0))
        );
        assert_eq!((whole.capacity_slots, whole.entries), (200, 183));
        assert_eq!((whole.misses_new, whole.evictions), (14, 10));
        assert_eq!((whole.invalidations, whole.expirations), (6, 4));
        let cold = whole.cold.as_ref().expect("it has one");
        assert_eq!((cold.reads, cold.read_ns.count), (60, 60));
        let of_one = |ns: Option<u64>, about: u64| {
            ns.is_some_and(|ns| (about..=about + about / 1_000 + 1).contains(&ns))
        };
        assert!(of_one(cold.read_ns.p50, 1_000) && of_one(cold.read_ns.max, 2_000));
        assert_eq!(
            (cold.writes, cold.moved, cold.write_amplification),
            (24, 8, Some(1.5))
        );
        assert_eq!(
            (cold.file_bytes, cold.live_bytes, cold.index_bytes),
            (8_192, 2_000, 160)
        );
        assert_eq!(cold.waiting_max, 20, "the largest, not the sum");
        assert_eq!((caches[1].hit_ratio, &caches[1].cold), (None, &None));
    }

    #[test]
    fn a_cold_tier_that_only_one_partition_needed_is_that_of_the_stage() {
        let dry = CacheFigures {
            cold: None,
            ..state(1)
        };
        let mut sums = Vec::new();
        add(&mut sums, std::slice::from_ref(&dry));
        add(&mut sums, &[state(2)]);
        add(&mut sums, &[dry]);
        assert_eq!(
            summaries(&sums)[0].cold.as_ref().map(|cold| cold.reads),
            Some(30)
        );
    }
}
