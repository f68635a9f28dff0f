//! `report DIR`, and how every run's report is written and shown.

use super::args::{GlobalArgs, ReportArgs};
use super::config::Config;
use super::error::{CliError, Exit};
use super::job::JobError;
use crate::latency::{Report, Summary};

pub(super) fn report(_args: &ReportArgs, _global: &GlobalArgs) -> Result<Exit, CliError> {
    Err(JobError::NotWired {
        what: "read a report",
    }
    .into())
}

/// Writes the report of a run into its directory, with the resolved configuration.
pub(super) fn write(_report: &Report, _config: &Config) -> Result<(), CliError> {
    Err(JobError::NotWired {
        what: "write a report",
    }
    .into())
}

/// Prints a summary, in words or as JSON.
pub(super) fn show(
    _summary: &Summary,
    _config: Option<&Config>,
    _global: &GlobalArgs,
) -> Result<(), CliError> {
    Err(JobError::NotWired {
        what: "print a report",
    }
    .into())
}
