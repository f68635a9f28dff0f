//! The lines of the report about checkpoints.

use super::figure::{bytes, count, duration, plain};
use super::paint::Paint;
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
