//! The hot table beside the cache crates: time on zipf(0.99), misses on zipf(0.99) and on real traces.
//!
//! ```text
//!   cache-peers time              requests a second; interleaved rounds, median and min–max
//!   cache-peers misses [DATA]     misses against S3-FIFO over the whole cache; DATA: a folder of traces
//! ```
//!
//! Work: u64 ids in memory; hit = read and write of a 48-byte value, miss = insertion with eviction, hashing
//! and look-up included. One thread. Every row also prints its misses, so that nobody wins by missing.
mod model;
mod peers;
mod traces;

use millstream::state::hot::{Clock, S3Fifo};
use peers::{Clru, Lru, MiniMoka, Peer, QuickCache, Schnellru, Sets};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

type Value = [u64; 6];

const KEYS: u64 = 10_000_000;
const ROUNDS: usize = 7;
const ROUND_REQUESTS: usize = 1_000_000;
const WARM_REQUESTS: usize = 8_000_000;

fn peers(entries: usize) -> Vec<(&'static str, Box<dyn Peer>)> {
    let count = NonZeroUsize::new(entries).expect("entries");
    let length = schnellru::ByLength::new(entries as u32);
    vec![
        (
            "millstream s3-fifo, sets of 16",
            Box::new(Sets::<S3Fifo>::of_entries(entries)),
        ),
        (
            "millstream clock, sets of 16",
            Box::new(Sets::<Clock>::of_entries(entries)),
        ),
        (
            "schnellru (LRU)",
            Box::new(Schnellru(schnellru::LruMap::new(length))),
        ),
        (
            "quick_cache unsync",
            Box::new(QuickCache(quick_cache::unsync::Cache::new(entries))),
        ),
        ("lru", Box::new(Lru(lru::LruCache::new(count)))),
        ("clru", Box::new(Clru(clru::CLruCache::new(count)))),
        (
            "mini-moka unsync",
            Box::new(MiniMoka(mini_moka::unsync::Cache::new(entries as u64))),
        ),
    ]
}

/// Interleaved: each round, every cache runs the same requests.
fn time(entries: usize, ids: &[u64]) {
    let mut peers = peers(entries);
    let (warm, timed) = ids.split_at(WARM_REQUESTS);
    for (_, peer) in &mut peers {
        peer.run(warm);
    }
    let mut rates = vec![Vec::new(); peers.len()];
    let mut misses = vec![0; peers.len()];
    for round in timed.chunks_exact(ROUND_REQUESTS) {
        for (index, (_, peer)) in peers.iter_mut().enumerate() {
            let start = Instant::now();
            misses[index] += peer.run(round);
            rates[index].push(round.len() as f64 / 1e6 / start.elapsed().as_secs_f64());
        }
    }
    println!("zipf(0.99) over {KEYS} keys, {entries} entries, 48-byte values, one thread");
    println!(
        "{:<32} {:>8} {:>16} {:>12}",
        "", "M req/s", "min–max", "miss ratio"
    );
    for (index, (name, _)) in peers.iter().enumerate() {
        let rates = &mut rates[index];
        rates.sort_by(f64::total_cmp);
        let ratio = misses[index] as f64 / (rates.len() * ROUND_REQUESTS) as f64;
        println!(
            "{name:<32} {:>8.1} {:>9.1}–{:<6.1} {ratio:>12.4}",
            rates[rates.len() / 2],
            rates[0],
            rates[rates.len() - 1]
        );
    }
    println!();
}

/// Misses of the sets against those of S3-FIFO over the whole cache, from an empty start.
fn misses(name: &str, ids: &[u64]) {
    let mut distinct = ids.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    for percent in [1, 5, 10, 25] {
        // Whole sets, the same number of entries for all.
        let entries = (distinct.len() * percent / 1600).max(1) * 16;
        let mut global = model::GlobalS3Fifo::new(entries);
        let of_global = ids.iter().filter(|id| !global.request(**id)).count() as f64;
        let s3_fifo = Sets::<S3Fifo>::of_entries(entries).run(ids) as f64;
        let clock = Sets::<Clock>::of_entries(entries).run(ids) as f64;
        println!(
            "{name:<16} {percent:>3} % {entries:>9} entries   global {:.4}   s3-fifo {:>+6.2} %   clock {:>+6.2} %",
            of_global / ids.len() as f64,
            (s3_fifo / of_global - 1.0) * 100.0,
            (clock / of_global - 1.0) * 100.0
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("time") => {
            let ids = traces::zipf(KEYS, WARM_REQUESTS + ROUNDS * ROUND_REQUESTS);
            time(1_000_000, &ids);
            time(10_000, &ids);
        }
        Some("misses") => {
            misses("zipf(0.99)", &traces::zipf(1_000_000, 10_000_000));
            let data = arguments
                .get(1)
                .map_or("../../../shared/data", String::as_str);
            for (name, ids) in traces::real(Path::new(data)) {
                misses(name, &ids);
            }
        }
        _ => println!("usage: cache-peers time | misses [DATA]"),
    }
}
