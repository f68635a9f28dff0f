//! The one place where a configuration meets the engine.

use super::config::Config;
use super::config::choice::SourceKind;
use super::error::{CliError, Exit};
use super::progress::ProgressUpdate;
use crate::latency::Report;
use crate::source::trace::{self, TraceError};

/// Why a run brought no report.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The trace cannot be read, or not on.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// This build has no engine behind that part of the command line.
    #[error("this build cannot {what} yet")]
    NotWired {
        /// What was asked.
        what: &'static str,
    },
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> CliError {
        match error {
            JobError::Trace(error) => error.into(),
            JobError::NotWired { .. } => CliError::new(Exit::Failed, error.to_string()),
        }
    }
}

/// Runs what `config` describes and returns its report; `progress` is called a few times a second.
///
/// # Errors
/// The source cannot be opened, the sink cannot be written, or an operator failed.
pub fn run_job(
    config: &Config,
    _progress: &mut dyn FnMut(ProgressUpdate),
) -> Result<Report, JobError> {
    if config.source.kind == SourceKind::Trace {
        trace::open(&config.source.trace, &config.source.options)?;
    }
    Err(JobError::NotWired { what: "run a flow" })
}
