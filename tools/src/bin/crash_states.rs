//! `crash_states`: recovers from as many simulated crashes as one likes, and says whether any was wrong.

use clap::Parser;
use explore::{Checkpoints, Extent, FlowTotals, Totals, explore, explore_flow};
use std::fmt::Display;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[path = "../../../tests/explore/mod.rs"]
mod explore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    about = "Crashes runs of checkpoints at every call to a simulated disk and recovers from each"
)]
struct Args {
    /// Seeds: "17" or "0..1000"; the last one is not looked at.
    #[arg(long, default_value = "0..1000", value_parser = seeds)]
    seeds: std::ops::Range<u64>,
    /// Whole flows, stepped from the seed and crashed once each time they live, instead of the writer alone.
    #[arg(long)]
    flows: bool,
    /// Runs that follow each other: 2 crashes in the recovery from a crash as well.
    #[arg(long, default_value_t = 2)]
    depth: u32,
    /// Crashes drawn at each call that left something not safe.
    #[arg(long, default_value_t = 2)]
    images: u64,
    /// States of a run that another one goes on from.
    #[arg(long, default_value_t = 3)]
    branches: u64,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Go on after a seed that fails.
    #[arg(long)]
    keep_going: bool,
}

fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| format!("{text}: {error}"))
    };
    match text.split_once("..") {
        Some((first, end)) => Ok(number(first)?..number(end)?),
        None => number(text).map(|seed| seed..seed + 1),
    }
}

/// Seeds gone through on all threads; what was found, added up.
struct Found<T> {
    totals: T,
    seeds: u64,
    failures: u64,
}

/// Has `look` look at every seed; `replay` is how to look at one again.
fn all<T: Default + Display + Send>(
    args: &Args,
    replay: &str,
    look: impl Fn(u64) -> Result<T, String> + Sync,
    add: fn(&mut T, &T),
) -> Found<T> {
    let start = Instant::now();
    let next = AtomicU64::new(args.seeds.start);
    let failures = AtomicU64::new(0);
    let totals = Mutex::new((T::default(), 0));
    let work = || {
        while failures.load(Ordering::Relaxed) == 0 || args.keep_going {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !args.seeds.contains(&seed) {
                return;
            }
            match look(seed) {
                Ok(found) => {
                    let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                    add(&mut totals.0, &found);
                    totals.1 += 1;
                    if totals.1 % 500 == 0 {
                        let seconds = start.elapsed().as_secs_f64();
                        eprintln!("{seconds:.0} s, {} seeds: {}", totals.1, totals.0);
                    }
                }
                Err(what) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                    println!("WRONG: {what}");
                    println!(
                        "replay: cargo run -p millstream-tools --bin crash_states -- --seeds {seed} {replay}"
                    );
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..args.threads {
            scope.spawn(work);
        }
        work();
    });
    let (totals, seeds) = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = start.elapsed().as_secs_f64();
    println!("{seeds} seeds of {:?}: {totals}", args.seeds);
    println!("{seconds:.1} s on {} threads", args.threads);
    Found {
        totals,
        seeds,
        failures: failures.into_inner(),
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let extent = Extent {
        depth: args.depth,
        images: args.images,
        branches: args.branches,
    };
    let failures = if args.flows {
        let found = all(&args, "--flows", explore_flow, FlowTotals::add);
        println!(
            "{:.2} lives a flow",
            found.totals.lives as f64 / found.seeds.max(1) as f64
        );
        found.failures
    } else {
        let Extent {
            depth,
            images,
            branches,
        } = extent;
        let replay = format!("--depth {depth} --images {images} --branches {branches}");
        let look = |seed| explore(&Checkpoints, seed, extent);
        let found = all(&args, &replay, look, Totals::add);
        println!("{extent:?}: {} states", found.totals.states);
        found.failures
    };
    println!("wrong: {failures}");
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
