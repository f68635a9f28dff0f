//! The sections of `report.html` made of bars: partitions, cores, quality; and the answers beside it.
//!
//! Each returns "" where there is nothing to show.

use super::figure::{count, number, share};
use super::html::escape;
use super::summary::{PartitionSummary, Summary};
use super::summary_allocation::GIVEN;
use std::collections::BTreeMap;

/// More bars than this tell nothing that the skew does not.
const PARTITIONS_SHOWN: usize = 32;

pub(super) fn partitions(summary: &Summary) -> String {
    if summary.partitions.is_empty() {
        return String::new();
    }
    let mut order: Vec<&str> = Vec::new();
    let mut stages: BTreeMap<&str, Vec<&PartitionSummary>> = BTreeMap::new();
    for partition in &summary.partitions {
        if !stages.contains_key(partition.stage.as_str()) {
            order.push(&partition.stage);
        }
        stages.entry(&partition.stage).or_default().push(partition);
    }
    let mut body = String::new();
    for stage in order {
        let partitions = &stages[stage];
        let widest = partitions
            .iter()
            .map(|partition| partition.share)
            .fold(0.0, f64::max);
        let mean = 1.0 / partitions.len() as f64;
        body.push_str(&format!("<h3>{}</h3><div class=\"bars\">", escape(stage)));
        for partition in partitions.iter().take(PARTITIONS_SHOWN) {
            body.push_str(&format!(
                "<span class=\"name\">{} &middot; core {}</span>{}<span class=\"value\">{}</span>",
                partition.partition,
                partition.core,
                bar(
                    partition.share / widest.max(mean),
                    Some(mean / widest.max(mean)),
                    "latency"
                ),
                share(partition.share),
            ));
        }
        body.push_str("</div>");
        if partitions.len() > PARTITIONS_SHOWN {
            let more = count((partitions.len() - PARTITIONS_SHOWN) as u64);
            body.push_str(&format!(
                "<p class=\"note\">and {more} more in summary.json</p>"
            ));
        }
    }
    format!(
        "<section class=\"card\"><h2>Partitions</h2><p>Share of their stage's events; the tick is an even share.</p>{body}</section>"
    )
}

/// A bar of `part` of the whole width, with a tick where asked.
fn bar(part: f64, tick: Option<f64>, colour: &str) -> String {
    let percent = |part: f64| {
        if part.is_finite() {
            part.clamp(0.0, 1.0) * 100.0
        } else {
            0.0
        }
    };
    let tick = tick.map_or(String::new(), |tick| {
        format!("<u style=\"left:calc({:.1}% - 1px)\"></u>", percent(tick))
    });
    let width = percent(part);
    format!(
        "<div class=\"bar\"><i style=\"width:{width:.1}%;background:var(--{colour})\"></i>{tick}</div>"
    )
}

pub(super) fn cores(summary: &Summary) -> String {
    if summary.cores.is_empty() {
        return String::new();
    }
    let body: String = summary
        .cores
        .iter()
        .map(|core| {
            let cpu = core.cpu.map_or("not pinned".to_string(), |cpu| format!("CPU {cpu}"));
            format!(
                "<div class=\"core\"><p><b>core {}</b><span class=\"sub\">{cpu} &middot; {} busy</span></p>{}<div class=\"tasks\">{}</div></div>",
                core.core,
                share(core.busy_share),
                bar(core.busy_share, None, "service"),
                escape(&core.tasks.join(" · ")),
            )
        })
        .collect();
    let allocation = summary
        .allocation
        .as_ref()
        .map_or_else(String::new, |made| {
            let aim = match &*made.allocator {
                GIVEN => "Tasks were placed as was said; this is the",
                _ => "Allocation of tasks, to make small the",
            };
            format!(
                "<p>{aim} {}: {}.</p>",
                escape(&made.objective),
                escape(&made.in_words())
            )
        });
    format!(
        "<section class=\"card\"><h2>Cores</h2><p>Share of the time in which some task had work.</p>{body}{allocation}</section>"
    )
}

/// Quality of the answers and a few of them.
pub(super) fn answers(summary: &Summary) -> String {
    if summary.quality.is_empty() && summary.samples.is_empty() {
        return String::new();
    }
    let mut cards = String::new();
    if !summary.quality.is_empty() {
        // Bars compare like with like: "popular.recall@20" with "recall@20".
        let measure = |name: &str| name.rsplit('.').next().unwrap_or_default().to_string();
        let mut groups: BTreeMap<String, Vec<(&str, f64)>> = BTreeMap::new();
        for (name, value) in &summary.quality {
            groups
                .entry(measure(name))
                .or_default()
                .push((name, *value));
        }
        let mut body = String::new();
        for (group, mut entries) in groups {
            entries.sort_by(|a, b| b.1.total_cmp(&a.1));
            let widest = entries.iter().map(|entry| entry.1).fold(0.0, f64::max);
            body.push_str(&format!("<h3>{}</h3><div class=\"bars\">", escape(&group)));
            for (name, value) in entries {
                let who = name
                    .strip_suffix(&group)
                    .unwrap_or(name)
                    .trim_end_matches('.');
                let (who, colour) = if who.is_empty() {
                    ("this flow", "latency")
                } else {
                    (who, "p50")
                };
                body.push_str(&format!(
                    "<span class=\"name\">{}</span>{}<span class=\"value\">{}</span>",
                    escape(who),
                    bar(value / widest, None, colour),
                    number(value),
                ));
            }
            body.push_str("</div>");
        }
        cards.push_str(&format!(
            "<section class=\"card\"><h2>Quality</h2>{body}</section>"
        ));
    }
    if !summary.samples.is_empty() {
        let items: String = summary
            .samples
            .iter()
            .map(|sample| format!("<li>{}</li>", escape(sample)))
            .collect();
        cards.push_str(&format!(
            "<section class=\"card\"><h2>Answers</h2><ul class=\"answers\">{items}</ul></section>"
        ));
    }
    format!("<div class=\"pair\">{cards}</div>\n")
}
