//! The one place where a configuration meets the engine.

use super::config::Config;
use super::error::{CliError, Exit};
use super::progress::ProgressUpdate;
use crate::latency::Report;

/// Why a run brought no report.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// This build has no engine behind that part of the command line.
    #[error("this build cannot {what} yet")]
    NotWired {
        /// What was asked.
        what: &'static str,
    },
}

impl From<JobError> for CliError {
    fn from(error: JobError) -> CliError {
        let text = error.to_string();
        match error {
            JobError::NotWired { .. } => CliError::new(Exit::Failed, text),
        }
    }
}

/// Runs what `config` describes and returns its report; `progress` is called a few times a second.
///
/// # Errors
/// The source cannot be opened, the sink cannot be written, or an operator failed.
pub fn run_job(
    _config: &Config,
    _progress: &mut dyn FnMut(ProgressUpdate),
) -> Result<Report, JobError> {
    Err(JobError::NotWired { what: "run a flow" })
}
