//! A trace that comes through a pipe: read once, with a journal behind it where checkpoints are made.
//!
//! ```text
//!   no checkpoints                    ─► the reader alone: nothing outlives the process
//!   checkpoints, journal.dir "none"   ─► refused: they could not be gone on from
//!   checkpoints, anew                 ─► an empty journal, else refused
//!   checkpoints, --restore            ─► the newest epoch, or record 0 where none was durable yet
//! ```

use super::config::Config;
use super::error::{CliError, note};
use super::job::JobError;
use crate::flow::Restore;
use crate::source::Replayed;
use crate::source::journaled::{Begin, Journaled, JournaledError};
use crate::source::reader::{self, BlockFeed, LiveError, Reading};
use crate::source::trace::Texts;
use bytemuck::Pod;
use std::sync::Arc;

impl From<LiveError> for JobError {
    fn from(error: LiveError) -> JobError {
        match error {
            LiveError::Trace(error) => error.into(),
            LiveError::Journal(error) => error.into(),
        }
    }
}

impl From<JournaledError> for JobError {
    fn from(error: JournaledError) -> JobError {
        JobError::Refused(CliError::failed(error.to_string()))
    }
}

/// Starts the reader of what `reading` names, which cannot rewind if it `is_pipe`. Where the journal has all that
/// ever came, `config` may start anew from it.
///
/// # Errors
/// The input, the journal, or settings that do not go together.
pub(super) fn start<E: Replayed + Pod>(
    config: &mut Config,
    reading: Reading,
    is_pipe: bool,
) -> Result<(BlockFeed<E>, Arc<Texts>), JobError> {
    if !is_pipe || config.checkpoint.dir.is_none() {
        return Ok(reader::start(reading)?);
    }
    let path = reading.path.display().to_string();
    let Some(options) = config.journal.options(&config.checkpoint, size_of::<E>()) else {
        return Err(CliError::usage(format!(
            "{path} is no file: it cannot rewind to where a checkpoint was taken"
        ))
        .at("journal.dir")
        .expected("a journal, which keeps what was read since")
        .help("say journal.dir = \"auto\", read a file, or leave out --checkpoint")
        .into());
    };
    if reading.rounds > 1 {
        return Err(CliError::usage(format!("{path} is no file: it comes once"))
            .at("pace.loop")
            .expected("1")
            .help("read a file to play it again")
            .into());
    }
    let begin = match config.checkpoint.restore {
        Restore::None => Begin::Anew,
        _ => Begin::GoesOn,
    };
    let journal = Journaled::open(&options, begin)?;
    let records = journal.records();
    if begin == Begin::GoesOn {
        if records.start == 0 && config.checkpoint.restore == Restore::Latest {
            config.checkpoint.restore = Restore::LatestOrAnew;
        }
        // For whoever feeds the pipe: what was read and not journaled died with the process.
        note(&format!(
            "journal {} holds the first {} records: go on with the one behind them",
            options.dir.display(),
            records.end
        ));
    }
    Ok(reader::start_journaled(reading, journal)?)
}
