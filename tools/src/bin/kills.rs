//! `kills`: kills the real binary at random times, as often as one likes, and says whether any recovery was
//! wrong. A round is one SIGKILL; a run is killed and restored until it ends, then its digest is compared
//! with that of a run that was not disturbed, and a new one begins. Writer in a process and on a thread in turn; each
//! life with memory for all state, for some of it, or for next to none, and in partitions of its own.

use clap::Parser;
use millstream::latency::read_summary;
use millstream::sys::random::Random;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

#[derive(Parser)]
#[command(about = "Kills and restores the millstream binary, and compares its answers")]
struct Args {
    /// SIGKILLs.
    #[arg(long, default_value_t = 2000)]
    rounds: u64,
    /// Seed of the times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary.
    #[arg(long, default_value = "target/release/millstream")]
    binary: PathBuf,
    /// Longest life of a run, ms.
    #[arg(long, default_value_t = 280)]
    longest_ms: u64,
}

const LOAD: [&str; 12] = [
    "bench",
    "--quiet",
    "--keys",
    "zipf(0.99,20000)",
    "--rate",
    "200k",
    "--events",
    "120000",
    "--cores",
    "1",
    "--out",
    "report",
];
/// What a life may be like: the next goes on from it whatever it was like itself.
const SHAPES: [&[&str]; 5] = [
    &[],
    &["--partitions", "3"],
    &["--memory", "1 MiB"],
    &["--memory", "160 KiB", "--partitions", "7"],
    &["--memory", "16 KiB"],
];
const EVENTS: u64 = 120_000;

/// What a run that ended said about itself.
struct Ended {
    digest: String,
    events: u64,
}

fn command(args: &Args, dir: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(&args.binary);
    command.args(LOAD).args(more).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    command
}

fn ended(dir: &Path) -> Result<Ended, String> {
    let summary = read_summary(&dir.join("report")).map_err(|error| error.to_string())?;
    let made = summary.checkpoints.and_then(|made| made.restored);
    Ok(Ended {
        digest: summary.digest,
        events: summary.events_in + made.map_or(0, |restored| restored.events),
    })
}

fn run(args: &Args) -> Result<(u64, u64), String> {
    let said = |error: std::io::Error| format!("{}: {error}", args.binary.display());
    let binary = args.binary.canonicalize().map_err(said)?;
    let args = &Args { binary, ..*args };
    let scratch = tempfile::tempdir().map_err(said)?;
    let output = command(args, scratch.path(), &[]).output().map_err(said)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let whole = ended(scratch.path())?;
    let mut random = Random::stream(args.seed, "kills");
    let (mut kills, mut runs) = (0, 0);
    let mut told = Instant::now();
    while kills < args.rounds {
        let writer = ["process", "thread"][(runs % 2) as usize];
        let writer = format!("checkpoint.writer={writer}");
        let interval = "checkpoint.interval=10ms";
        let fresh = ["--checkpoint", "ck", "-C", interval, "-C", &writer];
        let mut more = fresh.to_vec();
        let last = loop {
            let shape = SHAPES[random.below(SHAPES.len() as u64) as usize];
            let life = [&more[..], shape].concat();
            let mut child = command(args, scratch.path(), &life).spawn().map_err(said)?;
            let lives_ms = 20 + random.below(args.longest_ms.max(21) - 20);
            std::thread::sleep(Duration::from_millis(lives_ms));
            // One that has ended does not mind.
            child.kill().map_err(said)?;
            let output = child.wait_with_output().map_err(said)?;
            match output.status.code() {
                None => {
                    kills += 1;
                    more = [&fresh[..], &["--restore", "latest"]].concat();
                }
                Some(0) => break ended(scratch.path())?,
                Some(_) => {
                    let said = String::from_utf8_lossy(&output.stderr);
                    let nothing = ["nothing to restore", "does not exist"];
                    if !nothing.iter().any(|words| said.contains(words)) {
                        return Err(format!("after {kills} kills: {said}"));
                    }
                    let _ = std::fs::remove_dir_all(scratch.path().join("ck"));
                    more = fresh.to_vec();
                }
            }
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                eprintln!("{kills} of {} kills, {runs} runs ended", args.rounds);
            }
        };
        if last.digest != whole.digest || last.events != EVENTS {
            return Err(format!(
                "after {kills} kills, {writer}: {} events, digest {}; undisturbed {EVENTS}, {}; {} is kept",
                last.events,
                last.digest,
                whole.digest,
                scratch.keep().display()
            ));
        }
        runs += 1;
        std::fs::remove_dir_all(scratch.path().join("ck")).map_err(said)?;
    }
    Ok((kills, runs))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let started = Instant::now();
    match run(&args) {
        Ok((kills, runs)) => {
            println!(
                "{kills} kills, {runs} runs ended, all with the answers of an undisturbed one, in {:.0} s (seed {})",
                started.elapsed().as_secs_f64(),
                args.seed
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
