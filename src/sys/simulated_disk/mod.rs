//! A [`Disk`] in memory that loses, tears and reorders what was not synced, and fails where it is told to.
//!
//! ```text
//!   code under test ──► SimulatedDisk ── record ──► Moment, Moment, ...  (the disk after each call that
//!                         │    ▲                       │                  changed something)
//!                         │    └ inject(fault)         │
//!                         ▼                            ▼
//!                    crash(seed) ──────────────► SimulatedDisk as the next process finds it
//! ```
//!
//! Each call has a number, from 1 on, so that a fault or a crash can be put at any of them. A crash keeps any
//! part of what was not synced: see [`SimulatedDisk::crash`]. Everything is drawn from seeds and repeats.
//!
//! Clones are the same disk. Its contents lie in pages that copies share (a moment costs a few reference
//! counts), so that every call of a run can be crashed at without running again. Behind one lock: it is a
//! simulation for tests. What it does not simulate: garbage in bytes never written, a page dropped by a
//! failed sync that a later write to the same page brings back, renames from one directory into another
//! (refused).
mod contents;
mod draw;
mod fault;
mod file;
mod image;
#[cfg(test)]
mod model_tests;
mod node;
#[cfg(test)]
mod tests;

pub use fault::{Crashed, Fault, FaultKind, is_crash};
pub use file::SimulatedFile;

use crate::sys::disk::{Disk, Open};
use crate::sys::random::Random;
use contents::Contents;
use node::{DirectoryNode, FileNode, Node};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The disk. Clones are the same one.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// What is on a disk at one moment, and which call led to it.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Number of the last call before it.
    pub operation: u64,
    contents: Contents,
}

#[derive(Debug)]
struct State {
    contents: Contents,
    operation: u64,
    crash_after: Option<u64>,
    faults: Vec<Fault>,
    random: Random,
    history: Option<Vec<Moment>>,
}

impl Moment {
    /// The disk as the next process finds it if the machine stops here: see [`SimulatedDisk::crash`].
    pub fn crash(&self, seed: u64) -> SimulatedDisk {
        SimulatedDisk::of(self.contents.crashed(seed), seed, 0)
    }

    /// The disk as the next process finds it if only the process stops here: all is there, but no safer.
    pub fn survive(&self, seed: u64) -> SimulatedDisk {
        SimulatedDisk::of(self.contents.clone(), seed, self.operation)
    }

    /// Whether everything is safe: then a crash loses nothing.
    pub fn is_safe(&self) -> bool {
        self.contents.is_safe()
    }
}

impl SimulatedDisk {
    /// An empty disk; `seed` decides how its faults go.
    pub fn new(seed: u64) -> Self {
        SimulatedDisk::of(Contents::empty(), seed, 0)
    }

    fn of(contents: Contents, seed: u64, operation: u64) -> Self {
        let state = State {
            contents,
            // Numbers go on, so that what is still pending keeps its place in the order.
            operation,
            crash_after: None,
            faults: Vec::new(),
            random: Random::stream(seed, "disk"),
            history: None,
        };
        SimulatedDisk {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of the code under test leaves nothing half done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the last call.
    pub fn operations(&self) -> u64 {
        self.state().operation
    }

    /// Lets no call after number `operation` through: each fails with [`Crashed`] and changes nothing.
    pub fn crash_after(&self, operation: u64) {
        self.state().crash_after = Some(operation);
    }

    /// Adds a fault to come.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Takes back the faults that have not happened.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Keeps the moment after each call that changes something from here on; the first is the one now.
    pub fn record(&self) {
        let mut state = self.state();
        state.history = Some(vec![state.moment()]);
    }

    /// The moments kept since [`record`](SimulatedDisk::record), which ends with this.
    pub fn recorded(&self) -> Vec<Moment> {
        self.state().history.take().unwrap_or_default()
    }

    /// The disk now.
    pub fn moment(&self) -> Moment {
        self.state().moment()
    }

    /// The disk as the next process finds it if the machine stops now, drawn from `seed`.
    ///
    /// Of what was not synced, any operation may be lost while a later one is kept. A write may be torn
    /// (some of its 512-byte sectors or 4 KiB pages are there), short, or have lengthened its file without
    /// its bytes, and the other way round. A name made, changed or removed may or may not be so where its
    /// directory was not synced; a synced file without its name is gone. What was synced is there.
    pub fn crash(&self, seed: u64) -> SimulatedDisk {
        self.moment().crash(seed)
    }

    /// Harms safe bytes of one file (a bit flipped, a sector zeroed, or written also to a wrong place),
    /// drawn from `seed`. Says which file and what; `None` on a disk without bytes.
    pub fn decay(&self, seed: u64) -> Option<(PathBuf, String)> {
        let mut random = Random::stream(seed, "decay");
        self.state().contents.decay(&mut random)
    }

    /// All files, in order of path, with their bytes: to be compared or shown.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let contents = self.state().contents.clone();
        let bytes = |id| {
            let image = &contents.file(id).ok()?.seen;
            let mut bytes = vec![0; image.len() as usize];
            image.read(&mut bytes, 0).then_some(bytes)
        };
        let files = contents.files().into_iter();
        files
            .filter_map(|(path, id)| Some((path, bytes(id)?)))
            .collect()
    }
}

impl State {
    fn moment(&self) -> Moment {
        Moment {
            operation: self.operation,
            contents: self.contents.clone(),
        }
    }

    /// Counts a call, and says whether one of `kinds` happens to it.
    fn begin(&mut self, kinds: &[FaultKind]) -> io::Result<Option<FaultKind>> {
        if let Some(last) = self.crash_after
            && self.operation >= last
        {
            return Err(io::Error::other(Crashed { operation: last }));
        }
        self.operation += 1;
        let operation = self.operation;
        let due = |fault: &Fault| fault.operation <= operation && kinds.contains(&fault.kind);
        let Some(index) = self.faults.iter().position(due) else {
            return Ok(None);
        };
        let fault = &mut self.faults[index];
        fault.times = fault.times.saturating_sub(1);
        let kind = fault.kind;
        if fault.times == 0 {
            self.faults.remove(index);
        }
        Ok(Some(kind))
    }

    /// As [`begin`](State::begin), where the call does nothing if it fails.
    fn begin_or_fail(&mut self, kinds: &[FaultKind]) -> io::Result<()> {
        self.begin(kinds)?.map_or(Ok(()), |kind| Err(kind.error()))
    }

    /// The call has changed something.
    fn changed(&mut self) {
        if self.history.is_some() {
            let moment = self.moment();
            self.history.get_or_insert_default().push(moment);
        }
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let (parent, name) = self.contents.find_parent(path)?;
        let id = self.contents.add(node);
        let operation = self.operation;
        self.contents
            .directory_mut(parent)?
            .add(operation, name, id);
        self.changed();
        Ok(id)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (parent, name) = self.contents.find_parent(path)?;
        let operation = self.operation;
        self.contents.directory_mut(parent)?.remove(operation, name);
        self.changed();
        Ok(())
    }
}

impl Disk for SimulatedDisk {
    type File = SimulatedFile;

    fn open(&self, path: &Path, open: Open) -> io::Result<SimulatedFile> {
        let mut state = self.state();
        let kinds: &[FaultKind] = match open {
            Open::Create => &[FaultKind::NoSpace],
            Open::Read | Open::Write => &[],
        };
        state.begin_or_fail(kinds)?;
        let node = match (open, state.contents.find(path)) {
            (Open::Create, Ok(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Open::Create, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                state.add(path, Node::File(FileNode::default()))?
            }
            (_, found) => found?,
        };
        state.contents.file(node)?;
        Ok(SimulatedFile::new(self.clone(), node, open != Open::Read))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin_or_fail(&[FaultKind::NoSpace])?;
        match state.contents.find(path) {
            Ok(found) => state.contents.directory(found).map(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = state.add(path, Node::Directory(DirectoryNode::default()));
                made.map(|_| ())
            }
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin_or_fail(&[FaultKind::NameError])?;
        let node = state.contents.find(from)?;
        let (from_parent, from) = state.contents.find_parent(from)?;
        let (to_parent, to_name) = state.contents.find_parent(to)?;
        if from_parent != to_parent {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        if let Ok(taken) = state.contents.find(to)
            && matches!(state.contents.node(taken), Node::Directory(_))
        {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let operation = state.operation;
        let parent = state.contents.directory_mut(from_parent)?;
        parent.rename(operation, from, to_name, node);
        state.changed();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin_or_fail(&[FaultKind::NameError])?;
        let node = state.contents.find(path)?;
        state.contents.file(node)?;
        state.remove(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.begin_or_fail(&[FaultKind::NameError])?;
        let node = state.contents.find(path)?;
        if !state.contents.directory(node)?.names().is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.remove(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.begin_or_fail(&[FaultKind::ReadError])?;
        let node = state.contents.find(path)?;
        let names = state.contents.directory(node)?.names();
        Ok(names.keys().map(|name| name.to_string()).collect())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.begin(&[FaultKind::SyncLost])?;
        let node = state.contents.find(path)?;
        if fault.is_none() && state.contents.directory(node)?.is_safe() {
            return Ok(());
        }
        if let Some(kind) = fault {
            return Err(kind.error());
        }
        state.contents.directory_mut(node)?.sync();
        state.changed();
        Ok(())
    }
}
