//! Checkpoints of state that is larger than its memory: what was in the log of a cold tier comes back with the rest,
//! whatever memory the next run has, and a log that was touched is not trusted.

use crate::checkpoints::killed_after;
use crate::scratch::{Scratch, count, stderr};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Most of the keys are cold most of the time.
const LOAD: [&str; 11] = [
    "bench",
    "--app",
    "aggregate",
    "--keys",
    "zipf(0.6,20000)",
    "--rate",
    "200k",
    "-C",
    "load.events=120000",
    "-C",
    "runtime.cores=1",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let often = ["--checkpoint", "ck", "-C", "checkpoint.interval=10ms"];
    [&LOAD[..], &often, more].concat()
}

/// The logs of the newest run.
fn logs(scratch: &Scratch) -> Vec<PathBuf> {
    let entries = |dir: PathBuf| {
        let entries = fs::read_dir(dir).expect("a directory").flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let runs = entries(scratch.path("ck"));
    let newest = runs.into_iter().rfind(|path| path.is_dir()).expect("a run");
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    entries(newest).into_iter().filter(is_log).collect()
}

#[test]
fn bounded_runs_killed_again_and_again_give_the_digest_of_one_that_was_not() {
    let scratch = Scratch::new();
    let whole = scratch.summary(&LOAD);
    let mut random = millstream::sys::random::Random::stream(5, "bounded kills");
    let shapes: [&[&str]; 6] = [
        &["--memory", "160 KiB"],
        &["--memory", "160 KiB", "-C", "checkpoint.writer=process"],
        &["--memory", "80 KiB", "--partitions", "7"],
        &[
            "--memory",
            "1 MiB",
            "--cores",
            "2",
            "-C",
            "state.policy=clock",
        ],
        &[],
        &["--memory", "8 KiB", "--partitions", "3"],
    ];
    let (mut kills, mut restores) = (0, 0);
    while kills < 30 {
        let mut restore: &[&str] = &[];
        let output = loop {
            let shape = shapes[random.below(shapes.len() as u64) as usize];
            let args = with(&[shape, restore, &["--json"]].concat());
            let delay = Duration::from_millis(30 + random.below(250));
            if let Some(output) = killed_after(&scratch, &args, delay) {
                if output.status.code() == Some(0) {
                    break output;
                }
                // Killed before the first epoch was durable: there is nothing to restore.
                let said = stderr(&output);
                let nothing = ["nothing to restore", "does not exist"];
                assert!(
                    nothing.iter().any(|words| said.contains(words)),
                    "{args:?}: {said}"
                );
                restore = &[];
                let _ = fs::remove_dir_all(scratch.path("ck"));
                continue;
            }
            kills += 1;
            restore = &["--restore", "latest"];
        };
        let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
        assert_eq!(summary["digest"], whole["digest"]);
        let restored = &summary["checkpoints"]["restored"];
        if !restored.is_null() {
            restores += 1;
            let before = count(restored, "events");
            assert_eq!(before + count(&summary, "events_in"), 120_000);
        }
        fs::remove_dir_all(scratch.path("ck")).expect("removed");
    }
    assert!(restores > 0, "none of the runs went on from a checkpoint");
}

#[test]
fn a_log_that_was_touched_is_not_trusted() {
    let scratch = Scratch::new();
    let memory = ["--memory", "80 KiB", "--partitions", "4"];
    scratch.summary(&with(&memory));
    let whole = logs(&scratch);
    assert_eq!(whole.len(), 4, "one a partition: {whole:?}");
    let kept: Vec<Vec<u8>> = whole
        .iter()
        .map(|path| fs::read(path).expect("a log"))
        .collect();
    let again = with(&[&memory[..], &["--restore", "latest"]].concat());
    let verify = ["checkpoint", "verify", "ck"];
    let damages: [(&str, &dyn Fn(usize)); 3] = [
        ("the checksum of record", &|log| {
            let mut bytes = kept[log].clone();
            bytes[4096..].chunks_mut(64).for_each(|line| line[40] ^= 4);
            fs::write(&whole[log], bytes).expect("written");
        }),
        ("cannot read", &|log| {
            fs::write(&whole[log], &kept[log][..5000]).expect("written");
        }),
        ("cannot open it", &|log| {
            fs::remove_file(&whole[log]).expect("removed");
        }),
    ];
    for (said, damage) in damages {
        for log in [0, 3] {
            damage(log);
            for args in [&verify[..], &again] {
                let output = scratch.command(args).output().expect("it runs");
                let told = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
                assert_eq!(output.status.code(), Some(1), "{told}");
                let name = whole[log].file_name().expect("a name").to_string_lossy();
                assert!(told.contains(said) && told.contains(&*name), "{told}");
            }
            fs::write(&whole[log], &kept[log]).expect("put back");
        }
    }
    let verified = scratch.command(&verify).output().expect("it runs");
    assert_eq!(verified.status.code(), Some(0));
    let exported = scratch.command(&["checkpoint", "export", "ck", "--stage", "aggregate"]);
    let exported = { exported }.output().expect("it runs");
    let lines = String::from_utf8_lossy(&exported.stdout).lines().count();
    let restored = scratch.summary(&again);
    assert_eq!(lines as u64, 1 + count(&restored["stages"][1], "keys"));
}
