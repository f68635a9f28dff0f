//! `measure`: the engine beside a hand-written bare loop over the same parts, interleaved in one run.
//!
//! The bare loop is what a careful person would write for this one job and nothing else (`bare.rs`): no
//! rings, no partitions, no growth, no clock, no histogram.
//! Both must give the same digest, or nothing is printed.

use clap::Parser;
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options};
use millstream::sink::Digest;
use millstream::source::Slice;
use millstream::source::trace::native::KeyedRecord;
use millstream_tools::bare::BareTable;
use millstream_tools::events::events;
use std::sync::Arc;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    about = "Millstream beside a bare loop over the same parts, interleaved, answers compared"
)]
struct Args {
    /// Keys: "zipf" (0.99) or "uniform".
    #[arg(long, default_value = "zipf")]
    keys: String,
    /// Distinct keys.
    #[arg(long, default_value_t = 1_000_000)]
    distinct: usize,
    /// Events.
    #[arg(long, default_value_t = 20_000_000)]
    events: usize,
    /// Rounds; medians are printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Cores of the engine.
    #[arg(long, default_value_t = 1)]
    cores: usize,
    /// Partitions; 0: four a core.
    #[arg(long, default_value_t = 0)]
    partitions: usize,
    /// Ring slots; 0: the engine's choice.
    #[arg(long, default_value_t = 0)]
    ring_slots: usize,
    /// Budget; 0: the engine's choice.
    #[arg(long, default_value_t = 0)]
    budget: usize,
    /// Make room for all keys before the start.
    #[arg(long)]
    presized: bool,
    /// Touch and free so much memory before the engine runs. A virtual machine may get memory that it has
    /// not used for seconds from its host page by page (3 s a GiB measured, against 0.12 s for memory it
    /// still has); that is the host's time, not the engine's.
    #[arg(long, default_value_t = 0)]
    warm_gib: usize,
    /// Make room for so many keys before the start.
    #[arg(long)]
    expect: Option<usize>,
    /// Only the engine, without the bare loop.
    #[arg(long)]
    only_engine: bool,
}

fn main() {
    let args = Args::parse();
    let events = Arc::new(events(&args.keys, args.distinct, args.events));
    let mut bare_rates = Vec::new();
    let mut engine_rates = Vec::new();
    for _ in 0..args.rounds {
        let bare_digest = if args.only_engine {
            None
        } else {
            let (digest, rate) = bare(&events, args.distinct);
            bare_rates.push(rate);
            Some(digest)
        };
        warm_memory(args.warm_gib);
        let (digest, rate) = engine(&args, events.clone());
        assert!(
            bare_digest.is_none_or(|bare| bare == digest),
            "the answers differ"
        );
        engine_rates.push(rate);
    }
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let (bare, engine) = (median(&mut bare_rates), median(&mut engine_rates));
    println!(
        "{} {} keys, {} events, cores {}: bare {bare:.1} M/s  engine {engine:.1} M/s ({:.1}-{:.1})  ratio {:.2}",
        args.keys,
        args.distinct,
        args.events,
        args.cores,
        engine_rates[0],
        engine_rates[engine_rates.len() - 1],
        engine / bare
    );
}

fn warm_memory(gib: usize) {
    if gib == 0 {
        return;
    }
    let mut map = memmap2::MmapOptions::new()
        .len(gib << 30)
        .map_anon()
        .expect("memory");
    let _ = map.advise(memmap2::Advice::HugePage);
    for page in (0..map.len()).step_by(2 << 20) {
        map[page] = 1;
    }
}

fn engine(args: &Args, events: Arc<Vec<KeyedRecord>>) -> (u64, f64) {
    let options = Options {
        cores: args.cores,
        partitions: args.partitions,
        ring_slots: args.ring_slots,
        budget: args.budget,
        expected_keys: args
            .expect
            .unwrap_or(if args.presized { args.distinct } else { 0 }),
        ..Options::default()
    };
    struct Lent(Arc<Vec<KeyedRecord>>);
    impl AsRef<[KeyedRecord]> for Lent {
        fn as_ref(&self) -> &[KeyedRecord] {
            &self.0
        }
    }
    let count = events.len();
    let outcome = Flow::new(options)
        .source(
            "events",
            Slice::new(Lent(events), |event: &KeyedRecord| event.ts_ns),
        )
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()
        .expect("the run");
    let summary = outcome.report.summary;
    assert!(summary.balanced, "{summary:?}");
    assert_eq!(summary.events_out, count as u64);
    let digest = u64::from_str_radix(&summary.digest, 16).expect("a digest");
    (digest, count as f64 * 1e3 / summary.elapsed_ns as f64)
}

fn bare(events: &[KeyedRecord], distinct: usize) -> (u64, f64) {
    let mut table = BareTable::new(distinct);
    let start = Instant::now();
    let sum = table.fold(events, |event| event);
    let rate = events.len() as f64 / start.elapsed().as_secs_f64() / 1e6;
    (sum, rate)
}
