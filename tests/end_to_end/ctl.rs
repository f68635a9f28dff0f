//! `ctl`: a run is looked at and steered from outside, and its answers stay the same; what cannot be asked for is
//! refused with the reason.

use crate::scratch::{Scratch, assert_balanced, read_summary, stderr, stdout};
use serde_json::Value;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a child may take before the test gives it up as hanging. Never reached when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

const LOAD: [&str; 13] = [
    "bench",
    "--app",
    "aggregate",
    "--keys",
    "zipf(0.99,20000)",
    "--cores",
    "2",
    "--partitions",
    "6",
    "--rate",
    "100k",
    "-C",
    "ctl.socket=auto",
];

/// Starts a run and waits until it answers.
fn started(scratch: &Scratch, more: &[&str]) -> Child {
    let child = scratch
        .command(&[&LOAD[..], more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let begun = Instant::now();
    while scratch.run(&["ctl", "status"]).status.code() != Some(0) {
        assert!(begun.elapsed() < PATIENCE, "it does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn status(scratch: &Scratch) -> Value {
    let output = scratch.run(&["ctl", "status", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON alone")
}

fn ctl(scratch: &Scratch, args: &[&str]) -> (Option<i32>, String) {
    let output = scratch.run(&[&["ctl"], args].concat());
    let said = stdout(&output) + &stderr(&output);
    (output.status.code(), said)
}

/// Asks until moves that are under way are done.
fn done(scratch: &Scratch, args: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let (code, said) = ctl(scratch, args);
        if code == Some(0) {
            return said;
        }
        assert!(said.contains("under way"), "{args:?}: {said}");
        assert!(begun.elapsed() < PATIENCE, "{said}");
    }
}

/// Waits until all tasks are on the first `cores` cores.
fn settled(scratch: &Scratch, cores: u64) -> Value {
    let begun = Instant::now();
    loop {
        let status = status(scratch);
        let tasks = status["tasks"].as_array().expect("tasks");
        if tasks
            .iter()
            .all(|task| task["core"].as_u64().is_some_and(|core| core < cores))
        {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:#}");
    }
}

#[test]
fn a_run_is_looked_at_steered_and_stopped() {
    if std::thread::available_parallelism().map_or(1, |count| count.get()) < 2 {
        println!("skipped: one CPU");
        return;
    }
    let scratch = Scratch::new();
    let child = started(&scratch, &["--duration", "60s", "--rebalance", "off"]);
    let socket = scratch.path("millstream-run/ctl.sock");
    let mode = socket.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let before = status(&scratch);
    assert_eq!(before["pid"], child.id());
    assert_eq!(before["tasks"].as_array().map(Vec::len), Some(7));
    assert_eq!(before["checkpoints"], Value::Null);
    let (code, text) = ctl(&scratch, &["status"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("aggregate 5") && text.contains("ns/event"),
        "{text}"
    );

    done(&scratch, &["cores", "1"]);
    let one = settled(&scratch, 1);
    assert_eq!(one["cores"][1]["in_use"], false);
    done(&scratch, &["cores", "2"]);
    // The second core may have been given this task already: one of the two moves it for certain.
    for core in [1, 0] {
        done(&scratch, &["move", "aggregate 3", &core.to_string()]);
        let begun = Instant::now();
        while status(&scratch)["tasks"][4]["core"] != core {
            assert!(begun.elapsed() < PATIENCE, "it does not move");
        }
    }
    done(&scratch, &["rebalance"]);

    for (args, part) in [
        (
            &["move", "agregate 3", "0"][..],
            "did you mean \"aggregate 3\"?",
        ),
        (&["move", "readings", "7"], "core 7 is not in use"),
        (&["cores", "0"], "0 cores cannot be had"),
        (&["cores", "5000"], "5000 cores cannot be had"),
        (&["checkpoint"], "this run makes no checkpoints"),
    ] {
        let (code, said) = ctl(&scratch, args);
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }

    // Who says nothing, nonsense, or speaks another version is answered, and the next is served.
    drop(UnixStream::connect(&socket).expect("it listens"));
    for (line, part) in [
        ("hello\n", "not a line of JSON"),
        ("{\"version\":9,\"ask\":\"status\"}\n", "asked in version 9"),
    ] {
        let mut stream = UnixStream::connect(&socket).expect("it listens");
        stream.write_all(line.as_bytes()).expect("sent");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("answered");
        assert!(said.contains(part), "{said}");
    }

    assert_eq!(ctl(&scratch, &["stop"]).0, Some(0));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!socket.exists(), "the socket goes with the run");
    let summary = read_summary(&scratch.path("millstream-run"));
    assert_balanced(&summary);
    let moves = summary["balance"]["moves"].as_array().expect("moves");
    assert!(moves.iter().any(|step| step["reason"] == "cores"));
    assert!(moves.iter().any(|step| step["reason"] == "asked"));
    let (code, said) = ctl(&scratch, &["status"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no run with this socket"), "{said}");
}

#[test]
fn a_run_whose_tasks_move_is_killed_and_goes_on_with_the_same_answers() {
    if std::thread::available_parallelism().map_or(1, |count| count.get()) < 2 {
        println!("skipped: one CPU");
        return;
    }
    let scratch = Scratch::new();
    let events = ["-C", "load.events=200000"];
    let whole = scratch.summary(&[&LOAD[..], &events].concat());
    let checkpoints = ["--checkpoint", "ck", "-C", "checkpoint.interval=5ms"];
    let args = [&events[..], &checkpoints].concat();
    let mut child = started(&scratch, &args);
    for round in 0..6 {
        let cores = if round % 2 == 0 { "1" } else { "2" };
        // The run is over after two seconds; on a slow machine that may be before the last round.
        if ctl(&scratch, &["cores", cores]).1.contains("no run") {
            break;
        }
    }
    let (code, said) = ctl(&scratch, &["checkpoint"]);
    assert!(code == Some(0) || said.contains("no run"), "{said}");
    child.kill().expect("it is ours");
    child.wait().expect("it is dead");
    let (code, said) = ctl(&scratch, &["status"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("its run died and left it") || said.contains("there is no run"),
        "{said}"
    );

    // The socket that was left behind does not hinder the run that goes on, whose tasks move too.
    let more = [&args[..], &["--restore", "latest", "--json"]].concat();
    let child = scratch
        .command(&[&LOAD[..], &more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let begun = Instant::now();
    let mut cores = 1;
    while scratch.path("millstream-run/ctl.sock").exists() && begun.elapsed() < PATIENCE {
        let asked = cores.to_string();
        ctl(&scratch, &["cores", &asked]);
        cores = 3 - cores;
    }
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let restored: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(restored["digest"], whole["digest"]);
    assert_eq!(restored["checkpoints"]["aborted"], 0, "{restored:#}");
}

#[test]
fn a_socket_that_cannot_be_had_is_said_and_harms_nothing() {
    let scratch = Scratch::new();
    let small = ["-C", "load.events=1000", "--json"];
    let path = scratch.path("taken.sock");
    let _other = UnixListener::bind(&path).expect("it is free");
    scratch.file("file.sock", "mine");
    for (name, part) in [
        ("taken.sock", "another run listens there"),
        ("file.sock", "no socket is there"),
        ("file.sock/below", "file.sock/below"),
    ] {
        let socket = format!("ctl.socket={name}");
        let args = [&LOAD[..11], &["-C", &socket], &small].concat();
        let output = scratch.run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let said = stderr(&output);
        assert!(
            said.contains("no control socket") && said.contains(part),
            "{said}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(scratch.path("file.sock")).expect("there"),
        "mine"
    );
    assert!(path.exists());
}

#[test]
fn places_and_limits_are_checked() {
    let scratch = Scratch::new();
    for (more, parts) in [
        (
            &["--place", "0,2"][..],
            &["place", "below the number of cores"][..],
        ),
        (&["--place", "x"], &["--place", "0,1,1"]),
        (&["--rebalance", "maybe"], &["--rebalance"]),
        (
            &["-C", "balance.threshold=0"],
            &["balance.threshold", "0.02"],
        ),
        (
            &["-C", "balance.patience=1ms"],
            &["balance.patience", "100ms"],
        ),
        (
            &["--split-hot", "on", "-C", "runtime.order=deterministic"],
            &["hot keys of stage aggregate", "runtime.order"],
        ),
    ] {
        scratch.assert_refused(&[&LOAD[..], more].concat(), 2, parts);
    }
    let args = [
        &LOAD[..],
        &[
            "-C",
            "load.events=1000",
            "--place",
            "0",
            "--rebalance",
            "off",
        ],
    ];
    let summary = scratch.summary(&args.concat());
    let tasks = summary["tasks"].as_array().expect("tasks");
    assert!(tasks.iter().all(|task| task["core"] == 0), "{summary:#}");
    assert_eq!(summary["balance"]["rebalance"], false);
    let allocation = &summary["allocation"];
    assert_eq!(allocation["asked"], "given", "{allocation}");
    assert_eq!(allocation["allocator"], "given", "{allocation}");
    assert_eq!(allocation["busiest_ns"], 23_000_000, "one core has all");
}
