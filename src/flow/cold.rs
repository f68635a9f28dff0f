//! Where the cold tiers of a flow lie, and who steps their other halves.
//!
//! ```text
//!   run                 a file for each partition in the state directory, one helper thread for all;
//!                       with checkpoints, beside their files, and one more thread that syncs
//!   simulate            memory; each server is a task like any other
//!   simulate_in_order   memory; each server answers inside the task that asked
//! ```

use super::checkpoint::Parts;
use super::options::Options;
use super::plan::{FlowError, Plan};
use crate::checkpoint::{Kind, PartShape, Port, log_path};
use crate::operator::StageName;
use crate::runtime::PlacedTask;
use crate::state::TableShape;
use crate::state::cold::{
    Cold, ColdOptions, ColdThread, DiskStorage, FileStorage, LogShape, MemoryStorage, StateDir,
    SyncThread, Syncer, cold_tier,
};
use crate::sys::clock::Origin;
use crate::sys::real_disk::RealDisk;
use crate::sys::simulated_disk::SimulatedDisk;
use crate::task::Task;
use bytemuck::Pod;
use std::path::PathBuf;
use tempfile::TempDir;

/// Bytes of a frame and of a segment of a log on a simulated disk: small, so that little state fills many.
const SIMULATED_BYTES: (usize, usize) = (512, 4096);
/// Larger values want frames of the usual size.
const SIMULATED_VALUE_BYTES_MAX: usize = 256;

/// Who answers for the cold tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// A thread beside the cores.
    Thread,
    /// Tasks of the simulator.
    Tasks,
    /// The tasks that ask.
    Inline,
}

/// The cold tiers of a plan.
pub(super) struct ColdTiers {
    servers: Servers,
    /// With the temporary directory that it is, if it is one.
    dir: Option<(StateDir, Option<TempDir>)>,
    tasks: Vec<(String, Box<dyn Task>)>,
    /// Where checkpoints are made: who puts logs on the disk.
    sync: Option<(SyncThread, Syncer)>,
}

/// The cold tier of one partition.
pub(super) struct ColdPart<V: Pod> {
    pub(super) tier: Cold<V>,
    pub(super) reads_max: usize,
    /// The server, where nobody else steps it.
    pub(super) inline: Option<Box<dyn Task>>,
    /// Through which a checkpoint takes what is hot, and what is cold.
    pub(super) ports: Option<(Port, Port)>,
}

impl ColdTiers {
    pub(super) fn new(options: &Options, servers: Servers) -> Result<Self, FlowError> {
        // Where checkpoints are made, the files lie beside theirs.
        let logged = options
            .checkpoint
            .as_ref()
            .is_some_and(|checkpoint| !checkpoint.read_only);
        let files = servers == Servers::Thread && options.state_memory_bytes > 0 && !logged;
        let dir = match (&options.state_dir, files) {
            (_, false) => None,
            (Some(dir), true) => Some((StateDir::open(dir)?, None)),
            (None, true) => {
                let made = tempfile::Builder::new().prefix("millstream-").tempdir();
                let own = made.map_err(FlowError::StateDir)?;
                Some((StateDir::open(own.path())?, Some(own)))
            }
        };
        Ok(ColdTiers {
            servers,
            dir,
            tasks: Vec::new(),
            sync: None,
        })
    }

    /// The way to the thread that puts logs on the disk, which is started with the first of them.
    fn syncer(&mut self) -> std::io::Result<Syncer> {
        let sync = match self.sync.take() {
            Some(sync) => sync,
            None => SyncThread::start()?,
        };
        Ok(self.sync.insert(sync).1.clone())
    }

    /// Has a thread step the servers, where that is who does.
    pub(super) fn start(self) -> Result<Option<Helper>, FlowError> {
        if self.tasks.is_empty() {
            return Ok(None);
        }
        let servers = self.tasks.into_iter().map(|(_, task)| task).collect();
        let thread = ColdThread::start(servers, Origin::start()).map_err(FlowError::Helper)?;
        let sync = self.sync.map(|(thread, _)| thread);
        Ok(Some(Helper {
            thread,
            sync,
            dir: self.dir,
        }))
    }

    /// The servers as tasks, where the simulator steps them.
    pub(super) fn into_tasks(self) -> impl Iterator<Item = PlacedTask> {
        self.tasks.into_iter().map(|(name, task)| PlacedTask {
            name,
            core: 0,
            task,
        })
    }
}

/// The thread that serves the cold tiers, and the directory it holds.
pub(super) struct Helper {
    thread: ColdThread,
    sync: Option<SyncThread>,
    dir: Option<(StateDir, Option<TempDir>)>,
}

impl Helper {
    /// After the run: ends the threads, then lets go of the directory.
    pub(super) fn end(self) {
        drop(self.thread);
        drop(self.sync);
        drop(self.dir);
    }
}

impl Plan {
    /// A cold tier for a partition.
    pub(super) fn cold<V: Pod + Send>(
        &mut self,
        name: &StageName,
        partitions: usize,
    ) -> Result<ColdPart<V>, FlowError> {
        let mut options = ColdOptions {
            partition: name.partition as u32,
            ..ColdOptions::default()
        };
        let simulated = self.parts.as_ref().and_then(Parts::simulated);
        if simulated.is_some() && size_of::<V>() < SIMULATED_VALUE_BYTES_MAX {
            (options.frame_bytes, options.segment_bytes) = SIMULATED_BYTES;
            options.grow_bytes = SIMULATED_BYTES.1 as u64;
        }
        let log = self.log::<V>(name, partitions, &options)?;
        let cold = &mut self.cold;
        let title = format!("cold tier of {} {}", name.name, name.partition);
        let (tier, server) = match (&log, &cold.dir) {
            (Some((.., path)), _) if let Some(disk) = &simulated => {
                cold_tier(DiskStorage::create(disk, path)?, options)?
            }
            (Some((.., path)), _) => {
                let (tier, server) = cold_tier(FileStorage::log(path.clone(), &options)?, options)?;
                let syncer = cold.syncer().map_err(FlowError::Helper)?;
                (tier, server.synced_by(syncer))
            }
            (None, Some((dir, _))) => cold_tier(dir.cold_file(&name.name, &options)?, options)?,
            (None, None) => cold_tier(MemoryStorage::new(&title), options)?,
        };
        let server: Box<dyn Task> = Box::new(server);
        let inline = if cold.servers == Servers::Inline {
            Some(server)
        } else {
            cold.tasks.push((title, server));
            None
        };
        Ok(ColdPart {
            tier,
            reads_max: options.reads_max,
            inline,
            ports: log.map(|(hot, log, _)| (hot, log)),
        })
    }

    /// The ports of a partition's two tiers and where its log lies, if checkpoints are made.
    fn log<V>(
        &mut self,
        name: &StageName,
        partitions: usize,
        options: &ColdOptions,
    ) -> Result<Option<(Port, Port, PathBuf)>, FlowError> {
        let Some(parts) = &mut self.parts else {
            return Ok(None);
        };
        let shape = LogShape::of::<V>(options)?;
        // The entries of the hot table lie in its blocks as those of a state table do.
        let hot = parts.stage(name, partitions, Some(TableShape::of::<V>()));
        let log = parts.log(name, partitions, size_of::<V>(), shape)?;
        Ok(log.map(|(log, path)| (hot, log, path)))
    }
}

impl Parts {
    /// The disk they are on, if it is a simulated one.
    fn simulated(&self) -> Option<SimulatedDisk> {
        self.opened.simulated.clone()
    }

    /// The log of a partition whose state is bounded, and where it lies; `None` where nothing is written.
    pub(super) fn log(
        &mut self,
        name: &StageName,
        partitions: usize,
        value_bytes: usize,
        log: LogShape,
    ) -> Result<Option<(Port, PathBuf)>, FlowError> {
        if self.opened.lock.is_none() && self.opened.simulated.is_none() {
            return Ok(None);
        }
        let port = self.add(PartShape {
            kind: Kind::Log,
            name: name.name.clone(),
            stage_index: name.stage_index as u32,
            partition: name.partition as u32,
            partitions: partitions as u32,
            scheme: name.partitioner.clone(),
            entry_bytes: log.record_bytes,
            value_bytes: value_bytes as u32,
            block_bytes: log.map_bytes,
        });
        let part = self.shape.parts.len() - 1;
        let run_dir = &self.opened.run_dir;
        let path = match &self.opened.simulated {
            None => log_path(&RealDisk::plain(), run_dir, &self.shape, part)?,
            Some(disk) => log_path(disk, run_dir, &self.shape, part)?,
        };
        Ok(Some((port, path)))
    }
}
