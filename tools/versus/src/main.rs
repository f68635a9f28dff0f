//! `versus`: Millstream beside other engines and beside loops without an engine, on the same work, in one run,
//! answers compared before any figure is printed. See `docs/versus.md`.

mod due;
mod event;
mod events;
mod input;
mod job;
mod machine;
mod markdown;
mod peers;
mod plot;
mod race;
mod report;
mod state;
mod touch;
mod turns;
mod w1;
mod w2;
mod w3;
mod w4;
mod w6;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use millstream::source::load::KeyDistribution;
use millstream::sys::quantity::parse_count;
use peers::{CONTENDERS, Contender};
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;
use w1::Matters;

/// For all peers alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Millstream beside its peers: the same work, one interleaved run, answers compared
#[derive(Parser)]
#[command(name = "versus", version)]
struct Args {
    /// What to run
    #[arg(value_enum, default_value = "all")]
    workload: Workload,
    /// Interleaved rounds; medians are printed, with min and max
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Events of w1 and w3
    #[arg(long, default_value = "20M", value_parser = count)]
    events: u64,
    /// Seconds of each turn of w2 (w6: always one)
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these of the two distributions of w1 and of events
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    keys: Vec<Keys>,
    /// Only these: `timely` for all of a peer, `timely/2` for one variant
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// A few seconds: one round, few events and keys. To see that it works; its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// The directory that events writes into
    #[arg(long, value_name = "DIR", required_if_eq("workload", "events"))]
    out: Option<PathBuf>,
    /// Write all figures of all rounds to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what is printed to this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw the first figure of each table into this SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// The job of one turn, in a process of its own
    #[arg(long, hide = true, value_name = "JSON")]
    turn: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Keyed aggregate, flat out
    W1,
    /// The same at open-loop rates: latency
    W2,
    /// Two exchanges: count for each user, then top items
    W3,
    /// Start-up of an empty run and of a mapped trace
    W4,
    /// Memory for many keys
    W5,
    /// The highest rate with a p99 within a millisecond
    W6,
    /// All of them
    All,
    /// Only write the events of w1 into files, and say in JSON what must be answered to them
    Events,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Keys {
    /// Few keys, some of them hot
    Zipf,
    /// Many keys, all alike
    Uniform,
}

fn count(text: &str) -> Result<u64, String> {
    parse_count(text).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.turn {
        Some(job) => turn(job),
        None if args.workload == Workload::Events => write_events(&args),
        None => versus(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One turn: its job in, one line of JSON out.
fn turn(job: &str) -> Result<()> {
    let job = serde_json::from_str(job).context("--turn is not a job")?;
    println!("{}", serde_json::to_string(&job::run(&job)?)?);
    Ok(())
}

/// The events of w1, for programs that are not started from here.
fn write_events(args: &Args) -> Result<()> {
    let directory = args.out.as_deref().context("--out says where to")?;
    let scale = Scale::of(args);
    let write = |(name, keys, _)| events::write(name, &keys, scale.events, directory);
    let written: Vec<_> = scale.w1()?.into_iter().map(write).collect::<Result<_>>()?;
    println!("{}", serde_json::to_string_pretty(&written)?);
    Ok(())
}

fn versus(args: &Args) -> Result<()> {
    let contenders = chosen(&args.peers)?;
    let directory = tempfile::tempdir().context("making a directory for the events")?;
    let machine = machine::facts();
    let scale = Scale::of(args);
    let mut cases = Vec::new();
    let is_asked = |workload| args.workload == Workload::All || args.workload == workload;
    let plan = w1::Plan {
        contenders: &contenders,
        events: scale.events,
        rounds: scale.rounds,
        directory: directory.path(),
    };
    if is_asked(Workload::W1) {
        for (name, keys, warm_bytes) in scale.w1()? {
            let throughput = Matters::Throughput;
            cases.push(w1::case(&plan, name, &keys, warm_bytes, throughput)?);
        }
    }
    if is_asked(Workload::W2) {
        cases.extend(w2::cases(&w2::Plan {
            contenders: &contenders,
            rates: scale.rates,
            seconds: scale.seconds,
            rounds: scale.rounds,
            distinct: scale.paced_keys,
        })?);
    }
    if is_asked(Workload::W3) {
        cases.push(w3::case(&plan, scale.users, scale.items)?);
    }
    if is_asked(Workload::W4) {
        cases.extend(w4::cases(&plan, scale.trace_bytes)?);
    }
    if is_asked(Workload::W5) {
        let plan = w1::Plan {
            events: 2 * scale.memory_keys,
            ..plan
        };
        let keys = format!("sequential({})", scale.memory_keys).parse()?;
        let name = format!("w5 {keys}");
        cases.push(w1::case(&plan, name, &keys, 0, Matters::Memory)?);
    }
    if is_asked(Workload::W6) {
        cases.push(w6::case(&w6::Plan {
            contenders: &contenders,
            rungs: scale.rungs,
            seconds: scale.rung_seconds,
            rounds: scale.rounds,
            distinct: scale.paced_keys,
        })?);
    }
    let report = Report {
        command: command(),
        millstream: env!("CARGO_PKG_VERSION").into(),
        machine,
        rounds: scale.rounds,
        cases,
        left_out: left_out(),
    };
    let text = markdown::markdown(&report);
    print!("{text}");
    write(&args.markdown, || text.clone())?;
    write(&args.plot, || plot::svg(&report))?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report)?;
        write(&Some(path.clone()), || json + "\n")?;
    }
    Ok(())
}

/// How much of everything.
struct Scale {
    rounds: usize,
    events: usize,
    /// Keys of w1, and memory to touch before each of its turns, bytes.
    keys: Vec<(String, usize)>,
    rates: &'static [(&'static str, u64)],
    seconds: f64,
    paced_keys: usize,
    /// Rates of w6, M events a second, and how long each of its turns is, s.
    rungs: &'static [u64],
    rung_seconds: f64,
    users: usize,
    items: usize,
    memory_keys: usize,
    trace_bytes: usize,
}

impl Scale {
    fn of(args: &Args) -> Self {
        // Room for the largest table of any peer, and the old one beside it.
        let keys = |zipf: usize, uniform: usize| {
            let all = [
                (Keys::Zipf, format!("zipf(0.99,{zipf})"), zipf * 256),
                (Keys::Uniform, format!("uniform({uniform})"), uniform * 192),
            ];
            let is_asked = |keys: &Keys| args.keys.is_empty() || args.keys.contains(keys);
            let asked = all.into_iter().filter(|(keys, ..)| is_asked(keys));
            asked.map(|(_, text, bytes)| (text, bytes)).collect()
        };
        if args.quick {
            return Scale {
                rounds: 1,
                events: 500_000,
                keys: keys(50_000, 500_000),
                rates: &[("100k", 100_000), ("1M", 1_000_000)],
                seconds: 0.3,
                paced_keys: 50_000,
                rungs: &[1, 2],
                rung_seconds: 0.3,
                users: 50_000,
                items: 10_000,
                memory_keys: 200_000,
                trace_bytes: 16 << 20,
            };
        }
        Scale {
            rounds: usize::from(args.rounds),
            events: args.events as usize,
            keys: keys(1_000_000, 16_000_000),
            rates: &[
                ("100k", 100_000),
                ("500k", 500_000),
                ("1M", 1_000_000),
                ("2M", 2_000_000),
                ("5M", 5_000_000),
            ],
            seconds: args.seconds,
            paced_keys: 1_000_000,
            rungs: &[
                2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 23, 26, 30, 34, 38, 42, 46, 50, 55,
                60, 66, 72, 80,
            ],
            rung_seconds: 1.0,
            users: 1_000_000,
            items: 100_000,
            memory_keys: 10_000_000,
            trace_bytes: 1 << 30,
        }
    }

    /// The cases of w1: name, keys, memory to touch before each turn, bytes.
    fn w1(&self) -> Result<Vec<(String, KeyDistribution, usize)>> {
        let case = |(text, warm_bytes): &(String, usize)| {
            let keys: KeyDistribution = text.parse()?;
            Ok((format!("w1 {keys}"), keys, *warm_bytes))
        };
        self.keys.iter().map(case).collect()
    }
}

fn write(path: &Option<PathBuf>, text: impl FnOnce() -> String) -> Result<()> {
    match path {
        Some(path) => {
            std::fs::write(path, text()).with_context(|| format!("writing {}", path.display()))
        }
        None => Ok(()),
    }
}

/// The command as it was given, without the path of the program.
fn command() -> String {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ["versus".to_string()]
        .into_iter()
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The contenders that `names` ask for; all where there are none.
fn chosen(names: &[String]) -> Result<Vec<&'static Contender>> {
    for name in names {
        if !CONTENDERS.iter().any(|contender| contender.is(name)) {
            let known: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
            bail!(
                "there is no peer `{name}`; expected some of {}",
                known.join(", ")
            );
        }
    }
    let wanted =
        |contender: &&Contender| names.is_empty() || names.iter().any(|name| contender.is(name));
    Ok(CONTENDERS.iter().filter(wanted).collect())
}

/// Who does not take part, and why.
fn left_out() -> Vec<String> {
    vec![
        "dbsp: left out: its newest version (0.375) wants Rust 1.96, and 0.349, which is content with 1.93, brings 300 \
         packages, more than the engine and all other peers together."
            .into(),
    ]
}
