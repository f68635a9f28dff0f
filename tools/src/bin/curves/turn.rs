//! What the process of a turn does: makes its events, runs them through the engine, and says how long that took
//! and what came out. Or works out, without the engine, what must come out.

use super::error::CurveError;
use super::event::{EVENT_BYTES, Payload};
use super::point::Point;
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options};
use millstream::sink::Digest;
use millstream::source::Slice;
use millstream_tools::question::{Answer, Question};
use serde::{Deserialize, Serialize};

/// What a process is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// Measure a point.
    Measure(Point),
    /// Work out what must come out.
    Answer(Question),
}

/// What it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What came out.
    pub answer: Answer,
    /// From the first event due to the last result, ns; 0 without the engine.
    pub elapsed_ns: u64,
}

/// Does `job`.
///
/// # Errors
/// A point that cannot be run, or a run that failed.
pub fn take(job: &Job) -> Result<Turn, CurveError> {
    match job {
        Job::Answer(question) => Ok(Turn {
            answer: question.answer()?,
            elapsed_ns: 0,
        }),
        Job::Measure(point) => match point.question.event_bytes {
            16 => run::<0>(point),
            24 => run::<1>(point),
            32 => run::<2>(point),
            56 => run::<5>(point),
            64 => run::<6>(point),
            120 => run::<13>(point),
            128 => run::<14>(point),
            248 => run::<29>(point),
            256 => run::<30>(point),
            bytes => Err(CurveError::Point {
                what: "the size of an event",
                value: bytes.to_string(),
                expected: format!("one of {EVENT_BYTES:?} bytes"),
            }),
        },
    }
}

fn run<const WORDS: usize>(point: &Point) -> Result<Turn, CurveError> {
    let numbered = (0..).zip(point.question.draws()?);
    let events: Vec<Payload<WORDS>> = numbered
        .map(|(number, event)| Payload::new(number, event.key, event.value))
        .collect();
    let keys = point.question.distribution()?.keys() as usize;
    warm_memory(point.state_bytes()? as usize);
    let options = Options {
        cores: point.cores,
        partitions: point.partitions,
        ring_slots: point.ring_slots,
        budget: point.budget,
        expected_keys: if point.presized { keys } else { 0 },
        ..Options::default()
    };
    let first_word = |event: &Payload<WORDS>| event.words.first().copied().unwrap_or_default();
    let outcome = Flow::new(options)
        .source("events", Slice::new(events, first_word))
        .partition_by(|event: &Payload<WORDS>| event.key)
        .keyed("aggregate", |_| Aggregate::<Payload<WORDS>>::default())
        .sink(|_| Digest::default())
        .run()
        .map_err(|error| CurveError::Run(error.to_string()))?;
    let summary = outcome.report.summary;
    if !summary.balanced {
        return Err(CurveError::Run("events in and out do not balance".into()));
    }
    let digest = u64::from_str_radix(&summary.digest, 16);
    Ok(Turn {
        answer: Answer {
            results: summary.events_out,
            digest: digest.map_err(|error| CurveError::Run(format!("no digest: {error}")))?,
        },
        elapsed_ns: summary.elapsed_ns,
    })
}

/// Touches and gives back `bytes`: a virtual machine may get memory that it has not used for seconds from its
/// host page by page, which is the host's time and not the engine's.
fn warm_memory(bytes: usize) {
    let Ok(mut map) = memmap2::MmapOptions::new().len(bytes.max(1)).map_anon() else {
        return;
    };
    let _ = map.advise(memmap2::Advice::HugePage);
    for page in (0..map.len()).step_by(4096) {
        map[page] = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(event_bytes: usize, keys: &str) -> Point {
        Point {
            question: Question {
                keys: keys.into(),
                events: 20_000,
                event_bytes,
            },
            cores: 1,
            partitions: 3,
            ring_slots: 64,
            budget: 0,
            presized: false,
        }
    }

    #[test]
    fn the_engine_answers_as_the_plain_loop_whatever_the_size_of_events() {
        for event_bytes in EVENT_BYTES {
            for keys in ["uniform(5000)", "zipf(0.99,1000)"] {
                let point = point(event_bytes, keys);
                let expected = take(&Job::Answer(point.question.clone())).expect("an answer");
                let turn = take(&Job::Measure(point)).expect("a run");
                assert_eq!(turn.answer, expected.answer, "{event_bytes} bytes, {keys}");
                assert_eq!(turn.answer.results, 20_000);
                assert!(turn.elapsed_ns > 0);
            }
        }
    }

    #[test]
    fn another_size_is_refused() {
        let error = take(&Job::Measure(point(40, "uniform(10)"))).expect_err("no such size");
        assert!(
            error.to_string().contains("`40`; expected one of [16, 24"),
            "{error}"
        );
    }
}
