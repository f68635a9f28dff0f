//! The section of `report.html` on caches: a table for each stage that has some, its partitions folded.

use super::figure::{UNKNOWN, bytes, count, duration_or_unknown, number, share};
use super::html::escape;
use super::summary::{StageSummary, Summary};
use super::summary_cache::{CacheSummary, ColdSummary};

/// More rows than this tell nothing that the sum does not.
const PARTITIONS_SHOWN: usize = 64;

/// "" where no stage has a cache.
pub(super) fn caches(summary: &Summary) -> String {
    let mut body = String::new();
    for stage in &summary.stages {
        if !stage.caches.is_empty() {
            body.push_str(&of_stage(stage, summary));
        }
    }
    if body.is_empty() {
        return body;
    }
    format!(
        "<section class=\"card\"><h2>Caches</h2><p>Hit ratio: references that found what they wanted, over all \
         references. New: misses for a key that had never been seen, or was forgotten.</p>{body}</section>\n"
    )
}

/// A cache with what its row is called: the cache itself, or the partition it is of.
type Named<'a> = (String, &'a CacheSummary);

fn of_stage(stage: &StageSummary, summary: &Summary) -> String {
    let whole: Vec<Named> = stage
        .caches
        .iter()
        .map(|cache| (cache.name.clone(), cache))
        .collect();
    let of_stage = |partition: &&super::PartitionSummary| partition.stage == stage.name;
    let parts: Vec<Named> = summary
        .partitions
        .iter()
        .filter(of_stage)
        .flat_map(|partition| {
            let caches = partition.caches.iter();
            caches.map(|cache| (format!("{} · {}", cache.name, partition.partition), cache))
        })
        .collect();
    let folded = if parts.len() > whole.len() {
        let more = parts.len().saturating_sub(PARTITIONS_SHOWN);
        let rest = if more > 0 {
            format!(
                "<p class=\"note\">and {} more in summary.json</p>",
                count(more as u64)
            )
        } else {
            String::new()
        };
        let shown = &parts[..parts.len().min(PARTITIONS_SHOWN)];
        format!(
            "<details><summary>by partition</summary>{}{rest}</details>",
            tables(shown)
        )
    } else {
        String::new()
    };
    format!("<h3>{}</h3>{}{folded}", escape(&stage.name), tables(&whole))
}

/// The caches, and below them the cold tiers of those that have one.
fn tables(caches: &[Named]) -> String {
    let rows: String = caches.iter().map(memory).collect();
    let memory = format!(
        "<div class=\"scroll\"><table><tr><th></th><th>policy</th><th>hit ratio</th><th>hits</th><th>misses</th>\
         <th>new</th><th>evicted</th><th>invalidated</th><th>expired</th><th>held</th><th>room for</th></tr>\
         {rows}</table></div>"
    );
    let cold: String = caches
        .iter()
        .filter_map(|(name, cache)| Some(behind(name, cache.cold.as_ref()?)))
        .collect();
    if cold.is_empty() {
        return memory;
    }
    format!(
        "{memory}<div class=\"scroll\"><table><tr><th>cold tier</th><th>reads</th><th>p50</th><th>p99</th>\
         <th>p99.9</th><th>max</th><th>written</th><th>moved</th><th>&times; evicted</th><th>file</th><th>live</th>\
         <th>index</th><th>waiting, most</th></tr>{cold}</table></div>"
    )
}

fn memory((name, cache): &Named) -> String {
    let counts: String = [
        cache.hits,
        cache.misses,
        cache.misses_new,
        cache.evictions,
        cache.invalidations,
        cache.expirations,
        cache.entries,
        cache.capacity_slots,
    ]
    .map(|value| format!("<td>{}</td>", count(value)))
    .concat();
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td>{counts}</tr>",
        escape(name),
        escape(&cache.policy),
        cache.hit_ratio.map_or(UNKNOWN.to_string(), share),
    )
}

fn behind(name: &str, cold: &ColdSummary) -> String {
    let reads = &cold.read_ns;
    let cells: String = [
        count(cold.reads),
        duration_or_unknown(reads.p50),
        duration_or_unknown(reads.p99),
        duration_or_unknown(reads.p99_9),
        duration_or_unknown(reads.max),
        count(cold.writes),
        count(cold.moved),
        cold.write_amplification.map_or(UNKNOWN.to_string(), number),
        bytes(cold.file_bytes),
        bytes(cold.live_bytes),
        bytes(cold.index_bytes),
        count(cold.waiting_max),
    ]
    .map(|cell| format!("<td>{cell}</td>"))
    .concat();
    format!("<tr><td>{}</td>{cells}</tr>", escape(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;

    #[test]
    fn a_run_without_caches_has_no_section() {
        let mut summary = sample_report().summary;
        assert!(caches(&summary).contains("<h2>Caches</h2>"));
        summary
            .stages
            .iter_mut()
            .for_each(|stage| stage.caches.clear());
        assert_eq!(caches(&summary), "");
    }

    #[test]
    fn each_stage_has_a_table_and_its_partitions_are_folded() {
        let section = caches(&sample_report().summary);
        assert_eq!(section.matches("<h3>").count(), 2);
        assert_eq!(section.matches("<details>").count(), 2);
        assert_eq!(
            section.matches("<th>cold tier</th>").count(),
            2,
            "of the stage and of its partitions"
        );
        assert!(section.contains("answers · 3") && section.contains("state · 0"));
    }

    #[test]
    fn many_partitions_are_cut_and_say_so() {
        let mut summary = sample_report().summary;
        let last = summary.partitions.last().expect("it has some").clone();
        let cache = summary.stages[1].caches[0].clone();
        let all = (0..100).map(|partition| super::super::PartitionSummary {
            stage: summary.stages[1].name.clone(),
            partition,
            caches: vec![cache.clone()],
            ..last.clone()
        });
        summary.partitions = all.collect();
        assert!(caches(&summary).contains("and 36 more in summary.json"));
    }
}
