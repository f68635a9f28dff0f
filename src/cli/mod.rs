//! The command line: what people and scripts speak to.
//!
//! ```text
//!   args ─► settings ─► config ─► job ─► engine
//!   (text)  (layers)    (valid)          report ─► text, JSON, files, exit code
//! ```
//!
//! One file a subcommand. Standard output carries what was asked for; everything else (progress,
//! warnings, errors) goes to standard error, so that a pipe only ever sees results.

pub mod args;
mod bench;
mod cache;
mod check;
mod checkpoint;
mod compare;
mod completions;
pub mod config;
mod ctl;
mod dead_letter;
mod environment;
pub mod error;
pub mod goal;
mod identity;
mod interrupt;
pub mod job;
pub mod knee;
pub mod labels;
mod live;
pub mod load;
mod man;
mod options;
mod plan;
pub mod progress;
mod recovery;
mod replay;
mod report;
mod run;
mod second_try;
mod shown;
mod trace;
mod verify;

use args::{Cli, Command, FlagSetting, GlobalArgs};
use clap::Parser;
use config::{Config, ConfigError, Origin, Settings};
use error::{CliError, Exit};
use std::path::Path;
use std::process::ExitCode;

/// Reads the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2 and clap's own words.
    let cli = Cli::parse();
    let exit = dispatch(&cli).unwrap_or_else(|error| {
        error.print(cli.global.color.wanted(&std::io::stderr()));
        error.exit()
    });
    ExitCode::from(exit as u8)
}

fn dispatch(cli: &Cli) -> Result<Exit, CliError> {
    let global = &cli.global;
    match &cli.command {
        None => replay::sample(global),
        Some(Command::Run(args)) => run::run(args, global),
        Some(Command::Replay(args)) => replay::replay(args, global),
        Some(Command::Bench(args)) => bench::bench(args, global),
        Some(Command::Cache(args)) => cache::cache(args, global),
        Some(Command::Report(args)) => report::report(args, global),
        Some(Command::Plan(args)) => plan::plan(args, global),
        Some(Command::Compare(args)) => compare::compare(args, global),
        Some(Command::Verify(args)) => verify::verify(args, global),
        Some(Command::Trace(command)) => trace::trace(command, global),
        Some(Command::Checkpoint(command)) => checkpoint::checkpoint(command, global),
        Some(Command::DeadLetter(command)) => dead_letter::dead_letter(command, global),
        Some(Command::Ctl(args)) => ctl::ctl(args, global),
        Some(Command::Check(_)) => check::check(global),
        Some(Command::CheckpointWriter(args)) => crate::checkpoint::serve(args.region)
            .map(|()| Exit::Ok)
            .map_err(|error| CliError::failed(format!("cannot write checkpoints: {error}"))),
        Some(Command::Completions(args)) => completions::completions(args),
        Some(Command::Man(args)) => man::man(args),
    }
}

/// Settings that a subcommand starts from, where they differ from the defaults.
struct Base {
    /// The subcommand, for messages.
    command: &'static str,
    /// Key and value.
    settings: &'static [(&'static str, &'static str)],
}

/// Lays defaults, the subcommand's own, a file, overrides and flags over each other, in this order.
fn resolve(
    base: Base,
    file: Option<&Path>,
    flags: impl Iterator<Item = FlagSetting>,
    global: &GlobalArgs,
) -> Result<Config, CliError> {
    let mut settings = Settings::default();
    for (key, value) in base.settings {
        settings.lay_text(key, value, Origin::Command(base.command))?;
    }
    if let Some(path) = file {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            file: name.clone(),
            what: error.to_string(),
        })?;
        settings.lay_file(&name, &text)?;
    }
    for assignment in &global.overrides {
        settings.lay_override(assignment)?;
    }
    for flag in flags.chain(global.settings()) {
        settings.lay_text(flag.key, &flag.text, Origin::Flag(flag.flag))?;
    }
    Ok(Config::read(settings)?)
}
