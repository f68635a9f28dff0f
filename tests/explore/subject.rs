//! What is explored: something that writes checkpoints to a disk and finds them again.

use crate::explore::state::FlowState;
use millstream::checkpoint::{Piece, Settled, Shape};
use millstream::sys::simulated_disk::SimulatedDisk;

/// What a recovery found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The run that wrote it.
    pub(crate) run: u64,
    pub(crate) epoch: u64,
    pub(crate) state: FlowState,
}

/// A format with its writer and its recovery.
pub(crate) trait Subject {
    type Writer;

    /// Begins a run of its own on the disk, and says its number. An error ends the run.
    fn begin(&self, disk: &SimulatedDisk, shape: &Shape) -> Result<(Self::Writer, u64), String>;

    /// Hands over a piece of a part. Says how the epoch ended with the last one of all parts, or before.
    fn take(&self, writer: &mut Self::Writer, part: usize, piece: Piece<'_>) -> Option<Settled>;

    /// Removes the runs before this one; called once, after it has a durable epoch.
    fn remove_older(&self, writer: &mut Self::Writer);

    /// The newest state on the disk that can be trusted, or why there is none.
    fn recover(&self, disk: &SimulatedDisk) -> Result<Found, String>;
}
