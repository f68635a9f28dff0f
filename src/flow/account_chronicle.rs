//! The account of a run over time: shares, of what was measured in ns and messages.

use crate::latency::{ChronicleSummary, CoreChronicle, TaskChronicle};
use crate::runtime::{RunRecord, Span, TaskSpan};

/// `part / whole` to a hundredth: more is not known of what is estimated, and would be more to read.
fn share(part: f64, whole: f64) -> f64 {
    (part / whole.max(1.0) * 100.0).round() / 100.0
}

/// What tasks and cores did over time; `None` where nobody looked.
pub(super) fn chronicle(record: &RunRecord) -> Option<ChronicleSummary> {
    let spans = &record.chronicle;
    if spans.is_empty() {
        return None;
    }
    let cores = (0..record.cores.len()).map(|core| CoreChronicle {
        core: core as u32,
        busy_share: spans
            .iter()
            .map(|span| share(span.cores_busy_ns[core] as f64, span.length_ns() as f64))
            .collect(),
    });
    let tasks = record.tasks.iter().enumerate().map(|(index, task)| {
        let did = || spans.iter().map(move |span| (span, &span.tasks[index]));
        let load =
            |(span, did): (&Span, &TaskSpan)| share(did.busy_ns as f64, span.length_ns() as f64);
        let fill = |(_, did): (&Span, &TaskSpan)| share(did.waiting, task.ring_slots as f64);
        TaskChronicle {
            task: task.name.clone(),
            core: did()
                .map(|(_, did)| did.core.map(|core| core as u32))
                .collect(),
            load: did().map(load).collect(),
            ring_slots: task.ring_slots as u64,
            ring_fill: match task.ring_slots {
                0 => Vec::new(),
                _ => did().map(fill).collect(),
            },
        }
    });
    Some(ChronicleSummary {
        ends_ns: spans.iter().map(|span| span.end_ns).collect(),
        cores: cores.collect(),
        tasks: tasks.collect(),
    })
}
