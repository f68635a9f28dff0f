//! A plan on a terminal: tables that say what each column means, and the assumptions last.

use super::told::{Measured, Row, Told};
use crate::latency::Paint;
use crate::sys::quantity::format_rate;
use std::fmt::Write;

/// Cores whose loads are shown side by side.
const CORES_SHOWN: usize = 8;
const UNKNOWN: &str = "–";

pub(super) fn text(told: &Told, colour: bool) -> String {
    let paint = Paint { colour };
    let mut text = format!("{} {}\n\n", paint.bold("plan from"), told.basis);
    let _ = writeln!(text, "{}", paint.bold("costs of an event"));
    for stage in &told.stages {
        let _ = writeln!(
            text,
            "  {:<14} {:>6.1} ns   {:.3} events for each of the source",
            stage.name, stage.event_ns, stage.events_for_each_of_the_source
        );
    }
    let _ = writeln!(
        text,
        "  {:<14} {:>6.1} ns   more, on each of two cores between which an event goes\n  {}",
        "crossing", told.crossing_ns, told.costs_from
    );
    for key in &told.hot_keys {
        let _ = writeln!(
            text,
            "  key {} has {:.1} % of the events of {}",
            key.key,
            100.0 * key.share,
            key.stage
        );
    }
    if let Some(measured) = &told.measured {
        compared(&mut text, measured, paint);
    }
    if let Some(first) = told.allocators.first() {
        let _ = writeln!(
            text,
            "\n{} on {} cores, {} partitions; loads are of the busiest core's",
            paint.bold("allocators"),
            first.cores,
            first.partitions
        );
    }
    table(
        &mut text,
        "allocator",
        &told.allocators,
        |row| row.allocator.clone(),
        paint,
    );
    if let Some(first) = told.partitions.first() {
        let _ = writeln!(
            text,
            "\n{} on {} cores, allocator {}",
            paint.bold("partitions"),
            first.cores,
            first.allocator
        );
    }
    table(
        &mut text,
        "partitions",
        &told.partitions,
        |row| row.partitions.to_string(),
        paint,
    );
    machines(&mut text, &told.cores, paint);
    let _ = writeln!(text, "\n{}", paint.bold("assumed"));
    for assumption in &told.assumptions {
        let _ = writeln!(text, "  {assumption}");
    }
    text
}

fn compared(text: &mut String, measured: &Measured, paint: Paint) {
    let _ = writeln!(
        text,
        "\n{} in {}, at {}",
        paint.bold("predicted against measured"),
        measured.run,
        format_rate(measured.events_per_s)
    );
    if let Some(moved) = &measured.moved {
        let _ = writeln!(text, "  {moved}");
    }
    if measured.cores.is_empty() {
        return;
    }
    let head = format!(
        "  {:<6} {:>10} {:>10} {:>8}",
        "core", "predicted", "measured", "off"
    );
    let _ = writeln!(text, "{}", paint.dim(&head));
    for core in &measured.cores {
        let _ = writeln!(
            text,
            "  {:<6} {:>8.1} % {:>8.1} % {:>8}",
            core.core,
            100.0 * core.predicted_busy_share,
            100.0 * core.measured_busy_share,
            off(core.off)
        );
    }
    let _ = writeln!(text, "  busiest core off by {}", off(measured.busiest_off));
}

/// What is off from nothing is unknown.
fn off(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.into(), |off| format!("{:+.1} %", 100.0 * off))
}

fn ns(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.into(), |ns| format!("{ns:.2}"))
}

fn rate(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.into(), format_rate)
}

fn table(text: &mut String, what: &str, rows: &[Row], name: fn(&Row) -> String, paint: Paint) {
    let head = format!(
        "  {what:<18} {:>13} {:>10} {:>16}   {:<40}",
        "busiest ns", "mean ns", "at most", "what bounds it; load of each core"
    );
    let _ = writeln!(text, "{}", paint.dim(head.trim_end()));
    for row in rows {
        let shares = row.cores_share.iter().take(CORES_SHOWN);
        let shares: Vec<String> = shares
            .map(|share| format!("{:.0}", 100.0 * share))
            .collect();
        let loads = match shares.is_empty() {
            true => String::new(),
            false => format!("; {} %", shares.join(" ")),
        };
        let _ = writeln!(
            text,
            "  {:<18} {:>13} {:>10} {:>16}   {}{loads}",
            name(row),
            ns(row.busiest_ns),
            ns(row.mean_ns),
            rate(row.events_per_s_max),
            row.bound
        );
    }
}

fn machines(text: &mut String, rows: &[Row], paint: Paint) {
    let _ = writeln!(
        text,
        "\n{} of a simulated machine, with the partitions that the engine chooses for so many",
        paint.bold("cores")
    );
    let split = rows.iter().any(|row| row.split_events_per_s_max.is_some());
    let last = if split { "hot keys split" } else { "" };
    let head = format!(
        "  {:<6} {:>12} {:>16} {:>14} {last:>16}   what bounds it",
        "cores", "busiest ns", "at most", "one core more"
    );
    let _ = writeln!(text, "{}", paint.dim(&head));
    for row in rows {
        let more = row
            .one_more_core
            // Adding 0 turns a rounded -0 into 0.
            .map_or(UNKNOWN.into(), |gain| {
                format!("{:+.1} %", (1000.0 * gain).round() / 10.0 + 0.0)
            });
        let split = match split {
            true => rate(row.split_events_per_s_max),
            false => String::new(),
        };
        let _ = writeln!(
            text,
            "  {:<6} {:>12} {:>16} {more:>14} {split:>16}   {}",
            row.cores,
            ns(row.busiest_ns),
            rate(row.events_per_s_max),
            row.bound
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::told::CoreCompared;
    use super::*;

    #[test]
    fn a_core_that_was_idle_is_off_by_nothing_that_is_known() {
        let core = |core, measured_busy_share, off| CoreCompared {
            core,
            predicted_busy_share: 0.9,
            measured_busy_share,
            off,
        };
        let mut measured = Measured {
            run: "one".into(),
            events_per_s: 1e6,
            moved: Some("tasks moved".into()),
            cores: vec![core(0, 0.8, Some(0.125)), core(1, 0.0, None)],
            busiest_off: Some(0.125),
        };
        let mut text = String::new();
        compared(&mut text, &measured, Paint { colour: false });
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines[0], "  tasks moved");
        assert_eq!(lines[2], "  0          90.0 %     80.0 %  +12.5 %");
        assert_eq!(lines[3], "  1          90.0 %      0.0 %        –");
        measured.cores.clear();
        let mut text = String::new();
        compared(&mut text, &measured, Paint { colour: false });
        assert!(text.ends_with("tasks moved\n"), "{text}");
    }
}
