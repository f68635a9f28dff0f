//! `replay TRACE`; and the sample, when the command is given nothing at all.

use super::args::{GlobalArgs, ReplayArgs};
use super::error::{CliError, Exit};
use super::run::execute;
use super::{Base, resolve};

const BASE: Base = Base {
    command: "replay",
    settings: &[("source.kind", "trace")],
};

pub(super) fn replay(args: &ReplayArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    execute(&resolve(BASE, None, args.settings(), global)?, global)
}

/// The sample, at a rate that leaves the engine room: latencies worth reading, in three seconds.
const SAMPLE: Base = Base {
    command: "millstream",
    settings: &[("source.kind", "trace"), ("pace.rate", "50000")],
};

pub(super) fn sample(global: &GlobalArgs) -> Result<Exit, CliError> {
    execute(&resolve(SAMPLE, None, std::iter::empty(), global)?, global)
}
