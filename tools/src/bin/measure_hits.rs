//! `measure_hits`: what a hit pays for the misses around it. A tenth of the events go to a thousand keys that
//! are always in the hot table, the others to as many keys as asked for, of which memory holds a part; both
//! the bounded and the unbounded engine get the same events at the same due times, in turn.
//!
//! Only results of the thousand keys are timed, each at the sink, by a clock of its own; the smallest delay
//! of a turn stands for none, so that the figures are delays beyond that.

use clap::Parser;
use millstream::app::aggregate::{Aggregate, Aggregated};
use millstream::flow::{Flow, Options};
use millstream::sink::{Digest, Sink};
use millstream::source::Generate;
use millstream::source::load::{Arrivals, KeySampler, Load, Schedule, ValuePattern};
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::rate::Rate;
use std::error::Error;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keys that always hit.
const HOT_KEYS: u64 = 1_000;
/// Bytes of a hot entry and its share of the metadata.
const ENTRY_BYTES: u64 = 68;

/// Latency of hits with bounded state beside unbounded state at one rate, interleaved.
#[derive(Parser)]
#[command(name = "measure_hits", version)]
struct Args {
    /// Events a second
    #[arg(long, default_value = "500000")]
    rate: Rate,
    /// Seconds of each turn; the first half warms up
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Distinct keys
    #[arg(long, default_value_t = 4_000_000)]
    distinct: u64,
    /// Memory for so many percent of the keys
    #[arg(long, default_value_t = 10)]
    percent: u64,
    /// Rounds
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Delays of the hot keys' results, ns, with the time of the event.
struct HotSink {
    digest: Digest,
    since: Instant,
    delays_ns: Vec<(u64, i64)>,
}

impl Sink<Aggregated> for HotSink {
    fn take(&mut self, result: &Aggregated) {
        self.digest.take(result);
        if result.key < HOT_KEYS {
            let now_ns = self.since.elapsed().as_nanos() as i64;
            self.delays_ns
                .push((result.last_ns, now_ns - result.last_ns as i64));
        }
    }

    fn digest(&self) -> Option<u64> {
        Sink::<Aggregated>::digest(&self.digest)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let rate = args
        .rate
        .events_per_s()
        .ok_or("--rate max has no due times")?;
    let events = (rate * args.seconds) as u64;
    println!(
        "aggregate at {}, a tenth of the events on {HOT_KEYS} keys that hit, the rest uniform on {}; delay of the hits, ns",
        args.rate, args.distinct
    );
    for round in 1..=args.rounds {
        let bytes = args.distinct * args.percent / 100 * ENTRY_BYTES;
        let (unbounded, expected) = turn(&args, events, 0)?;
        let (bounded, digest) = turn(&args, events, bytes)?;
        if digest != expected {
            return Err(format!("the answers differ: {expected} and {digest}").into());
        }
        println!("round {round}  {unbounded}\nround {round}  {bounded}");
    }
    Ok(())
}

fn turn(
    args: &Args,
    events: u64,
    state_memory_bytes: u64,
) -> Result<(String, String), Box<dyn Error>> {
    let keys = format!("hot(0.1,{HOT_KEYS},{})", args.distinct).parse()?;

    let load = Load::new(
        KeySampler::new(&keys, 7)?,
        ValuePattern::default(),
        Schedule::new(&Arrivals::Constant, args.rate, 7)?,
        7,
    );
    let options = Options {
        cores: 1,
        state_memory_bytes,
        ..Options::default()
    };
    let since = Instant::now();
    let outcome = Flow::new(options)
        .source("load", Generate::new(load, Some(events), None))
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| HotSink {
            digest: Digest::default(),
            since,
            delays_ns: Vec::with_capacity(events as usize / 4),
        })
        .run()?;
    let half_ns = (args.seconds * 0.5e9) as u64;
    let sinks = outcome.sinks.iter().flat_map(|sink| &sink.delays_ns);
    let first = sinks.clone().map(|(at, _)| *at).min().unwrap_or(0);
    let late = sinks.filter(|(at, _)| at - first >= half_ns);
    let mut delays: Vec<i64> = late.map(|(_, delay)| *delay).collect();
    delays.sort_unstable();
    let least = delays.first().copied().unwrap_or(0);
    let at = |q: f64| delays[((delays.len() - 1) as f64 * q) as usize] - least;
    let summary = &outcome.report.summary;
    let misses = summary.stages[1]
        .caches
        .first()
        .map_or(0, |cache| cache.misses);
    let line = format!(
        "{:>9}  p50 {:>7}  p99 {:>8}  p99.9 {:>8}  p99.99 {:>9}  ({} hits timed, {misses} misses in all; hiccups p99.9 {:?})",
        if state_memory_bytes == 0 {
            "unbounded"
        } else {
            "bounded"
        },
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        delays.len(),
        summary.hiccup_ns.p99_9
    );
    Ok((line, summary.digest.clone()))
}
