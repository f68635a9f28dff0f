//! The lines of the report about what stages cost and which tasks were moved.

use super::figure::{UNKNOWN, count, duration_or_unknown, number, plain, share};
use super::paint::Paint;
use super::summary::{StageSummary, Summary};
use super::text::{STAGES_SHOWN, more};
use super::text_table::table;

/// Adds them; nothing where nothing was measured or moved.
pub(super) fn balance(lines: &mut Vec<String>, summary: &Summary, paint: Paint) {
    let measured = |stage: &&StageSummary| stage.event_ns.is_some();
    let stages: Vec<&StageSummary> = summary.stages.iter().filter(measured).collect();
    if !stages.is_empty() {
        lines.push(String::new());
        let rows = stages.iter().take(STAGES_SHOWN).map(|stage| {
            vec![
                plain(&stage.name),
                stage.event_ns.map_or(UNKNOWN.into(), number),
                share(stage.load),
                share(stage.load_max),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let head = ["cost", "ns/event", "of a core", "heaviest task"];
        table(lines, &head, &rows, 9, paint);
        more(lines, stages.len(), STAGES_SHOWN);
    }
    let Some(balance) = summary
        .balance
        .as_ref()
        .filter(|made| !made.moves.is_empty())
    else {
        return;
    };
    let by = |reason: &str| {
        let moves = balance.moves.iter().filter(|step| step.reason == reason);
        moves.count() as u64
    };
    let why: Vec<String> = [
        ("balance", "as the load was uneven"),
        ("cores", "as cores came or went"),
        ("asked", "as asked"),
    ]
    .iter()
    .filter(|(reason, _)| by(reason) > 0)
    .map(|(reason, words)| format!("{} {words}", count(by(reason))))
    .collect();
    lines.push(String::new());
    lines.push(format!(
        "{}: {}; pause p50 {}, max {}",
        paint.bold("tasks moved"),
        why.join(", "),
        duration_or_unknown(balance.pause_ns_p50),
        duration_or_unknown(balance.pause_ns_max),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{BalanceSummary, MoveSummary};

    #[test]
    fn costs_and_moves_are_told_where_there_are_any() {
        let mut lines = Vec::new();
        balance(&mut lines, &Summary::default(), Paint { colour: false });
        assert_eq!(lines, Vec::<String>::new());
        let step = |reason: &str| MoveSummary {
            task: "aggregate 1".into(),
            to: 1,
            reason: reason.into(),
            ..MoveSummary::default()
        };
        let summary = Summary {
            stages: vec![StageSummary {
                name: "aggregate".into(),
                event_ns: Some(41.5),
                load: 0.5,
                load_max: 0.25,
                ..StageSummary::default()
            }],
            balance: Some(BalanceSummary {
                rebalance: true,
                pause_ns_p50: Some(12_000),
                pause_ns_max: Some(40_000),
                moves: vec![step("balance"), step("asked"), step("balance")],
            }),
            ..Summary::default()
        };
        balance(&mut lines, &summary, Paint { colour: false });
        let text = lines.join("\n");
        for part in [
            "ns/event",
            "41.5",
            "50",
            "tasks moved: 2 as the load was uneven, 1 as asked; pause p50 12.0 µs, max 40.0 µs",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
    }
}
