//! W2: the keyed aggregate at fixed open-loop rates. Each event is due at a time that nobody can move; its latency
//! is from there to its result.

use crate::input::expected;
use crate::job::{Job, Measured, Paced};
use crate::peers::Contender;
use crate::report::{Case, Figure, Row};
use crate::turns::{Entry, interleave};
use anyhow::Result;
use millstream::latency::Percentiles;

/// What is to be run.
pub struct Plan<'a> {
    pub contenders: &'a [&'static Contender],
    /// Events a second.
    pub rates: &'a [(&'static str, u64)],
    pub seconds: f64,
    pub rounds: usize,
    /// Keys, zipf(0.99).
    pub distinct: usize,
}

/// A case for each rate.
pub fn cases(plan: &Plan) -> Result<Vec<Case>> {
    plan.rates.iter().map(|rate| case(plan, *rate)).collect()
}

fn case(plan: &Plan, (rate, events_per_s): (&str, u64)) -> Result<Case> {
    let name = format!("w2 {rate}/s");
    let events = (events_per_s as f64 * plan.seconds).round().max(1.0) as u64;
    let contenders = plan.contenders.iter().filter(|it| it.paced.is_some());
    let contenders: Vec<_> = contenders.collect();
    let of = |contender: &str| Paced {
        contender: contender.into(),
        rate: rate.into(),
        events,
        distinct: plan.distinct,
    };
    let mut load = of("").load()?;
    let all: Vec<_> = (0..events).map(|_| load.next_event().1.into()).collect();
    let expected = expected(&all);
    drop(all);
    let entries: Vec<_> = contenders
        .iter()
        .map(|contender| Entry {
            label: contender.name.into(),
            job: Job::Paced(of(contender.name)),
            expected: Some(expected),
        })
        .collect();
    let rounds = interleave(&name, &entries, plan.rounds)?;
    let rows = contenders.iter().zip(&rounds.measured);
    let rows = rows.map(|(contender, measured)| Row {
        label: contender.name.into(),
        how: contender.how.into(),
        threads: contender.threads,
        figures: figures(measured, events),
    });
    Ok(Case {
        work: format!(
            "{events} events, constant arrivals, zipf(0.99,{}) keys, room for all of them; µs from the moment an \
             event was due to its result; all answered {} results with digest {:016x}. A tail that is the hiccups' \
             is the machine's.",
            plan.distinct, expected.results, expected.digest
        ),
        name,
        more_is_better: false,
        rows: rows.collect(),
        hiccups_ns: rounds.hiccups,
        steal_share: rounds.steal_share,
    })
}

fn figures(measured: &[Measured], events: u64) -> Vec<Figure> {
    let us = |name, pick: fn(&Percentiles) -> Option<u64>| {
        let rounds = measured.iter().filter_map(|it| pick(&it.latency_ns));
        Figure::new(name, rounds.map(|ns| ns as f64 / 1e3))
    };
    let reached = measured
        .iter()
        .map(|it| events as f64 * 1e6 / it.took.elapsed_ns as f64);
    vec![
        us("p50 µs", |latency| latency.p50),
        us("p99 µs", |latency| latency.p99),
        us("p99.9 µs", |latency| latency.p99_9),
        us("p99.99 µs", |latency| latency.p99_99),
        us("max µs", |latency| latency.max),
        Figure::new("reached k/s", reached),
    ]
}
