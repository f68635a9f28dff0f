//! W1, as it is looked at: the keyed aggregate on one core, keys zipf(0.99) over a million, presized, events of
//! 24 bytes from memory, each result folded into the digest. Everything is fixed by a seed.
//!
//! The same number of events is made however many are offered, so that two runs differ by the path of the events
//! alone; nothing in it goes by time: no barrier falls due, and the clock decides nothing.

use super::error::ProfileError;
use super::samples::Mapped;
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options};
use millstream::sink::Digest;
use millstream::source::Slice;
use millstream::source::trace::native::KeyedRecord;
use millstream_tools::question::{Answer, Question};
use serde::{Deserialize, Serialize};

/// Keys, presized.
pub const KEYS: usize = 1_000_000;
/// An hour: no barrier falls due.
const INTERVAL_NS: u64 = 3_600_000_000_000;

/// What a run of the flow says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ran {
    /// What came out.
    pub answer: Answer,
    /// Where the program lay; `None` where the system does not say.
    pub mapped: Option<Mapped>,
}

/// The first of the events that were made.
struct First {
    made: Vec<KeyedRecord>,
    offered: usize,
}

impl AsRef<[KeyedRecord]> for First {
    fn as_ref(&self) -> &[KeyedRecord] {
        &self.made[..self.offered]
    }
}

fn question(events: usize) -> Question {
    Question {
        keys: format!("zipf(0.99,{KEYS})"),
        events,
        event_bytes: 24,
    }
}

/// What `events` events must answer: a plain loop over an array.
///
/// # Errors
/// None, with these keys.
pub fn expected(events: usize) -> Result<Answer, ProfileError> {
    let answer = question(events).answer();
    answer.map_err(|error| ProfileError::Wrong(error.to_string()))
}

/// Makes `made` events and runs the first `offered` of them.
///
/// # Errors
/// The engine failed.
pub fn run(made: usize, offered: usize) -> Result<Ran, ProfileError> {
    let failed = |problem: String| ProfileError::Failed {
        program: "W1".into(),
        problem,
    };
    let draws = question(made).draws();
    let draws = draws.map_err(|error| failed(error.to_string()))?;
    let made: Vec<KeyedRecord> = draws
        .map(|event| KeyedRecord {
            key: event.key,
            value: event.value,
            ts_ns: event.ts_ns,
        })
        .collect();
    let offered = offered.min(made.len());
    let options = Options {
        cores: 1,
        expected_keys: KEYS,
        interval_ns: INTERVAL_NS,
        ..Options::default()
    };
    let outcome = Flow::new(options)
        .source(
            "events",
            Slice::new(First { made, offered }, |event: &KeyedRecord| event.ts_ns),
        )
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()
        .map_err(|error| failed(error.to_string()))?;
    let summary = outcome.report.summary;
    let digest = u64::from_str_radix(&summary.digest, 16);
    Ok(Ran {
        answer: Answer {
            results: summary.events_out,
            digest: digest.map_err(|error| failed(format!("no digest: {error}")))?,
        },
        mapped: mapped(),
    })
}

fn mapped() -> Option<Mapped> {
    let program = std::env::current_exe().ok()?;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    Mapped::parse(&maps, program.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_events_answer_as_they_alone() {
        let ran = run(5_000, 3_000).expect("a run");
        assert_eq!(ran.answer, expected(3_000).expect("an answer"));
        assert_eq!(ran.answer.results, 3_000);
        assert!(ran.mapped.is_none_or(|mapped| mapped.start < mapped.end));
    }
}
