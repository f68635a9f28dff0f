//! The report on a terminal: one screen, the answer first, warnings last, where the eye rests.

use super::figure::{
    UNKNOWN, bytes, count, duration, duration_or_unknown, number, plain, rate, share,
};
use super::paint::Paint;
use super::summary::{CoreSummary, Percentiles, StageSummary, Summary};
use super::text_balance::balance as costs_and_moves;
use super::text_cache::caches;
use super::text_checkpoint::checkpoints;
use super::text_keys::hot_keys;
use super::text_table::table;

/// Lists longer than these are cut, so that the report stays on one screen; `summary.json` has all.
pub(super) const STAGES_SHOWN: usize = 8;
const CORES_SHOWN: usize = 6;
const QUALITY_SHOWN: usize = 12;
const SAMPLES_SHOWN: usize = 5;
const WARNINGS_SHOWN: usize = 6;

/// Widest line where the text has a choice, in characters.
const WIDTH: usize = 100;

/// `summary` for people; with ANSI colours if `colour`.
pub fn text(summary: &Summary, colour: bool) -> String {
    let paint = Paint { colour };
    let mut lines = Vec::new();
    headline(&mut lines, summary, paint);
    lines.push(String::new());
    latency(&mut lines, summary, paint);
    lines.push(schedule(summary, paint));
    lines.extend(order(summary));
    if !summary.stages.is_empty() {
        lines.push(String::new());
        stages(&mut lines, &summary.stages, paint);
        caches(&mut lines, &summary.stages, paint);
        hot_keys(&mut lines, &summary.hot_keys, paint);
    }
    if !summary.cores.is_empty() {
        lines.push(String::new());
        cores(&mut lines, &summary.cores, paint);
    }
    let allocation = summary.allocation.as_ref().map(|made| made.in_words());
    lines.extend(allocation.map(|words| format!("{} {words}", paint.bold("allocation"))));
    costs_and_moves(&mut lines, summary, paint);
    checkpoints(&mut lines, summary.checkpoints.as_ref(), paint);
    let notes: Vec<String> = summary.notes.iter().map(|note| plain(note)).collect();
    section(
        &mut lines,
        &notes,
        WARNINGS_SHOWN,
        &paint.bold("source"),
        "  ",
    );
    quality(&mut lines, summary, paint);
    let samples: Vec<String> = summary.samples.iter().map(|sample| plain(sample)).collect();
    section(
        &mut lines,
        &samples,
        SAMPLES_SHOWN,
        &paint.bold("answers"),
        "  ",
    );
    let warnings: Vec<String> = summary
        .warnings
        .iter()
        .map(|warning| plain(warning))
        .collect();
    let head = paint.yellow("read with care");
    section(&mut lines, &warnings, WARNINGS_SHOWN, &head, "  ! ");
    lines.join("\n") + "\n"
}

fn headline(lines: &mut Vec<String>, summary: &Summary, paint: Paint) {
    lines.push(format!(
        "{}: {} events in {}, {}",
        paint.bold(&plain(&summary.app)),
        count(summary.events_in),
        duration(summary.elapsed_ns),
        paint.bold(&rate(summary.throughput_events_per_s)),
    ));
    lines.push(format!(
        "{} {}",
        balance(summary),
        paint.mark(summary.balanced)
    ));
    if !summary.digest.is_empty() {
        lines.push(format!("digest {}", plain(&summary.digest)));
    }
}

/// Both sides of the balance, every term, also those that are zero: that they are is the news.
pub(super) fn balance(summary: &Summary) -> String {
    format!(
        "in {} + expanded {} = out {} + filtered {} + late {} + dead-letter {} + shed {} + in flight {}",
        count(summary.events_in),
        count(summary.events_expanded),
        count(summary.events_out),
        count(summary.events_filtered),
        count(summary.events_late),
        count(summary.events_dead_letter),
        count(summary.events_shed),
        count(summary.events_in_flight),
    )
}

fn latency(lines: &mut Vec<String>, summary: &Summary, paint: Paint) {
    let row = |name: &str, p: &Percentiles| {
        let mut cells = vec![name.to_string()];
        cells.extend([p.p50, p.p90, p.p99, p.p99_9, p.p99_99, p.max].map(duration_or_unknown));
        cells.push(count(p.count));
        cells
    };
    let head = ["", "p50", "p90", "p99", "p99.9", "p99.99", "max", "samples"];
    let rows = [
        row("latency", &summary.latency_ns),
        row("service", &summary.service_ns),
        row("hiccups", &summary.hiccup_ns),
    ];
    table(lines, &head, &rows, 9, paint);
}

/// The price of deterministic order that a run knows itself.
fn order(summary: &Summary) -> Option<String> {
    let held = &summary.held_ns;
    (summary.order == "deterministic").then(|| {
        format!(
            "order deterministic; events at hand waited for an input that was behind {} times: p50 {}, p99 {}, max {}",
            count(held.count),
            duration_or_unknown(held.p50),
            duration_or_unknown(held.p99),
            duration_or_unknown(held.max),
        )
    })
}

fn schedule(summary: &Summary, paint: Paint) -> String {
    let schedule = &summary.schedule;
    let asked = match schedule.asked_events_per_s {
        Some(asked) => format!("asked {}, reached ", rate(asked)),
        None => "reached ".to_string(),
    };
    format!(
        "schedule   {}: {asked}{}; started late by p99 {}, max {}; kept {}",
        plain(&schedule.pace),
        rate(schedule.reached_events_per_s),
        duration_or_unknown(schedule.late_start_ns_p99),
        duration_or_unknown(schedule.late_start_ns_max),
        paint.mark(schedule.kept),
    )
}

fn stages(lines: &mut Vec<String>, stages: &[StageSummary], paint: Paint) {
    let head = [
        "stage",
        "in",
        "out",
        "partitions",
        "skew",
        "keys",
        "state",
        "queueing p50",
        "p99",
    ];
    let rows: Vec<Vec<String>> = stages
        .iter()
        .take(STAGES_SHOWN)
        .map(|stage| {
            vec![
                plain(&stage.name),
                count(stage.events_in),
                count(stage.events_out),
                format!("{} {}", plain(&stage.partitioner), stage.partitions)
                    .trim()
                    .to_string(),
                if stage.skew > 0.0 {
                    number(stage.skew)
                } else {
                    UNKNOWN.to_string()
                },
                count(stage.keys),
                bytes(stage.state_bytes),
                duration_or_unknown(stage.queueing_ns.p50),
                duration_or_unknown(stage.queueing_ns.p99),
            ]
        })
        .collect();
    table(lines, &head, &rows, 6, paint);
    more(lines, stages.len(), STAGES_SHOWN);
}

fn cores(lines: &mut Vec<String>, cores: &[CoreSummary], paint: Paint) {
    for core in cores.iter().take(CORES_SHOWN) {
        let cpu = core
            .cpu
            .map_or("not pinned".to_string(), |cpu| format!("cpu {cpu}"));
        let tasks: Vec<String> = core.tasks.iter().map(|task| plain(task)).collect();
        let line = format!(
            "{:>5} busy, {cpu}: {}",
            share(core.busy_share),
            tasks.join(" ")
        );
        lines.push(format!(
            "{} {}",
            paint.bold(&format!("core {}", core.core)),
            cut(&line)
        ));
    }
    more(lines, cores.len(), CORES_SHOWN);
}

/// Figures that several lists have stand in a table, a column a list (`popular.recall@20` is `recall@20` of
/// the list `popular`); the rest in a line.
fn quality(lines: &mut Vec<String>, summary: &Summary, paint: Paint) {
    if summary.quality.is_empty() {
        return;
    }
    let list_of = |name: &str| {
        let (list, figure) = name.rsplit_once('.')?;
        summary
            .quality
            .contains_key(figure)
            .then(|| list.to_owned())
    };
    let mut lists: Vec<String> = summary
        .quality
        .keys()
        .filter_map(|name| list_of(name))
        .collect();
    lists.sort();
    lists.dedup();
    let figures = summary
        .quality
        .iter()
        .filter(|(name, _)| list_of(name).is_none());
    let in_lists = |figure: &str| {
        let named = |list: &String| format!("{list}.{figure}");
        lists
            .iter()
            .any(|list| summary.quality.contains_key(&named(list)))
    };
    let (compared, alone): (Vec<_>, Vec<_>) = figures.partition(|(name, _)| in_lists(name));
    lines.push(String::new());
    let alone: Vec<String> = alone
        .iter()
        .take(QUALITY_SHOWN)
        .map(|(name, value)| format!("{} {}", plain(name), number(**value)))
        .collect();
    let head_line = format!("{}  {}", paint.bold("quality"), alone.join("  "));
    lines.push(head_line.trim_end().to_owned());
    if compared.is_empty() {
        return more(lines, summary.quality.len(), QUALITY_SHOWN);
    }
    let mut head = vec!["", "answers"];
    head.extend(lists.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = compared
        .iter()
        .take(QUALITY_SHOWN)
        .map(|(name, value)| {
            let of = |list: &String| summary.quality.get(&format!("{list}.{name}")).copied();
            let mut row = vec![plain(name), number(**value)];
            row.extend(
                lists
                    .iter()
                    .map(|list| of(list).map_or(UNKNOWN.into(), number)),
            );
            row
        })
        .collect();
    table(lines, &head, &rows, 9, paint);
}

fn section(lines: &mut Vec<String>, items: &[String], shown: usize, head: &str, indent: &str) {
    if items.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(head.to_string());
    lines.extend(
        items
            .iter()
            .take(shown)
            .map(|item| format!("{indent}{item}")),
    );
    more(lines, items.len(), shown);
}

pub(super) fn more(lines: &mut Vec<String>, all: usize, shown: usize) {
    if all > shown {
        lines.push(format!("  and {} more", count((all - shown) as u64)));
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_string();
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;

    #[test]
    fn the_report_reads_as_it_always_did() {
        let golden = include_str!("assets/sample_report.txt");
        assert_eq!(text(&sample_report().summary, false), golden);
    }

    #[test]
    fn three_stages_fit_one_screen() {
        let text = text(&sample_report().summary, false);
        assert!(text.lines().count() <= 45);
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
    }

    #[test]
    fn an_empty_summary_has_no_empty_sections() {
        let text = text(&Summary::default(), false);
        assert!(!text.contains("stage") && !text.contains("quality") && !text.contains("care"));
        assert!(!text.contains("cache") && !text.contains("cold"));
        assert!(
            text.contains("✗"),
            "an empty summary does not claim to balance"
        );
    }

    #[test]
    fn colour_only_adds_colour() {
        let summary = sample_report().summary;
        let coloured = text(&summary, true);
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        bare.push_str(rest);
        assert_eq!(bare, text(&summary, false));
        assert_ne!(bare, coloured);
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let mut summary = sample_report().summary;
        summary.warnings = (0..20).map(|index| format!("warning {index}")).collect();
        summary.cores = (0..64)
            .map(|core| CoreSummary {
                core,
                ..CoreSummary::default()
            })
            .collect();
        let text = text(&summary, false);
        assert!(
            text.contains("  and 14 more") && text.contains("  and 58 more"),
            "{text}"
        );
    }

    #[test]
    fn hostile_names_do_not_steer_the_terminal() {
        let mut summary = sample_report().summary;
        summary.app = "\u{1b}[2Jgone".to_string();
        summary.stages[0].name = "a\nb".to_string();
        summary.stages[1].caches[0].name = "c\td".to_string();
        summary.samples.push("\u{7}".to_string());
        assert!(
            text(&summary, false)
                .chars()
                .all(|c| c == '\n' || !c.is_control())
        );
    }
}
