//! `check --machine`.

use super::args::GlobalArgs;
use super::error::{CliError, Exit};
use super::job::JobError;

pub(super) fn check(_global: &GlobalArgs) -> Result<Exit, CliError> {
    Err(JobError::NotWired {
        what: "check the machine",
    }
    .into())
}
