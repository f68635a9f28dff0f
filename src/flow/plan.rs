//! The plan: the tasks that a flow comes to, before they are placed on cores.

use super::checkpoint::Parts;
use super::cold::{ColdTiers, Servers};
use super::failure::Failures;
use super::options::{Options, Resolved};
use crate::checkpoint::CheckpointError;
use crate::exchange::WeightsError;
use crate::failure::PostError;
use crate::partition::PartitionError;
use crate::runtime::{RunError, SimulateError, spare_cpus};
use crate::schedule::AllocateError;
use crate::sink::{IntervalCollector, IntervalPort, interval_port};
use crate::state::cold::ColdError;
use crate::state::hot::HotError;
use crate::state::{Prefaulter, Table, TableError, TableOptions};
use crate::sys::cpus::{CpuError, check_given};
use crate::sys::procfs;
use crate::sys::topology::{Confined, cpus_online};
use crate::task::{Task, TaskError};
use bytemuck::Pod;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Why a flow could not be built or run.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// A state table could not be made.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A partitioning cannot be.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// Weights do not fit the partitions of their stage.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A hot table could not be made.
    #[error(transparent)]
    Hot(#[from] HotError),
    /// A cold tier could not be made.
    #[error(transparent)]
    Cold(#[from] ColdError),
    /// More memory for state than there is.
    #[error(
        "state.memory = {asked_bytes} bytes is more than the {available_bytes} that can be had now: give a smaller size, or leave it out to have state take what it needs as it grows"
    )]
    Memory {
        /// What was asked for.
        asked_bytes: u64,
        /// What is available.
        available_bytes: u64,
    },
    /// Checkpoints cannot be made, or not be restored from.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A simulated disk in a run on cores.
    #[error(
        "checkpoints on a simulated disk are for a simulated run: use Job::simulate_until, or leave CheckpointOptions::simulated out"
    )]
    SimulatedDisk,
    /// The checkpoint is one of another flow.
    #[error(
        "the checkpoint was made by the flow {found:?}, and this is {flow:?}: restore with that, or give this flow a directory of its own"
    )]
    OtherFlow {
        /// The flow that made it.
        found: String,
        /// This one.
        flow: String,
    },
    /// The checkpoint has another stage in this place.
    #[error(
        "stage {stage} ({value_bytes} bytes a value) finds {found} in the checkpoint: restore with the program and configuration that made it"
    )]
    OtherStage {
        /// Which stage.
        stage: String,
        /// Bytes of its values.
        value_bytes: usize,
        /// What is there.
        found: String,
    },
    /// What a part remembered cannot be read.
    #[error(
        "what {part} remembered cannot be read ({source}): the checkpoint is of another version; restore with the program that made it"
    )]
    Extras {
        /// Which part.
        part: String,
        /// Why.
        source: postcard::Error,
    },
    /// An operator or a sink does not take up what was saved.
    #[error("{part} cannot go on from the checkpoint: {reason}")]
    Restore {
        /// Which.
        part: String,
        /// Why.
        reason: String,
    },
    /// Another number of files of results.
    #[error(
        "the run that made the checkpoint wrote {} of results and this one writes {}: restore with the sink of that run", files(*before), files(*now)
    )]
    OtherResults {
        /// Files then.
        before: usize,
        /// Files now.
        now: usize,
    },
    /// The source did not say where it stood.
    #[error(
        "source {source_name} did not say where it stood at epoch {epoch}, since it cannot rewind: use a journal"
    )]
    NoPosition {
        /// The source.
        source_name: String,
        /// The epoch.
        epoch: u64,
    },
    /// State of a key may lie in several partitions, whose number has changed.
    #[error(
        "stage {stage} is partitioned by {scheme}, where a key may be in several partitions: restore with as many partitions as the checkpoint has, or partition by hash or range"
    )]
    Rescale {
        /// Which stage.
        stage: String,
        /// Its scheme.
        scheme: String,
    },
    /// The source cannot go to where it stood.
    #[error(transparent)]
    Seek(TaskError),
    /// Bounded state cannot be filled again.
    #[error(transparent)]
    Refill(TaskError),
    /// No directory for the files of bounded state.
    #[error("cannot make a temporary directory for bounded state: {0}; name one with state_dir")]
    StateDir(std::io::Error),
    /// A time to live for a stage that cannot tell when an event happened.
    #[error(
        "stage {stage}: state.ttl counts in event time, which this stage does not know; say where it is with .event_time(…) before .keyed(…), or leave state.ttl out"
    )]
    NoEventTime {
        /// Which stage.
        stage: String,
    },
    /// Failed events are to be set aside, and there is no file for them.
    #[error(
        "stage {stage}: failed events are to become dead letters, but there is no file for them: name one with failure.dead_letter, or choose another policy"
    )]
    NoDeadLetterFile {
        /// Which stage.
        stage: String,
    },
    /// Dead letters could not be written.
    #[error(transparent)]
    DeadLetters(#[from] PostError),
    /// It cannot be kept which checkpoints dead letters belong to.
    #[error("{}: cannot keep in it which checkpoints dead letters belong to: {source}; check the directory, or give another checkpoint.dir", dir.display())]
    Letters {
        /// The directory of checkpoints.
        dir: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It cannot be kept what each task is at.
    #[error("cannot keep in {} what each task is at: {source}; name another directory with failure.dir, or set failure.killer_page = \"off\"", dir.display())]
    KillerPage {
        /// The directory.
        dir: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Hot keys are to be split and cannot be.
    #[error(
        "partition.split_hot = \"on\": hot keys of {whose} cannot be split with results unchanged: {reason}; or say partition.split_hot = \"auto\", which splits where it can be done"
    )]
    SplitHot {
        /// The stage, or the flow where no stage can be split, in words.
        whose: String,
        /// What stands against it, and the remedy.
        reason: &'static str,
    },
    /// An option is out of its range.
    #[error("{option} = {value} is out of range: {expected}")]
    Option {
        /// Which.
        option: &'static str,
        /// What was given.
        value: usize,
        /// What is allowed, and why.
        expected: &'static str,
    },
    /// The run cannot have the CPUs it asks for.
    #[error(transparent)]
    Cpus(#[from] CpuError),
    /// The tasks cannot be placed on the cores.
    #[error("the tasks of the flow cannot be placed: {0}")]
    Allocate(#[from] AllocateError),
    /// The system gave no thread for the helper that brings in memory pages.
    #[error("cannot start the prefault thread: {0}")]
    Helper(std::io::Error),
    /// The run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The simulated run failed.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
}

fn files(count: usize) -> String {
    match count {
        0 => "no file".to_owned(),
        1 => "1 file".into(),
        more => format!("{more} files"),
    }
}

/// Most partitions of a stage. Each costs a task, its rings, and histograms of about 2 MiB.
pub const PARTITIONS_MAX: usize = 1024;
/// Most cores: more threads than any machine this is made for.
const CORES_MAX: usize = 1024;

struct Planned {
    name: String,
    stage_index: usize,
    partition: usize,
    task: Box<dyn Task>,
}

/// Tasks under construction.
pub struct Plan {
    pub(super) options: Options,
    pub(super) resolved: Resolved,
    pub(super) tables: usize,
    /// Position of the last stage; the source is 0.
    pub(super) last_stage: usize,
    /// Whether a stage has state that can be merged.
    pub(super) mergeable: bool,
    /// Positions of the stages whose hot keys can be split.
    pub(super) splittable: BTreeSet<usize>,
    pub(super) cold: ColdTiers,
    pub(super) parts: Option<Parts>,
    pub(super) failures: Failures,
    prefaulter: Option<Prefaulter>,
    tasks: Vec<Planned>,
    collectors: Vec<IntervalCollector>,
}

impl Plan {
    /// An empty plan; with the threads beside the cores, or without where it is simulated.
    pub(super) fn new(options: &Options, servers: Servers) -> Result<Self, FlowError> {
        let resolved = options.resolve();
        let check = |option, value, max, expected| {
            if value > max {
                Err(FlowError::Option {
                    option,
                    value,
                    expected,
                })
            } else {
                Ok(())
            }
        };
        check(
            "partitions",
            resolved.partitions,
            PARTITIONS_MAX,
            "1 to 1024; two on one core, else four a core do well",
        )?;
        check(
            "cores",
            resolved.cores,
            CORES_MAX,
            "1 to 1024; at most one for each CPU does well",
        )?;
        check(
            "ring_slots",
            resolved.ring_slots,
            1 << 24,
            "1 to 16,777,216; 512 to 4,096 do well",
        )?;
        if servers == Servers::Thread {
            check_given(&options.cpus, resolved.cores, &cpus_online())?;
        }
        if let Some(&core) = options.place.iter().find(|core| **core >= resolved.cores) {
            return Err(FlowError::Option {
                option: "place",
                value: core,
                expected: "the index of a core, from 0, below the number of cores",
            });
        }
        let available_bytes = procfs::available_memory_bytes();
        if options.state_memory_bytes > available_bytes && available_bytes > 0 {
            return Err(FlowError::Memory {
                asked_bytes: options.state_memory_bytes,
                available_bytes,
            });
        }
        let prefaulter = if servers == Servers::Thread {
            // It stays off the cores' CPUs: bringing in pages takes up to 0.25 ms a time.
            let _aside = Confined::to(&spare_cpus(&options.run_options()));
            Some(Prefaulter::start().map_err(FlowError::Helper)?)
        } else {
            None
        };
        Ok(Plan {
            options: options.clone(),
            resolved,
            tables: 0,
            last_stage: 0,
            mergeable: false,
            splittable: BTreeSet::new(),
            cold: ColdTiers::new(options, servers)?,
            parts: options
                .checkpoint
                .as_ref()
                .map(|checkpoint| Parts::open(checkpoint, options))
                .transpose()?,
            failures: Failures::new(options, servers != Servers::Thread)?,
            prefaulter,
            tasks: Vec::new(),
            collectors: Vec::new(),
        })
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        stage_index: usize,
        partition: usize,
        width: usize,
        task: Box<dyn Task>,
    ) {
        let name = if width == 1 {
            name.to_owned()
        } else {
            format!("{name} {partition}")
        };
        self.tasks.push(Planned {
            name,
            stage_index,
            partition,
            task,
        });
    }

    /// A table with room for `entries`, or for as many as the options expect.
    pub(super) fn table<V: Pod + Send>(&self, entries: usize) -> Result<Table<V>, FlowError> {
        let expected_keys = self
            .options
            .expected_keys
            .div_ceil(self.resolved.partitions);
        // A share is never quite even: an eighth more keeps the fullest partition from growing after all.
        let expected_keys = (expected_keys + expected_keys / 8).max(entries);
        let reserve_bytes = self.options.reserve_bytes(self.tables);
        Ok(Table::new(
            TableOptions {
                expected_keys,
                reserve_bytes,
            },
            self.prefaulter.as_ref(),
        )?)
    }

    pub(super) fn interval_port(&mut self) -> IntervalPort {
        let (port, collector) = interval_port();
        self.collectors.push(collector);
        port
    }
}

#[path = "placed.rs"]
mod placed;
