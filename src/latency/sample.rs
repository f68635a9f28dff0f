//! A report as a run would leave it, the same each time: what the tests of this folder look at.

use super::*;

/// Fifteen intervals of 100 ms, 150,000 events, a stall of 4 ms in the tenth.
pub(super) fn sample_report() -> Report {
    let mut state = 7;
    let mut random = || uniform(&mut state);
    let mut report = Report {
        summary: sample_summary(),
        latency: new_histogram(),
        service: new_histogram(),
        hiccups: new_histogram(),
        intervals: Vec::new(),
    };
    for index in 0..15 {
        let mut latency = new_histogram();
        let mut hiccup_ns_max = 0;
        for event in 0..10_000_u64 {
            // A narrow body and a tail that falls off with the square of the value.
            let body = 260 + (random() * 120.0) as u64;
            let tail = (90.0 / (1.0 - random()).sqrt()) as u64;
            let stall = if index == 9 && event < 40 {
                4_000_000 - event * 100_000
            } else {
                0
            };
            let value_ns = body + tail.min(90_000) + stall;
            record(&mut latency, value_ns, 1);
            if event % 16 == 0 {
                record(&mut report.service, value_ns.min(9_000) * 3 / 4, 1);
            }
            if event % 10 == 0 {
                let hiccup_ns =
                    40 + tail.min(60_000) / 3 + if stall > 3_900_000 { stall } else { 0 };
                record(&mut report.hiccups, hiccup_ns, 1);
                hiccup_ns_max = hiccup_ns_max.max(hiccup_ns);
            }
        }
        merge(&mut report.latency, &latency);
        report.intervals.push(Interval {
            start_ns: index * 100_000_000,
            end_ns: (index + 1) * 100_000_000,
            events_out: latency.len(),
            latency: compact(&latency),
            hiccup_ns_max,
        });
    }
    report.summary.latency_ns = percentiles(&report.latency);
    report.summary.service_ns = percentiles(&report.service);
    report.summary.hiccup_ns = percentiles(&report.hiccups);
    report
}

/// SplitMix64, in 0..1: written out, so that no upgrade of a crate changes what the tests expect.
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The caches of a stage over `parts` partitions: state that does not fit memory, answers worth keeping.
fn caches(stage: &str, parts: u64) -> Vec<CacheSummary> {
    let cache = |name: &str, hits: u64, misses: u64| CacheSummary {
        name: name.to_string(),
        policy: "s3-fifo".to_string(),
        hits: hits * parts,
        misses: misses * parts,
        hit_ratio: Some(hits as f64 / (hits + misses) as f64),
        evictions: (misses - 900) * parts,
        capacity_slots: 1_024 * parts,
        entries: 900 * parts,
        ..CacheSummary::default()
    };
    match stage {
        "history" => vec![CacheSummary {
            misses_new: 10_305 * parts,
            cold: Some(ColdSummary {
                reads: 9_195 * parts,
                read_ns: Percentiles {
                    count: 9_195 * parts,
                    p50: Some(640),
                    p90: Some(2_100),
                    p99: Some(18_400),
                    p99_9: None,
                    p99_99: None,
                    max: Some(3_900_000),
                },
                writes: 20_100 * parts,
                moved: 1_500 * parts,
                write_amplification: Some(20_100.0 / 18_600.0),
                file_bytes: (parts * 4) << 20,
                live_bytes: 10_305 * 128 * parts,
                index_bytes: 10_305 * 8 * parts,
                waiting_max: 37,
            }),
            ..cache("state", 18_000, 19_500)
        }],
        "neighbours" => vec![CacheSummary {
            invalidations: 7_250 * parts,
            ..cache("answers", 22_100, 15_400)
        }],
        _ => Vec::new(),
    }
}

fn sample_summary() -> Summary {
    let stage = |name: &str, keys: u64, skew: f64| StageSummary {
        name: name.to_string(),
        events_in: 150_000,
        events_out: 150_000,
        partitioner: "hash".to_string(),
        partitions: 4,
        skew,
        keys,
        state_bytes: keys * 96,
        queueing_ns: Percentiles {
            count: 9_375,
            p50: Some(83),
            p90: Some(160),
            p99: Some(1_240),
            p99_9: None,
            p99_99: None,
            max: Some(31_000),
        },
        caches: caches(name, 4),
    };
    let partition = |stage: &str, partition: u32, share: f64| PartitionSummary {
        stage: stage.to_string(),
        partition,
        core: partition % 2,
        events_in: (share * 150_000.0) as u64,
        share,
        keys: (share * 40_000.0) as u64,
        caches: caches(stage, 1),
    };
    let shares = [0.27, 0.24, 0.31, 0.18];
    Summary {
        version: SUMMARY_VERSION,
        app: "recommend".to_string(),
        events_in: 150_000,
        events_out: 149_988,
        events_filtered: 9,
        events_dead_letter: 3,
        balanced: true,
        elapsed_ns: 1_500_000_000,
        throughput_events_per_s: 100_000.0,
        digest: "9f3c0a5b1e7d2468".to_string(),
        schedule: Schedule {
            pace: "100000/s Poisson".to_string(),
            asked_events_per_s: Some(100_000.0),
            reached_events_per_s: 99_987.4,
            late_start_ns_p99: Some(1_100),
            late_start_ns_max: Some(4_020_000),
            kept: true,
        },
        stages: vec![
            stage("history", 41_220, 1.08),
            stage("neighbours", 18_306, 1.24),
            stage("answer", 41_220, 1.08),
        ],
        cores: vec![
            CoreSummary {
                core: 0,
                cpu: Some(1),
                tasks: [
                    "source",
                    "history.0",
                    "history.2",
                    "neighbours.0",
                    "answer.0",
                    "sink",
                ]
                .map(String::from)
                .to_vec(),
                busy_share: 0.42,
            },
            CoreSummary {
                core: 1,
                cpu: None,
                tasks: ["history.1", "history.3", "neighbours.1", "answer.1"]
                    .map(String::from)
                    .to_vec(),
                busy_share: 0.17,
            },
        ],
        allocation: Some(AllocationSummary {
            asked: "auto".to_string(),
            allocator: "greedy".to_string(),
            objective: "load of the busiest core".to_string(),
            loads: "estimated".to_string(),
            events_per_s: 1_000_000,
            busiest_ns: 25_450_000,
            mean_ns: 24_980_000,
            crossing_ns: 3_960_000,
        }),
        partitions: ["history", "neighbours", "answer"]
            .iter()
            .flat_map(|stage| {
                shares
                    .iter()
                    .zip(0..)
                    .map(move |(share, index)| partition(stage, index, *share))
            })
            .collect(),
        quality: [
            ("recall@20", 0.3124),
            ("mrr@20", 0.1207),
            ("popular.recall@20", 0.0311),
            ("popular.mrr@20", 0.0089),
            ("last_item.recall@20", 0.2218),
            ("last_item.mrr@20", 0.0954),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into(),
        samples: vec![
            "after src/lib.rs, ana is shown: src/main.rs, Cargo.toml, tests/end_to_end.rs"
                .to_string(),
            "after docs/usage.md, ben is shown: README.md, docs/install.md, CHANGELOG.md"
                .to_string(),
        ],
        environment: Environment {
            version: "0.1.0".to_string(),
            commit: "83f4774".to_string(),
            command: "millstream bench --app recommend --rate 100000 --duration 1500ms".to_string(),
            cpu_model: "Example CPU @ 2.60 GHz".to_string(),
            cpus_allowed: 2,
            kernel: "6.1.0".to_string(),
            clock_source: "tsc".to_string(),
            memory_bytes: 8 << 30,
            huge_pages: "madvise".to_string(),
            started: "2023-11-14T22:13:20Z".to_string(),
            seed: 7,
            memory_peak_bytes: 41 << 20,
        },
        warnings: vec![
            "core 1 is not pinned: the system refused; its tail may be the scheduler's".to_string(),
        ],
        ..Summary::default()
    }
}
