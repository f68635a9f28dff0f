//! The lines of the report about checkpoints.

use super::figure::{bytes, count, duration, duration_or_unknown, plain};
use super::paint::Paint;
use super::summary::Percentiles;
use super::summary_checkpoint::CheckpointSummary;

/// Adds them; nothing where none were made.
pub(super) fn checkpoints(
    lines: &mut Vec<String>,
    summary: Option<&CheckpointSummary>,
    paint: Paint,
) {
    let Some(made) = summary else {
        return;
    };
    let mut said = vec![format!("{} durable", count(made.durable))];
    if made.last_epoch > 0 {
        said.push(format!("last epoch {}", made.last_epoch));
    }
    said.push(format!(
        "{} written by a {}",
        bytes(made.bytes),
        made.writer
    ));
    if made.late > 0 {
        said.push(format!("{} late", count(made.late)));
    }
    if made.aborted > 0 {
        said.push(paint.yellow(&format!("{} aborted", count(made.aborted))));
    }
    lines.push(String::new());
    lines.push(format!(
        "{} in {}: {}",
        paint.bold("checkpoints"),
        plain(&made.dir),
        said.join(", ")
    ));
    if made.barrier_ns.count > 0 {
        lines.push(format!(
            "  time they took of a core's round: {}; at its barriers {}; at one task's {}; for a block of state {}",
            reach(&made.pause_ns),
            reach(&made.core_barrier_ns),
            reach(&made.barrier_ns),
            reach(&made.block_ns),
        ));
    }
    if made.step_ns.count > 0 && made.step_between_ns.count > 0 {
        lines.push(format!(
            "  steps while state was handed over: {}; as many after: {}; blocks copied for an event: {}, in one step at most {}",
            reach(&made.step_ns),
            reach(&made.step_between_ns),
            count(made.copies),
            count(made.copies_step_max),
        ));
    }
    if let Some(restored) = &made.restored {
        lines.push(format!(
            "  went on from epoch {} after {} events: {} in {} ({}/s)",
            restored.epoch,
            count(restored.events),
            bytes(restored.bytes),
            duration(restored.restore_ns),
            bytes(restored.bytes_per_s as u64),
        ));
        for rejected in &restored.rejected {
            lines.push(format!("  passed over: {}", plain(rejected)));
        }
    }
    if !made.letters_moved.is_empty() {
        lines.push(format!("  {}", plain(&made.letters_moved)));
    }
}

/// The percentiles one asks of a pause.
fn reach(pause_ns: &Percentiles) -> String {
    format!(
        "p50 {}, p99 {}, max {}",
        duration_or_unknown(pause_ns.p50),
        duration_or_unknown(pause_ns.p99),
        duration_or_unknown(pause_ns.max)
    )
}
