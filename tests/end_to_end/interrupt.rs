//! Ctrl-C: the run drains, reports and is well.

use crate::scratch::{Scratch, assert_balanced, assert_report, count, stderr, stdout};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a child may take before the test gives it up as hanging. Never reached when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the process has set a handler for SIGINT: bit 1 of `SigCgt` in its status.
fn listens(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 0b10 != 0)
}

/// Whether the engine's cores run: the threads that are there beside the main and the signal's.
fn threads(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count())
}

fn interrupted(args: &[&str]) -> serde_json::Value {
    let scratch = Scratch::new();
    let mut trace = String::from("key,value,ts\n");
    (0..1000).for_each(|at| trace += &format!("{},1,{}\n", at % 7, 1_700_000_000 + at));
    scratch.file("t.csv", trace);
    let mut child = scratch
        .command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let asked = Instant::now();
    while !(listens(child.id()) && threads(child.id()) > 2) {
        assert!(asked.elapsed() < PATIENCE, "it does not listen");
        assert_eq!(child.try_wait().expect("a child"), None, "it ended early");
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(kill.success());
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().expect("piped"));
    lines.read_line(&mut said).expect("UTF-8");
    assert!(said.contains("draining"), "{said}");
    lines.read_to_string(&mut said).expect("UTF-8");
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
    assert_report(&scratch.path("millstream-run"));
    let summary: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON alone");
    assert_balanced(&summary);
    assert_eq!(count(&summary, "events_in"), count(&summary, "events_out"));
    summary
}

#[test]
fn a_paced_replay_ends_early_and_reports() {
    // At one event a second, the last of 1,000 would be due in a quarter of an hour.
    let args = [
        "replay",
        "t.csv",
        "--app",
        "aggregate",
        "--speed",
        "1x",
        "--json",
    ];
    let summary = interrupted(&args);
    assert!(count(&summary, "events_in") < 1000, "{summary}");
}

#[test]
fn a_load_ends_early_and_reports() {
    let load = ["bench", "--rate", "1000", "--duration", "1h", "--json"];
    for idle in ["adaptive", "park"] {
        let summary = interrupted(&[&load[..], &["--idle", idle]].concat());
        assert!(count(&summary, "events_in") < 3_600_000, "{summary}");
    }
}

#[test]
fn a_full_file_of_results_of_what_was_answered() {
    let replay = [
        "replay", "t.csv", "--speed", "1x", "--json", "--sink", "jsonl",
    ];
    let summary = interrupted(&[&replay[..], &["--app", "aggregate"]].concat());
    assert!(count(&summary, "events_out") < 1000, "{summary}");
}
