//! `measure_bounded`: the engine with bounded state beside the same with all state in memory, interleaved.
//!
//! Both must give the same digest, or nothing is printed. With `--rate` both are paced, and the latency of
//! events of a few keys that are always in the hot table is told apart from that of all: what a hit pays
//! for the misses around it.

use clap::Parser;
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options, StatePolicy};
use millstream::latency::Summary;
use millstream::sink::Digest;
use millstream::source::Slice;
use millstream::source::trace::native::KeyedRecord;
use millstream_tools::events::events;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a hot entry and its share of the metadata.
const ENTRY_BYTES: f64 = 68.0;

/// Throughput with bounded state beside unbounded state, interleaved, answers compared.
#[derive(Parser)]
#[command(name = "measure_bounded", version)]
struct Args {
    /// Keys: "zipf" (0.99) or "uniform"
    #[arg(long, default_value = "uniform")]
    keys: String,
    /// Distinct keys
    #[arg(long, default_value_t = 16_000_000)]
    distinct: usize,
    /// Events
    #[arg(long, default_value_t = 40_000_000)]
    events: usize,
    /// Memory for so many percent of the keys
    #[arg(long, default_value_t = 10.0)]
    percent: f64,
    /// Policy of the hot table: s3-fifo or clock
    #[arg(long, default_value = "s3-fifo")]
    policy: String,
    /// Directory of the cold files; a temporary one by default
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Rounds; medians are printed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Cores of the engine
    #[arg(long, default_value_t = 1)]
    cores: usize,
    /// Partitions; 0: four a core
    #[arg(long, default_value_t = 0)]
    partitions: usize,
    /// Only the bounded engine
    #[arg(long)]
    only_bounded: bool,
}

/// Lends the same events to every round.
struct Lent(Arc<Vec<KeyedRecord>>);

impl AsRef<[KeyedRecord]> for Lent {
    fn as_ref(&self) -> &[KeyedRecord] {
        &self.0
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let events = Arc::new(events(&args.keys, args.distinct, args.events));
    let (mut unbounded, mut bounded) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..args.rounds {
        let expected = if args.only_bounded {
            None
        } else {
            let summary = run(&args, &events, 0)?;
            unbounded.push(rate(&summary));
            Some(summary.digest)
        };
        let bytes = (args.distinct as f64 * args.percent / 100.0 * ENTRY_BYTES) as u64;
        let summary = run(&args, &events, bytes)?;
        if expected.is_some_and(|digest| digest != summary.digest) {
            return Err("the answers differ".into());
        }
        bounded.push(rate(&summary));
        last = Some(summary);
    }
    let (all, some) = (median(&mut unbounded), median(&mut bounded));
    println!(
        "{} {} keys, {} events, cores {}, memory for {} %: unbounded {all:.1} M/s  bounded {some:.1} M/s ({:.1}-{:.1})  ratio {:.2}",
        args.keys,
        args.distinct,
        args.events,
        args.cores,
        args.percent,
        bounded[0],
        bounded[bounded.len() - 1],
        some / all,
    );
    if let Some(summary) = last {
        for cache in summary.stages.iter().flat_map(|stage| &stage.caches) {
            println!("{cache:#?}");
        }
        println!(
            "memory peak {} MiB",
            summary.environment.memory_peak_bytes >> 20
        );
    }
    Ok(())
}

fn rate(summary: &Summary) -> f64 {
    summary.events_in as f64 * 1e3 / summary.elapsed_ns as f64
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

fn run(
    args: &Args,
    events: &Arc<Vec<KeyedRecord>>,
    state_memory_bytes: u64,
) -> Result<Summary, Box<dyn Error>> {
    let options = Options {
        cores: args.cores,
        partitions: args.partitions,
        state_memory_bytes,
        state_policy: match args.policy.as_str() {
            "clock" => StatePolicy::Clock,
            _ => StatePolicy::S3Fifo,
        },
        state_dir: args.dir.clone(),
        ..Options::default()
    };
    let source = Slice::new(Lent(events.clone()), |event: &KeyedRecord| event.ts_ns);
    let outcome = Flow::new(options)
        .source("events", source)
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()?;
    let summary = outcome.report.summary;
    if !summary.balanced || summary.events_out != events.len() as u64 {
        return Err(format!("the run does not balance: {summary:?}").into());
    }
    Ok(summary)
}
