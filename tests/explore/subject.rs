//! What is explored: something that writes checkpoints to a disk and finds them again.

use crate::explore::state::{FlowState, PartState};
use millstream::checkpoint::{
    CheckpointError, Directory, NextRun, Piece, ROTATION, Settled, Shape, Wanted, Writer, next_run,
    run_name,
};
use millstream::sys::disk::Disk;
use millstream::sys::simulated_disk::SimulatedDisk;
use std::path::Path;

/// What a recovery found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The run that wrote it.
    pub(crate) run: u64,
    pub(crate) epoch: u64,
    pub(crate) state: FlowState,
}

/// A run that was begun.
pub(crate) struct Begun<W> {
    pub(crate) writer: W,
    /// Its number; no run before it has the same.
    pub(crate) run: u64,
    /// Number of its first epoch.
    pub(crate) first_epoch: u64,
}

/// A format with its writer and its recovery.
pub(crate) trait Subject {
    type Writer;

    /// Begins a run of its own on the disk. An error ends it.
    fn begin(&self, disk: &SimulatedDisk, shape: &Shape) -> Result<Begun<Self::Writer>, String>;

    /// Which durable epoch each rotation file holds, 0 for none.
    fn files(&self, writer: &Self::Writer) -> [u64; ROTATION];

    /// Hands over a piece of a part. Says how the epoch ended, with the last piece of all parts.
    fn take(&self, writer: &mut Self::Writer, part: usize, piece: Piece<'_>) -> Option<Settled>;

    /// The newest state on the disk that can be trusted, or why there is none.
    fn recover(&self, disk: &SimulatedDisk) -> Result<Found, String>;
}

/// The engine's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoints;

const DIR: &str = "/checkpoints";

impl Subject for Checkpoints {
    type Writer = Writer<SimulatedDisk>;

    fn begin(&self, disk: &SimulatedDisk, shape: &Shape) -> Result<Begun<Self::Writer>, String> {
        begin_on(disk, shape)
    }

    fn files(&self, writer: &Self::Writer) -> [u64; ROTATION] {
        writer.files()
    }

    fn take(&self, writer: &mut Self::Writer, part: usize, piece: Piece<'_>) -> Option<Settled> {
        writer.take(part, piece);
        writer.settle()
    }

    fn recover(&self, disk: &SimulatedDisk) -> Result<Found, String> {
        let found = Directory::open(disk.clone(), Path::new(DIR))
            .and_then(|directory| directory.snapshot(Wanted::Latest));
        let (snapshot, _) = found.map_err(|error| error.to_string())?;
        let part = |part| {
            let mut blocks = Vec::new();
            snapshot.blocks(part, |_, bytes| blocks.push(bytes.to_vec()))?;
            let extras = snapshot.extras(part)?;
            Ok(PartState { blocks, extras })
        };
        let state: Result<_, CheckpointError> = (0..snapshot.shape.parts.len()).map(part).collect();
        Ok(Found {
            run: snapshot.run,
            epoch: snapshot.epoch,
            state: state.map_err(|error| error.to_string())?,
        })
    }
}

/// Begins a run on any disk.
pub(crate) fn begin_on<D: Disk>(disk: &D, shape: &Shape) -> Result<Begun<Writer<D>>, String> {
    let dir = Path::new(DIR);
    let made = disk
        .create_dir(dir)
        .and_then(|()| disk.sync_dir(Path::new("/")));
    made.map_err(|error| error.to_string())?;
    let next = next_run(disk, dir).map_err(|error| error.to_string())?;
    let NextRun { run, first_epoch } = next;
    let writer = Writer::new(
        disk.clone(),
        dir.join(run_name(run)),
        shape.clone(),
        first_epoch,
    );
    Ok(Begun {
        writer: writer.map_err(|error| error.to_string())?,
        run,
        first_epoch,
    })
}
