//! Hot keys in `report.html`: a table for each stage that has some.

use super::figure::{UNKNOWN, count};
use super::html::escape;
use super::summary_keys::{HotKey, HotKeys};

pub(super) fn hot_keys(stages: &[HotKeys]) -> String {
    let with_keys = stages.iter().filter(|stage| !stage.keys.is_empty());
    let tables: String = with_keys.map(table).collect();
    if tables.is_empty() {
        return String::new();
    }
    format!(
        "<section class=\"card\"><h2>Hot keys</h2><p class=\"sub\">Keys with 1 % of a stage's events or \
         more, from a sample of what was sent. The share is at most what is shown, give or take the margin \
         of the sample.</p>{tables}</section>\n"
    )
}

fn table(stage: &HotKeys) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let row = |key: &HotKey| {
        let cells = [
            key.key.to_string(),
            percent(key.share),
            format!("± {}", percent(key.share_margin)),
            key.partition
                .map_or(UNKNOWN.into(), |partition| partition.to_string()),
            key.partition_load
                .map_or(UNKNOWN.into(), |load| format!("{load:.2}x")),
            key.partition_share.map_or(UNKNOWN.into(), percent),
            count(key.events_split),
            count(key.moves),
        ];
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{cell}</td>"))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = stage.keys.iter().map(row).collect();
    format!(
        "<h3>{}</h3><p class=\"sub\">{} events, {} in the sample; splitting {}</p><div class=\"scroll\"><table>\
         <thead><tr><th>key</th><th>of events</th><th>margin</th><th>partition</th><th>its load over the mean</th>\
         <th>of its events</th><th>events split</th><th>moves</th></tr></thead><tbody>{rows}</tbody></table></div>",
        escape(&stage.stage),
        count(stage.events),
        count(stage.sampled),
        escape(&stage.splitting),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_without_hot_keys_has_no_table() {
        let mut stage = HotKeys {
            stage: "a<b".into(),
            ..HotKeys::default()
        };
        assert_eq!(hot_keys(std::slice::from_ref(&stage)), "");
        stage.keys.push(HotKey {
            key: 17,
            share: 0.31,
            partition: Some(3),
            partition_load: Some(2.1),
            ..HotKey::default()
        });
        let html = hot_keys(&[stage]);
        assert!(
            html.contains("<td>17</td><td>31.0 %</td>") && html.contains("2.10x"),
            "{html}"
        );
        assert!(html.contains("a&lt;b") && !html.contains("a<b"));
    }
}
