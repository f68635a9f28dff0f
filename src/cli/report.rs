//! `report DIR`, and how the report of every run is written and shown.

use super::args::{GlobalArgs, ReportArgs};
use super::config::Config;
use super::error::{CliError, Exit, note, print};
use crate::flow::Restore;
use crate::latency::{Report, ReportError, Summary, read_summary, text};
use crate::sys::quantity::format_bytes;
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
        "\nreport: {out}/report.html   again: {}\n",
        again(config)
    ))
}

/// The command that repeats a run: from its beginning, and leaving its checkpoints alone.
fn again(config: &Config) -> String {
    let mut command = format!("millstream run {}/config.toml", config.report.out.display());
    if config.checkpoint.dir.is_some() {
        command += " --checkpoint none";
    }
    if config.checkpoint.restore != Restore::None {
        command += " --restore none";
    }
    command
}

/// Prints a summary: in words, as JSON, or its warnings only.
pub(super) fn show(summary: &Summary, global: &GlobalArgs) -> Result<(), CliError> {
    if global.json {
        return print_json(summary);
    }
    if global.quiet {
        for warning in &summary.warnings {
            note(&format!("warning: {warning}"));
        }
        return Ok(());
    }
    print(&text(summary, global.color.wanted(&stdout())))?;
    if global.verbose {
        print(&details(summary))
    } else {
        Ok(())
    }
}

/// What `-v` adds: every partition, and where the run took place.
fn details(summary: &Summary) -> String {
    let mut text = String::from("\n");
    for partition in &summary.partitions {
        text += &format!(
            "{}[{}] on core {}: {} events ({:.1} %), {} keys\n",
            partition.stage,
            partition.partition,
            partition.core,
            partition.events_in,
            partition.share * 100.0,
            partition.keys
        );
    }
    for task in &summary.tasks {
        let event_ns = task.event_ns.map_or("–".into(), |ns| format!("{ns:.1}"));
        text += &format!(
            "task {} ended on core {}: {} events, {event_ns} ns an event, {:.1} % of a core\n",
            task.task,
            task.core,
            task.events,
            task.load * 100.0,
        );
    }
    let machine = &summary.environment;
    text += &format!(
        "millstream {} {} on {}, {} CPUs allowed, {} memory, Linux {}, clock {}, huge pages {}, seed {}\n",
        machine.version,
        machine.commit,
        machine.cpu_model,
        machine.cpus_allowed,
        format_bytes(machine.memory_bytes),
        machine.kernel,
        machine.clock_source,
        machine.huge_pages,
        machine.seed
    );
    text
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
