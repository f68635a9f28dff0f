//! `instructions`: where the instructions, or the time, of an event of W1 go, and whether they keep to the budget.
//! See `docs/profile.md`.
//!
//! ```text
//!   w1.rs   the flow that is looked at, in a process of its own (measured.rs)
//!     │ under valgrind                  │ under perf
//!   callgrind.rs  instructions          samples.rs  samples
//!     └──────────── by address ─────────┘
//!   frames.rs   address ─► the line of the engine that it was inlined into
//!   part.rs     line ─► part of the path of an event
//!   report.rs   the table         budget.rs   what it may come to
//! ```

mod budget;
mod callgrind;
mod error;
mod frames;
mod measured;
mod part;
mod report;
mod samples;
mod w1;

use budget::{Budget, Verdict};
use clap::Parser;
use error::ProfileError;
use millstream::sys::quantity::parse_count;
use report::Profile;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the instructions of an event go: read, hash, ring, table, operator, output, histogram
///
/// Runs W1 (the keyed aggregate, 1M keys zipf(0.99), presized, one core) twice under callgrind, with fewer and with more
/// events, and divides the difference by the events that make it: start and end drop out. Each instruction
/// belongs to the innermost line of the engine that it was inlined from. The same count on every run, up to a few
/// tenths, however busy the machine is.
#[derive(Parser)]
#[command(
    name = "instructions",
    version,
    after_help = "Examples:\n  \
        cargo build --profile measure -p millstream-tools --bin instructions\n  \
        target/measure/instructions                where they go\n  \
        target/measure/instructions --lines 30     and in which lines\n  \
        target/measure/instructions --check        against tools/budget.toml\n  \
        target/measure/instructions --time         where the nanoseconds go, by perf\n\n\
        Exit codes: 0 done, or the budget is kept; 1 an event takes 10 % more than the budget, or something failed; 2 \
        nothing could be counted here: valgrind (or perf, or addr2line) is missing, or the build is not the budget's."
)]
struct Args {
    /// Compare with the budget
    #[arg(long)]
    check: bool,
    /// Sample where the time goes, with perf, in place of counting instructions
    #[arg(long, conflicts_with = "check")]
    time: bool,
    /// List so many of the dearest lines of the source
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    lines: usize,
    /// Events of the longer run; the shorter one has a third of them. 3M, or with --time 50M, unless told otherwise
    #[arg(long, value_parser = count)]
    events: Option<usize>,
    /// Write all of it to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run the flow itself, with so many events made
    #[arg(long, hide = true, requires = "flow_offered")]
    flow_made: Option<usize>,
    /// and so many offered
    #[arg(long, hide = true, requires = "flow_made")]
    flow_offered: Option<usize>,
}

fn count(text: &str) -> Result<usize, String> {
    let count = parse_count(text).map_err(|error| error.to_string())?;
    match usize::try_from(count) {
        Ok(count) if count >= 3 => Ok(count),
        _ => Err("expected at least three".into()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, ProfileError> {
    if let (Some(made), Some(offered)) = (args.flow_made, args.flow_offered) {
        println!("{}", json(&w1::run(made, offered)?)?);
        return Ok(ExitCode::SUCCESS);
    }
    if cfg!(debug_assertions) {
        return Err(ProfileError::Build(
            "this is a debug build, whose instructions mean nothing; build it with --profile measure".into(),
        ));
    }
    let budget = args
        .check
        .then(|| Budget::read(&Budget::path()))
        .transpose()?;
    if let Some(budget) = &budget {
        check_build(budget)?;
    }
    let profile = if args.time {
        measured::time(args.events.unwrap_or(50_000_000))?
    } else {
        let more = args.events.unwrap_or(3_000_000);
        measured::instructions(more / 3, more)?
    };
    print!("{}", profile.markdown(args.lines));
    write_json(args, &profile)?;
    let Some(budget) = budget else {
        return Ok(ExitCode::SUCCESS);
    };
    println!("\n{}", budget.words(profile.per_event));
    Ok(match budget.judge(profile.per_event) {
        Verdict::Grown => ExitCode::FAILURE,
        Verdict::Kept | Verdict::Fallen => ExitCode::SUCCESS,
    })
}

/// Whether this program was built as the budget asks.
fn check_build(budget: &Budget) -> Result<(), ProfileError> {
    let program = std::env::current_exe().unwrap_or_default();
    let directory = program.parent().and_then(|directory| directory.file_name());
    if directory.is_some_and(|name| name == budget.profile.as_str()) {
        return Ok(());
    }
    Err(ProfileError::Build(format!(
        "the budget is for builds with --profile {0}, and this program lies in {1}: cargo build --profile {0} -p \
         millstream-tools --bin instructions",
        budget.profile,
        program.parent().unwrap_or(&program).display()
    )))
}

fn write_json(args: &Args, profile: &Profile) -> Result<(), ProfileError> {
    let Some(path) = &args.json else {
        return Ok(());
    };
    std::fs::write(path, json(profile)?).map_err(|error| ProfileError::File {
        path: path.clone(),
        problem: error.to_string(),
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, ProfileError> {
    serde_json::to_string(value).map_err(|error| ProfileError::Failed {
        program: "writing JSON".into(),
        problem: error.to_string(),
    })
}
