//! Cache policies against the misses that libCacheSim 0.3.5 counts on real traces.
//!
//! ```text
//!   trace ─► keys ─► nodes, numbered once ─► each policy at each size ─► misses == expected, to the last
//! ```
//!
//! The small trace lies in `tests/data/cache2k`. The others are not in this repository: they are read where
//! they lie beside it, in `shared/data`, with `shared/reference/miss_ratios.csv`; a line says so where they
//! do not. The two largest run at their third size by default, and at all with
//!
//! ```text
//!   cargo test --release --test cache_reference -- --include-ignored
//! ```
use millstream::cache::{
    Arc, Bounds, Clock, Fifo, Lfu, Lru, Policy, S3Fifo, Sieve, Unheard, Units, WTinyLfu, next_uses,
    opt_misses,
};
use millstream::partition::mum64;
use millstream::source::trace::{Format, TraceOptions, open};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A trace, its objects numbered in the order in which they came.
struct Numbered {
    /// Of each request.
    nodes: Vec<u32>,
    /// Of each node.
    keys: Vec<u64>,
    /// Of each node, as libCacheSim has them.
    hashes: Vec<u64>,
}

/// One line of the reference.
#[derive(Clone, Debug)]
struct Row {
    trace: String,
    policy: String,
    size: u64,
    requests: usize,
    misses: u64,
}

fn numbered(path: &Path, format: Format) -> Numbered {
    let options = TraceOptions {
        format,
        ..TraceOptions::default()
    };
    let mut trace = open(path, &options).unwrap();
    let (mut block, mut known) = (Vec::new(), HashMap::new());
    let (mut nodes, mut keys) = (Vec::new(), Vec::new());
    while trace.next_block(&mut block).unwrap() {
        for record in &block {
            nodes.push(*known.entry(record.key).or_insert_with(|| {
                keys.push(record.key);
                keys.len() as u32 - 1
            }));
        }
    }
    let hashes = keys.iter().map(|key| reference_hash(*key)).collect();
    Numbered {
        nodes,
        keys,
        hashes,
    }
}

fn rows(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Row {
            trace: cells[0].into(),
            policy: cells[1].into(),
            size: cells[2].parse().unwrap(),
            requests: cells[3].parse().unwrap(),
            misses: cells[4].parse().unwrap(),
        }
    };
    text.lines().skip(1).map(row).collect()
}

/// The two hashes by which libCacheSim counts an object: XXH64 of its eight bytes, of each seed the low half.
fn reference_hash(key: u64) -> u64 {
    const PRIMES: [u64; 5] = [
        0x9E37_79B1_85EB_CA87,
        0xC2B2_AE3D_27D4_EB4F,
        0x1656_67B1_9E37_79F9,
        0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5,
    ];
    let low_of_xxh64 = |seed: u64| {
        let lane = key
            .wrapping_mul(PRIMES[1])
            .rotate_left(31)
            .wrapping_mul(PRIMES[0]);
        let mut hash = seed.wrapping_add(PRIMES[4]).wrapping_add(8) ^ lane;
        hash = hash
            .rotate_left(27)
            .wrapping_mul(PRIMES[0])
            .wrapping_add(PRIMES[3]);
        hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
        hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
        (hash ^ (hash >> 32)) & 0xFFFF_FFFF
    };
    low_of_xxh64(0x1234_4321) << 32 | low_of_xxh64(0x1234_5678)
}

/// Misses of libCacheSim's W-TinyLFU on orm-busy, by size. `miss_ratios.csv` has others, up to 0.198
/// percentage points off: those were counted under renumbered keys, whose hashes collide elsewhere. These were
/// counted for this test under the keys of the trace, with the same libCacheSim 0.3.5.
const W_TINYLFU_ON_ORM_BUSY: [(u64, u64); 4] = [
    (763, 2_022_074),
    (3_817, 924_930),
    (7_635, 592_850),
    (19_087, 278_287),
];

/// By how much misses of W-TinyLFU may differ under our own hash, percentage points: other objects share their
/// counters then. 0.47 at the most, 0.07 at half of the 24 rows.
const OTHER_HASH_POINTS: f64 = 0.5;

fn misses<P: Policy>(trace: &Numbered, hashes: &[u64], capacity: u64) -> u64 {
    let nodes = trace.keys.len() as u32;
    let mut policy = P::new(Bounds { capacity, nodes });
    let mut misses = 0;
    for node in &trace.nodes {
        let hash = hashes[*node as usize];
        misses += u64::from(!policy.request(*node, hash, &Units, &mut Unheard));
    }
    misses
}

/// What differs from `row`.
fn difference(row: &Row, trace: &Numbered) -> Option<String> {
    let count = |run: fn(&Numbered, &[u64], u64) -> u64| run(trace, &trace.hashes, row.size);
    let misses_here = match row.policy.as_str() {
        "FIFO" => count(misses::<Fifo>),
        "LRU" => count(misses::<Lru>),
        "LFU" => count(misses::<Lfu>),
        "CLOCK" => count(misses::<Clock>),
        "CLOCK-2bit" => count(misses::<Clock<3>>),
        "SIEVE" => count(misses::<Sieve>),
        "S3-FIFO" => count(misses::<S3Fifo>),
        "S3-FIFO-v0" => count(misses::<S3Fifo<false>>),
        "ARC" => count(misses::<Arc>),
        "W-TinyLFU" => {
            let hashes: Vec<u64> = trace.keys.iter().map(|key| mum64(*key)).collect();
            let other = misses::<WTinyLfu>(trace, &hashes, row.size);
            let points = other.abs_diff(row.misses) as f64 / row.requests as f64 * 100.0;
            if points > OTHER_HASH_POINTS {
                return Some(format!(
                    "{row:?}: {other} misses with mum64, {points:.3} points"
                ));
            }
            count(misses::<WTinyLfu>)
        }
        "Belady" => {
            let next = next_uses(&trace.nodes, trace.keys.len() as u32);
            opt_misses(&trace.nodes, &next, row.size, &Units)
        }
        // Not built: 2Q, LIRS.
        _ => return None,
    };
    let by = misses_here as i64 - row.misses as i64;
    (by != 0).then(|| format!("{row:?}: {misses_here} misses, {by:+}"))
}

/// Every row of `rows` on its trace, two at a time; what differs, a line each.
fn differences(rows: &[Row], trace: &Numbered) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut differences = Vec::new();
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            differences.extend(difference(row, trace));
        }
        differences
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut all = work();
        all.extend(other.join().unwrap());
        all
    })
}

/// Compares all policies on the trace at `path` at those of its sizes that `wanted` picks by their rank.
fn assert_reference(path: &Path, format: Format, rows: &[Row], wanted: &[usize]) {
    let trace = numbered(path, format);
    let mut sizes: Vec<u64> = rows.iter().map(|row| row.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    assert_eq!(sizes.len(), 5, "sizes of {}", path.display());
    let picked = |row: &&Row| wanted.iter().any(|rank| sizes[*rank] == row.size);
    let rows: Vec<Row> = rows.iter().filter(picked).cloned().collect();
    assert_eq!(rows[0].requests, trace.nodes.len(), "{}", path.display());
    let differences = differences(&rows, &trace);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let path = root.join("shared").join(path);
    if !path.exists() {
        println!("skipped: no {} beside this repository", path.display());
        return None;
    }
    Some(path)
}

fn assert_shared(name: &str, path: &str, format: Format, wanted: &[usize]) {
    let reference = shared("reference/miss_ratios.csv");
    let (Some(path), Some(reference)) = (shared(path), reference) else {
        return;
    };
    let mut rows = rows(&reference);
    rows.retain(|row| row.trace == name);
    for row in &mut rows {
        if (name, row.policy.as_str()) == ("c2k_orm-busy", "W-TinyLFU") {
            let counted = W_TINYLFU_ON_ORM_BUSY
                .iter()
                .find(|(size, _)| *size == row.size);
            row.misses = counted.expect("a size that was counted").1;
        }
    }
    assert_reference(&path, format, &rows, wanted);
}

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

#[test]
fn web07_which_ships() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cache2k");
    let rows = rows(&data.join("expected_misses.csv"));
    assert_reference(&data.join("web07.trace.xz"), Format::U32Be, &rows, &ALL);
}

#[test]
fn cloud_physics() {
    let path = "data/cloudphysics/cloudPhysicsIO.txt";
    assert_shared("cloudPhysicsIO", path, Format::Auto, &ALL);
}

#[test]
fn arc_oltp() {
    assert_shared(
        "arc_OLTP",
        "data/arc-traces/OLTP.lis.zst",
        Format::Auto,
        &ALL,
    );
}

#[test]
fn arc_p3_at_one_size() {
    assert_shared("arc_P3", "data/arc-traces/P3.lis.zst", Format::Auto, &[2]);
}

#[test]
fn orm_busy_at_one_size() {
    let path = "data/cache2k/orm-busy.trace.xz";
    assert_shared("c2k_orm-busy", path, Format::U32Be, &[2]);
}

#[test]
#[ignore = "long: see the header"]
fn arc_p3_at_all_sizes() {
    assert_shared("arc_P3", "data/arc-traces/P3.lis.zst", Format::Auto, &ALL);
}

#[test]
#[ignore = "long: see the header"]
fn orm_busy_at_all_sizes() {
    let path = "data/cache2k/orm-busy.trace.xz";
    assert_shared("c2k_orm-busy", path, Format::U32Be, &ALL);
}
