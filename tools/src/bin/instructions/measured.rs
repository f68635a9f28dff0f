//! Runs W1 in a process of its own, under callgrind or perf, and makes a profile of what they counted.
//!
//! ```text
//!   instructions   run of n events ─┐
//!                  run of m events ─┴─ m − n ─► by address ─► / (m − n events)      start and end drop out
//!   time           run of m events ─── samples of the cores, each 1/4,999 s of a CPU ─► / m events
//! ```

use super::callgrind::Counted;
use super::error::ProfileError;
use super::frames::{Place, places};
use super::part::Part;
use super::report::{Count, Profile};
use super::samples::Sampled;
use super::w1::{Ran, expected};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The hidden options under which this program runs the flow: events made, and events offered.
pub const FLOW_OPTIONS: [&str; 2] = ["--flow-made", "--flow-offered"];

/// Samples a second: no multiple of what the engine or the system does in a second.
const SAMPLES_A_SECOND: u32 = 4_999;

/// Counts the instructions of an event: the difference of runs with `fewer` and `more` events.
///
/// # Errors
/// No valgrind or addr2line, a wrong answer, or output that is not as it should be.
pub fn instructions(fewer: usize, more: usize) -> Result<Profile, ProfileError> {
    let scratch = scratch()?;
    let count = |offered: usize| -> Result<Counted, ProfileError> {
        eprintln!("callgrind: {offered} events");
        let path = scratch.path().join(format!("callgrind.{offered}"));
        let mut command = Command::new("valgrind");
        command
            .args([
                "--tool=callgrind",
                "--dump-instr=yes",
                "--dump-line=no",
                "--quiet",
            ])
            .arg(format!("--callgrind-out-file={}", path.display()))
            .arg(program()?);
        flow(command, "valgrind", "valgrind", more, offered)?;
        let text = std::fs::read_to_string(&path).map_err(|error| ProfileError::File {
            path,
            problem: error.to_string(),
        })?;
        Counted::parse(&text)
    };
    let fewer_counted = count(fewer)?;
    let difference = count(more)?.minus(&fewer_counted);
    let program = program()?;
    let own = program.display().to_string();
    let mut counts: Vec<Count> = Vec::new();
    for (object, addresses) in &difference.by_object {
        if *object == own {
            counts.extend(placed(&program, addresses.iter())?);
            continue;
        }
        let name = object.rsplit('/').next().unwrap_or(object);
        let place = Place {
            part: Part::Rest,
            line: name.into(),
        };
        counts.push((place, addresses.values().sum::<i64>() as f64));
    }
    let measured = format!("callgrind, {more} events less {fewer}");
    Ok(Profile::new(
        "instructions",
        measured,
        &counts,
        1.0 / (more - fewer) as f64,
    ))
}

/// Samples where the time of an event goes, over `events` events.
///
/// # Errors
/// No perf or addr2line, a wrong answer, or output that is not as it should be.
pub fn time(events: usize) -> Result<Profile, ProfileError> {
    let scratch = scratch()?;
    let data = scratch.path().join("perf.data");
    eprintln!("perf: {events} events");
    let mut command = Command::new("perf");
    command
        .args(["record", "--quiet", "-e", "cpu-clock", "-F"])
        .arg(SAMPLES_A_SECOND.to_string())
        .arg("-o")
        .arg(&data)
        .arg("--")
        .arg(program()?);
    let ran = flow(command, "perf", "linux-perf", events, events)?;
    let mapped = ran.mapped.ok_or_else(|| ProfileError::Failed {
        program: "W1".into(),
        problem: "/proc/self/maps does not say where it lay".into(),
    })?;
    let mut script = Command::new("perf");
    script.args(["script", "-F", "comm,ip", "-i"]).arg(&data);
    let text = output(script, "perf", "linux-perf")?;
    let sampled = Sampled::parse(&text, mapped)?;
    let mut counts = placed(&program()?, sampled.program.iter())?;
    for (part, line, samples) in [
        (Part::Rest, "libraries", sampled.libraries),
        (Part::Kernel, "kernel", sampled.kernel),
    ] {
        let line = line.into();
        counts.push((Place { part, line }, samples as f64));
    }
    let samples = sampled.total();
    // Time on the CPU, not by the wall: what other programs take of a busy machine is not the event's.
    let sample_ns = 1e9 / f64::from(SAMPLES_A_SECOND);
    Ok(Profile::new(
        "ns",
        format!("perf, {samples} samples, {events} events"),
        &counts,
        sample_ns / events as f64,
    ))
}

/// Each count with the place of its address in `program`.
fn placed<'a>(
    program: &Path,
    counts: impl Iterator<Item = (&'a u64, &'a i64)>,
) -> Result<Vec<Count>, ProfileError> {
    let counts: Vec<(u64, i64)> = counts
        .map(|(address, count)| (*address, *count))
        .filter(|(_, count)| *count != 0)
        .collect();
    let addresses: Vec<u64> = counts.iter().map(|(address, _)| *address).collect();
    let places = places(program, &addresses)?;
    let found = counts.into_iter().map(|(address, count)| {
        let place = places.get(&address).cloned().unwrap_or(Place {
            part: Part::Rest,
            line: "??".into(),
        });
        (place, count as f64)
    });
    Ok(found.collect())
}

/// Runs the flow under `command`, and checks what it answered.
fn flow(
    mut command: Command,
    program: &'static str,
    package: &'static str,
    made: usize,
    offered: usize,
) -> Result<Ran, ProfileError> {
    for (option, count) in FLOW_OPTIONS.iter().zip([made, offered]) {
        command.arg(option).arg(count.to_string());
    }
    let text = output(command, program, package)?;
    let ran: Ran = serde_json::from_str(text.trim()).map_err(|error| ProfileError::Failed {
        program: program.into(),
        problem: format!("reading what W1 said: {error}"),
    })?;
    let expected = expected(offered)?;
    if ran.answer != expected {
        let wrong = format!("{}, expected {expected}", ran.answer);
        return Err(ProfileError::Wrong(wrong));
    }
    Ok(ran)
}

/// What `command` writes to its standard output.
fn output(
    mut command: Command,
    program: &'static str,
    package: &'static str,
) -> Result<String, ProfileError> {
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ProfileError::Missing { program, package },
        _ => ProfileError::Failed {
            program: program.into(),
            problem: error.to_string(),
        },
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.trim().lines().rev().take(5).collect();
    Err(ProfileError::Failed {
        program: program.into(),
        problem: format!(
            "{}: {}",
            output.status,
            last.into_iter().rev().collect::<Vec<_>>().join(" / ")
        ),
    })
}

fn program() -> Result<PathBuf, ProfileError> {
    std::env::current_exe().map_err(|error| ProfileError::Failed {
        program: "finding this program".into(),
        problem: error.to_string(),
    })
}

fn scratch() -> Result<tempfile::TempDir, ProfileError> {
    tempfile::tempdir().map_err(|error| ProfileError::File {
        path: std::env::temp_dir(),
        problem: error.to_string(),
    })
}
