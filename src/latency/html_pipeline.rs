//! The picture of `report.html`: the pipeline on the cores, as inline SVG without scripts.
//!
//! ```text
//!            readings            aggregate                columns: stages, in order of the flow
//!   core 0   [readings] ───────► [0 ███]  [1 █]           rows: cores, with their busy share
//!                      ╲                                  a task: filled by its share of its stage's events
//!   core 1              ╲──────► [2 ██]   [3 █]           a line: events from one core's tasks to another's
//! ```
//!
//! For the whole run. The wait in front of a stage stands under its name: that is what its rings held.
//! Invariant: text of the user passes through [`escape`].

use super::figure::{duration_or_unknown, share};
use super::html::escape;
use super::summary::{CoreSummary, StageSummary, Summary};
use std::fmt::Write;

/// More cores than this make no picture.
const CORES_SHOWN: usize = 16;
/// Tasks of one stage on one core that are drawn; the rest is a number.
const TASKS_SHOWN: usize = 12;
const TASKS_A_ROW: usize = 4;
const LEFT: f64 = 120.0;
const TOP: f64 = 46.0;
const COLUMN: f64 = 300.0;
const TASK_WIDTH: f64 = 46.0;
const TASK_HEIGHT: f64 = 24.0;
const GAP: f64 = 5.0;

/// The tasks of one stage on one core: what each is called, and its share of the stage's events.
type Cell = Vec<(String, f64)>;

pub(super) fn pipeline(summary: &Summary) -> String {
    let (stages, cores) = (&summary.stages, &summary.cores);
    if stages.len() < 2 || cores.is_empty() || cores.len() > CORES_SHOWN {
        return String::new();
    }
    let cells: Vec<Vec<Cell>> = cores
        .iter()
        .map(|core| {
            stages
                .iter()
                .map(|stage| cell(summary, core, stage))
                .collect()
        })
        .collect();
    let height_of = |row: &Vec<Cell>| {
        let most = row
            .iter()
            .map(|cell| cell.len().min(TASKS_SHOWN))
            .max()
            .unwrap_or(0);
        most.div_ceil(TASKS_A_ROW).max(2) as f64 * (TASK_HEIGHT + GAP) + 26.0
    };
    let mut tops = vec![TOP];
    for row in &cells {
        tops.push(tops[tops.len() - 1] + height_of(row));
    }
    let (width, height) = (LEFT + COLUMN * stages.len() as f64, tops[cores.len()] + 4.0);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"tasks on cores\" \
         style=\"width:100%;max-width:{width:.0}px;font-size:12px\" fill=\"currentColor\">"
    );
    for (index, stage) in stages.iter().enumerate() {
        heading(&mut svg, index, stage);
    }
    let middle = |row: usize| (tops[row] + tops[row + 1]) / 2.0 - 6.0;
    for column in 1..stages.len() {
        for (from, sending) in cells.iter().enumerate() {
            for (to, taking) in cells.iter().enumerate() {
                let part = weight(&sending[column - 1]) * weight(&taking[column]);
                line(
                    &mut svg,
                    column,
                    (middle(from), middle(to)),
                    part,
                    from == to,
                );
            }
        }
    }
    for (row, (core, cells)) in cores.iter().zip(&cells).enumerate() {
        band(&mut svg, core, (tops[row], tops[row + 1]), width);
        for (column, cell) in cells.iter().enumerate() {
            tasks(
                &mut svg,
                cell,
                (LEFT + COLUMN * column as f64, tops[row] + 8.0),
            );
        }
    }
    format!(
        "<section class=\"card\"><h2>The pipeline on the cores</h2><p>A box is a task, filled by its share of its \
         stage's events; a line is what goes from the tasks of one core to those of a core, as thick as its share of \
         the events, and orange where it crosses. Under a stage: how long events waited in its rings.</p>\
         <div class=\"scroll\">{svg}</svg></div></section>\n"
    )
}

/// The tasks of `stage` on `core`.
fn cell(summary: &Summary, core: &CoreSummary, stage: &StageSummary) -> Cell {
    let keyed = summary
        .partitions
        .iter()
        .filter(|partition| partition.stage == stage.name);
    let all: Cell = keyed
        .clone()
        .filter(|partition| partition.core == core.core)
        .map(|partition| (partition.partition.to_string(), partition.share))
        .collect();
    if keyed.count() > 0 {
        return all;
    }
    // A source: one task, or some that share evenly.
    let named = |task: &&String| {
        task.strip_prefix(&stage.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.']))
    };
    let even = 1.0 / f64::from(stage.partitions.max(1));
    let tasks = core.tasks.iter().filter(named);
    tasks.map(|task| (task.clone(), even)).collect()
}

/// Share of the stage's events.
fn weight(cell: &Cell) -> f64 {
    cell.iter()
        .map(|(_, share)| share)
        .filter(|share| share.is_finite())
        .sum()
}

fn heading(svg: &mut String, column: usize, stage: &StageSummary) {
    let x = LEFT + COLUMN * column as f64;
    let waited = match stage.queueing_ns.p50 {
        None => String::new(),
        p50 => format!(
            "waited p50 {}, p99 {}",
            duration_or_unknown(p50),
            duration_or_unknown(stage.queueing_ns.p99)
        ),
    };
    let _ = write!(
        svg,
        "<text x=\"{x:.0}\" y=\"14\" font-weight=\"600\">{}</text><text x=\"{x:.0}\" y=\"30\" opacity=\"0.65\">{waited}</text>",
        escape(&stage.name)
    );
}

fn band(svg: &mut String, core: &CoreSummary, (top, bottom): (f64, f64), width: f64) {
    let (busy, full) = (core.busy_share, LEFT - 34.0);
    let filled = if busy.is_finite() {
        busy.clamp(0.0, 1.0) * full
    } else {
        0.0
    };
    let at = top + 28.0;
    let _ = write!(
        svg,
        "<line x1=\"0\" y1=\"{y:.0}\" x2=\"{width:.0}\" y2=\"{y:.0}\" stroke=\"var(--line)\"/>\
         <text x=\"0\" y=\"{text:.0}\" font-weight=\"600\">core {}</text>\
         <rect x=\"0\" y=\"{at:.0}\" width=\"{full:.0}\" height=\"8\" rx=\"4\" fill=\"var(--track)\"/>\
         <rect x=\"0\" y=\"{at:.0}\" width=\"{filled:.1}\" height=\"8\" rx=\"4\" fill=\"var(--service)\"/>\
         <text x=\"0\" y=\"{below:.0}\" opacity=\"0.65\">{} busy</text>",
        core.core,
        share(busy),
        y = bottom - 6.0,
        text = top + 20.0,
        below = top + 52.0,
    );
}

fn line(svg: &mut String, column: usize, (from, to): (f64, f64), part: f64, stays: bool) {
    if part < 0.001 {
        return;
    }
    let boxes = TASKS_A_ROW as f64 * (TASK_WIDTH + GAP);
    let x1 = LEFT + COLUMN * (column - 1) as f64 + boxes;
    let x2 = LEFT + COLUMN * column as f64 - 6.0;
    let middle = (x1 + x2) / 2.0;
    let colour = if stays { "latency" } else { "hiccup" };
    let _ = write!(
        svg,
        "<path d=\"M{x1:.0} {from:.0} C{middle:.0} {from:.0} {middle:.0} {to:.0} {x2:.0} {to:.0}\" fill=\"none\" \
         stroke=\"var(--{colour})\" stroke-opacity=\"0.7\" stroke-width=\"{:.1}\"><title>{}</title></path>",
        1.0 + 13.0 * part,
        share(part)
    );
}

fn tasks(svg: &mut String, cell: &Cell, (left, top): (f64, f64)) {
    // One task that has a name of its own takes the room of a row.
    let wide = cell.len() == 1 && cell[0].0.parse::<u32>().is_err();
    let width = if wide {
        TASKS_A_ROW as f64 * (TASK_WIDTH + GAP) - GAP
    } else {
        TASK_WIDTH
    };
    let most = cell.iter().map(|(_, share)| *share).fold(0.0, f64::max);
    for (index, (name, part)) in cell.iter().take(TASKS_SHOWN).enumerate() {
        let x = left + (index % TASKS_A_ROW) as f64 * (TASK_WIDTH + GAP);
        let y = top + (index / TASKS_A_ROW) as f64 * (TASK_HEIGHT + GAP);
        let filled = if most > 0.0 && part.is_finite() {
            part.clamp(0.0, 1.0) * width
        } else {
            0.0
        };
        let _ = write!(
            svg,
            "<g><title>{name}: {of} of its stage's events</title>\
             <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{TASK_HEIGHT}\" rx=\"5\" fill=\"var(--track)\" stroke=\"var(--line)\"/>\
             <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{filled:.1}\" height=\"{TASK_HEIGHT}\" rx=\"5\" fill=\"var(--p50)\"/>\
             <text x=\"{text_x:.0}\" y=\"{text_y:.0}\">{name}</text></g>",
            name = escape(name),
            of = share(*part),
            text_x = x + 6.0,
            text_y = y + 16.0,
        );
    }
    if cell.len() > TASKS_SHOWN {
        let y = top + (TASKS_SHOWN / TASKS_A_ROW) as f64 * (TASK_HEIGHT + GAP) + 8.0;
        let _ = write!(
            svg,
            "<text x=\"{left:.0}\" y=\"{y:.0}\" opacity=\"0.65\">and {} more</text>",
            cell.len() - TASKS_SHOWN
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::PartitionSummary;

    fn summary(cores: u32) -> Summary {
        let stage = |name: &str, partitions| StageSummary {
            name: name.into(),
            partitions,
            ..StageSummary::default()
        };
        let core = |core: u32| CoreSummary {
            core,
            tasks: match core {
                0 => vec!["a<b".into(), "totals 0".into()],
                core => vec![format!("totals {core}")],
            },
            busy_share: 0.5,
            ..CoreSummary::default()
        };
        let partition = |index| PartitionSummary {
            stage: "totals".into(),
            partition: index,
            core: index,
            share: 1.0 / f64::from(cores),
            ..PartitionSummary::default()
        };
        Summary {
            stages: vec![stage("a<b", 1), stage("totals", cores)],
            cores: (0..cores).map(core).collect(),
            partitions: (0..cores).map(partition).collect(),
            ..Summary::default()
        }
    }

    #[test]
    fn each_task_is_a_box_and_each_way_a_line() {
        let html = pipeline(&summary(3));
        assert_eq!(html.matches("<g>").count(), 4, "{html}");
        assert_eq!(html.matches("<path").count(), 3);
        assert_eq!(
            html.matches("var(--hiccup)").count(),
            2,
            "two of three cross"
        );
        assert!(html.contains("a&lt;b") && !html.contains("a<b"));
        assert!(!html.contains("NaN") && html.matches("<svg").count() == 1);
    }

    #[test]
    fn without_cores_or_with_too_many_there_is_no_picture() {
        assert_eq!(pipeline(&Summary::default()), "");
        assert_eq!(pipeline(&summary(CORES_SHOWN as u32 + 1)), "");
        let mut odd = summary(2);
        odd.cores[0].busy_share = f64::NAN;
        odd.partitions[0].share = f64::NAN;
        assert!(pipeline(&odd).contains("<svg"));
    }
}
