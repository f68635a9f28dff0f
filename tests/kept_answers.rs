//! Computed answers that are kept change no answer, however many are: `recommend` in one order of its
//! tasks, drawn from a seed, and the command with and without them.

use millstream::app::recommend::{self, Params};
use millstream::flow::{FlowError, Options};
use millstream::partition::Partitioning;
use millstream::sink::Digest;
use millstream::source::Iter;
use millstream::source::trace::native::ClickRecord;
use millstream::sys::random::Random;
use serde_json::Value;
use std::process::Command;

/// Users who come back to few items, so that lists fill up, are asked again and change.
fn clicks(seed: u64) -> Vec<ClickRecord> {
    let mut random = Random::stream(seed, "clicks");
    (0..6_000)
        .map(|at| ClickRecord {
            key: random.below(60),
            item: random.below(20) * random.below(8),
            ts_ns: at * 1_000_000_000,
            weight: [0.0, 1.0, 1.0, 2.5][random.below(4) as usize],
            zero: 0,
        })
        .collect()
}

#[test]
fn the_answers_are_the_same_however_many_are_kept() -> Result<(), FlowError> {
    for seed in 0..4 {
        let run = |answers: usize, half_life_ns: u64| {
            let options = Options {
                partitions: 1 + seed as usize,
                ring_slots: [8, 64, 1, 1024][seed as usize],
                seed,
                ..Options::default()
            };
            let params = Params::default()
                .with_half_life_ns(half_life_ns)
                .with_answers_kept(answers);
            let source = Iter::new(clicks(seed).into_iter());
            let partitioning = Partitioning::default();
            recommend::simulate(
                options,
                source,
                params,
                partitioning,
                |_| Digest::default(),
                seed,
            )
        };
        // Ten seconds: lists are written anew every five minutes.
        for half_life_ns in [0, 10_000_000_000] {
            let expected = run(0, half_life_ns)?.answers;
            assert_eq!((expected.events_in, expected.events_out), (6_000, 6_000));
            for answers in [1, 10, 100_000] {
                let found = run(answers, half_life_ns)?.answers;
                assert_eq!(found, expected, "seed {seed}, {answers} kept");
            }
        }
    }
    Ok(())
}

/// The summary of the sample's first records, replayed with one setting.
fn replay(setting: &str) -> Value {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_millstream"))
        .args(["replay", "tests/data/git-activity/clicks.csv.zst", "--json"])
        .args(["--limit", "30000", "-C", setting, "--out"])
        .arg(scratch.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("--json prints JSON alone")
}

#[test]
fn the_report_says_how_often_an_answer_was_kept() {
    let summary = replay("cache.answers=1000");
    let cache = &summary["stages"][2]["caches"][0];
    assert_eq!(summary["stages"][2]["name"], "neighbours");
    assert_eq!(
        (&cache["name"], &cache["policy"]),
        (&"answers".into(), &"s3-fifo".into())
    );
    assert_eq!(
        (&cache["capacity_slots"], &cache["cold"]),
        (&1_000.into(), &Value::Null)
    );
    let count = |name: &str| cache[name].as_u64().expect(name);
    assert!(count("hits") > 0 && count("misses") > 0 && count("invalidations") > 0);
    assert!(count("entries") <= 1_000 && count("evictions") > 0);
    let asked = (count("hits") + count("misses")) as f64;
    let ratio = cache["hit_ratio"].as_f64().expect("a ratio");
    assert!((ratio - count("hits") as f64 / asked).abs() < 1e-12);
    let parts = summary["partitions"].as_array().expect("a list");
    let hits = parts
        .iter()
        .filter_map(|part| part["caches"][0]["hits"].as_u64());
    assert_eq!(hits.sum::<u64>(), count("hits"), "the partitions add up");
    let none = replay("cache.answers=none");
    assert_eq!(none["stages"][2]["caches"], Value::Array(Vec::new()));
    assert_eq!(none["events_out"], summary["events_out"]);
}
