//! The account of a run over time: shares, of what was measured in ns and messages.

use crate::latency::{ChronicleSummary, CoreChronicle, TaskChronicle};
use crate::runtime::{RunRecord, Span, TaskSpan};

/// `part / whole` to a hundredth: more is not known of what is estimated, and would be more to read.
fn share(part: f64, whole: f64) -> f64 {
    (part / whole.max(1.0) * 100.0).round() / 100.0
}

/// For each core of a span, its time over what its tasks are estimated to have taken.
fn timed_to_estimated(span: &Span) -> Vec<f64> {
    let mut estimated = vec![0u64; span.cores_busy_ns.len()];
    for task in &span.tasks {
        if let Some(sum) = task.core.and_then(|core| estimated.get_mut(core)) {
            *sum += task.busy_ns;
        }
    }
    let cores = span.cores_busy_ns.iter().zip(&estimated);
    cores
        .map(|(timed, sum)| *timed as f64 / (*sum).max(1) as f64)
        .collect()
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
    // What tasks took is estimated, what cores did is timed: the first is made to sum to the second.
    let factors: Vec<Vec<f64>> = spans.iter().map(timed_to_estimated).collect();
    let tasks = record.tasks.iter().enumerate().map(|(index, task)| {
        let did = || spans.iter().map(move |span| (span, &span.tasks[index]));
        let load = |((span, did), factors): ((&Span, &TaskSpan), &Vec<f64>)| {
            let factor = did.core.and_then(|core| factors.get(core));
            let busy_ns = did.busy_ns as f64 * factor.unwrap_or(&1.0);
            share(busy_ns, span.length_ns() as f64)
        };
        let fill = |(_, did): (&Span, &TaskSpan)| share(did.waiting, task.ring_slots as f64);
        TaskChronicle {
            task: task.name.clone(),
            core: did()
                .map(|(_, did)| did.core.map(|core| core as u32))
                .collect(),
            load: did().zip(&factors).map(load).collect(),
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
