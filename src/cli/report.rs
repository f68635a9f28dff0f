//! `report DIR`, and how the report of every run is written and shown.

use super::args::{GlobalArgs, ReportArgs};
use super::config::Config;
use super::error::{CliError, Exit, print};
use crate::latency::{Report, ReportError, Summary, read_summary, text};
use std::io::stdout;

pub(super) fn report(args: &ReportArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let summary = read_summary(&args.dir)?;
    show(&summary, global)?;
    Ok(Exit::Ok)
}

/// Writes the report of a run into its directory, with the resolved configuration.
pub(super) fn write(report: &Report, config: &Config) -> Result<(), CliError> {
    report.write(&config.report.out, &config.to_toml())?;
    Ok(())
}

/// Says where the report of a run lies.
pub(super) fn show_place(config: &Config, global: &GlobalArgs) -> Result<(), CliError> {
    if global.json || global.quiet {
        return Ok(());
    }
    let out = config.report.out.display();
    print(&format!(
        "\nreport: {out}/report.html   again: millstream run {out}/config.toml\n"
    ))
}

/// Prints a summary: in words, as JSON, or its warnings only.
pub(super) fn show(summary: &Summary, global: &GlobalArgs) -> Result<(), CliError> {
    if global.json {
        return print_json(summary);
    }
    if global.quiet {
        for warning in &summary.warnings {
            eprintln!("warning: {warning}");
        }
        return Ok(());
    }
    print(&text(summary, global.color.wanted(&stdout())))
}

/// Prints `value` as JSON, and a line's end.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(value).map_err(|error| {
        CliError::failed(format!("the result cannot be written as JSON: {error}"))
    })?;
    print(&(json + "\n"))
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> CliError {
        CliError::failed(error.to_string())
    }
}
