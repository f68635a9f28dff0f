//! Checkpoints of a flow: its parts, the run it goes on from, and the writer beside it.
//!
//! ```text
//!   Options.checkpoint ─► lock the directory ─► restore? newest whole epoch, verified before it is used
//!        build: each task is a part, connected through a Port; state, operator, sink and source take up
//!               what the parts of that epoch saved
//!        start: region, writer      run      finish: what became of the epochs
//! ```
//!
//! A stage may have another number of partitions than it had: entries go where their keys belong now, and
//! what operators and sinks saved is shared out among the new ones.

use super::options::Options;
use super::plan::FlowError;
use super::restored::{Restored, Share};
use crate::checkpoint::{
    CheckpointError, DirLock, Directory, Kind, Order, PartShape, Port, ROTATION, Region, Running,
    Saved, Settled, Shape, Slot, Wanted, WriterKind, lock, next_run, run_name,
};
use crate::latency::{CheckpointSummary, RestoredSummary};
use crate::operator::StageName;
use crate::sink::Sink;
use crate::source::Checkpoints;
use crate::state::TableShape;
use crate::sys::procfs;
use crate::sys::real_disk::RealDisk;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Bytes of the frames of parts without entries.
const EXTRAS_BLOCK_BYTES: u32 = 4096;
/// Staging takes this share of the memory that is available, where nothing else is said. It bounds the
/// addresses; pages are taken as frames are used.
const STAGING_SHARE: u64 = 3;

/// A writer that outlives its engine holds the directory until it has finished; a run waits so long for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Locks `dir`, once the writer of a run that died has let go of it.
fn lock_patiently(dir: &Path) -> Result<DirLock, CheckpointError> {
    let asked = Instant::now();
    loop {
        match lock(dir) {
            Err(CheckpointError::Locked { .. }) if asked.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            held => return held,
        }
    }
}

/// Where a run starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restore {
    /// Anew; a directory with checkpoints in it is refused.
    #[default]
    None,
    /// From the newest epoch that is whole.
    Latest,
    /// From the newest epoch that is whole, or anew where none was ever durable: for a source that still has all it
    /// ever offered.
    LatestOrAnew,
    /// From this epoch.
    Epoch(u64),
}

/// Whether and how a run makes checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointOptions {
    /// The directory, which one run at a time may use.
    pub dir: PathBuf,
    /// Time between two, ns; 0: only on request and at the end.
    pub interval_ns: u64,
    /// Who writes them.
    pub writer: WriterKind,
    /// Memory for state on its way to the writer, bytes; 0: a third of what is available.
    pub staging_bytes: u64,
    /// Where the run starts.
    pub restore: Restore,
    /// Set to ask for one now.
    pub request: Arc<AtomicBool>,
}

impl CheckpointOptions {
    /// Checkpoints in `dir` every second.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        CheckpointOptions {
            dir: dir.into(),
            interval_ns: 1_000_000_000,
            writer: WriterKind::default(),
            staging_bytes: 0,
            restore: Restore::default(),
            request: Arc::default(),
        }
    }
}

/// The checkpoints of a flow that is being built.
pub(super) struct Parts {
    options: CheckpointOptions,
    lock: DirLock,
    shape: Shape,
    slot: Slot,
    run_dir: PathBuf,
    first_epoch: u64,
    restored: Option<Restored>,
    opened: Instant,
    rejected: Vec<String>,
}

impl Parts {
    pub(super) fn open(options: &CheckpointOptions, flow: &Options) -> Result<Self, FlowError> {
        let opened = Instant::now();
        let (mut restored, mut rejected) = (None, Vec::new());
        let wanted = match options.restore {
            Restore::None => None,
            Restore::Latest | Restore::LatestOrAnew => Some(Wanted::Latest),
            Restore::Epoch(epoch) => Some(Wanted::Epoch(epoch)),
        };
        let disk = RealDisk::plain();
        let may_be_new = options.restore == Restore::LatestOrAnew;
        if wanted.is_some() && !may_be_new {
            // Looked at before anything is made: a wrong path must not become a directory.
            Directory::open(disk, &options.dir)?;
        }
        let lock = lock_patiently(&options.dir)?;
        let next = next_run(&disk, &options.dir)?;
        match wanted {
            None if next.run > 1 => {
                let dir = options.dir.display().to_string();
                return Err(CheckpointError::NotEmpty { dir }.into());
            }
            None => {}
            Some(wanted) => {
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                let found = Directory::open(disk, &options.dir)
                    .and_then(|directory| directory.snapshot_on(threads, wanted));
                match found {
                    Ok((snapshot, damaged)) => {
                        rejected = damaged.iter().map(ToString::to_string).collect();
                        restored = Some(Restored::read(snapshot, &flow.name)?);
                    }
                    Err(
                        CheckpointError::Empty { .. }
                        | CheckpointError::Foreign { .. }
                        | CheckpointError::NothingDurable { .. },
                    ) if may_be_new => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(Parts {
            options: options.clone(),
            lock,
            shape: Shape {
                flow: flow.name.clone(),
                seed: flow.seed,
                parts: Vec::new(),
            },
            slot: Slot::default(),
            run_dir: options.dir.join(run_name(next.run)),
            first_epoch: next.first_epoch,
            restored,
            opened,
            rejected,
        })
    }

    fn add(&mut self, part: PartShape) -> Port {
        self.shape.parts.push(part);
        Port::new(self.slot.clone(), self.shape.parts.len() - 1)
    }

    /// A partition of a stage; `table` where it has entries.
    pub(super) fn stage(
        &mut self,
        name: &StageName,
        partitions: usize,
        table: Option<TableShape>,
    ) -> Port {
        let table = table.unwrap_or(TableShape {
            entry_bytes: 0,
            value_bytes: 0,
            block_bytes: EXTRAS_BLOCK_BYTES,
        });
        self.add(PartShape {
            kind: Kind::Stage,
            name: name.name.clone(),
            stage_index: name.stage_index as u32,
            partition: name.partition as u32,
            partitions: partitions as u32,
            scheme: name.partitioner.clone(),
            entry_bytes: table.entry_bytes,
            value_bytes: table.value_bytes,
            block_bytes: table.block_bytes,
        })
    }

    /// The source: its way to ask for checkpoints, the epoch and the position to go on from.
    pub(super) fn source(
        &mut self,
        name: &str,
    ) -> Result<(u64, Checkpoints, Option<Vec<u8>>), FlowError> {
        let port = self.add(PartShape {
            kind: Kind::Source,
            name: name.to_owned(),
            stage_index: 0,
            partition: 0,
            partitions: 1,
            scheme: String::new(),
            entry_bytes: 0,
            value_bytes: 0,
            block_bytes: EXTRAS_BLOCK_BYTES,
        });
        let mut before = (Saved::default(), None);
        if let Some(restored) = &self.restored {
            let parts = &restored.snapshot.shape.parts;
            let saved = parts.iter().position(|part| part.kind == Kind::Source);
            let saved = saved.and_then(|part| restored.saved.get(part));
            let position = saved.and_then(|saved| saved.position.clone());
            let position = position.ok_or_else(|| FlowError::NoPosition {
                source_name: name.to_owned(),
                epoch: restored.snapshot.epoch,
            })?;
            before = (saved.cloned().unwrap_or_default(), Some(position));
        }
        let (before, position) = before;
        let checkpoints = Checkpoints {
            slot: self.slot.clone(),
            port,
            interval_ns: self.options.interval_ns,
            request: self.options.request.clone(),
            before,
        };
        Ok((self.first_epoch - 1, checkpoints, position))
    }

    /// What partition `name.partition` of `partitions` takes up, if the run is restored.
    pub(super) fn share(
        &self,
        name: &StageName,
        partitions: usize,
        value_bytes: usize,
    ) -> Result<Option<Share<'_>>, FlowError> {
        let Some(restored) = &self.restored else {
            return Ok(None);
        };
        let old = &restored.snapshot.shape.parts;
        let of_stage = |part: &PartShape| {
            part.kind == Kind::Stage && part.stage_index as usize == name.stage_index
        };
        let all: Vec<usize> = (0..old.len())
            .filter(|&part| of_stage(&old[part]))
            .collect();
        let fits = |part: &&usize| {
            old[**part].name == name.name && old[**part].value_bytes as usize == value_bytes
        };
        if all.is_empty() || !all.iter().all(|part| fits(&part)) {
            let found = all.first().map_or_else(
                || "no such stage".to_owned(),
                |&part| {
                    format!(
                        "{} with {} bytes a value",
                        old[part].name, old[part].value_bytes
                    )
                },
            );
            return Err(FlowError::OtherStage {
                stage: name.name.clone(),
                value_bytes,
                found,
            });
        }
        let same = all.len() == partitions
            && old[all[0]].scheme == name.partitioner
            && restored.snapshot.shape.seed == self.shape.seed;
        let at = |wanted: usize| all.get(wanted).copied();
        let own = (name.partition..all.len()).step_by(partitions);
        Ok(Some(Share {
            restored,
            parts: if same {
                at(name.partition).into_iter().collect()
            } else {
                all.clone()
            },
            whole: same,
            own: own.filter_map(at).collect(),
        }))
    }

    /// All parts are known: makes the region, and starts the writer.
    pub(super) fn start(self) -> Result<Writing, FlowError> {
        let restore_ns = self.opened.elapsed().as_nanos() as u64;
        let payloads = self
            .shape
            .parts
            .iter()
            .map(|part| part.block_bytes as usize);
        let payloads: Vec<usize> = payloads.collect();
        let staging_bytes = match self.options.staging_bytes {
            0 => procfs::available_memory_bytes() / STAGING_SHARE,
            given => given,
        };
        let region =
            Region::new(&payloads, staging_bytes).map_err(|source| CheckpointError::Start {
                what: "memory for staging",
                source,
            })?;
        let mut figures = CheckpointSummary {
            dir: self.options.dir.display().to_string(),
            writer: self.options.writer.name().to_owned(),
            ..CheckpointSummary::default()
        };
        if let Some(restored) = &self.restored {
            let epoch = restored.snapshot.epoch;
            let bytes = restored.snapshot.bytes();
            let events = restored.saved.iter().map(|saved| saved.events);
            figures.restored = Some(RestoredSummary {
                epoch,
                events: events.max().unwrap_or(0),
                bytes,
                restore_ns,
                bytes_per_s: bytes as f64 * 1e9 / restore_ns.max(1) as f64,
                rejected: self.rejected,
            });
        }
        region.settle(self.first_epoch - 1, [0; ROTATION]);
        let order = Order {
            run_dir: self.run_dir,
            shape: self.shape,
            first_epoch: self.first_epoch,
        };
        let running = Running::start(&self.options.writer, order, region.clone(), &self.lock)?;
        // Nobody has set it: the slot is this plan's own.
        let _ = self.slot.set(region);
        Ok(Writing {
            running,
            figures,
            lock: self.lock,
        })
    }

    /// Gives the sink behind task `partition` of `partitions` of the last stage what those of an earlier run
    /// saved.
    pub(super) fn restore_sink<T, S: Sink<T>>(
        &self,
        sink: &mut S,
        stage_index: usize,
        (partition, partitions): (usize, usize),
    ) -> Result<(), FlowError> {
        let Some(restored) = &self.restored else {
            return Ok(());
        };
        let parts = restored.snapshot.shape.parts.iter().zip(&restored.saved);
        let last = parts.filter(|(part, _)| {
            part.kind != Kind::Results && part.stage_index as usize == stage_index
        });
        for (_, saved) in last.skip(partition).step_by(partitions) {
            sink.restore(&saved.sink)
                .map_err(|reason| FlowError::Restore {
                    part: "the sink".into(),
                    reason,
                })?;
        }
        Ok(())
    }
}

/// The checkpoints of a flow that runs.
pub(super) struct Writing {
    running: Running,
    figures: CheckpointSummary,
    lock: DirLock,
}

impl Writing {
    /// After the run: waits for the writer, and lets go of the directory.
    pub(super) fn finish(self) -> CheckpointSummary {
        let mut figures = self.figures;
        for settled in self.running.finish() {
            match settled {
                Settled::Durable { epoch, bytes } => {
                    figures.durable += 1;
                    figures.last_epoch = epoch;
                    figures.bytes += bytes;
                }
                Settled::Aborted { reason, .. } => {
                    figures.aborted += 1;
                    figures.abort_reason = reason;
                }
            }
        }
        drop(self.lock);
        figures
    }
}
