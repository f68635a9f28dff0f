//! W6: the highest rate at which the keyed aggregate still answers 99 of 100 events within a millisecond.
//!
//! ```text
//!   a round     2M/s   every contender, a turn each       held: p99 ≤ 1 ms, and the rate was reached
//!               3M/s   those that are still climbing
//!               …      who misses a rung three times is out; the last rung that was held counts
//! ```
//!
//! Three tries, since this kind of machine stops now and then for longer than the limit, and nobody becomes faster by that.

use crate::input::{Expected, expected};
use crate::job::{Job, Measured, Paced};
use crate::peers::Contender;
use crate::report::{Case, Figure, Row};
use crate::turns::{HICCUPS_NS, compare, turn};
use anyhow::{Context, Result};
use millstream::latency::Percentiles;
use millstream::sys::topology::cpu_time;
use std::collections::BTreeMap;

/// What has to be kept, ns.
const LIMIT_NS: u64 = 1_000_000;
/// A rate is reached if so much of it is.
const REACHED_SHARE: f64 = 0.99;
/// Turns at one rung before a contender is out.
const TRIES: usize = 3;

/// What is to be run.
pub struct Plan<'a> {
    pub contenders: &'a [&'static Contender],
    /// M events a second, rising.
    pub rungs: &'a [u64],
    pub seconds: f64,
    pub rounds: usize,
    /// Keys, zipf(0.99).
    pub distinct: usize,
}

/// How far a contender has come in one round.
#[derive(Clone, Copy, Default)]
struct Climb {
    held: Option<(u64, Percentiles)>,
    is_out: bool,
}

/// Whether a turn whose events were due within `due_ns` held its rung.
fn is_held(due_ns: f64, measured: &Measured) -> bool {
    let is_reached = due_ns >= measured.took.elapsed_ns as f64 * REACHED_SHARE;
    let p99_ns = measured.latency_ns.p99;
    is_reached && p99_ns.is_some_and(|p99_ns| p99_ns <= LIMIT_NS)
}

/// The case.
pub fn case(plan: &Plan) -> Result<Case> {
    let contenders = plan.contenders.iter().filter(|it| it.paced.is_some());
    let contenders: Vec<_> = contenders.collect();
    let before = cpu_time();
    let mut answers = BTreeMap::new();
    let mut climbs = vec![Vec::with_capacity(plan.rounds); contenders.len()];
    let mut hiccups = Vec::with_capacity(plan.rounds);
    for round in 0..plan.rounds {
        hiccups.push(turn(&Job::Hiccups(HICCUPS_NS))?.latency_ns);
        for (climbs, climb) in climbs
            .iter_mut()
            .zip(climb(plan, &contenders, round, &mut answers)?)
        {
            climbs.push(climb);
        }
    }
    let rows = contenders
        .iter()
        .zip(&climbs)
        .map(|(contender, climbs)| Row {
            label: contender.name.into(),
            how: contender.how.into(),
            threads: contender.threads,
            figures: figures(climbs),
        });
    let steal = |before| Some(cpu_time()?.steal_share_since(&before)).flatten();
    Ok(Case {
        name: "w6 p99 within 1 ms".into(),
        work: format!(
            "The highest of the rates {:?} M events/s at which the keyed aggregate, {} s of constant arrivals, \
             zipf(0.99,{}) keys, room for all of them, had a p99 of at most 1 ms from the moment an event was due, and \
             reached the rate, in one of {TRIES} tries. All turns answered right.",
            plan.rungs, plan.seconds, plan.distinct
        ),
        more_is_better: true,
        rows: rows.collect(),
        hiccups_ns: hiccups,
        steal_share: before.and_then(steal),
    })
}

/// One round: all contenders climb side by side.
fn climb(
    plan: &Plan,
    contenders: &[&&'static Contender],
    round: usize,
    answers: &mut BTreeMap<u64, Expected>,
) -> Result<Vec<Climb>> {
    let mut climbs = vec![Climb::default(); contenders.len()];
    for (step, &rung) in plan.rungs.iter().enumerate() {
        if climbs.iter().all(|climb| climb.is_out) {
            break;
        }
        let events = (rung as f64 * 1e6 * plan.seconds).round().max(1.0) as u64;
        let paced = |contender: &str| Paced {
            contender: contender.into(),
            rate: format!("{rung}M"),
            events,
            distinct: plan.distinct,
        };
        let right = match answers.get(&rung) {
            Some(right) => *right,
            None => {
                let mut load = paced("").load()?;
                let all: Vec<_> = (0..events).map(|_| load.next_event().1.into()).collect();
                *answers.entry(rung).or_insert(expected(&all))
            }
        };
        for place in 0..contenders.len() {
            let index = (place + round + step) % contenders.len();
            let (name, climb) = (contenders[index].name, &mut climbs[index]);
            for attempt in 1..=TRIES {
                if climb.is_out || climb.held.is_some_and(|(held, _)| held == rung) {
                    break;
                }
                eprintln!(
                    "w6: round {} of {}: {rung}M/s: {name}",
                    round + 1,
                    plan.rounds
                );
                let measured = turn(&Job::Paced(paced(name)));
                let measured = measured.with_context(|| format!("w6: {name}"))?;
                compare(name, &measured, right)?;
                if is_held(plan.seconds * 1e9, &measured) {
                    climb.held = Some((rung, measured.latency_ns));
                } else {
                    climb.is_out = attempt == TRIES;
                }
            }
        }
    }
    Ok(climbs)
}

fn figures(climbs: &[Climb]) -> Vec<Figure> {
    let us = |name, pick: fn(&Percentiles) -> Option<u64>| {
        let held = climbs.iter().filter_map(|climb| climb.held);
        let there = held.filter_map(|(_, latency)| pick(&latency));
        Figure::new(name, there.map(|ns| ns as f64 / 1e3))
    };
    let rates = climbs
        .iter()
        .map(|climb| climb.held.map_or(0.0, |(rung, _)| rung as f64));
    vec![
        Figure::new("M events/s", rates),
        us("p50 µs there", |latency| latency.p50),
        us("p99 µs there", |latency| latency.p99),
        us("p99.9 µs there", |latency| latency.p99_9),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::race::Took;

    fn measured(p99_ns: u64, elapsed_ns: u64) -> Measured {
        Measured {
            latency_ns: Percentiles {
                p99: Some(p99_ns),
                ..Percentiles::default()
            },
            took: Took {
                elapsed_ns,
                cpu_ns: 0,
            },
            ..Measured::default()
        }
    }

    #[test]
    fn a_rung_is_held_in_time_and_at_its_rate() {
        assert!(is_held(1e9, &measured(1_000_000, 1_000_000_000)));
        assert!(!is_held(1e9, &measured(1_000_001, 1_000_000_000)), "late");
        assert!(!is_held(1e9, &measured(900, 1_020_000_000)), "behind");
        assert!(!is_held(1e9, &Measured::default()), "nothing measured");
    }
}
