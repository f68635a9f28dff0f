//! Where the cold tiers of a flow lie, and who steps their other halves.
//!
//! ```text
//!   run                 a file for each partition in the state directory, one helper thread for all
//!   simulate            memory; each server is a task like any other
//!   simulate_in_order   memory; each server answers inside the task that asked
//! ```

use super::options::Options;
use super::plan::{FlowError, Plan};
use crate::operator::StageName;
use crate::runtime::PlacedTask;
use crate::state::cold::{Cold, ColdOptions, ColdThread, MemoryStorage, StateDir, cold_tier};
use crate::sys::clock::Origin;
use crate::task::Task;
use bytemuck::Pod;
use tempfile::TempDir;

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
}

/// The cold tier of one partition.
pub(super) struct ColdPart<V: Pod> {
    pub(super) tier: Cold<V>,
    pub(super) reads_max: usize,
    /// The server, where nobody else steps it.
    pub(super) inline: Option<Box<dyn Task>>,
}

impl ColdTiers {
    pub(super) fn new(options: &Options, servers: Servers) -> Result<Self, FlowError> {
        let files = servers == Servers::Thread && options.state_memory_bytes > 0;
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
        })
    }

    /// Has a thread step the servers, where that is who does.
    pub(super) fn start(self) -> Result<Option<Helper>, FlowError> {
        let Some(dir) = self.dir else {
            return Ok(None);
        };
        let servers = self.tasks.into_iter().map(|(_, task)| task).collect();
        let thread = ColdThread::start(servers, Origin::start()).map_err(FlowError::Helper)?;
        Ok(Some(Helper { thread, dir }))
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
    dir: (StateDir, Option<TempDir>),
}

impl Helper {
    /// After the run: ends the thread, then lets go of the directory.
    pub(super) fn end(self) {
        drop(self.thread);
        drop(self.dir);
    }
}

impl Plan {
    /// A cold tier for a partition.
    pub(super) fn cold<V: Pod + Send>(
        &mut self,
        name: &StageName,
    ) -> Result<ColdPart<V>, FlowError> {
        let options = ColdOptions {
            partition: name.partition as u32,
            ..ColdOptions::default()
        };
        let cold = &mut self.cold;
        let title = format!("cold tier of {} {}", name.name, name.partition);
        let (tier, server) = match &cold.dir {
            Some((dir, _)) => cold_tier(dir.cold_file(&name.name, &options)?, options)?,
            None => cold_tier(MemoryStorage::new(&title), options)?,
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
        })
    }
}
