//! W1: the keyed aggregate, flat out. For each key count, sum, smallest, largest, last; the updated record
//! leaves for every event and is folded into a checksum.
//!
//! W5 is the same over keys that come twice each, growing from empty, for its memory.

use crate::event::Event;
use crate::input::Input;
use crate::job::{Job, Measured, Turn};
use crate::peers::{Contender, Starts};
use crate::report::{Case, Figure, Row};
use crate::turns::{Entry, interleave};
use anyhow::Result;
use millstream::source::load::KeyDistribution;
use std::path::Path;

/// What is to be run.
pub struct Plan<'a> {
    pub contenders: &'a [&'static Contender],
    pub events: usize,
    pub rounds: usize,
    pub directory: &'a Path,
}

/// What matters most in a case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Matters {
    /// Events a second; growing from empty and presized.
    Throughput,
    /// The most memory at once; growing from empty, but for those that never grow.
    Memory,
}

/// The case `name` over `keys`; each turn touches `warm_bytes` of memory beforehand.
pub fn case(
    plan: &Plan,
    name: String,
    keys: &KeyDistribution,
    warm_bytes: usize,
    matters: Matters,
) -> Result<Case> {
    eprintln!("{name}: making {} events", plan.events);
    let (input, expected) = Input::make(keys, plan.events, plan.directory)?;
    let mut turns: Vec<(&Contender, Entry)> = Vec::new();
    for contender in plan.contenders {
        for presized in [false, true] {
            let grows = contender.starts == Starts::Both;
            if !presized && !grows || presized && grows && matters == Matters::Memory {
                continue;
            }
            let start = if presized { "presized" } else { "growing" };
            let label = format!("{} {start}", contender.name);
            let job = Job::Aggregate(Turn {
                contender: contender.name.into(),
                input: input.clone(),
                distinct: keys.keys() as usize,
                items: 0,
                presized,
                warm_bytes,
            });
            let expected = Some(expected);
            turns.push((
                contender,
                Entry {
                    label,
                    job,
                    expected,
                },
            ));
        }
    }
    let (contenders, entries): (Vec<_>, Vec<_>) = turns.into_iter().unzip();
    let rounds = interleave(&name, &entries, plan.rounds)?;
    let events = plan.events as f64;
    let rows = contenders.iter().zip(&entries).zip(&rounds.measured);
    let rows = rows.map(|((contender, entry), measured)| {
        let figure =
            |name, value: &dyn Fn(&Measured) -> f64| Figure::new(name, measured.iter().map(value));
        let mut figures = vec![
            figure("M events/s", &|it| events * 1e3 / it.took.elapsed_ns as f64),
            figure("CPU ns/event", &|it| it.took.cpu_ns as f64 / events),
            figure("MiB beside events", &|it| memory_mib(it, plan.events)),
        ];
        if matters == Matters::Memory {
            figures.reverse();
        }
        Row {
            label: entry.label.clone(),
            how: contender.how.into(),
            threads: contender.threads,
            figures,
        }
    });
    Ok(Case {
        work: format!(
            "{} events made before the clock starts, {keys} keys; for each key count, sum, min, max, last; the \
             updated record of every event folded into a checksum; all answered {} results with digest {:016x}.",
            plan.events, expected.results, expected.digest
        ),
        name,
        more_is_better: matters == Matters::Throughput,
        rows: rows.collect(),
        hiccups_ns: rounds.hiccups,
        steal_share: rounds.steal_share,
    })
}

/// The most memory of a process without that of its events, MiB.
fn memory_mib(measured: &Measured, events: usize) -> f64 {
    let events_bytes = (events * size_of::<Event>()) as u64;
    measured.memory_peak_bytes.saturating_sub(events_bytes) as f64 / f64::from(1 << 20)
}
