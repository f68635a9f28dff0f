//! When tasks are moved, and which: decided from loads alone, without a clock or a thread.
//!
//! ```text
//!   even ──busiest > mean × (1 + threshold)──► uneven ──for `patience`──► plan ──► moves
//!     ▲                                          │                         │
//!     └────────────── even again ────────────────┘◄─ nothing is better ────┘
//! ```
//!
//! It settles: a plan must bring the busiest core down by a share of the threshold, it aims below the threshold,
//! and the patience doubles with each plan that follows another closely, so that loads which change faster than
//! tasks can follow are left alone. `patience` is that of a load that has been even for a while; the first plan of a
//! run comes after a fifth of it, since the placement that it corrects was made from estimates.

use serde::{Deserialize, Serialize};

/// Below this load of the busiest core there is nothing to gain, in cores.
const LOAD_MIN: f64 = 0.25;
/// A plan brings the busiest core down by at least this part of the threshold.
const GAIN_PART: f64 = 0.25;
/// A plan aims within this part of the threshold of the best that is known.
const AIM_PART: f64 = 0.5;
/// A swap moves two tasks: it must be so much better than a single move, as a share of the busiest core's load.
const SWAP_GAIN: f64 = 0.02;
/// A plan follows another closely if it comes within so many times the patience.
const CLOSE_PATIENCES: u64 = 20;
/// The first plan waits for this part of the patience.
const FIRST_PART: u64 = 5;
/// The patience doubles at most so often.
const DOUBLINGS_MAX: u32 = 6;

/// How tasks are moved between cores while a flow runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalanceOptions {
    /// Whether they are.
    pub on: bool,
    /// The load is uneven where the busiest core's exceeds the mean by this share.
    pub threshold: f64,
    /// For how long it is uneven before tasks are moved, ns.
    pub patience_ns: u64,
}

impl Default for BalanceOptions {
    fn default() -> Self {
        BalanceOptions {
            on: true,
            threshold: 0.1,
            patience_ns: 500_000_000,
        }
    }
}

/// What one task takes of its core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TaskLoad {
    /// Its index in the plan.
    pub(super) task: usize,
    pub(super) core: usize,
    /// Share of a core's time.
    pub(super) load: f64,
}

/// One task goes to another core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Its index in the plan.
    pub task: usize,
    /// Where it is.
    pub from: usize,
    /// Where it goes.
    pub to: usize,
}

/// Decides when tasks are moved.
#[derive(Debug)]
pub(super) struct Balancer {
    options: BalanceOptions,
    uneven_since_ns: Option<u64>,
    planned_ns: Option<u64>,
    doublings: u32,
}

impl Balancer {
    pub(super) fn new(options: BalanceOptions) -> Self {
        Balancer {
            options,
            uneven_since_ns: None,
            planned_ns: None,
            doublings: 0,
        }
    }

    /// A look at the loads at `now_ns`, on the first `cores` cores: what to move now.
    pub(super) fn look(&mut self, now_ns: u64, loads: &[TaskLoad], cores: usize) -> Vec<Move> {
        let totals = totals(loads, cores);
        let busiest = totals.iter().copied().fold(0.0, f64::max);
        let mean = totals.iter().sum::<f64>() / cores.max(1) as f64;
        if !self.options.on
            || cores < 2
            || busiest < LOAD_MIN
            || busiest <= mean * (1.0 + self.options.threshold)
        {
            self.uneven_since_ns = None;
            return Vec::new();
        }
        let since_ns = *self.uneven_since_ns.get_or_insert(now_ns);
        let close_ns = self.options.patience_ns.saturating_mul(CLOSE_PATIENCES);
        let is_close = self
            .planned_ns
            .is_some_and(|planned_ns| now_ns - planned_ns < close_ns << self.doublings);
        if !is_close {
            self.doublings = 0;
        }
        let patience_ns = match self.planned_ns {
            None => self.options.patience_ns / FIRST_PART,
            Some(_) => self.options.patience_ns << self.doublings,
        };
        if now_ns - since_ns < patience_ns {
            return Vec::new();
        }
        // Whatever comes of it: the next plan waits anew.
        self.uneven_since_ns = None;
        let moves = plan_moves(loads, cores, self.options.threshold);
        if !moves.is_empty() {
            if is_close {
                self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
            }
            self.planned_ns = Some(now_ns);
        }
        moves
    }
}

/// The load of each of `cores` cores.
fn totals(loads: &[TaskLoad], cores: usize) -> Vec<f64> {
    let mut totals = vec![0.0; cores];
    for load in loads.iter().filter(|load| load.core < cores) {
        totals[load.core] += load.load;
    }
    totals
}

/// Few moves that bring the busiest of the first `cores` cores near the best that is known; none where that is no
/// gain. What is on a core beyond these goes in any case. The heaviest tasks go first.
pub(super) fn plan_moves(loads: &[TaskLoad], cores: usize, threshold: f64) -> Vec<Move> {
    if cores == 0 {
        return Vec::new();
    }
    let mut places: Vec<usize> = loads.iter().map(|load| load.core).collect();
    let mut totals = totals(loads, cores);
    let mut order: Vec<usize> = (0..loads.len()).collect();
    order.sort_by(|&a, &b| loads[b].load.total_cmp(&loads[a].load));
    for &at in order.iter().filter(|&&at| loads[at].core >= cores) {
        places[at] = least(&totals);
        totals[places[at]] += loads[at].load;
    }
    let before = totals.iter().copied().fold(0.0, f64::max);
    let homes = places.clone();
    let aim = best_known(loads, &order, cores) * (1.0 + threshold * AIM_PART);
    improve(loads, &mut places, &mut totals, aim);
    let after = totals.iter().copied().fold(0.0, f64::max);
    if after > before * (1.0 - threshold * GAIN_PART) {
        places = homes;
    }
    let moved = order.into_iter().filter(|&at| places[at] != loads[at].core);
    moved
        .map(|at| Move {
            task: loads[at].task,
            from: loads[at].core,
            to: places[at],
        })
        .collect()
}

fn least(totals: &[f64]) -> usize {
    let least = totals.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    least.map_or(0, |(core, _)| core)
}

/// The busiest core's load if all tasks were placed anew, the longest first. `order` is by falling load.
fn best_known(loads: &[TaskLoad], order: &[usize], cores: usize) -> f64 {
    let mut totals = vec![0.0; cores];
    for &at in order {
        let core = least(&totals);
        totals[core] += loads[at].load;
    }
    totals.into_iter().fold(0.0, f64::max)
}

/// Moves or swaps tasks of the busiest core, the best step first, until its load is `aim` or no step helps.
fn improve(loads: &[TaskLoad], places: &mut [usize], totals: &mut [f64], aim: f64) {
    // Each step lowers the busiest core; that there are never more than two a task bounds the time.
    for _ in 0..2 * loads.len() {
        let busiest = totals.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let Some((from, &most)) = busiest.filter(|(_, most)| **most > aim) else {
            return;
        };
        let on_busiest: Vec<usize> = (0..loads.len())
            .filter(|&at| places[at] == from && loads[at].load > 0.0)
            .collect();
        // What the fuller of the two cores comes to; the step; less a bonus for moving one task only.
        let mut best: Option<(f64, usize, usize, Option<usize>)> = None;
        let mut consider = |score: f64, step: (usize, usize, Option<usize>)| {
            if score < best.map_or(most * (1.0 - 1e-9), |(least, ..)| least) {
                best = Some((score, step.0, step.1, step.2));
            }
        };
        for &at in &on_busiest {
            let load = loads[at].load;
            for (to, total) in totals.iter().enumerate().filter(|(to, _)| *to != from) {
                consider((most - load).max(total + load), (at, to, None));
            }
            for (other, back) in loads.iter().enumerate() {
                if places[other] != from && back.load < load {
                    let gain = load - back.load;
                    let total = totals[places[other]];
                    let score = (most - gain).max(total + gain) + most * SWAP_GAIN;
                    consider(score, (at, places[other], Some(other)));
                }
            }
        }
        let Some((_, at, to, other)) = best else {
            return;
        };
        let gain = loads[at].load - other.map_or(0.0, |other| loads[other].load);
        totals[from] -= gain;
        totals[to] += gain;
        places[at] = to;
        if let Some(other) = other {
            places[other] = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::random::Random;

    const MS: u64 = 1_000_000;

    fn placed(loads: &[(usize, f64)]) -> Vec<TaskLoad> {
        let task = |(task, &(core, load))| TaskLoad { task, core, load };
        loads.iter().enumerate().map(task).collect()
    }

    fn carry_out(loads: &mut [TaskLoad], moves: &[Move]) {
        for step in moves {
            let task = loads.iter_mut().find(|load| load.task == step.task);
            let task = task.expect("a task of the plan");
            assert_eq!(task.core, step.from);
            task.core = step.to;
        }
    }

    fn busiest(loads: &[TaskLoad], cores: usize) -> f64 {
        totals(loads, cores).into_iter().fold(0.0, f64::max)
    }

    #[test]
    fn one_move_is_planned_where_one_does() {
        let loads = placed(&[(0, 0.3), (0, 0.3), (0, 0.3), (1, 0.3)]);
        let moves = plan_moves(&loads, 2, 0.1);
        assert_eq!(moves.len(), 1, "{moves:?}");
        assert_eq!((moves[0].from, moves[0].to), (0, 1));
    }

    #[test]
    fn a_swap_is_found_where_no_single_move_helps() {
        let mut loads = placed(&[(0, 0.5), (0, 0.4), (1, 0.3), (1, 0.2)]);
        let moves = plan_moves(&loads, 2, 0.1);
        assert_eq!(moves.len(), 2, "{moves:?}");
        carry_out(&mut loads, &moves);
        assert!(busiest(&loads, 2) <= 0.7 + 1e-9);
    }

    #[test]
    fn a_task_that_is_too_heavy_is_left_alone() {
        assert!(plan_moves(&placed(&[(0, 1.0), (1, 0.1), (1, 0.1)]), 2, 0.1).is_empty());
        assert!(plan_moves(&placed(&[(0, 0.9)]), 2, 0.1).is_empty());
    }

    #[test]
    fn a_core_that_is_given_up_is_emptied_even_of_tasks_without_load() {
        let mut loads = placed(&[(0, 0.2), (1, 0.4), (1, 0.0), (2, 0.3)]);
        let moves = plan_moves(&loads, 1, 0.1);
        carry_out(&mut loads, &moves);
        assert!(loads.iter().all(|load| load.core == 0), "{loads:?}");
        assert_eq!(moves.len(), 3);
    }

    #[test]
    fn plans_come_near_the_best_that_is_known_and_never_make_it_worse() {
        let mut random = Random::stream(7, "plans");
        for case in 0..2_000 {
            let cores = 2 + (random.next_u64() % 5) as usize;
            let tasks = 1 + (random.next_u64() % 24) as usize;
            let mut loads: Vec<TaskLoad> = (0..tasks)
                .map(|task| TaskLoad {
                    task,
                    core: (random.next_u64() % cores as u64) as usize,
                    load: (random.next_u64() % 1_000) as f64 / 1_000.0,
                })
                .collect();
            let before = busiest(&loads, cores);
            let moves = plan_moves(&loads, cores, 0.1);
            carry_out(&mut loads, &moves);
            let after = busiest(&loads, cores);
            assert!(after <= before, "case {case}");
            assert!(
                plan_moves(&loads, cores, 0.1).is_empty() || !moves.is_empty(),
                "case {case}"
            );
            let mut order: Vec<usize> = (0..tasks).collect();
            order.sort_by(|&a, &b| loads[b].load.total_cmp(&loads[a].load));
            let best = best_known(&loads, &order, cores);
            assert!(after <= best * 1.34 + 1e-9, "case {case}: {after} {best}");
        }
    }

    /// Plays `seconds` of looks, 10 a second; `noise` is the share by which readings are wrong.
    fn play(balancer: &mut Balancer, loads: &mut [TaskLoad], seconds: u64, noise: f64) -> usize {
        let mut random = Random::stream(seconds, "noise");
        let mut moved = 0;
        for look in 0..seconds * 10 {
            let wrong = loads.iter().map(|load| TaskLoad {
                load: load.load * (1.0 + noise * ((random.next_u64() % 201) as f64 / 100.0 - 1.0)),
                ..*load
            });
            let read: Vec<TaskLoad> = wrong.collect();
            let moves = balancer.look(look * 100 * MS, &read, 2);
            moved += moves.len();
            carry_out(loads, &moves);
        }
        moved
    }

    #[test]
    fn nothing_moves_before_patience_ends_and_the_first_is_a_fifth() {
        let mut balancer = Balancer::new(BalanceOptions::default());
        let loads = placed(&[(0, 0.5), (0, 0.4)]);
        let even = placed(&[(0, 0.5), (1, 0.49)]);
        for (from_ms, patience_ms) in [(0, 100), (10_000_000, 500)] {
            let mut look =
                |ms: u64, loads: &[TaskLoad]| balancer.look((from_ms + ms) * MS, loads, 2).len();
            assert_eq!(look(0, &loads), 0);
            assert_eq!(look(patience_ms - 1, &loads), 0);
            assert_eq!(look(patience_ms - 1, &even), 0, "it starts anew");
            assert_eq!(look(patience_ms, &loads), 0);
            assert_eq!(look(2 * patience_ms, &loads), 1);
            assert_eq!(look(2 * patience_ms + 1, &even), 0);
        }
    }

    #[test]
    fn constant_loads_settle_and_stay() {
        let mut loads = placed(&[(0, 0.30), (0, 0.25), (0, 0.2), (0, 0.15), (0, 0.1)]);
        let mut balancer = Balancer::new(BalanceOptions::default());
        let moved = play(&mut balancer, &mut loads, 5, 0.0);
        assert!((1..=3).contains(&moved), "{moved}");
        assert!(busiest(&loads, 2) <= 0.55, "{loads:?}");
        assert_eq!(play(&mut balancer, &mut loads, 600, 0.0), 0);
    }

    #[test]
    fn noisy_loads_do_not_swing() {
        let mut loads = placed(&[(0, 0.30), (0, 0.25), (0, 0.2), (1, 0.15), (1, 0.1)]);
        let mut balancer = Balancer::new(BalanceOptions::default());
        let moved = play(&mut balancer, &mut loads, 600, 0.3);
        assert!(moved <= 24, "{moved} moves in ten minutes of noise");
    }

    #[test]
    fn little_load_and_one_core_are_left_alone() {
        let mut balancer = Balancer::new(BalanceOptions::default());
        for look in 0..100 {
            let little = placed(&[(0, 0.1), (0, 0.1)]);
            assert!(balancer.look(look * 100 * MS, &little, 2).is_empty());
            let much = placed(&[(0, 0.5), (0, 0.4)]);
            assert!(balancer.look(look * 100 * MS, &much, 1).is_empty());
        }
        let mut off = Balancer::new(BalanceOptions {
            on: false,
            ..BalanceOptions::default()
        });
        let mut loads = placed(&[(0, 0.5), (0, 0.4)]);
        assert_eq!(play(&mut off, &mut loads, 10, 0.0), 0);
    }
}
