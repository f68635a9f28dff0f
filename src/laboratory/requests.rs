//! The requests of one trace, as simulations want them: a node of four bytes each.
//!
//! ```text
//!   reader thread                               this thread
//!   trace ─► blocks of Record ─► channel ─► keys ─► numbering ─► nodes: [0, 1, 0, 2, …]
//!      ▲                           │                              sizes: bytes of each node
//!      └────── emptied blocks ─────┘
//! ```
//!
//! The keys themselves are gone when reading ends. Memory is counted after every block: beyond the limit,
//! reading ends with the remedy, or, where the sample may choose its rate, goes on with half of the keys.

use super::error::LaboratoryError;
use super::numbering::Numbering;
use crate::source::trace::{
    self, Counts, Description, Format, Progress, Record, Trace, TraceError, TraceOptions,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use xxhash_rust::xxh64::xxh64;

/// Blocks between the reader and the numbering.
const BLOCKS_AHEAD: usize = 8;
/// Keys that a sample which chooses its own rate keeps at the most. The error falls with the root of the keys: these
/// keep it near 1 %, and a simulation of them stays in a core's cache.
pub const AUTO_KEYS_MAX: u32 = 1 << 16;
/// Names of columns that hold sizes, as the reader compares names.
const SIZE_COLUMNS: [&str; 4] = ["size", "bytes", "objsize", "length"];

/// What identifies an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// The key of the record.
    #[default]
    Key,
    /// Its item.
    Item,
}

/// Which of the keys are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sample {
    /// All of them.
    #[default]
    All,
    /// That share, above 0 and at most 1.
    Rate(f64),
    /// All, or half of them, or a quarter …: as many as [`AUTO_KEYS_MAX`] and the memory allow.
    Auto,
}

/// How a trace is read into memory.
#[derive(Clone, Debug)]
pub struct Reading {
    /// How its records are read.
    pub options: TraceOptions,
    /// What identifies an object.
    pub identity: Identity,
    /// Which keys are looked at.
    pub sample: Sample,
    /// Whether sizes are needed.
    pub sizes: bool,
    /// Picks the sample.
    pub seed: u64,
    /// What requests may take, bytes.
    pub memory_bytes: u64,
}

/// The requests of one trace.
#[derive(Clone, Debug)]
pub struct Requests {
    /// The trace, as it was named.
    pub trace: String,
    /// What it was taken for.
    pub description: Description,
    /// Where its records went.
    pub counts: Counts,
    /// The object of each request, in order; below `objects`.
    pub nodes: Vec<u32>,
    /// How many there are; with a sample, of those that are kept.
    pub objects: u32,
    /// A hash of each object's key.
    pub hashes: Vec<u64>,
    /// Bytes of each object, where that was asked for: the most that any request for it says, since
    /// aborted transfers and answers like "not modified" say less. At least 1.
    pub sizes: Option<Vec<u64>>,
    /// The share of keys that are kept.
    pub rate: f64,
}

impl Requests {
    /// Reads the trace at `path`; `progress` is called once a block.
    ///
    /// # Errors
    /// It cannot be read, has no requests, lacks the item or size that was asked for, or takes more memory than allowed.
    pub fn read(
        path: &Path,
        reading: &Reading,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Requests, LaboratoryError> {
        let name = path.display().to_string();
        let trace = trace::open(path, &reading.options)?;
        let description = trace.describe().clone();
        if reading.identity == Identity::Item && !description.has_item {
            return Err(LaboratoryError::NoItems { trace: name });
        }
        if reading.sizes {
            require_sizes(&name, &description)?;
        }
        let mut intake = Intake::new(&name, reading, description.records);
        let counts = pump(trace, stop, &mut |block, read| {
            progress(read);
            intake.take(block)
        })?;
        if stop.load(Ordering::Relaxed) {
            return Err(LaboratoryError::Interrupted {
                trace: name,
                records: counts.read,
            });
        }
        intake.finish(name, description, counts, reading)
    }

    /// Requests of the whole trace, those that the sample leaves out among them.
    pub fn requests(&self) -> u64 {
        self.counts.delivered
    }

    /// Distinct keys of the whole trace; from a sample, an estimate.
    pub fn distinct(&self) -> u64 {
        (f64::from(self.objects) / self.rate).round() as u64
    }

    /// Whether only some of the keys are kept.
    pub fn is_sample(&self) -> bool {
        self.rate < 1.0
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> u64 {
        let sizes = self.sizes.as_ref().map_or(0, Vec::capacity);
        let objects = self.hashes.capacity() + sizes;
        (self.nodes.capacity() * size_of::<u32>() + objects * size_of::<u64>()) as u64
    }
}

/// A value counts as a size where its column is called so, or was named by the user.
fn require_sizes(trace: &str, description: &Description) -> Result<(), LaboratoryError> {
    let missing = |expected: &str| {
        Err(LaboratoryError::NoSizes {
            trace: trace.to_owned(),
            expected: expected.to_owned(),
        })
    };
    if !description.has_value {
        return missing("a column of sizes, or the oracle-general format");
    }
    let value = description
        .columns
        .iter()
        .find(|column| column.part == "value");
    let Some(value) = value else {
        return match description.format {
            Format::OracleGeneral | Format::Native => Ok(()),
            _ => missing("a column of sizes, or the oracle-general format"),
        };
    };
    let plain: String = value
        .column
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    if !value.guessed || SIZE_COLUMNS.contains(&plain.to_lowercase().as_str()) {
        return Ok(());
    }
    missing(&format!(
        "a column called size or bytes, not {:?}",
        value.column
    ))
}

/// What becomes of a block.
type Take<'a> = dyn FnMut(&[Record], Progress) -> Result<(), LaboratoryError> + 'a;

/// Reads `trace` on a thread of its own and hands its blocks to `take` on this one.
fn pump(mut trace: Trace, stop: &AtomicBool, take: &mut Take) -> Result<Counts, LaboratoryError> {
    let (full_in, full) = mpsc::sync_channel::<(Vec<Record>, Progress)>(BLOCKS_AHEAD);
    let (empty_in, empty) = mpsc::channel::<Vec<Record>>();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || -> Result<Counts, TraceError> {
            loop {
                let mut block = empty.try_recv().unwrap_or_default();
                if stop.load(Ordering::Relaxed) || !trace.next_block(&mut block)? {
                    return Ok(trace.counts());
                }
                // The other side has met an error and wants no more.
                if full_in.send((block, trace.progress())).is_err() {
                    return Ok(trace.counts());
                }
            }
        });
        let mut taken = Ok(());
        while let Ok((block, read)) = full.recv() {
            taken = take(&block, read);
            if taken.is_err() {
                break;
            }
            // Nobody needs it any more once the reader has ended.
            let _ = empty_in.send(block);
        }
        drop(full);
        let counts = reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken?;
        Ok(counts?)
    })
}

/// The hash by which policies with a sketch count a key: the two halves are libCacheSim's, XXH64 under its two seeds, so
/// that what depends on which keys collide is the same in both.
fn sketch_hash(key: u64) -> u64 {
    let half = |seed: u64| xxh64(&key.to_le_bytes(), seed) & 0xFFFF_FFFF;
    half(0x1234_4321) << 32 | half(0x1234_5678)
}

/// Takes blocks in.
struct Intake<'a> {
    trace: String,
    reading: &'a Reading,
    numbering: Numbering,
    keys: Vec<u64>,
    nodes: Vec<u32>,
    hashes: Vec<u64>,
    sizes: Vec<u64>,
}

impl<'a> Intake<'a> {
    fn new(trace: &str, reading: &'a Reading, records: Option<u64>) -> Self {
        let rate = match reading.sample {
            Sample::Rate(rate) => rate,
            Sample::All | Sample::Auto => 1.0,
        };
        // Where the number is known: no room is wasted by doubling. A file that claims more than it may is met below.
        let expected = records
            .filter(|_| reading.sample == Sample::All)
            .unwrap_or(0);
        let expected = expected.min(reading.memory_bytes / 4) as usize;
        Intake {
            trace: trace.to_owned(),
            reading,
            numbering: Numbering::new(rate, reading.seed),
            keys: Vec::new(),
            nodes: Vec::with_capacity(expected),
            hashes: Vec::new(),
            sizes: Vec::new(),
        }
    }

    fn take(&mut self, block: &[Record]) -> Result<(), LaboratoryError> {
        let identity = self.reading.identity;
        self.keys.clear();
        self.keys.extend(block.iter().map(|record| match identity {
            Identity::Key => record.key,
            Identity::Item => record.item,
        }));
        let Intake {
            keys,
            nodes,
            hashes,
            sizes,
            ..
        } = self;
        let mut seen = |index: usize, node: u32| {
            nodes.push(node);
            // Nodes are given in order: one beyond the last is new.
            if node as usize == hashes.len() {
                hashes.push(sketch_hash(keys[index]));
            }
        };
        if self.reading.sizes {
            self.numbering.number(keys, |index, node| {
                seen(index, node);
                let size = block[index].value.max(1) as u64;
                match sizes.get_mut(node as usize) {
                    Some(largest) => *largest = size.max(*largest),
                    None => sizes.push(size),
                }
            });
        } else {
            self.numbering.number(keys, seen);
        }
        self.bound()
    }

    fn bytes(&self) -> u64 {
        let nodes = self.nodes.capacity() * size_of::<u32>();
        let objects = (self.hashes.capacity() + self.sizes.capacity()) * size_of::<u64>();
        self.numbering.bytes() + (nodes + objects) as u64
    }

    fn bound(&mut self) -> Result<(), LaboratoryError> {
        let allowed_bytes = self.reading.memory_bytes;
        if self.reading.sample == Sample::Auto {
            while self.numbering.len() > AUTO_KEYS_MAX
                || self.numbering.len() > 1 && self.bytes() > allowed_bytes
            {
                self.halve();
            }
        }
        let needed_bytes = self.bytes();
        if needed_bytes <= allowed_bytes {
            return Ok(());
        }
        Err(LaboratoryError::Memory {
            trace: self.trace.clone(),
            what: format!(
                "{} requests for {} keys, and what follows,",
                self.nodes.len(),
                self.numbering.len()
            ),
            needed_bytes,
            allowed_bytes,
        })
    }

    fn halve(&mut self) {
        let renumbered = self.numbering.halve();
        let new = |node: u32| renumbered[node as usize];
        self.nodes = self.nodes.iter().filter_map(|node| new(*node)).collect();
        let hashes = self.hashes.iter().zip(&renumbered);
        self.hashes = hashes
            .filter_map(|(hash, new)| new.map(|_| *hash))
            .collect();
        let sizes = self.sizes.iter().zip(&renumbered);
        self.sizes = sizes.filter_map(|(size, new)| new.map(|_| *size)).collect();
    }

    fn finish(
        mut self,
        trace: String,
        description: Description,
        counts: Counts,
        reading: &Reading,
    ) -> Result<Requests, LaboratoryError> {
        if counts.delivered == 0 {
            let letters = reading.options.dead_letter.as_ref();
            return Err(LaboratoryError::NoRequests {
                trace,
                bad: counts.read,
                advice: letters.map_or("the format".into(), |path| path.display().to_string()),
            });
        }
        let rate = self.numbering.rate();
        if self.nodes.is_empty() {
            return Err(LaboratoryError::NothingSampled { trace, rate });
        }
        self.nodes.shrink_to_fit();
        Ok(Requests {
            trace,
            description,
            counts,
            objects: self.numbering.len(),
            nodes: self.nodes,
            hashes: self.hashes,
            sizes: reading.sizes.then_some(self.sizes),
            rate,
        })
    }
}
