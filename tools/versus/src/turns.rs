//! The turns of a run: each in a process of its own, interleaved, in an order that is rotated from round to
//! round, every answer compared with what must come out.
//!
//! ```text
//!   round 0    hiccups  A B C D          a process for each letter, so that nobody inherits another's
//!   round 1    hiccups  B C D A          allocator, threads or huge pages
//!   round 2    hiccups  C D A B
//! ```

use crate::input::Expected;
use crate::job::{Job, Measured};
use crate::machine::monotonic_ns;
use anyhow::{Context, Result, bail, ensure};
use millstream::latency::Percentiles;
use millstream::sys::topology::cpu_time;
use std::process::{Command, Stdio};

/// How long the machine is looked at before each round, ns.
pub const HICCUPS_NS: u64 = 300_000_000;

/// What a case's turns are called and do.
pub struct Entry {
    /// As in the tables.
    pub label: String,
    pub job: Job,
    /// What it must answer; `None` where there is nothing to compare.
    pub expected: Option<Expected>,
}

/// All turns of a case.
pub struct Rounds {
    /// For each entry, what each round measured.
    pub measured: Vec<Vec<Measured>>,
    /// For each round, how the machine stopped by itself.
    pub hiccups: Vec<Percentiles>,
    /// Share of the CPU time that the host took meanwhile.
    pub steal_share: Option<f64>,
}

/// Runs all entries in each of `rounds`. Fails at the first wrong answer, naming who gave it.
pub fn interleave(case: &str, entries: &[Entry], rounds: usize) -> Result<Rounds> {
    let before = cpu_time();
    let mut measured = vec![Vec::with_capacity(rounds); entries.len()];
    let mut hiccups = Vec::with_capacity(rounds);
    for round in 0..rounds {
        hiccups.push(turn(&Job::Hiccups(HICCUPS_NS))?.latency_ns);
        for place in 0..entries.len() {
            let index = (place + round) % entries.len();
            let entry = &entries[index];
            eprintln!("{case}: round {} of {rounds}: {}", round + 1, entry.label);
            let result = turn(&entry.job).with_context(|| format!("{case}: {}", entry.label))?;
            if let Some(expected) = entry.expected {
                compare(&entry.label, &result, expected)?;
            }
            measured[index].push(result);
        }
    }
    let steal = |before| Some(cpu_time()?.steal_share_since(&before)).flatten();
    Ok(Rounds {
        measured,
        hiccups,
        steal_share: before.and_then(steal),
    })
}

/// Whether `label` answered as it must.
pub fn compare(label: &str, measured: &Measured, expected: Expected) -> Result<()> {
    let answered = (measured.results, measured.digest);
    ensure!(
        answered == (expected.results, expected.digest),
        "{label} answered wrongly: {} results with digest {:016x}, expected {} with {:016x}; no figure of this run counts",
        measured.results,
        measured.digest,
        expected.results,
        expected.digest
    );
    Ok(())
}

/// Does `job` in a process of its own.
pub fn turn(job: &Job) -> Result<Measured> {
    let program = std::env::current_exe().context("finding this program")?;
    let job = serde_json::to_string(job).context("writing the job down")?;
    let before_ns = monotonic_ns();
    let output = Command::new(program)
        .args(["--turn", &job])
        .stderr(Stdio::inherit())
        .output()
        .context("starting the turn's process")?;
    let process_ns = monotonic_ns() - before_ns;
    if !output.status.success() {
        bail!("the turn's process failed: {}", output.status);
    }
    let measured = serde_json::from_slice(&output.stdout);
    let measured: Measured = measured.context("reading what the turn measured")?;
    Ok(Measured {
        process_ns,
        ..measured
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_is_an_error_that_names_who_gave_it() {
        let right = Measured {
            results: 3,
            digest: 7,
            ..Measured::default()
        };
        let expected = Expected {
            results: 3,
            digest: 7,
        };
        assert!(compare("timely/1", &right, expected).is_ok());
        for (results, digest) in [(3, 8), (2, 7)] {
            let wrong = Measured {
                results,
                digest,
                ..Measured::default()
            };
            let error = compare("timely/1", &wrong, expected).expect_err("a wrong answer");
            assert!(
                error.to_string().starts_with("timely/1 answered wrongly"),
                "{error}"
            );
        }
    }
}
