//! The account of hot keys: what each sender of a stage found, put together, beside what its partitions took.

use crate::latency::{HotKey, HotKeys, KEY_SHARE_LISTED};
use crate::partition::{Heat, HeavyHitters, Hitter};
use crate::task::{Figures, KeySent, KeysSent};
use std::collections::{BTreeMap, BTreeSet};

/// Keys listed for a stage.
const KEYS_LISTED: usize = 32;

/// The hot keys of each stage that is sent events by key; of these, `splittable` could split them.
pub(super) fn hot_keys(figures: &[Figures], splittable: &BTreeSet<usize>) -> Vec<HotKeys> {
    let mut senders = BTreeMap::<usize, Vec<&KeysSent>>::new();
    for task in figures {
        if let Some(sent) = &task.keys_sent {
            senders.entry(task.stage_index + 1).or_default().push(sent);
        }
    }
    let stages = senders.into_iter();
    stages
        .map(|(index, sent)| HotKeys {
            splitting: splitting(&sent, splittable.contains(&index)).into(),
            ..stage(figures, index, &sent)
        })
        .collect()
}

fn stage(figures: &[Figures], index: usize, senders: &[&KeysSent]) -> HotKeys {
    let found = senders.iter().map(|sent| heavy(sent));
    let mut heavy = found
        .reduce(|all, one| all.merged(&one))
        .unwrap_or_default();
    heavy.shorten(KEYS_LISTED);
    let taken: BTreeMap<usize, u64> = figures
        .iter()
        .filter(|task| task.stage_index == index)
        .map(|task| (task.partition, task.events_in))
        .collect();
    let mean = taken.values().sum::<u64>() as f64 / taken.len().max(1) as f64;
    let events = heavy.weight();
    let sampled = senders.iter().map(|sent| sent.sampled).sum();
    let listed = heavy.hitters().iter();
    let listed = listed.filter(|hitter| hitter.least() as f64 >= KEY_SHARE_LISTED * events as f64);
    let key = |hitter: &Hitter| {
        let known = senders.iter().flat_map(|sent| &sent.keys);
        let known: Vec<&KeySent> = known.filter(|sent| sent.key == hitter.key).collect();
        let partition = known.iter().find_map(|sent| sent.partition);
        let of = partition
            .and_then(|partition| taken.get(&partition))
            .copied();
        let of = of.filter(|events| *events > 0).map(|events| events as f64);
        let events_split: u64 = known.iter().map(|sent| sent.events_split).sum();
        let share = hitter.count as f64 / events.max(1) as f64;
        HotKey {
            key: hitter.key,
            count: hitter.count,
            error: hitter.error,
            share,
            share_margin: Heat::margin(share, sampled),
            partition: partition.map(|partition| partition as u32),
            partition_load: of.map(|of| of / mean),
            partition_share: of
                .filter(|_| events_split == 0)
                .map(|of| (hitter.count as f64 / of).min(1.0)),
            events_split,
            moves: known.iter().map(|sent| sent.moves).sum(),
        }
    };
    let name = figures.iter().find(|task| task.stage_index == index);
    HotKeys {
        stage: name.map_or_else(String::new, |task| task.stage.clone()),
        events,
        sampled,
        unlisted_count_max: heavy.unlisted_max(),
        splitting: String::new(),
        keys: listed.map(key).collect(),
    }
}

fn splitting(senders: &[&KeysSent], can: bool) -> &'static str {
    match senders.iter().any(|sent| sent.splits) {
        true => "on",
        false if can => "off",
        false => "impossible",
    }
}

fn heavy(sent: &KeysSent) -> HeavyHitters {
    let hitter = |sent: &KeySent| Hitter {
        key: sent.key,
        count: sent.count,
        error: sent.error,
    };
    let hitters = sent.keys.iter().map(hitter).collect();
    HeavyHitters::new(hitters, sent.events, sent.unlisted_max)
}
