//! `curves`: what an event of the keyed aggregate costs, against keys, event size, partitions, cores, ring
//! capacity and budget. See `docs/curves.md`.
//!
//! ```text
//!   varied.rs   what a curve varies               event.rs   events of 16 to 256 bytes
//!   curve.rs    which points it has               point.rs   one of them: all that is set
//!   turns.rs    a process a point, interleaved    turn.rs    what such a process does
//!   report.rs   all figures ─► table.rs  Markdown, plot.rs  SVG
//! ```

mod curve;
mod error;
mod event;
mod plot;
mod point;
mod report;
mod table;
mod turn;
mod turns;
mod varied;

use clap::Parser;
use curve::{Curve, Scale};
use error::CurveError;
use millstream::sys::quantity::parse_count;
use millstream::sys::topology::{Machine, cpus_allowed};
use report::{CurveReport, Report, machine_line};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use turn::{Job, take};
use turns::{Answers, TURN_OPTION, measure};
use varied::Choice;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What an event of the keyed aggregate costs, in ns, against one thing that is varied
///
/// Every point is run in a process of its own, all points of a curve in turn, round after round; the median is
/// printed with min and max. Every answer is compared with that of a plain loop over the same events, and a wrong
/// one ends the run. The machine should have nothing else to do.
#[derive(Parser)]
#[command(
    name = "curves",
    version,
    after_help = "Examples:\n  \
        curves --quick                                   some seconds; shows that it works\n  \
        curves --curve ring --rounds 7                   one curve, printed as Markdown\n  \
        curves --json curves.json --markdown docs/curves.md --plot docs/curves\n                                                   \
        all of it, into the document: tables and plots\n                                                   \
        between its markers are replaced, the rest stays"
)]
struct Args {
    /// Which curves: keys, size, partitions, cores, ring, budget, several of them with commas, or all
    #[arg(long, value_name = "CURVES", default_value = "all")]
    curve: Choice,
    /// Events of a point; with very many keys twice as many as keys, at least
    #[arg(long, default_value = "20M", value_parser = count)]
    events: usize,
    /// Interleaved rounds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// One round of few events and keys. To see that it works; its figures mean nothing
    #[arg(long, conflicts_with_all = ["events", "rounds"])]
    quick: bool,
    /// Write every figure of every round to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables into this document: each between the markers of its curve, if it is there already
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw a plot for each curve into this directory
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
    /// The job of one turn, in a process of its own
    #[arg(long, hide = true, value_name = "JSON")]
    turn: Option<String>,
}

fn count(text: &str) -> Result<usize, String> {
    let count = parse_count(text).map_err(|error| error.to_string())?;
    match usize::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("expected at least one".into()),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.turn {
        Some(job) => turn(job),
        None => run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("curves: {error}");
            ExitCode::FAILURE
        }
    }
}

fn turn(job: &str) -> Result<(), Box<dyn Error>> {
    let job: Job = serde_json::from_str(job)
        .map_err(|error| format!("{TURN_OPTION} is for this program alone: {error}"))?;
    println!("{}", serde_json::to_string(&take(&job)?)?);
    Ok(())
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let cores_max = cpus_allowed().len();
    let (scale, rounds) = if args.quick {
        (Scale::quick(cores_max), 1)
    } else {
        (
            Scale::whole(args.events, cores_max),
            usize::from(args.rounds),
        )
    };
    let mut report = Report {
        command: command(),
        version: env!("CARGO_PKG_VERSION").into(),
        machine: machine_line(),
        rounds,
        curves: Vec::new(),
    };
    let mut answers = Answers::new();
    for varied in args.curve.curves() {
        let mut curve = Curve::new(varied, &scale);
        curve.keep_what_fits(Machine::read().memory.available_bytes)?;
        for line in &curve.left_out {
            eprintln!("left out: {line}");
        }
        report.curves.push(measure(&curve, rounds, &mut answers)?);
        // After each curve, so that an interrupted run leaves those that are whole.
        write(args, &report)?;
    }
    if args.markdown.is_none() {
        print!("{}", table::document(&report, |curve| plot_of(args, curve)));
    }
    Ok(())
}

/// Writes what has been measured to the files that were asked for.
fn write(args: &Args, report: &Report) -> Result<(), Box<dyn Error>> {
    if let Some(directory) = &args.plot {
        fs::create_dir_all(directory).map_err(|source| file(directory, source))?;
        for curve in &report.curves {
            if let Some(svg) = plot::svg(curve) {
                let path = directory.join(format!("{}.svg", curve.varied));
                fs::write(&path, svg).map_err(|source| file(&path, source))?;
            }
        }
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(report)?;
        fs::write(path, text).map_err(|source| file(path, source))?;
    }
    if let Some(path) = &args.markdown {
        let plot = |curve: &CurveReport| plot_of(args, curve);
        let text = match fs::read_to_string(path) {
            Ok(document) => table::placed(&document, path, report, plot)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                table::document(report, plot)
            }
            Err(source) => return Err(file(path, source).into()),
        };
        fs::write(path, text).map_err(|source| file(path, source))?;
    }
    Ok(())
}

/// Where the plot of `curve` is, as seen from the document.
fn plot_of(args: &Args, curve: &CurveReport) -> Option<String> {
    let directory = args.plot.as_deref()?;
    let document = args.markdown.as_deref().and_then(Path::parent);
    let below = document.and_then(|document| directory.strip_prefix(document).ok());
    let plot = below
        .unwrap_or(directory)
        .join(format!("{}.svg", curve.varied));
    Some(plot.display().to_string())
}

fn file(path: &Path, source: std::io::Error) -> CurveError {
    CurveError::File {
        path: path.into(),
        source,
    }
}

/// The command as it was given, without the path of the program.
fn command() -> String {
    let args = std::env::args().skip(1);
    std::iter::once("curves".to_string())
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}
