//! Checkpoints from the command line: a run that was killed goes on where it stood, and its answers are those
//! of a run that was not; what cannot be trusted is refused.

use crate::scratch::{Scratch, count, stderr};
use serde_json::Value;
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

/// Events of a run; at their rate it takes 0.6 s.
const EVENTS: u64 = 120_000;

/// The run without checkpoints: the same load, answered in full.
const LOAD: [&str; 11] = [
    "bench",
    "--app",
    "aggregate",
    "--keys",
    "zipf(0.99,20000)",
    "--rate",
    "200k",
    "-C",
    "load.events=120000",
    "-C",
    "runtime.cores=1",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&LOAD[..], more].concat()
}

const CHECKPOINTS: [&str; 4] = ["--checkpoint", "ck", "-C", "checkpoint.interval=10ms"];

fn digest(summary: &Value) -> &str {
    summary["digest"].as_str().expect("a digest")
}

/// Starts the run, kills it after `delay`; what it said if it had ended by then.
pub(crate) fn killed_after(scratch: &Scratch, args: &[&str], delay: Duration) -> Option<Output> {
    let mut child = scratch
        .command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    std::thread::sleep(delay);
    let ended = child.try_wait().expect("a child").is_some();
    if !ended {
        child.kill().expect("it runs");
    }
    let output = child.wait_with_output().expect("it ends");
    // It may have ended between the look and the kill.
    (ended || output.status.code().is_some()).then_some(output)
}

#[test]
fn a_run_killed_again_and_again_gives_the_digest_of_one_that_was_not() {
    let scratch = Scratch::new();
    let whole = scratch.summary(&LOAD);
    let mut random = millstream::sys::random::Random::stream(3, "kills");
    let mut kills = 0;
    for (round, writer) in ["process", "thread"].iter().cycle().enumerate() {
        let dir = format!("ck{round}");
        let writer = format!("checkpoint.writer={writer}");
        let args = with(&[
            "--checkpoint",
            &dir,
            "-C",
            "checkpoint.interval=10ms",
            "-C",
            &writer,
            "--json",
        ]);
        let mut restore: &[&str] = &[];
        let output = loop {
            let delay = Duration::from_millis(30 + random.below(250));
            if let Some(output) = killed_after(&scratch, &[&args[..], restore].concat(), delay) {
                if output.status.code() == Some(0) {
                    break output;
                }
                // Killed before the first epoch was durable: there is nothing to restore.
                let said = stderr(&output);
                let nothing = ["nothing to restore", "does not exist"];
                assert!(nothing.iter().any(|words| said.contains(words)), "{said}");
                let _ = fs::remove_dir_all(scratch.path(&dir));
                restore = &[];
                continue;
            }
            kills += 1;
            restore = &["--restore", "latest"];
        };
        let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
        assert_eq!(digest(&summary), digest(&whole), "{args:?}");
        let restored = &summary["checkpoints"]["restored"];
        if !restored.is_null() {
            let before = count(restored, "events");
            assert_eq!(before + count(&summary, "events_in"), EVENTS);
        }
        if kills >= 100 {
            return;
        }
    }
}

#[test]
fn another_number_of_partitions_and_cores_takes_the_state_up() {
    let scratch = Scratch::new();
    let whole = scratch.summary(&LOAD);
    let args = with(&CHECKPOINTS);
    for round in 0.. {
        if killed_after(&scratch, &args, Duration::from_millis(350)).is_none() {
            break;
        }
        assert!(round < 20, "never killed in time");
        fs::remove_dir_all(scratch.path("ck")).expect("removed");
    }
    for (partitions, cores) in [("3", "1"), ("7", "2"), ("4", "1")] {
        let more = [
            "--partitions",
            partitions,
            "--cores",
            cores,
            "--restore",
            "latest",
        ];
        let kept = scratch.path("kept");
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([scratch.path("ck"), kept.clone()])
            .status();
        assert!(copied.expect("cp is there").success());
        let summary = scratch.summary(&[&args[..], &more].concat());
        assert_eq!(digest(&summary), digest(&whole), "{more:?}");
        fs::remove_dir_all(scratch.path("ck")).expect("removed");
        fs::rename(kept, scratch.path("ck")).expect("renamed");
    }
}

#[test]
fn a_finished_run_restores_to_its_end() {
    let scratch = Scratch::new();
    let args = with(&CHECKPOINTS);
    let whole = scratch.summary(&args);
    assert!(count(&whole["checkpoints"], "durable") > 5, "{whole}");
    let again = scratch.summary(&[&args[..], &["--restore", "latest"]].concat());
    assert_eq!(digest(&again), digest(&whole));
    assert_eq!(count(&again, "events_in"), 0);
    assert_eq!(count(&again["checkpoints"]["restored"], "events"), EVENTS);
}

#[test]
fn a_run_that_died_before_its_first_epoch_is_in_nobodys_way() {
    let scratch = Scratch::new();
    let args = with(&["--checkpoint", "ck", "-C", "checkpoint.writer=thread"]);
    let mut killed = scratch.command(&args);
    let status = killed
        .env(millstream::sys::kill_point::VARIABLE, "run-created")
        .stderr(Stdio::null())
        .status();
    assert_eq!(status.expect("it starts").code(), None, "killed");
    let restore = scratch.run(&[&args[..], &["--restore", "latest"]].concat());
    assert!(stderr(&restore).contains("nothing to restore"));
    assert!(count(&scratch.summary(&args)["checkpoints"], "durable") > 0);
}

#[test]
fn what_cannot_be_restored_is_refused_with_the_reason() {
    let scratch = Scratch::new();
    let args = with(&CHECKPOINTS);
    let restore = [&args[..], &["--restore", "latest"]].concat();
    let refused = |args: &[&str], parts: &[&str]| {
        let output = scratch.run(args);
        let said = stderr(&output);
        assert!(output.status.code().is_some_and(|code| code > 0), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
    };
    refused(&restore, &["ck", "does not exist"]);
    fs::create_dir(scratch.path("ck")).expect("made");
    refused(&restore, &["ck", "empty"]);
    scratch.file("ck/letter.txt", "dear reader");
    refused(&restore, &["ck", "letter.txt"]);
    fs::remove_file(scratch.path("ck/letter.txt")).expect("removed");
    scratch.summary(&args);
    refused(&args, &["ck", "--restore latest"]);
    refused(
        &[&args[..], &["--restore", "999999"]].concat(),
        &["no epoch 999999"],
    );
    let other = [
        "replay",
        "t.csv",
        "--app",
        "recommend",
        "--checkpoint",
        "ck",
        "--restore",
        "latest",
    ];
    scratch.file("t.csv", "user,item,ts\n1,2,1700000000\n");
    refused(&other, &["aggregate", "recommend"]);
}

#[test]
fn a_checkpoint_is_made_when_it_is_asked_for() {
    let scratch = Scratch::new();
    let now = ["checkpoint", "now", "ck", "--json"];
    scratch.assert_refused(&now, 1, &["ck", "does not exist"]);
    let args = ["--rate", "50k", "-C", "load.duration=60s"];
    let args = [
        &["bench", "--checkpoint", "ck", "--cores", "1"],
        &args[..],
        &["-C", "checkpoint.interval=none"],
    ]
    .concat();
    let mut run = scratch.command(&args).spawn().expect("it starts");
    // Its directory is made, and locked, before anything runs.
    while !scratch.path("ck/run-000001/manifest").exists() {
        std::thread::sleep(Duration::from_millis(1));
        assert!(run.try_wait().expect("a child").is_none(), "it ended");
    }
    let mut last = 0;
    for _ in 0..3 {
        let made = scratch.run(&now);
        assert!(made.status.success(), "{}", stderr(&made));
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        assert_eq!(count(&made, "pid"), u64::from(run.id()));
        assert!(count(&made, "epoch") > last, "{made}");
        last = count(&made, "epoch");
    }
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    let more = ["--restore", "latest", "-C", "load.duration=1ms"];
    let again = scratch.summary(&[&args[..], &more].concat());
    assert_eq!(count(&again["checkpoints"]["restored"], "epoch"), last);
    scratch.assert_refused(&now, 1, &["no run uses this directory"]);
}

#[test]
fn a_run_is_verified_from_its_checkpoint_which_is_only_read() {
    let scratch = Scratch::new();
    let args = with(&CHECKPOINTS);
    for round in 0.. {
        let _ = fs::remove_dir_all(scratch.path("ck"));
        if killed_after(&scratch, &args, Duration::from_millis(300)).is_none()
            && scratch.path("ck/run-000001").exists()
        {
            break;
        }
        assert!(round < 20, "never killed in time");
    }
    let restored = [&args[..], &["--restore", "--out", "run"]].concat();
    let recorded = scratch.summary(&restored);
    let before = scratch.names();
    for from in [&["--from", "latest"][..], &[]] {
        let verify = [&["verify", "run", "--json"], from].concat();
        let output = scratch.run(&verify);
        assert!(output.status.success(), "{from:?}: {}", stderr(&output));
        let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(verdict["equal"], true, "{verdict}");
        assert_eq!(verdict["digest"], recorded["digest"]);
        assert_eq!(scratch.names(), before, "verify has written");
    }
    let verify = ["verify", "run", "--from", "999999"];
    scratch.assert_refused(&verify, 1, &["no epoch 999999"]);
}

#[test]
fn a_bench_kills_itself_and_tells_how_it_came_back() {
    let scratch = Scratch::new();
    let kill = ["--kill-at", "400ms", "--restore", "--json"];
    let output = scratch.run(&[&with(&CHECKPOINTS)[..], &kill].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(found["equal"], true, "{found}");
    assert_eq!(found["digest"], found["digest_undisturbed"]);
    let (before, after) = (
        count(&found, "events_before"),
        count(&found, "events_after"),
    );
    assert_eq!(before + after, EVENTS);
    assert!(before > 0 && after > 0, "{found}");
    assert!(count(&found, "first_result_ns") >= count(&found, "restore_ns"));
    assert!(count(&found, "restored_bytes") > 0);
    let without = scratch.run(&with(&["--kill-at", "400ms"]));
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("--checkpoint DIR"));
}
