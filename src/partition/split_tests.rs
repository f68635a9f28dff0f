//! The splitter against partitions that are stepped by hand.

use super::*;
use crate::partition::{SideInlet, side_lane};
use std::collections::{HashMap, VecDeque};

/// Sums, which merge.
#[derive(Clone)]
struct Sums;

impl Fold<u64, [u64; 2]> for Sums {
    fn fold(event: &u64, state: &mut [u64; 2]) {
        *state = [state[0] + 1, state[1].wrapping_add(*event)];
    }

    fn merge(state: &mut [u64; 2], later: &[u64; 2]) {
        *state = [state[0] + later[0], state[1].wrapping_add(later[1])];
    }
}

/// `Some`: an event; `None`: an order on the side lane.
type Sent = Option<(u64, u64)>;

struct Lanes {
    sent: Vec<VecDeque<Sent>>,
}

impl Ways for Lanes {
    fn waiting(&self, lane: usize) -> usize {
        self.sent[lane].len()
    }

    fn slots(&self) -> usize {
        4096
    }

    fn announce(&mut self, lane: usize) {
        self.sent[lane].push_back(None);
    }
}

struct Partitions {
    ends: Vec<SideInlet<[u64; 2]>>,
    states: Vec<HashMap<u64, [u64; 2]>>,
}

impl Partitions {
    /// Partition `lane` takes up to `most` of what waits; each event's state behind it goes to `results`.
    fn step(&mut self, lanes: &mut Lanes, lane: usize, most: usize, results: &mut Vec<[u64; 3]>) {
        let states = &mut self.states[lane];
        for _ in 0..most {
            match lanes.sent[lane].pop_front() {
                None => return,
                Some(Some((key, event))) => {
                    let state = states.entry(key).or_default();
                    Sums::fold(&event, state);
                    results.push([key, state[0], state[1]]);
                }
                Some(None) => match self.ends[lane].take() {
                    Some(KeyState::Show(key)) => {
                        let state = states.get(&key).copied().unwrap_or_default();
                        self.ends[lane].answer(key, state);
                    }
                    Some(KeyState::Set(key, state)) => {
                        states.insert(key, state);
                    }
                    Some(KeyState::Forget(key)) => {
                        states.remove(&key);
                    }
                    None => panic!("a marker without its order"),
                },
            }
        }
    }
}

/// Sends `events` of two hot keys and some others over `width` lanes; partitions are stepped as `seed` has it.
fn run(seed: u64, width: usize, events: u64) -> (Vec<[u64; 3]>, u64, u64) {
    let mut random = Random::stream(seed, "run");
    let (outlets, ends) = (0..width).map(|_| side_lane()).unzip();
    let mut splitter = Splitter::<[u64; 2]>::new(outlets, 0.2, seed);
    let mut lanes = Lanes {
        sent: vec![VecDeque::new(); width],
    };
    let mut partitions = Partitions {
        ends,
        states: vec![HashMap::new(); width],
    };
    let (mut results, mut exact) = (Vec::new(), HashMap::<u64, [u64; 2]>::new());
    let mut expected = Vec::new();
    let home = |key: u64| (mum64(key) % width as u64) as usize;
    for index in 0..events {
        let key = match random.below(10) {
            0..=4 => 17,
            5..=7 => 4,
            _ => random.below(100),
        };
        let hash = mum64(key);
        let warm = Warm {
            share_min: if key == 17 || key == 4 { 0.3 } else { 0.0 },
            sampled: index,
        };
        splitter.heed((key, hash), home(key), warm, &mut lanes);
        let lane = splitter.lane::<u64, Sums>((key, hash), home(key), &index, &mut lanes);
        lanes.sent[lane].push_back(Some((key, index)));
        let state = exact.entry(key).or_default();
        Sums::fold(&index, state);
        expected.push([key, state[0], state[1]]);
        if random.below(512) == 0 {
            let lane = random.below(width as u64) as usize;
            partitions.step(&mut lanes, lane, random.below(4_000) as usize, &mut results);
        }
        if random.below(20_000) == 0 {
            splitter.bring_home(&mut lanes);
            for lane in 0..width {
                partitions.step(&mut lanes, lane, usize::MAX, &mut results);
            }
            at_home(&partitions, &exact, home);
        }
    }
    splitter.bring_home(&mut lanes);
    for lane in 0..width {
        partitions.step(&mut lanes, lane, usize::MAX, &mut results);
    }
    at_home(&partitions, &exact, home);
    results.sort_unstable();
    expected.sort_unstable();
    assert!(results == expected, "seed {seed}: results differ");
    let told: Vec<SplitKey> = splitter.told().collect();
    let moves = told.iter().map(|told| told.moves).sum();
    (results, moves, told.iter().map(|told| told.events).sum())
}

/// Each key lies in its home alone, with the state that all its events come to.
fn at_home(partitions: &Partitions, exact: &HashMap<u64, [u64; 2]>, home: impl Fn(u64) -> usize) {
    let mut keys = 0;
    for (lane, states) in partitions.states.iter().enumerate() {
        for (key, state) in states {
            assert_eq!(
                (home(*key), Some(state)),
                (lane, exact.get(key)),
                "key {key}"
            );
            keys += 1;
        }
    }
    assert_eq!(keys, exact.len());
}

#[test]
fn every_result_is_that_of_one_partition_and_states_come_home() {
    for seed in 0..40 {
        let (_, moves, events) = run(seed, 2 + (seed % 5) as usize, 60_000);
        assert!(moves > 5, "seed {seed}: {moves} moves");
        assert!(events > 30_000, "seed {seed}: {events} events while split");
    }
}

#[test]
fn a_key_that_is_not_hot_stays_where_it_belongs() {
    let (outlets, _ends): (Vec<_>, Vec<SideInlet<[u64; 2]>>) = (0..3).map(|_| side_lane()).unzip();
    let mut splitter = Splitter::<[u64; 2]>::new(outlets, 0.2, 1);
    let mut lanes = Lanes {
        sent: vec![VecDeque::new(); 3],
    };
    for key in 0..100_000u64 {
        let warm = Warm {
            share_min: 0.19,
            sampled: 5_000,
        };
        let at = (key, mum64(key));
        splitter.heed(at, 1, warm, &mut lanes);
        assert_eq!(splitter.lane::<u64, Sums>(at, 1, &key, &mut lanes), 1);
    }
    assert_eq!(splitter.told().count(), 0);
    assert!(lanes.sent.iter().all(VecDeque::is_empty));
}

#[test]
fn one_partition_is_never_split() {
    let (outlet, _end) = side_lane::<u64>();
    let mut splitter = Splitter::new(vec![outlet], 0.2, 1);
    let mut lanes = Lanes {
        sent: vec![VecDeque::new()],
    };
    let warm = Warm {
        share_min: 0.9,
        sampled: 5_000,
    };
    splitter.heed((17, mum64(17)), 0, warm, &mut lanes);
    assert_eq!(splitter.told().count(), 0);
}
