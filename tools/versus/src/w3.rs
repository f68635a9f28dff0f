//! W3: two exchanges. How often has each user come, then which items are touched by those who come often
//! (`touch.rs`). Room for all users and items, because the bare tables never grow.

use crate::input::Input;
use crate::job::{Job, Turn};
use crate::peers::Contender;
use crate::report::{Case, Figure, Row};
use crate::turns::{Entry, interleave};
use crate::w1::Plan;
use anyhow::Result;
use millstream::source::load::KeyDistribution;

/// The one case, over `users` and `items`, both zipf(0.99).
pub fn case(plan: &Plan, users: usize, items: usize) -> Result<Case> {
    let zipf = |n: usize| KeyDistribution::Zipf {
        s: 0.99,
        n: n as u64,
    };
    let name = format!("w3 {users} users, {items} items");
    eprintln!("{name}: making {} events", plan.events);
    let (input, expected) =
        Input::make_touches(&zipf(users), &zipf(items), plan.events, plan.directory)?;
    let contenders: Vec<&Contender> = plan
        .contenders
        .iter()
        .copied()
        .filter(|it| it.top.is_some())
        .collect();
    let entries: Vec<Entry> = contenders
        .iter()
        .map(|contender| Entry {
            label: contender.name.into(),
            job: Job::Top(Turn {
                contender: contender.name.into(),
                input: input.clone(),
                distinct: users,
                items,
                presized: true,
                warm_bytes: users * 256,
            }),
            expected: Some(expected),
        })
        .collect();
    let rounds = interleave(&name, &entries, plan.rounds)?;
    let events = plan.events as f64;
    let rows = contenders.iter().zip(&rounds.measured);
    let rows = rows.map(|(contender, measured)| Row {
        label: contender.name.into(),
        how: contender.how.into(),
        threads: contender.threads,
        figures: vec![
            Figure::new(
                "M events/s",
                measured
                    .iter()
                    .map(|it| events * 1e3 / it.took.elapsed_ns as f64),
            ),
            Figure::new(
                "CPU ns/event",
                measured.iter().map(|it| it.took.cpu_ns as f64 / events),
            ),
        ],
    });
    Ok(Case {
        work: format!(
            "{} events (user, item), both zipf(0.99), room for all; exchange by user: how often the user has come; \
             exchange by item: touches, sum and largest of that; at the end all items and the ten with the largest \
             sum; all answered {} items with digest {:016x}.",
            plan.events, expected.results, expected.digest
        ),
        name,
        more_is_better: true,
        rows: rows.collect(),
        hiccups_ns: rounds.hiccups,
        steal_share: rounds.steal_share,
    })
}
