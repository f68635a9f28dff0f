//! What a run did about checkpoints, as `summary.json` tells it.

use super::summary::Percentiles;
use serde::{Deserialize, Serialize};

/// The checkpoints of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointSummary {
    /// The directory.
    pub dir: String,
    /// Who wrote them: "process" or "thread".
    pub writer: String,
    /// Epochs that became durable.
    pub durable: u64,
    /// Epochs that were given up; the run went on with the one before.
    pub aborted: u64,
    /// Why the last of these was; empty if none was.
    pub abort_reason: String,
    /// How the writer died before the run ended: nothing after `last_epoch` was saved; empty if it did not.
    pub writer_died: String,
    /// Checkpoints that came later than asked for, because the one before was still being written.
    pub late: u64,
    /// The last durable epoch; 0: none.
    pub last_epoch: u64,
    /// Bytes written for them.
    pub bytes: u64,
    /// What checkpoints took of a round of a core, where they took anything: an event that came up then waited
    /// so much longer.
    pub pause_ns: Percentiles,
    /// Of these, what barriers took: those of all tasks of the core, in the rounds in which there was one.
    pub core_barrier_ns: Percentiles,
    /// From a barrier's having reached all inputs of a task to its being sent on.
    pub barrier_ns: Percentiles,
    /// Handing over a block of state when it was its turn.
    pub block_ns: Percentiles,
    /// Blocks copied before their turn, because an event was about to write to them.
    pub copies: u64,
    /// The most of these in one step of a task.
    pub copies_step_max: u64,
    /// Steps of tasks with events while their state was being handed over.
    pub step_ns: Percentiles,
    /// As many steps after it was.
    pub step_between_ns: Percentiles,
    /// Which dead letters were moved where before the run, since their events come again; empty if none.
    pub letters_moved: String,
    /// Which dead letters of events before the run are not in its file; empty if all are.
    pub letters_missing: String,
    /// What the run went on from; `None` if it started anew.
    pub restored: Option<RestoredSummary>,
}

impl CheckpointSummary {
    /// What of it somebody should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.writer_died.is_empty() {
            warnings.push(format!(
                "the writer of checkpoints died ({}): the run went on without, nothing after epoch {} was saved",
                self.writer_died, self.last_epoch
            ));
        }
        if self.aborted > 0 {
            let given_up = match self.aborted {
                1 => "1 checkpoint was given up".to_owned(),
                more => format!("{more} checkpoints were given up, the last of them"),
            };
            warnings.push(format!("{given_up} because of {}", self.abort_reason));
        }
        if !self.letters_missing.is_empty() {
            warnings.push(self.letters_missing.clone());
        }
        warnings
    }
}

/// What a run went on from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestoredSummary {
    /// The epoch.
    pub epoch: u64,
    /// Events that earlier runs had taken in up to there; the digest of this run's summary is over these
    /// and its own.
    pub events: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// From opening the directory to tasks that are ready, ns: reading, verifying and building the state.
    pub restore_ns: u64,
    /// `bytes / restore_ns`.
    pub bytes_per_s: f64,
    /// Newer epochs that were not whole, and why.
    pub rejected: Vec<String>,
}
