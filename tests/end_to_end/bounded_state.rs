//! State larger than its memory, from the command line: the answers stay, the report tells, a directory has
//! one user.

use crate::scratch::{Scratch, count, stderr};
use serde_json::Value;
use std::fmt::Write;
use std::fs::{self, File};

/// 60,000 readings of 12,000 keys, a tenth of them of a few hundred.
fn trace() -> String {
    let mut random = millstream::sys::random::Random::stream(11, "bounded state");
    let mut text = String::from("key,value,ts\n");
    for second in 0..60_000u64 {
        let keys = if random.below(10) == 0 { 300 } else { 12_000 };
        let (key, value) = (random.below(keys), random.below(1_000));
        writeln!(text, "{key},{value},{}", 1_700_000_000 + second).expect("to memory");
    }
    text
}

fn state_cache(summary: &Value) -> &Value {
    &summary["stages"][1]["caches"][0]
}

#[test]
fn any_memory_gives_the_same_digest_and_tells_its_hits() {
    let scratch = Scratch::new();
    scratch.file("t.csv", trace());
    let replay = ["replay", "t.csv", "--app", "aggregate"];
    let unbounded = scratch.summary(&replay);
    let keys = count(&unbounded["stages"][1], "keys");
    assert!(keys > 11_000, "{keys}");
    // 68 bytes an entry: memory for all keys, a tenth of them, a hundredth.
    for (memory, reads) in [("1 MiB", false), ("80 KiB", true), ("8 KiB", true)] {
        for (policy, cores) in [("s3-fifo", "1"), ("clock", "1"), ("s3-fifo", "2")] {
            let policy = format!("state.policy={policy}");
            let more = ["--memory", memory, "--cores", cores, "-C", &policy];
            let summary = scratch.summary(&[&replay[..], &more].concat());
            assert_eq!(summary["digest"], unbounded["digest"], "{more:?}");
            assert_eq!(count(&summary["stages"][1], "keys"), keys, "{more:?}");
            let cache = state_cache(&summary);
            assert_eq!(count(cache, "hits") + count(cache, "misses"), 60_000);
            assert_eq!(count(cache, "misses_new"), keys);
            assert_eq!(count(&cache["cold"], "writes") > 10_000, reads, "{more:?}");
            let state = scratch.path("millstream-run/state");
            let left: Vec<_> = fs::read_dir(state).expect("made").flatten().collect();
            assert_eq!(left.len(), 1, "only the lock stays: {left:?}");
        }
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let scratch = Scratch::new();
    scratch.file("t.csv", "key,value,ts\n1,1,1700000000\n");
    fs::create_dir(scratch.path("s")).expect("made");
    let lock = File::create(scratch.path("s/lock")).expect("made");
    lock.lock().expect("locked");
    let run = ["replay", "t.csv", "--app", "aggregate", "--memory", "1MiB"];
    let run = [&run[..], &["-C", "state.dir=s"]].concat();
    scratch.assert_refused(&run, 1, &["state.dir", "is in use", "its own state.dir"]);
    drop(lock);
    let after = scratch.run(&run);
    assert!(after.status.success(), "{}", stderr(&after));
}

#[test]
fn memory_that_cannot_be_is_refused() {
    let scratch = Scratch::new();
    scratch.file("t.csv", "key,value,ts\n1,1,1700000000\n");
    let run = ["replay", "t.csv", "--app", "aggregate"];
    for (more, parts) in [
        (
            ["--memory", "1000 TiB"],
            &["state.memory", "smaller size"][..],
        ),
        (
            ["--memory", "1 KiB"],
            &["state.memory", "4 KiB or more"][..],
        ),
        (
            ["-C", "state.ttl=0s"],
            &["state.ttl", "a duration above 0"][..],
        ),
    ] {
        scratch.assert_refused(&[&run[..], &more].concat(), 2, parts);
    }
}
