//! `ctl status`: how a run is, for people and as JSON.

use super::super::args::GlobalArgs;
use super::super::checkpoint::newest;
use super::super::error::{CliError, print};
use super::super::report::print_json;
use super::Reply;
use crate::runtime::Status;
use crate::sys::quantity::{format_count, format_rate};
use serde::Serialize;
use std::path::PathBuf;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    pid: Option<u32>,
    #[serde(flatten)]
    status: &'a Status,
    checkpoints: Option<Checkpoints>,
}

#[derive(Debug, Serialize)]
struct Checkpoints {
    dir: PathBuf,
    /// The newest that is durable; `None`: none is yet.
    newest_epoch: Option<u64>,
}

pub(super) fn show(status: &Status, reply: &Reply, global: &GlobalArgs) -> Result<(), CliError> {
    let checkpoints = reply.checkpoint_dir.clone().map(|dir| Checkpoints {
        newest_epoch: newest(&dir),
        dir,
    });
    let shown = Shown {
        pid: reply.pid,
        status,
        checkpoints,
    };
    if global.json {
        return print_json(&shown);
    }
    print(&shown.text())
}

impl Shown<'_> {
    fn text(&self) -> String {
        let status = self.status;
        let mut text = format!(
            "pid {}, {:.1} s, rebalancing {}, busiest core {:.2} of the mean, {} moves\n\n",
            self.pid.unwrap_or_default(),
            status.elapsed_ns as f64 / 1e9,
            if status.rebalance { "on" } else { "off" },
            status.imbalance,
            format_count(status.moves),
        );
        text += &format!(
            "{:<24} {:>6} {:>6} {:>6}\n",
            "core", "busy", "load", "tasks"
        );
        for core in &status.cores {
            let name = match core.in_use {
                true => core.core.to_string(),
                false => format!("{} (not in use)", core.core),
            };
            text += &format!(
                "{name:<24} {:>4.0} % {:>4.0} % {:>6}\n",
                core.busy_share * 100.0,
                core.load * 100.0,
                core.tasks
            );
        }
        text += &format!(
            "\n{:<24} {:>6} {:>6} {:>10} {:>14} {:>14} {:>9}\n",
            "task", "core", "load", "ns/event", "events/s", "events", "waiting"
        );
        for task in &status.tasks {
            let core = task
                .core
                .map_or("ended".to_owned(), |core| core.to_string());
            let event_ns = task
                .event_ns
                .map_or("–".to_owned(), |ns| format!("{ns:.1}"));
            text += &format!(
                "{:<24} {core:>6} {:>4.0} % {event_ns:>10} {:>14} {:>14} {:>9}\n",
                task.task,
                task.load * 100.0,
                format_rate(task.events_per_s),
                format_count(task.events),
                format_count(task.waiting),
            );
        }
        if let Some(made) = &self.checkpoints {
            let newest = made.newest_epoch;
            let newest = newest.map_or("none yet".to_owned(), |epoch| format!("epoch {epoch}"));
            text += &format!("\ncheckpoints in {}: {newest}\n", made.dir.display());
        }
        text
    }
}
