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

use super::checkpoint_options::{CheckpointOptions, Opened};
use super::options::Options;
use super::plan::FlowError;
use super::restored::{Restored, Share};
use crate::checkpoint::{
    CheckpointError, DirLock, Drain, Expected, Kind, PartShape, Port, ROTATION, Region, Running,
    Saved, Settled, Shape, Slot, Writer, WriterOrder,
};
use crate::latency::{CheckpointSummary, RestoredSummary};
use crate::operator::StageName;
use crate::sink::Sink;
use crate::source::Checkpoints;
use crate::state::TableShape;
use crate::sys::procfs;
use crate::sys::simulated_disk::SimulatedDisk;
use std::sync::Arc;

/// Bytes of the frames of parts without entries.
pub(super) const EXTRAS_BLOCK_BYTES: u32 = 4096;
/// Staging takes this share of the memory that is available, where nothing else is said. It bounds the
/// addresses; pages are taken as frames are used.
const STAGING_SHARE: u64 = 3;
/// Files of results and of dead letters stand behind every stage.
pub(super) const FILES_STAGE: u32 = u32::MAX;

/// The checkpoints of a flow that is being built.
pub(super) struct Parts {
    pub(super) options: CheckpointOptions,
    pub(super) opened: Opened,
    pub(super) shape: Shape,
    slot: Slot,
    expected: Vec<Expected>,
    /// For the report: what became of the dead letters of the run before.
    pub(super) letters_moved: String,
    pub(super) letters_missing: String,
}

impl Parts {
    pub(super) fn open(options: &CheckpointOptions, flow: &Options) -> Result<Self, FlowError> {
        let (opened, links) = options.open(&flow.name)?;
        let mut parts = Parts {
            options: options.clone(),
            opened,
            shape: Shape {
                flow: flow.name.clone(),
                seed: flow.seed,
                parts: Vec::new(),
            },
            slot: Slot::default(),
            expected: Vec::new(),
            letters_moved: String::new(),
            letters_missing: String::new(),
        };
        let before = parts.opened.restored.as_ref().map(Restored::files);
        if let Some(before) = before.filter(|before| *before != links.len()) {
            let now = links.len();
            return Err(FlowError::OtherResults { before, now });
        }
        for (number, link) in links.into_iter().enumerate() {
            let port = parts.add(PartShape {
                kind: Kind::Results,
                name: "results".into(),
                stage_index: FILES_STAGE,
                partition: number as u32,
                partitions: 1,
                scheme: String::new(),
                entry_bytes: 0,
                value_bytes: 0,
                block_bytes: EXTRAS_BLOCK_BYTES,
            });
            link.connect(port, parts.slot.clone());
        }
        Ok(parts)
    }

    pub(super) fn add(&mut self, part: PartShape) -> Port {
        self.shape.parts.push(part);
        let port = Port::new(self.slot.clone(), self.shape.parts.len() - 1);
        self.expected.push(port.expected());
        port
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
        if let Some(restored) = &self.opened.restored {
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
        Ok((self.opened.first_epoch - 1, checkpoints, position))
    }

    /// What partition `name.partition` of `partitions` takes up, if the run is restored.
    pub(super) fn share(
        &self,
        name: &StageName,
        partitions: usize,
        value_bytes: usize,
    ) -> Result<Option<Share<'_>>, FlowError> {
        let Some(restored) = &self.opened.restored else {
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
        let parts: Vec<usize> = if same {
            at(name.partition).into_iter().collect()
        } else {
            all.clone()
        };
        let is_of = |log: usize, part: usize| {
            old[log].kind == Kind::Log
                && old[log].stage_index == old[part].stage_index
                && old[log].partition == old[part].partition
        };
        let logs = (0..old.len()).filter(|&log| parts.iter().any(|&part| is_of(log, part)));
        Ok(Some(Share {
            restored,
            logs: logs.collect(),
            parts,
            whole: same,
            own: own.filter_map(at).collect(),
        }))
    }

    /// All parts of a simulated run are known: the writer, to be stepped; `None` where no checkpoints are made.
    pub(super) fn stepped(self) -> Result<Option<Drain<SimulatedDisk>>, FlowError> {
        let Some(disk) = self.opened.simulated else {
            return Ok(None);
        };
        let region = region(&self.shape, &self.options, self.opened.first_epoch)?;
        let writer = Writer::new(
            disk,
            self.opened.run_dir,
            self.shape,
            self.opened.first_epoch,
        )?;
        // Nobody has set it: the slot is this plan's own.
        let _ = self.slot.set(region.clone());
        Ok(Some(Drain::new(region, writer)))
    }

    /// Whether it is on a simulated disk.
    pub(super) fn is_simulated(&self) -> bool {
        self.opened.simulated.is_some()
    }

    /// All parts are known: makes the region, and starts the writer.
    pub(super) fn start(self, spare_cpus: Vec<usize>) -> Result<Writing, FlowError> {
        let restore_ns = self.opened.since.elapsed().as_nanos() as u64;
        let figures = self.figures(restore_ns);
        let Some(lock) = self.opened.lock else {
            return Ok(Writing {
                figures,
                at_work: None,
            });
        };
        let region = region(&self.shape, &self.options, self.opened.first_epoch)?;
        let order = WriterOrder {
            run_dir: self.opened.run_dir,
            shape: self.shape,
            first_epoch: self.opened.first_epoch,
            spare_cpus,
        };
        let running = Running::start(
            &self.options.writer,
            order,
            region.clone(),
            &lock,
            self.expected,
        )?;
        // Nobody has set it: the slot is this plan's own.
        let _ = self.slot.set(region);
        Ok(Writing {
            figures,
            at_work: Some((running, lock)),
        })
    }

    /// What is known before the run.
    fn figures(&self, restore_ns: u64) -> CheckpointSummary {
        let mut figures = CheckpointSummary {
            dir: self.options.dir.display().to_string(),
            writer: self.options.writer.name().to_owned(),
            letters_moved: self.letters_moved.clone(),
            letters_missing: self.letters_missing.clone(),
            ..CheckpointSummary::default()
        };
        if let Some(restored) = &self.opened.restored {
            let epoch = restored.snapshot.epoch;
            let bytes = restored.snapshot.bytes();
            let events = restored.saved.iter().map(|saved| saved.events);
            figures.restored = Some(RestoredSummary {
                epoch,
                events: events.max().unwrap_or(0),
                bytes,
                restore_ns,
                bytes_per_s: bytes as f64 * 1e9 / restore_ns.max(1) as f64,
                rejected: self.opened.rejected.clone(),
            });
        }
        figures
    }

    /// Gives the sink behind task `partition` of `partitions` of the last stage what those of an earlier run
    /// saved.
    pub(super) fn restore_sink<T, S: Sink<T>>(
        &self,
        sink: &mut S,
        stage_index: usize,
        (partition, partitions): (usize, usize),
    ) -> Result<(), FlowError> {
        let Some(restored) = &self.opened.restored else {
            return Ok(());
        };
        let parts = restored.snapshot.shape.parts.iter().zip(&restored.saved);
        let last = parts.filter(|(part, _)| {
            matches!(part.kind, Kind::Source | Kind::Stage)
                && part.stage_index as usize == stage_index
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

/// The memory through which the parts hand over their state.
fn region(
    shape: &Shape,
    options: &CheckpointOptions,
    first_epoch: u64,
) -> Result<Arc<Region>, FlowError> {
    let payloads = shape.parts.iter().map(|part| part.block_bytes as usize);
    let payloads: Vec<usize> = payloads.collect();
    let staging_bytes = match options.staging_bytes {
        0 => procfs::available_memory_bytes() / STAGING_SHARE,
        given => given,
    };
    let region =
        Region::new(&payloads, staging_bytes).map_err(|source| CheckpointError::Start {
            what: "memory for staging",
            source,
        })?;
    region.settle(first_epoch - 1, [0; ROTATION]);
    Ok(region)
}

/// The checkpoints of a flow that runs.
pub(super) struct Writing {
    figures: CheckpointSummary,
    /// None where none are made.
    at_work: Option<(Running, DirLock)>,
}

impl Writing {
    /// After the run: waits for the writer, and lets go of the directory. `whole`: no task failed, so that
    /// every part of the last epoch is sent.
    pub(super) fn finish(self, whole: bool) -> CheckpointSummary {
        let mut figures = self.figures;
        let Some((running, lock)) = self.at_work else {
            return figures;
        };
        if !whole {
            // In this order: the directory is free once nobody writes to it.
            drop(running);
            drop(lock);
            return figures;
        }
        let (settled, died) = running.finish();
        figures.writer_died = died.unwrap_or_default();
        for settled in settled {
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
        drop(lock);
        figures
    }
}
