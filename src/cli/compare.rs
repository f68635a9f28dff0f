//! `compare DIR DIR`.

use super::args::{CompareArgs, GlobalArgs};
use super::error::{CliError, Exit};
use super::job::JobError;

pub(super) fn compare(_args: &CompareArgs, _global: &GlobalArgs) -> Result<Exit, CliError> {
    Err(JobError::NotWired {
        what: "compare reports",
    }
    .into())
}
