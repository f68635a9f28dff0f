//! `trace info|convert|generate`.

use super::args::{GlobalArgs, TraceCommand};
use super::error::{CliError, Exit};
use super::job::JobError;
use super::{Base, resolve};

const BASE: Base = Base {
    command: "trace",
    settings: &[],
};

pub(super) fn trace(command: &TraceCommand, global: &GlobalArgs) -> Result<Exit, CliError> {
    let _config = match command {
        TraceCommand::Info(args) => resolve(BASE, None, args.settings(), global)?,
        TraceCommand::Convert(args) => resolve(BASE, None, args.settings(), global)?,
        TraceCommand::Generate(args) => resolve(BASE, None, args.settings(), global)?,
    };
    Err(JobError::NotWired {
        what: "read traces",
    }
    .into())
}
