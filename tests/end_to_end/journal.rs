//! The journal from the command line: a run that reads a pipe is killed, and goes on with the rest of the input;
//! its answers are those of a run that was not. Nothing that was journaled is lost, and nothing is counted twice.

use crate::scratch::{Scratch, assert_balanced, count, stderr};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const HEADER: &str = "user,value,ts\n";
const RECORDS: usize = 60_000;

/// Keys are texts, so that those of the journal are needed as well.
fn lines() -> Vec<String> {
    let mut random = millstream::sys::random::Random::stream(5, "lines");
    let stamp = |number: usize| 1_700_000_000_000 + number as u64;
    let line = |number| {
        let (key, value) = (random.below(3000), random.below(1000));
        format!("user-{key},{value},{}\n", stamp(number))
    };
    (0..RECORDS).map(line).collect()
}

const PIPE: [&str; 6] = ["replay", "-", "--app", "aggregate", "--cores", "1"];
const CHECKPOINTS: [&str; 6] = [
    "--checkpoint",
    "ck",
    "-C",
    "checkpoint.interval=5ms",
    "-C",
    "journal.segment=1MiB",
];
const RESTORE: [&str; 2] = ["--restore", "latest"];

fn with(parts: &[&[&'static str]]) -> Vec<&'static str> {
    parts.concat()
}

fn start(command: &mut Command) -> Child {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    piped.stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Runs to the end with `input` on the pipe.
fn fed(scratch: &Scratch, args: &[&str], input: &str) -> Output {
    let mut child = start(&mut scratch.command(args));
    let mut pipe = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || {
        // One that refuses to start does not read.
        let _ = pipe.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("fed");
    output
}

fn summary(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_balanced(&summary);
    summary
}

fn has_note(summary: &Value, part: &str) -> bool {
    let notes = summary["notes"].as_array().expect("notes");
    notes
        .iter()
        .any(|note| note.as_str().is_some_and(|note| note.contains(part)))
}

/// Starts a run that goes on; what it says the journal holds.
fn go_on(scratch: &Scratch, args: &[&str]) -> (Child, usize, mpsc::Receiver<String>) {
    let mut child = start(&mut scratch.command(args));
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("read");
    let words = line.split(' ').collect::<Vec<_>>();
    let at = words.iter().position(|word| *word == "first");
    let held = at.and_then(|at| words.get(at + 1)?.parse().ok());
    let (rest_in, rest) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = said.read_to_string(&mut text);
        let _ = rest_in.send(text);
    });
    let Some(held) = held else {
        let _ = child.kill();
        panic!("{line}{}", rest.recv().unwrap_or_default());
    };
    (child, held, rest)
}

/// Feeds `lines` with a pause now and then, and kills the run after `delay`, if it has not ended by then.
fn fed_and_killed(mut child: Child, lines: &[String], delay: Duration) -> Option<Output> {
    let mut pipe = child.stdin.take().expect("piped");
    let pieces: Vec<String> = lines.chunks(500).map(<[String]>::concat).collect();
    let feeder = std::thread::spawn(move || {
        let whole = std::iter::once(HEADER.to_owned()).chain(pieces);
        for piece in whole {
            if pipe.write_all(piece.as_bytes()).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    std::thread::sleep(delay);
    child.kill().expect("killed, or ended and not waited for");
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("fed");
    output.status.code().map(|_| output)
}

#[test]
fn a_pipe_whose_reader_is_killed_again_and_again_gives_the_digest_of_one_that_was_not() {
    let scratch = Scratch::new();
    let lines = lines();
    let all = HEADER.to_owned() + &lines.concat();
    let whole = summary(&fed(&scratch, &with(&[&PIPE, &["--json"]]), &all));
    assert_eq!(count(&whole, "events_in"), RECORDS as u64);
    let mut random = millstream::sys::random::Random::stream(7, "kills");
    for fsync in ["always", "interval 5ms", "never"] {
        let _ = std::fs::remove_dir_all(scratch.path("ck"));
        let fsync = format!("journal.fsync={fsync}");
        let args = [
            &with(&[&PIPE, &CHECKPOINTS, &["--json", "-C"]])[..],
            &[&fsync],
        ]
        .concat();
        let mut killed = 0;
        let child = start(&mut scratch.command(&args));
        // Lives grow until one has taken something up: how long that takes is the machine's affair.
        let mut delay = Duration::from_millis(120);
        let mut ended = fed_and_killed(child, &lines, delay);
        let restore = [&args[..], &RESTORE].concat();
        let mut most = 0;
        while ended.is_none() {
            killed += 1;
            if !scratch.path("ck/journal/input").exists() {
                // Killed before anything was taken up.
                let _ = std::fs::remove_dir_all(scratch.path("ck"));
                delay *= 2;
                ended = fed_and_killed(start(&mut scratch.command(&args)), &lines, delay);
                continue;
            }
            let (child, held, rest) = go_on(&scratch, &restore);
            assert!(held >= most, "{held} after {most}: something was lost");
            most = held;
            if most == 0 {
                delay *= 2;
            } else {
                delay = Duration::from_millis(60 + random.below(80));
            }
            ended = if killed > 5 && most > 0 {
                Some(to_the_end(child, &lines[held..]))
            } else {
                fed_and_killed(child, &lines[held..], delay)
            };
            let said = rest.recv().unwrap_or_default();
            assert!(!said.contains("error"), "{said}");
        }
        let summary = summary(&ended.expect("it ended"));
        assert!(killed > 0 && most > 0, "never killed in the middle");
        assert_eq!(summary["digest"], whole["digest"], "{fsync}");
        assert!(has_note(&summary, "records replayed"), "{summary:#}");
    }
}

fn to_the_end(mut child: Child, lines: &[String]) -> Output {
    let mut pipe = child.stdin.take().expect("piped");
    let rest = HEADER.to_owned() + &lines.concat();
    let feeder = std::thread::spawn(move || pipe.write_all(rest.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("no panic").expect("fed");
    output
}

#[test]
fn a_run_that_ended_goes_on_with_more_and_with_nothing() {
    let scratch = Scratch::new();
    let lines = lines();
    let args = with(&[&PIPE, &CHECKPOINTS, &["--json"]]);
    let restore = with(&[&PIPE, &CHECKPOINTS, &["--json"], &RESTORE]);
    let (first, second) = lines.split_at(RECORDS / 3);
    let all = HEADER.to_owned() + &lines.concat();
    let whole = summary(&fed(&scratch, &with(&[&PIPE, &["--json"]]), &all));
    let begun = summary(&fed(
        &scratch,
        &args,
        &(HEADER.to_owned() + &first.concat()),
    ));
    assert!(has_note(
        &begun,
        "fsync interval 5ms: nothing is lost if the process dies"
    ));
    let nothing = summary(&fed(&scratch, &restore, ""));
    assert_eq!(nothing["digest"], begun["digest"]);
    let more = summary(&fed(
        &scratch,
        &restore,
        &(HEADER.to_owned() + &second.concat()),
    ));
    assert_eq!(more["digest"], whole["digest"]);
    assert_eq!(count(&more, "events_in"), second.len() as u64);
}

#[test]
fn slow_input_is_answered_before_more_comes() {
    let scratch = Scratch::new();
    let args = with(&[&PIPE, &CHECKPOINTS, &["--json"]]);
    let mut child = start(&mut scratch.command(&args));
    let mut pipe = child.stdin.take().expect("piped");
    pipe.write_all(b"user,value,ts\na,1,1700000000\nb,2,1700000001\n")
        .expect("written");
    // The journal has them before the input goes on: waited for, and not for long.
    let taken = || {
        let names = std::fs::read_dir(scratch.path("ck/journal")).ok()?;
        let mut names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find(|name| name.starts_with("records-"))
    };
    let mut waited = 0;
    while taken().is_none() {
        std::thread::sleep(Duration::from_millis(5));
        waited += 1;
        assert!(waited < 4000, "nothing was taken up in 20 s");
    }
    pipe.write_all(b"a,3,1700000002\n").expect("written");
    drop(pipe);
    let summary = summary(&child.wait_with_output().expect("it ends"));
    assert_eq!(count(&summary, "events_in"), 3);
}

#[test]
fn a_full_journal_ends_the_run_and_loses_nothing_that_was_answered() {
    let scratch = Scratch::new();
    let lines: Vec<String> = [lines(), lines()].concat();
    let all = HEADER.to_owned() + &lines.concat();
    let whole = summary(&fed(&scratch, &with(&[&PIPE, &["--json"]]), &all));
    // Never covered before the end: three epochs are kept, and there is none.
    let args = with(&[
        &PIPE,
        &CHECKPOINTS,
        &["--json", "-C", "checkpoint.interval=none"],
    ]);
    let bounded = with(&[&args, &["-C", "journal.max=2MiB"]]);
    let output = fed(&scratch, &bounded, &all);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for part in [
        "ck/journal",
        "may have 2097152",
        "checkpoint.interval",
        "allow it more",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    let (child, held, _) = go_on(&scratch, &with(&[&args, &RESTORE]));
    assert!((1000..lines.len()).contains(&held), "{held}");
    let summary = summary(&to_the_end(child, &lines[held..]));
    assert_eq!(summary["digest"], whole["digest"]);
}

#[test]
fn a_fifo_is_read_as_a_pipe_is() {
    let scratch = Scratch::new();
    let fifo = scratch.path("in.csv");
    let made = Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .expect("mkfifo is there");
    assert!(made.success());
    let args = [
        "replay",
        "in.csv",
        "--app",
        "aggregate",
        "--cores",
        "1",
        "--json",
    ];
    let lines = lines();
    let input = HEADER.to_owned() + &lines.concat();
    let whole = summary(&fed(&scratch, &with(&[&PIPE, &["--json"]]), &input));
    let run = |args: &[&str], input: String| {
        let child = start(&mut scratch.command(args));
        let fifo = fifo.clone();
        let feeder = std::thread::spawn(move || std::fs::write(fifo, input));
        let output = child.wait_with_output().expect("it ends");
        feeder.join().expect("no panic").expect("fed");
        summary(&output)
    };
    let args = [&args[..], &CHECKPOINTS].concat();
    let (first, second) = lines.split_at(7_000);
    run(&args, HEADER.to_owned() + &first.concat());
    let rest = HEADER.to_owned() + &second.concat();
    let more = run(&[&args[..], &RESTORE].concat(), rest);
    assert_eq!(more["digest"], whole["digest"]);
}

#[test]
fn what_cannot_go_on_is_refused_with_the_remedy() {
    let scratch = Scratch::new();
    let args = with(&[&PIPE, &CHECKPOINTS]);
    let restore = with(&[&PIPE, &CHECKPOINTS, &RESTORE]);
    let input = HEADER.to_owned() + &lines()[..100].concat();
    let refused = |args: &[&str], input: &str, parts: &[&str]| {
        let output = fed(&scratch, args, input);
        let said = stderr(&output);
        assert!(output.status.code().is_some_and(|code| code > 0), "{said}");
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in:\n{said}");
        }
    };
    let none = with(&[&PIPE, &CHECKPOINTS, &["-C", "journal.dir=none"]]);
    refused(&none, &input, &["cannot rewind", "journal.dir", "auto"]);
    refused(&restore, &input, &["journal", "nothing to go on from"]);
    assert!(
        !scratch.path("ck").exists(),
        "a wrong path became a directory"
    );
    summary(&fed(
        &scratch,
        &with(&[&PIPE, &CHECKPOINTS, &["--json"]]),
        &input,
    ));
    refused(&args, &input, &["holds 100 records", "--restore latest"]);
    let other = "user,value,ts\n7,1,1700000000000\n8,2,1700000000001\n";
    refused(
        &restore,
        other,
        &["goes on as something else", "text", "u64"],
    );
    let foreign = with(&[&PIPE, &CHECKPOINTS, &RESTORE, &["-C", "journal.dir=other"]]);
    refused(&foreign, &input, &["other", "no journal"]);
    let small = ["-C", "journal.fsync=sometimes"];
    refused(
        &with(&[&PIPE, &CHECKPOINTS, &small]),
        &input,
        &["sometimes", "interval 5ms"],
    );
}
