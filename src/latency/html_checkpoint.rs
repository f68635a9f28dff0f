//! The section of `report.html` about what checkpoints took. "" where none were made.

use super::figure::{bytes, count, duration_or_unknown};
use super::html::escape;
use super::summary::{Percentiles, Summary};

pub(super) fn checkpoints(summary: &Summary) -> String {
    let Some(made) = &summary.checkpoints else {
        return String::new();
    };
    let row = |name: &str, p: &Percentiles| {
        let cells: String = [p.p50, p.p99, p.p99_9, p.max]
            .map(|value| format!("<td>{}</td>", duration_or_unknown(value)))
            .concat();
        format!("<tr><td>{name}</td>{cells}<td>{}</td></tr>", count(p.count))
    };
    let rows = [
        row("a core's round", &made.pause_ns),
        row("its barriers", &made.core_barrier_ns),
        row("one task's barrier", &made.barrier_ns),
        row("a block of state", &made.block_ns),
        row("steps while state was handed over", &made.step_ns),
        row("as many steps after", &made.step_between_ns),
    ]
    .concat();
    format!(
        "<section class=\"card\"><h2>Checkpoints</h2>\
         <p>{} durable, {} aborted, {} late; {} written to {}. Below: the time they took. {} blocks were copied because an \
         event was about to write to them, at most {} in one step.</p>\
         <div class=\"scroll\"><table><tr><th></th><th>p50</th><th>p99</th><th>p99.9</th><th>max</th><th>samples</th>\
         </tr>{rows}</table></div></section>\n",
        count(made.durable),
        count(made.aborted),
        count(made.late),
        bytes(made.bytes),
        escape(&made.dir),
        count(made.copies),
        count(made.copies_step_max),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::CheckpointSummary;

    #[test]
    fn times_are_shown_where_checkpoints_were_made() {
        assert_eq!(checkpoints(&Summary::default()), "");
        let mut made = CheckpointSummary {
            dir: "<state>".into(),
            copies_step_max: 1_234,
            ..CheckpointSummary::default()
        };
        made.barrier_ns.max = Some(12_345);
        let page = checkpoints(&Summary {
            checkpoints: Some(made),
            ..Summary::default()
        });
        assert!(page.contains("12.3 µs") && page.contains("1,234"), "{page}");
        assert!(page.contains("&lt;state&gt;"), "{page}");
    }
}
