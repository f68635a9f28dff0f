//! Caches and cold tiers on a terminal: a line each, and no column in which every line says 0.

use super::figure::{UNKNOWN, bytes, count, duration_or_unknown, number, plain, share};
use super::paint::Paint;
use super::summary::StageSummary;
use super::summary_cache::{CacheSummary, ColdSummary};
use super::text::{STAGES_SHOWN, more};
use super::text_table::table;

/// A table of the caches and one of the cold tiers behind them, each only where there is one.
pub(super) fn caches(lines: &mut Vec<String>, stages: &[StageSummary], paint: Paint) {
    let named = |stage: &StageSummary, cache: &CacheSummary| {
        format!("{} {}", plain(&stage.name), plain(&cache.name))
    };
    let caches: Vec<(String, &CacheSummary)> = stages
        .iter()
        .flat_map(|stage| {
            let caches = stage.caches.iter();
            caches.map(move |cache| (named(stage, cache), cache))
        })
        .collect();
    let cold: Vec<(String, &ColdSummary)> = caches
        .iter()
        .filter_map(|(name, cache)| Some((name.clone(), cache.cold.as_ref()?)))
        .collect();
    if caches.is_empty() {
        return;
    }
    lines.push(String::new());
    memory(lines, &caches, paint);
    if !cold.is_empty() {
        behind(lines, &cold, paint);
    }
}

fn memory(lines: &mut Vec<String>, caches: &[(String, &CacheSummary)], paint: Paint) {
    type Count = fn(&CacheSummary) -> u64;
    let counts: [(&str, Count); 8] = [
        ("hits", |c| c.hits),
        ("misses", |c| c.misses),
        ("of them new", |c| c.misses_new),
        ("evicted", |c| c.evictions),
        ("invalid", |c| c.invalidations),
        ("expired", |c| c.expirations),
        ("held", |c| c.entries),
        ("room for", |c| c.capacity_slots),
    ];
    let told: Vec<(&str, Count)> = counts
        .into_iter()
        .filter(|(_, of)| caches.iter().any(|(_, cache)| of(cache) > 0))
        .collect();
    let mut head = vec!["cache", "policy", "hit ratio"];
    head.extend(told.iter().map(|(name, _)| *name));
    let rows: Vec<Vec<String>> = caches
        .iter()
        .take(STAGES_SHOWN)
        .map(|(name, cache)| {
            let ratio = cache.hit_ratio.map_or(UNKNOWN.to_string(), share);
            let mut row = vec![name.clone(), plain(&cache.policy), ratio];
            row.extend(told.iter().map(|(_, of)| count(of(cache))));
            row
        })
        .collect();
    table(lines, &head, &rows, 4, paint);
    more(lines, caches.len(), STAGES_SHOWN);
}

fn behind(lines: &mut Vec<String>, cold: &[(String, &ColdSummary)], paint: Paint) {
    let head = [
        "cold tier",
        "reads",
        "p50",
        "p99",
        "max",
        "written",
        "× evicted",
        "file",
        "live",
        "index",
        "waiting",
    ];
    let rows: Vec<Vec<String>> = cold
        .iter()
        .take(STAGES_SHOWN)
        .map(|(name, cold)| {
            vec![
                name.clone(),
                count(cold.reads),
                duration_or_unknown(cold.read_ns.p50),
                duration_or_unknown(cold.read_ns.p99),
                duration_or_unknown(cold.read_ns.max),
                count(cold.writes),
                cold.write_amplification.map_or(UNKNOWN.to_string(), number),
                bytes(cold.file_bytes),
                bytes(cold.live_bytes),
                bytes(cold.index_bytes),
                count(cold.waiting_max),
            ]
        })
        .collect();
    table(lines, &head, &rows, 4, paint);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(cache: CacheSummary) -> Vec<String> {
        let stage = StageSummary {
            name: "total".to_string(),
            caches: vec![cache],
            ..StageSummary::default()
        };
        let mut lines = Vec::new();
        caches(&mut lines, &[stage], Paint { colour: false });
        lines
    }

    #[test]
    fn without_a_cache_there_is_no_line() {
        let mut lines = Vec::new();
        caches(
            &mut lines,
            &[StageSummary::default()],
            Paint { colour: false },
        );
        assert!(lines.is_empty());
    }

    #[test]
    fn what_never_happened_takes_no_column() {
        let cache = CacheSummary {
            name: "answers".to_string(),
            hits: 3,
            misses: 1,
            hit_ratio: Some(0.75),
            ..CacheSummary::default()
        };
        let text = lines(cache.clone()).join("\n");
        assert!(text.contains("75 %") && text.contains("total answers"));
        assert!(!text.contains("expired") && !text.contains("invalid") && !text.contains("cold"));
        let expired = CacheSummary {
            expirations: 2,
            ..cache
        };
        assert!(lines(expired).join("\n").contains("expired"));
    }

    #[test]
    fn the_largest_counts_fit_a_line() {
        let most = 999_999_999;
        let cache = CacheSummary {
            name: "state".to_string(),
            policy: "s3-fifo".to_string(),
            hits: most,
            misses: most,
            hit_ratio: Some(0.5),
            misses_new: most,
            evictions: most,
            capacity_slots: most,
            entries: most,
            ..CacheSummary::default()
        };
        let lines = lines(cache);
        assert!(lines.iter().all(|line| line.chars().count() <= 120));
    }
}
