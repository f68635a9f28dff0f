//! One turn: what a process of its own is told, as one argument, and what it prints, as one line. Both JSON.

use crate::input::{Input, SEED};
use crate::machine::{self, cpu_ns, memory_peak_bytes, warm_memory};
use crate::peers;
use crate::race::{Race, Took};
use crate::touch::{self, Weighed};
use anyhow::{Context, Result};
use millstream::latency::Percentiles;
use millstream::source::load::{
    Arrivals, KeyDistribution, KeySampler, Load, Schedule, ValuePattern,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A turn of a contender at the keyed aggregate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turn {
    pub contender: String,
    pub input: Input,
    /// Keys that the events are drawn from.
    pub distinct: usize,
    /// Items that the events are drawn from; w3 only.
    pub items: usize,
    /// Whether there is room for all of them from the start.
    pub presized: bool,
    /// Memory to touch beforehand, bytes.
    pub warm_bytes: usize,
}

/// What a peer answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub results: u64,
    /// Wrapping sum of the results' digests, the engine's XXH3-64 of 48 bytes.
    pub digest: u64,
    pub took: Took,
}

impl Turn {
    /// Keys to make room for; 0: start empty.
    pub fn presized_keys(&self) -> usize {
        if self.presized { self.distinct } else { 0 }
    }

    /// The answer of a peer whose threads ran `race` to these items.
    pub fn top_answer(&self, items: Vec<Weighed>, race: &Arc<Race>) -> Result<Answer> {
        let answer = touch::answer(items);
        self.answer(answer.results as usize, answer.digest, race)
    }

    /// The answer of a peer whose threads ran `race`.
    pub fn answer(&self, results: usize, digest: u64, race: &Arc<Race>) -> Result<Answer> {
        Ok(Answer {
            results: results as u64,
            digest,
            took: race.took()?,
        })
    }
}

/// A turn of a contender at the keyed aggregate, at an open-loop rate; state has room for all keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paced {
    pub contender: String,
    /// Events a second, as the command line has it.
    pub rate: String,
    pub events: u64,
    /// Keys, zipf(0.99).
    pub distinct: usize,
}

impl Paced {
    /// The events and when each is due.
    pub fn load(&self) -> Result<Load> {
        let keys: KeyDistribution = format!("zipf(0.99,{})", self.distinct).parse()?;
        let keys = KeySampler::new(&keys, SEED)?;
        let schedule = Schedule::new(&Arrivals::Constant, self.rate.parse()?, SEED)?;
        Ok(Load::new(keys, ValuePattern::default(), schedule, SEED))
    }
}

/// What a process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    Aggregate(Turn),
    Top(Turn),
    Paced(Paced),
    /// Replay the first event of this native trace, mapped; Millstream alone.
    Trace(PathBuf),
    /// Look at the machine for so long, ns.
    Hiccups(u64),
}

/// What it measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub results: u64,
    pub digest: u64,
    pub took: Took,
    pub memory_peak_bytes: u64,
    /// From before the process was started until it was gone, as its parent saw it, ns.
    pub process_ns: u64,
    pub latency_ns: Percentiles,
}

/// Does it, in this process.
pub fn run(job: &Job) -> Result<Measured> {
    match job {
        Job::Hiccups(duration_ns) => Ok(Measured {
            latency_ns: machine::hiccups(*duration_ns),
            ..Measured::default()
        }),
        Job::Trace(path) => {
            peers::replay_first(path)?;
            Ok(Measured::default())
        }
        Job::Paced(paced) => {
            let contender = peers::named(&paced.contender).context("no such contender")?;
            let run = contender.paced.context("it cannot run at a rate")?;
            let before_ns = cpu_ns();
            let answered = run(paced)?;
            Ok(Measured {
                results: answered.events,
                digest: answered.digest,
                took: Took {
                    elapsed_ns: answered.elapsed_ns,
                    cpu_ns: cpu_ns() - before_ns,
                },
                latency_ns: answered.latency_ns,
                ..Measured::default()
            })
        }
        Job::Aggregate(turn) | Job::Top(turn) => {
            let contender = peers::named(&turn.contender).context("no such contender")?;
            let run = match job {
                Job::Top(_) => contender.top.context("it has no two exchanges")?,
                _ => contender.aggregate,
            };
            warm_memory(turn.warm_bytes);
            let answer = run(turn)?;
            Ok(Measured {
                results: answer.results,
                digest: answer.digest,
                took: answer.took,
                memory_peak_bytes: memory_peak_bytes(),
                ..Measured::default()
            })
        }
    }
}
