//! The events of a case: made once by the parent process, before any clock starts, read into memory by the
//! process of each turn.
//!
//! ```text
//!   whole     e0 e1 e2 e3 e4 …                 one source: as they came
//!   halves    e0 e2 e3 …  ┊  e1 e4 …           two sources: all events of a key in one of them, in order
//! ```
//!
//! A key's events are never in both halves, as in a log with two partitions: only so is its order, and with it
//! every answer, the same for all. Which half says nothing about which worker owns the key, so half of each
//! source still has to cross over.

use crate::event::Event;
use crate::touch::{self, Touch, Weight};
use anyhow::{Context, Result};
use millstream::app::aggregate::Total;
use millstream::partition::mum64;
use millstream::sink::Digestible;
use millstream::source::load::{KeyDistribution, KeySampler, Load, Schedule, ValuePattern};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Seed of keys and values.
pub const SEED: u64 = 7;

/// Where the events of a case are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    whole: PathBuf,
    halves: PathBuf,
    /// Events.
    pub events: usize,
    /// Events in the first half.
    first: usize,
}

/// What every peer must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub results: u64,
    pub digest: u64,
}

impl Input {
    /// Makes `events` events of `keys` in files of `directory`, and says what must be answered at the aggregate.
    pub fn make(
        keys: &KeyDistribution,
        events: usize,
        directory: &Path,
    ) -> Result<(Self, Expected)> {
        let whole = draw(keys, events)?;
        let input = Self::of(&whole, &keys.to_string(), directory)?;
        Ok((input, expected(&whole)))
    }

    /// The same for w3: users of `users`, each value an item of `items`.
    pub fn make_touches(
        users: &KeyDistribution,
        items: &KeyDistribution,
        events: usize,
        directory: &Path,
    ) -> Result<(Self, Expected)> {
        let mut whole = draw(users, events)?;
        let mut items = KeySampler::new(items, SEED + 1)?;
        for event in &mut whole {
            event.value = items.next_key() as i64;
        }
        let input = Self::of(&whole, "touches", directory)?;
        Ok((input, expected_of_touches(&whole)))
    }

    fn of(whole: &[Event], name: &str, directory: &Path) -> Result<Self> {
        let bit = evenest_bit(whole);
        let (first, second): (Vec<Event>, Vec<Event>) =
            whole.iter().partition(|event| half(event.key, bit) == 0);
        let input = Input {
            whole: directory.join(format!("{name}.whole")),
            halves: directory.join(format!("{name}.halves")),
            events: whole.len(),
            first: first.len(),
        };
        write(&input.whole, &[whole])?;
        write(&input.halves, &[&first, &second])?;
        Ok(input)
    }

    /// All events, in the order in which they came.
    pub fn whole(&self) -> Result<Vec<Event>> {
        read(&self.whole, 0, self.events)
    }

    /// All events, each key's in one of two sources.
    pub fn halves(&self) -> Result<[Vec<Event>; 2]> {
        Ok([
            read(&self.halves, 0, self.first)?,
            read(&self.halves, self.first, self.events - self.first)?,
        ])
    }
}

/// `events` events of `keys`, by the engine's load generator.
fn draw(keys: &KeyDistribution, events: usize) -> Result<Vec<Event>> {
    let sampler = KeySampler::new(keys, SEED)?;
    let mut load = Load::new(sampler, ValuePattern::default(), Schedule::at_once(), SEED);
    Ok((0..events).map(|_| load.next_event().1.into()).collect())
}

/// Which source a key comes from. The bits above 40 are neither the owner's nor a table's last.
fn half(key: u64, bit: u32) -> u64 {
    mum64(key) >> (40 + bit) & 1
}

/// The bit that splits the events most evenly, so that no pair of sources waits for a heavy one.
fn evenest_bit(events: &[Event]) -> u32 {
    let uneven = |bit: &u32| {
        let ones = events.iter().filter(|event| half(event.key, *bit) == 1);
        (2 * ones.count()).abs_diff(events.len())
    };
    (0..8).min_by_key(uneven).unwrap_or(0)
}

/// By a plain map, which is nobody's: so it can be said which peer is wrong.
pub fn expected(events: &[Event]) -> Expected {
    let mut totals = HashMap::<u64, Total>::new();
    let digests = events.iter().map(|event| {
        let total = totals.entry(event.key).or_default();
        total.add(event.value, event.ts_ns);
        total.record(event.key).digest()
    });
    Expected {
        digest: digests.fold(0, u64::wrapping_add),
        results: events.len() as u64,
    }
}

/// The same for w3.
fn expected_of_touches(events: &[Event]) -> Expected {
    let mut users = HashMap::<u64, u64>::new();
    let mut items = HashMap::<u64, Weight>::new();
    for event in events {
        let times = users.entry(event.key).or_default();
        *times += 1;
        let item = event.value as u64;
        items.entry(item).or_default().add(Touch {
            item,
            times: *times,
        });
    }
    touch::answer(items.into_iter().collect())
}

fn write(path: &Path, parts: &[&[Event]]) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    for part in parts {
        file.write_all(bytemuck::cast_slice(part))
            .with_context(|| format!("writing events to {}", path.display()))?;
    }
    Ok(())
}

fn read(path: &Path, from: usize, events: usize) -> Result<Vec<Event>> {
    let reading = || format!("reading events from {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    file.seek(SeekFrom::Start((from * size_of::<Event>()) as u64))
        .with_context(reading)?;
    let mut all = vec![Event::default(); events];
    file.read_exact(bytemuck::cast_slice_mut(&mut all))
        .with_context(reading)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_halves_are_the_whole_and_share_no_key() {
        let directory = tempfile::tempdir().expect("a directory");
        let keys = "zipf(0.99,500)".parse().expect("keys");
        let (input, _) = Input::make(&keys, 10_007, directory.path()).expect("events");
        let whole = input.whole().expect("the whole");
        let halves = input.halves().expect("the halves");
        let key = |event: &Event| event.key;
        let [first, second] = halves.each_ref().map(|half| half.iter().map(key).collect());
        assert!(HashSet::<u64>::is_disjoint(&first, &second));
        assert!(!first.is_empty() && !second.is_empty());
        for (half, keys) in halves.iter().zip([&first, &second]) {
            let of_half = whole.iter().filter(|event| keys.contains(&event.key));
            assert!(of_half.eq(half), "not in the order of the whole");
        }
        assert_eq!(halves[0].len() + halves[1].len(), whole.len());
    }
}
