//! Whether and how a run makes checkpoints, and the directory it finds.
//!
//! A directory is opened (locked, looked through, verified) once: by the flow when it is built, or before by
//! whoever writes a file of results that goes on where the checkpoint says.

use super::plan::FlowError;
use super::restored::Restored;
use crate::checkpoint::{
    CheckpointError, DirLock, Directory, NextRun, Port, Slot, Wanted, WriterKind, lock_patiently,
    next_run, run_name,
};
use crate::sink::ResultsPart;
use crate::sys::disk::Disk;
use crate::sys::real_disk::RealDisk;
use crate::sys::simulated_disk::SimulatedDisk;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

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
    /// Only restore: make no checkpoints, and neither lock the directory nor write to it.
    pub read_only: bool,
    /// For a simulated run: the disk that `dir` is on. Nothing of the machine's is then read, written or locked.
    pub simulated: Option<SimulatedDisk>,
    /// What was found when the directory was opened, until the flow takes it up.
    found: Arc<Mutex<Found>>,
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
            read_only: false,
            simulated: None,
            found: Arc::default(),
        }
    }

    /// A file of results takes part: what connects its writer, and where it stood in the epoch that the run
    /// goes on from. `flow` is the name of the flow.
    ///
    /// # Errors
    /// The directory cannot be used, or not be restored from.
    pub fn results(&self, flow: &str) -> Result<(ResultsLink, Option<Vec<u8>>), FlowError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.opened.is_none() {
            found.opened = Some(Opened::open(self, flow)?);
        }
        let restored = found
            .opened
            .as_ref()
            .and_then(|opened| opened.restored.as_ref());
        let position = restored.map(|restored| restored.results(found.links.len()));
        let position = position.transpose()?.flatten();
        if restored.is_some() && position.is_none() {
            return Err(FlowError::OtherResults {
                before: found.links.len(),
                now: found.links.len() + 1,
            });
        }
        let link = ResultsLink::default();
        found.links.push(link.clone());
        Ok((link, position))
    }

    /// What was found in the directory, which is opened now if it was not before; and the files that take part.
    pub(super) fn open(&self, flow: &str) -> Result<(Opened, Vec<ResultsLink>), FlowError> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let found = std::mem::take(&mut *found);
        let opened = found.opened.map_or_else(|| Opened::open(self, flow), Ok)?;
        Ok((opened, found.links))
    }
}

/// A directory that was opened before the flow was built.
#[derive(Debug, Default)]
struct Found {
    opened: Option<Opened>,
    links: Vec<ResultsLink>,
}

/// A directory of checkpoints, locked, with the epoch that the run goes on from.
#[derive(Debug)]
pub(super) struct Opened {
    /// `None` where the directory is only read.
    pub(super) lock: Option<DirLock>,
    /// The simulated disk, if it is on one.
    pub(super) simulated: Option<SimulatedDisk>,
    /// Directory of the run to come.
    pub(super) run_dir: PathBuf,
    pub(super) first_epoch: u64,
    pub(super) restored: Option<Restored>,
    /// Newer epochs that were not whole, and why.
    pub(super) rejected: Vec<String>,
    pub(super) since: Instant,
}

impl Opened {
    fn open(options: &CheckpointOptions, flow: &str) -> Result<Self, FlowError> {
        match &options.simulated {
            None => {
                let lock = || lock_patiently(&options.dir);
                Opened::open_on(&RealDisk::plain(), lock, options, flow)
            }
            Some(disk) => Opened::open_on(disk, || make_dir(disk, &options.dir), options, flow),
        }
    }

    /// Looks through the directory, which `lock` makes and keeps others away from.
    fn open_on<D: Disk, L: Into<Option<DirLock>>>(
        disk: &D,
        lock: impl Fn() -> Result<L, CheckpointError>,
        options: &CheckpointOptions,
        flow: &str,
    ) -> Result<Self, FlowError> {
        let since = Instant::now();
        let wanted = match options.restore {
            Restore::None => None,
            Restore::Latest | Restore::LatestOrAnew => Some(Wanted::Latest),
            Restore::Epoch(epoch) => Some(Wanted::Epoch(epoch)),
        };
        let may_be_new = options.restore == Restore::LatestOrAnew;
        if wanted.is_some() && !may_be_new {
            // Looked at before anything is made: a wrong path must not become a directory.
            Directory::open(disk.clone(), &options.dir)?;
        }
        let lock = (!options.read_only).then(lock).transpose()?;
        let next = next_run(disk, &options.dir)?;
        let (mut restored, mut rejected) = (None, Vec::new());
        match wanted {
            None if !options.read_only && is_in_use(disk, &options.dir, &next)? => {
                let dir = options.dir.display().to_string();
                return Err(CheckpointError::NotEmpty { dir }.into());
            }
            None => {}
            Some(wanted) => {
                let threads = match options.simulated {
                    None => std::thread::available_parallelism().map_or(1, usize::from),
                    Some(_) => 1,
                };
                let found = Directory::open(disk.clone(), &options.dir)
                    .and_then(|directory| directory.snapshot_on(threads, wanted));
                match found {
                    Ok((snapshot, damaged)) => {
                        rejected = damaged.iter().map(ToString::to_string).collect();
                        restored = Some(Restored::read(snapshot.anywhere(), flow)?);
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
        Ok(Opened {
            lock: lock.and_then(Into::into),
            simulated: options.simulated.clone().filter(|_| !options.read_only),
            run_dir: options.dir.join(run_name(next.run)),
            first_epoch: next.first_epoch,
            restored,
            rejected,
            since,
        })
    }
}

/// Makes `dir` on a disk that no other process reaches, so that there is nothing to lock.
fn make_dir(disk: &SimulatedDisk, dir: &Path) -> Result<Option<DirLock>, CheckpointError> {
    let made = disk.create_dir(dir);
    let parent = dir.parent().unwrap_or(Path::new("/"));
    made.and_then(|()| disk.sync_dir(parent))
        .map_err(|source| CheckpointError::Start {
            what: "the simulated directory",
            source,
        })?;
    Ok(None)
}

fn is_in_use<D: Disk>(disk: &D, dir: &Path, next: &NextRun) -> Result<bool, CheckpointError> {
    Ok(next.run > 1 && Directory::open(disk.clone(), dir)?.holds_epochs())
}

/// Connects the writer of a file of results with the checkpoints of the flow it belongs to.
#[derive(Clone, Debug, Default)]
pub struct ResultsLink {
    end: Arc<OnceLock<(Mutex<Port>, Slot)>>,
}

impl ResultsLink {
    /// The flow is built: this is the file's part.
    pub(super) fn connect(&self, port: Port, slot: Slot) {
        // A link is made for one flow.
        let _ = self.end.set((Mutex::new(port), slot));
    }
}

impl ResultsPart for ResultsLink {
    fn ready(&mut self, epoch: u64, position: &[u8]) {
        let Some((port, _)) = self.end.get() else {
            return;
        };
        let mut port = port.lock().unwrap_or_else(PoisonError::into_inner);
        if port.begin(epoch).is_some() && port.extras(position) {
            port.end(0);
        }
    }

    fn gone(&mut self) {
        // Without its rows no epoch becomes durable: none is waited for, and no further one is asked for.
        if let Some(region) = self.end.get().and_then(|(_, slot)| slot.get()) {
            region.abandon();
        }
    }

    fn durable(&self) -> u64 {
        let region = self.end.get().and_then(|(_, slot)| slot.get());
        region.map_or(0, |region| {
            region.settled().1.into_iter().max().unwrap_or(0)
        })
    }
}
