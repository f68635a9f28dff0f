//! `measure_latency`: the engine beside a hand-written bare loop at one open-loop rate, interleaved in one
//! run.
//!
//! Both are offered the same events at the same due times and measure from the due time to the result, by
//! the same clock, into the same histogram. With one core the bare loop is one thread, with two a pair with a
//! ring between (`bare_paced.rs`). Both must give the same digest, or nothing is printed.
//!
//! What differs, so that the figures are read rightly: the bare table has room for all keys from the start,
//! the engine's grows unless `--presized`; the bare loops only ever spin, the engine waits as `--idle` says;
//! and the engine is stamped behind a whole step, the bare loop behind a group of at most 32 events.
//! The hiccups are those that the engine's own cores met during the engine's turn.

use clap::{Parser, ValueEnum};
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options};
use millstream::latency::{Percentiles, Summary};
use millstream::runtime::Idle;
use millstream::sink::Digest;
use millstream::source::Generate;
use millstream::source::load::{
    Arrivals, KeyDistribution, KeySampler, Load, Schedule, ValuePattern,
};
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::rate::Rate;
use millstream_tools::bare_paced::{Answered, drawn, one_thread, two_threads};
use std::error::Error;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Latency of Millstream beside a bare loop at the same open-loop rate, interleaved, answers compared.
#[derive(Parser)]
#[command(name = "measure_latency", version)]
struct Args {
    /// Events a second
    #[arg(long, default_value = "1000000")]
    rate: Rate,
    /// Seconds of each turn
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Cores of the engine, threads of the bare loop
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    cores: u8,
    /// Rounds; medians are printed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Exponent of the keys' zipf distribution
    #[arg(long, default_value_t = 0.99)]
    exponent: f64,
    /// Distinct keys
    #[arg(long, default_value_t = 1_000_000)]
    distinct: usize,
    /// Arrivals: constant or poisson, among others
    #[arg(long, default_value_t = Arrivals::Constant)]
    arrivals: Arrivals,
    /// Make room for all keys before the engine starts
    #[arg(long)]
    presized: bool,
    /// How a core of the engine waits
    #[arg(long, value_enum, default_value_t = IdleName::Adaptive)]
    idle: IdleName,
    /// Seed of keys, values and arrivals
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum IdleName {
    /// Spin
    Busy,
    /// Spin, then yield, then park: the engine's default
    Adaptive,
    /// Park at once
    Park,
}

/// One percentile of each turn, ns; `None` where fewer than ten samples lie beyond it.
type Shown = [Option<u64>; 4];

/// One round: both turns.
struct Round {
    engine: Shown,
    bare: Shown,
    hiccups: Shown,
    warnings: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure_latency: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let rate = args.rate.events_per_s();
    let rate = rate.ok_or("--rate max has no due times: `measure` measures throughput")?;
    let events = (rate * args.seconds).round() as u64;
    if events == 0 || !args.seconds.is_finite() {
        return Err("no event in that time: expected --seconds such as 5 or 0.5".into());
    }
    let keys: KeyDistribution = format!("zipf({},{})", args.exponent, args.distinct).parse()?;
    println!(
        "aggregate, {keys}, {} {}, {} s, {}, {} interleaved rounds; ns from due time to result",
        args.rate,
        args.arrivals,
        args.seconds,
        match args.cores {
            1 => "one core",
            _ => "two cores",
        },
        args.rounds
    );
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        let round = measure(args, &keys, events, number)?;
        print_round(&format!("round {number}"), &round);
        rounds.push(round);
    }
    let median = Round {
        engine: medians(&rounds, |round| round.engine),
        bare: medians(&rounds, |round| round.bare),
        hiccups: medians(&rounds, |round| round.hiccups),
        warnings: Vec::new(),
    };
    print_round("medians", &median);
    print_ratio("engine / bare", &median.engine, &median.bare);
    print_ratio("engine / hiccups", &median.engine, &median.hiccups);
    Ok(())
}

/// Both turns; who goes first changes from round to round.
fn measure(
    args: &Args,
    keys: &KeyDistribution,
    events: u64,
    number: u16,
) -> Result<Round, Box<dyn Error>> {
    let load = || load(args, keys);
    let (summary, bare) = if number % 2 == 1 {
        let summary = engine(args, load()?, events)?;
        (summary, bare(args, load()?, events))
    } else {
        let bare = bare(args, load()?, events);
        (engine(args, load()?, events)?, bare)
    };
    let digest = format!("{:016x}", bare.digest);
    let answers = (
        (summary.events_out, &summary.digest),
        (bare.events, &digest),
    );
    if answers.0 != answers.1 || !summary.balanced {
        return Err(format!("the answers differ: engine and bare loop {answers:?}").into());
    }
    Ok(Round {
        engine: shown(&summary.latency_ns),
        bare: shown(&bare.latency_ns),
        hiccups: shown(&summary.hiccup_ns),
        warnings: warnings(args, &summary, &bare),
    })
}

fn load(args: &Args, keys: &KeyDistribution) -> Result<Load, Box<dyn Error>> {
    let keys = KeySampler::new(keys, args.seed)?;
    let schedule = Schedule::new(&args.arrivals, args.rate, args.seed)?;
    Ok(Load::new(
        keys,
        ValuePattern::default(),
        schedule,
        args.seed,
    ))
}

fn engine(args: &Args, load: Load, events: u64) -> Result<Summary, Box<dyn Error>> {
    let options = Options {
        cores: args.cores.into(),
        idle: match args.idle {
            IdleName::Busy => Idle::Busy,
            IdleName::Adaptive => Idle::Adaptive,
            IdleName::Park => Idle::Park,
        },
        expected_keys: if args.presized { args.distinct } else { 0 },
        ..Options::default()
    };
    let outcome = Flow::new(options)
        .source("load", Generate::new(load, Some(events), None))
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()?;
    Ok(outcome.report.summary)
}

fn bare(args: &Args, load: Load, events: u64) -> Answered {
    match args.cores {
        1 => one_thread(drawn(load), events, args.distinct),
        _ => two_threads(drawn(load), events, args.distinct),
    }
}

fn warnings(args: &Args, summary: &Summary, bare: &Answered) -> Vec<String> {
    let mut warnings = summary.warnings.clone();
    if !summary.schedule.kept {
        let reached = summary.schedule.reached_events_per_s;
        warnings.push(format!("the engine fell behind: {reached:.0} events/s"));
    }
    // As in the engine's own proof: the last event within 1 % of the asked duration.
    if bare.elapsed_ns as f64 > args.seconds * 1.01e9 {
        let reached = bare.events as f64 * 1e9 / bare.elapsed_ns as f64;
        warnings.push(format!("the bare loop fell behind: {reached:.0} events/s"));
    }
    if !bare.pinned {
        warnings.push("the bare loop could not be pinned to CPUs of its own".into());
    }
    warnings
}

fn shown(latency: &Percentiles) -> Shown {
    [latency.p50, latency.p99, latency.p99_9, latency.p99_99]
}

fn medians(rounds: &[Round], of: impl Fn(&Round) -> Shown) -> Shown {
    std::array::from_fn(|column| {
        let mut values: Vec<_> = rounds
            .iter()
            .filter_map(|round| of(round)[column])
            .collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied()
    })
}

fn print_round(name: &str, round: &Round) {
    println!(
        "{name:<18}{:>10}{:>10}{:>10}{:>10}",
        "p50", "p99", "p99.9", "p99.99"
    );
    for (name, values) in [
        ("engine", &round.engine),
        ("bare", &round.bare),
        ("hiccups", &round.hiccups),
    ] {
        let number = |value: &Option<u64>| value.map_or("–".into(), |ns| ns.to_string());
        print_row(name, values.each_ref().map(number));
    }
    for warning in &round.warnings {
        println!("  warning: {warning}");
    }
}

fn print_ratio(name: &str, over: &Shown, under: &Shown) {
    let ratio = |column: usize| match (over[column], under[column]) {
        (Some(over), Some(under)) => format!("{:.2}", over as f64 / under.max(1) as f64),
        _ => "–".into(),
    };
    print_row(name, std::array::from_fn(ratio));
}

fn print_row(name: &str, cells: [String; 4]) {
    let [p50, p99, p99_9, p99_99] = cells;
    println!("  {name:<16}{p50:>10}{p99:>10}{p99_9:>10}{p99_99:>10}");
}
