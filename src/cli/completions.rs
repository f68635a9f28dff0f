//! `completions SHELL`.

use super::args::{Cli, CompletionsArgs};
use super::error::{CliError, Exit, print};
use clap::CommandFactory;

pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "millstream", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
