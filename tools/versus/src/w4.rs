//! W4: start-up. The time of a whole process, from before it is started until it is gone: with no events at all,
//! and (Millstream) with a mapped trace, up to its first result.
//!
//! Every process is this program, so what loading and the allocator cost is the same for all.

use crate::input::Input;
use crate::job::{Job, Turn};
use crate::peers::Starts;
use crate::report::{Case, Figure, Row};
use crate::turns::{Entry, interleave};
use crate::w1::Plan;
use anyhow::{Context, Result};
use millstream::source::load::KeyDistribution;
use millstream::source::trace::native::{Contents, KeyedRecord, Writer};
use std::path::Path;

/// Both cases; the trace has `trace_bytes`.
pub fn cases(plan: &Plan, trace_bytes: usize) -> Result<Vec<Case>> {
    let keys = KeyDistribution::Uniform { n: 1 };
    let (input, expected) = Input::make(&keys, 0, plan.directory)?;
    let entries = plan.contenders.iter().map(|contender| Entry {
        label: contender.name.into(),
        job: Job::Aggregate(Turn {
            contender: contender.name.into(),
            input: input.clone(),
            distinct: 1,
            items: 0,
            presized: contender.starts == Starts::Presized,
            warm_bytes: 0,
        }),
        expected: Some(expected),
    });
    let mut cases = vec![case(
        plan,
        "w4 empty run",
        "A whole process: started, the flow built, no events, ended.",
        entries.collect(),
    )?];
    if plan.contenders.iter().any(|it| it.name == "millstream/1") {
        let path = plan.directory.join("w4.mill");
        let events = write_trace(&path, trace_bytes)?;
        let work = format!(
            "A whole process: started, a native trace of {} MiB ({events} events) mapped, its first event answered, \
             ended. The other peers read no traces.",
            trace_bytes >> 20
        );
        let entry = Entry {
            label: "millstream/1".into(),
            job: Job::Trace(path),
            expected: None,
        };
        cases.push(case(plan, "w4 mapped trace", &work, vec![entry])?);
    }
    Ok(cases)
}

fn case(plan: &Plan, name: &str, work: &str, entries: Vec<Entry>) -> Result<Case> {
    let rounds = interleave(name, &entries, plan.rounds)?;
    let rows = entries.iter().zip(&rounds.measured);
    let rows = rows.map(|(entry, measured)| {
        let contender = plan.contenders.iter().find(|it| it.name == entry.label);
        let process_ms = measured.iter().map(|it| it.process_ns as f64 / 1e6);
        Row {
            label: entry.label.clone(),
            how: contender.map_or_else(String::new, |it| it.how.into()),
            threads: contender.map_or(0, |it| it.threads),
            figures: vec![Figure::new("ms", process_ms)],
        }
    });
    Ok(Case {
        name: name.into(),
        work: work.into(),
        more_is_better: false,
        rows: rows.collect(),
        hiccups_ns: rounds.hiccups,
        steal_share: rounds.steal_share,
    })
}

/// A native trace of about `bytes`; how many events it has.
fn write_trace(path: &Path, bytes: usize) -> Result<u64> {
    let writing = || format!("writing the trace {}", path.display());
    let mut writer =
        Writer::<KeyedRecord>::create(path, Contents::default()).with_context(writing)?;
    let events = (bytes / size_of::<KeyedRecord>()) as u64;
    let mut block = Vec::with_capacity(1 << 16);
    for ts_ns in 0..events {
        block.push(KeyedRecord {
            key: ts_ns % 1_000_000,
            value: 1,
            ts_ns,
        });
        if block.len() == block.capacity() || ts_ns + 1 == events {
            writer.push_native(&block).with_context(writing)?;
            block.clear();
        }
    }
    writer.finish(None).with_context(writing)?;
    Ok(events)
}
