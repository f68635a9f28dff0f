//! Hot keys on a terminal: a line for each of the hottest.

use super::figure::{count, plain};
use super::paint::Paint;
use super::summary_keys::{HotKey, HotKeys};

/// Keys shown of a stage; `summary.json` has all.
const KEYS_SHOWN: usize = 3;
/// A key with less of the events is not news on one screen.
const SHARE_SHOWN: f64 = 0.05;

pub(super) fn hot_keys(lines: &mut Vec<String>, stages: &[HotKeys], paint: Paint) {
    for stage in stages {
        let shown = stage.keys.iter().filter(|key| key.share >= SHARE_SHOWN);
        for key in shown.take(KEYS_SHOWN) {
            lines.push(format!(
                "{} {}: {}",
                paint.bold("hot key"),
                plain(&stage.stage),
                sentence(key)
            ));
        }
    }
}

/// "key 17: 31.0 % of events ± 0.4, partition 3 carries 2.1x the mean".
pub(super) fn sentence(key: &HotKey) -> String {
    let mut text = format!("key {}: {:.1} % of events", key.key, 100.0 * key.share);
    if key.share_margin >= 0.0005 {
        text += &format!(" ± {:.1}", 100.0 * key.share_margin);
    }
    if let (Some(partition), Some(load)) = (key.partition, key.partition_load) {
        text += &format!(", partition {partition} carries {load:.1}x the mean");
    }
    if key.events_split > 0 {
        text += &format!(
            "; {} of its events went by more than one partition, with {} moves",
            count(key.events_split),
            count(key.moves)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_hot_and_what_it_does() {
        let key = HotKey {
            key: 17,
            share: 0.31,
            share_margin: 0.004,
            partition: Some(3),
            partition_load: Some(2.1),
            ..HotKey::default()
        };
        let stage = HotKeys {
            stage: "totals".into(),
            keys: vec![key.clone(), HotKey { share: 0.02, ..key }],
            ..HotKeys::default()
        };
        let mut lines = Vec::new();
        hot_keys(&mut lines, &[stage], Paint { colour: false });
        assert_eq!(
            lines,
            ["hot key totals: key 17: 31.0 % of events ± 0.4, partition 3 carries 2.1x the mean"]
        );
    }
}
