//! Flows on real threads: that they end, however they end, and give the same answers on any machine.
//!
//! Nothing here depends on time, but that a run which has not ended within a minute is said to hang.

use millstream::app::aggregate::{Aggregate, Total};
use millstream::latency::Summary;
use millstream::operator::Operator;
use millstream::prelude::*;
use millstream::runtime::RunError;
use millstream::source::trace::native::KeyedRecord;
use millstream::source::{Offer, Poll};
use millstream::task::{Context, Downstream, TaskError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

const IDLE: [Idle; 3] = [Idle::Busy, Idle::Adaptive, Idle::Park];
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `flow` on a thread of its own and waits for it, but not for ever.
fn ends<T: Send + 'static>(what: &str, flow: impl FnOnce() -> T + Send + 'static) -> T {
    let (ended, end) = channel();
    std::thread::spawn(move || ended.send(flow()));
    match end.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome,
        Err(error) => panic!("{what}: no end after {PATIENCE:?} ({error})"),
    }
}

fn options(cores: usize, idle: Idle) -> Options {
    Options {
        cores,
        idle,
        pin: false,
        partitions: 3,
        ..Options::default()
    }
}

fn readings(count: u64) -> Vec<KeyedRecord> {
    let reading = |ts_ns: u64| KeyedRecord {
        key: ts_ns.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56,
        value: (ts_ns * 7 % 1_001) as i64 - 500,
        ts_ns,
    };
    (0..count).map(reading).collect()
}

/// The digest of `aggregate` over `readings`, by one loop.
fn digest_of(readings: &[KeyedRecord]) -> u64 {
    let mut totals = HashMap::<u64, Total>::new();
    let digests = readings.iter().map(|reading| {
        let total = totals.entry(reading.key).or_default();
        total.add(reading.value, reading.ts_ns);
        total.record(reading.key).digest()
    });
    digests.fold(0, u64::wrapping_add)
}

fn aggregate(
    options: Options,
    source: impl Source<Event = KeyedRecord>,
) -> Result<Summary, FlowError> {
    let outcome = Flow::new(options)
        .source("readings", source)
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()?;
    Ok(outcome.report.summary)
}

fn panicked(outcome: Result<(), FlowError>) -> (String, Option<String>, String) {
    match outcome {
        Err(FlowError::Run(RunError::Panicked {
            task,
            event,
            reason,
        })) => (task, event, reason),
        other => panic!("expected a panic of a task, got {other:?}"),
    }
}

/// The three places in which a user's code may panic beside an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Operator,
    AtSource,
    BehindExchange,
    InRelay,
    InKey,
    Nowhere,
}

/// A flow whose user code panics at the event with value 77 777, at `place`.
fn flow_that_panics(options: Options, place: Place) -> Result<(), FlowError> {
    let at = move |here: Place, event: u64| {
        assert!(
            place != here || event != 77_777,
            "77,777 is not allowed at {here:?}"
        );
    };
    let flow = Flow::new(options)
        .source("numbers", Iter::new(0..1_000_000u64))
        .map(move |number: u64| {
            at(Place::AtSource, number);
            number
        })
        .partition_by(move |number: &u64| {
            at(Place::InKey, *number);
            number % 64
        })
        .keyed("count", move |_| {
            update(move |number: &u64, seen: &mut u64| {
                at(Place::Operator, *number);
                *seen += 1;
                *number
            })
        })
        .filter(move |number: &u64| {
            at(Place::BehindExchange, *number);
            true
        })
        .spread("relay")
        .map(move |number: u64| {
            at(Place::InRelay, number);
            number
        })
        .sink(|_| ForEach(|_: &u64| ()));
    flow.run().map(|_| ())
}

#[test]
fn a_panic_in_an_operator_stops_the_run_and_names_task_event_and_reason() {
    for idle in IDLE {
        for cores in [1, 2, 5] {
            let what = format!("{idle:?} on {cores} cores");
            let outcome = ends(&what, move || {
                flow_that_panics(options(cores, idle), Place::Operator)
            });
            let (task, event, reason) = panicked(outcome);
            assert!(task.starts_with("count "), "{what}: {task}");
            assert_eq!(event.as_deref(), Some("77777"), "{what}");
            assert_eq!(reason, "77,777 is not allowed at Operator", "{what}");
        }
    }
}

#[test]
fn a_panic_beside_operators_names_what_it_can() {
    let cases = [
        (Place::AtSource, "numbers"),
        (Place::InKey, "numbers"),
        (Place::BehindExchange, "count "),
        (Place::InRelay, "relay "),
    ];
    for (place, expected_task) in cases {
        for cores in [1, 2] {
            let what = format!("{place:?} on {cores} cores");
            let outcome = ends(&what, move || {
                flow_that_panics(options(cores, Idle::Adaptive), place)
            });
            let (task, event, reason) = panicked(outcome);
            assert!(task.starts_with(expected_task), "{what}: {task}");
            assert_eq!(reason, format!("77,777 is not allowed at {place:?}"));
            // Behind an exchange the event that came in is known; it may be that of an operator before.
            if place == Place::BehindExchange {
                assert_eq!(event.as_deref(), Some("77777"), "{what}");
            }
        }
    }
}

#[test]
fn a_flow_that_could_panic_but_does_not_ends_well() {
    let outcome = ends("no panic", || {
        flow_that_panics(options(2, Idle::Adaptive), Place::Nowhere)
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[test]
fn the_stop_flag_drains_and_everything_is_accounted_for() {
    for idle in IDLE {
        for cores in [1, 2, 3] {
            let what = format!("{idle:?} on {cores} cores");
            let stop = Arc::new(AtomicBool::new(false));
            let seen = Arc::new(AtomicU64::new(0));
            let (set, count) = (stop.clone(), seen.clone());
            let summary = ends(&what, move || {
                // Endless, but for the flag, which is set from inside the stream.
                let events = (0..).inspect(move |number| {
                    count.store(*number, Ordering::Relaxed);
                    set.fetch_or(*number == 300_000, Ordering::Relaxed);
                });
                let events = events.map(|number: u64| KeyedRecord {
                    key: number % 100,
                    value: 1,
                    ts_ns: number,
                });
                aggregate(
                    Options {
                        stop,
                        ..options(cores, idle)
                    },
                    Iter::new(events),
                )
            });
            let summary = summary.expect("a stopped run ends well");
            assert_eq!(
                summary.events_in,
                seen.load(Ordering::Relaxed) + 1,
                "{what}"
            );
            assert_eq!(summary.events_out, summary.events_in, "{what}");
            assert!(summary.balanced && summary.events_in_flight == 0, "{what}");
        }
    }
}

#[test]
fn aggregate_answers_alike_on_any_cores_and_partitions() {
    let readings = readings(60_000);
    let expected = format!("{:016x}", digest_of(&readings));
    for cores in [1, 2, 3] {
        for partitions in [1, 3, 8] {
            let what = format!("{cores} cores, {partitions} partitions");
            let readings = readings.clone();
            let options = Options {
                partitions,
                ..options(cores, Idle::Adaptive)
            };
            let source = Slice::new(readings, |reading: &KeyedRecord| reading.ts_ns);
            let summary = ends(&what, move || aggregate(options, source)).expect("it ends well");
            assert_eq!(summary.digest, expected, "{what}");
            assert!(summary.balanced, "{what}");
        }
    }
}

#[test]
fn rings_of_one_slot_lose_nothing_and_do_not_lock_up() {
    for idle in IDLE {
        for cores in [1, 2, 3] {
            let what = format!("{idle:?} on {cores} cores");
            let options = Options {
                ring_slots: 1,
                interval_ns: 1_000_000,
                ..options(cores, idle)
            };
            let outcome = ends(&what, move || {
                Flow::new(options)
                    .source("numbers", Iter::new(0..300u64))
                    .flat_map(|number: u64, push: &mut dyn FnMut(u64)| {
                        (0..3).for_each(|_| push(number))
                    })
                    .partition_by(|number: &u64| *number)
                    .keyed("first", |_| update(|number: &u64, _: &mut u64| *number))
                    .partition_by(|number: &u64| number % 7)
                    .keyed("second", |_| update(|number: &u64, _: &mut u64| *number))
                    .sink(|_| Collect::<u64>::default())
                    .run()
            });
            let outcome = outcome.expect("it ends well");
            let mut results: Vec<u64> = outcome
                .sinks
                .into_iter()
                .flat_map(|sink| sink.results)
                .collect();
            results.sort_unstable();
            assert!(
                results
                    .iter()
                    .copied()
                    .eq((0..900).map(|number| number / 3)),
                "{what}"
            );
        }
    }
}

#[test]
fn more_cores_than_cpus_or_tasks_still_end() {
    for idle in IDLE {
        let readings = readings(20_000);
        let expected = format!("{:016x}", digest_of(&readings));
        let cores = 2 + std::thread::available_parallelism().map_or(1, usize::from);
        let summary = ends(&format!("{idle:?}"), move || {
            aggregate(options(cores, idle), Iter::new(readings.into_iter()))
        });
        let summary = summary.expect("it ends well");
        assert_eq!(summary.digest, expected);
        assert!(
            summary
                .warnings
                .iter()
                .any(|warning| warning.contains("share fewer CPUs")),
            "{:?}",
            summary.warnings
        );
    }
    let summary = ends("9 cores for 4 tasks", || {
        aggregate(
            options(9, Idle::Park),
            Iter::new(readings(1_000).into_iter()),
        )
    });
    assert_eq!(summary.expect("it ends well").events_out, 1_000);
}

#[test]
fn an_empty_source_makes_an_empty_report() {
    for idle in IDLE {
        for cores in [1, 2] {
            let summary = ends("empty", move || {
                aggregate(options(cores, idle), Iter::new(std::iter::empty()))
            });
            let summary = summary.expect("it ends well");
            assert_eq!(
                (summary.events_in, summary.events_out, summary.balanced),
                (0, 0, true)
            );
            assert_eq!(summary.latency_ns.p50, None, "no sample, no percentile");
        }
    }
}

/// Offers a hundred events, then fails.
struct Broken(u64);

impl Source for Broken {
    type Event = KeyedRecord;

    fn poll<D: Downstream<KeyedRecord>>(
        &mut self,
        _: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        if self.0 == 100 {
            let cause = std::io::Error::other("the cable is out");
            return Err(TaskError {
                message: "cannot read on after event 100".into(),
                cause: Some(Box::new(cause)),
            });
        }
        out.now(
            0,
            KeyedRecord {
                key: self.0,
                value: 0,
                ts_ns: 0,
            },
        );
        self.0 += 1;
        Ok(Poll::Ready)
    }
}

#[test]
fn a_source_that_fails_ends_the_run_with_its_reason() {
    for idle in IDLE {
        for cores in [1, 2, 5] {
            let outcome = ends("broken source", move || {
                aggregate(options(cores, idle), Broken(0))
            });
            let error = outcome.expect_err("the source failed");
            assert_eq!(
                error.to_string(),
                "task readings failed: cannot read on after event 100"
            );
            let FlowError::Run(RunError::Failed { error, .. }) = error else {
                panic!("{error:?} is not a failed task");
            };
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(cause.as_deref(), Some("the cable is out"));
        }
    }
}

/// Checks that the numbers of each key come in order, and that no watermark is broken.
#[derive(Default)]
struct InOrder {
    watermark_ns: u64,
    watermarks: u64,
}

impl Operator for InOrder {
    type In = KeyedRecord;
    type State = u64;
    type Out = KeyedRecord;

    fn process(
        &mut self,
        key: u64,
        event: &KeyedRecord,
        next: &mut u64,
        out: &mut impl Emit<KeyedRecord>,
    ) -> Retain {
        assert!(
            event.ts_ns >= *next,
            "key {key}: {event:?} came after {next}"
        );
        assert!(
            event.ts_ns >= self.watermark_ns,
            "{event:?} came after watermark {}",
            self.watermark_ns
        );
        *next = event.ts_ns + 1;
        out.emit(*event);
        Retain::Keep
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        _: &mut dyn States<u64>,
        _: &mut impl Emit<KeyedRecord>,
    ) {
        assert!(watermark_ns > self.watermark_ns, "a watermark went back");
        self.watermark_ns = watermark_ns;
        self.watermarks += 1;
    }

    fn measures(&self) -> Vec<(String, f64)> {
        vec![("watermarks".into(), self.watermarks as f64)]
    }
}

#[test]
fn order_within_a_key_and_watermarks_hold_through_two_exchanges() {
    for cores in [1, 2, 3] {
        for ring_slots in [1, 64, 0] {
            let what = format!("{cores} cores, rings of {ring_slots}");
            let options = Options {
                ring_slots,
                interval_ns: 500_000,
                ..options(cores, Idle::Adaptive)
            };
            let count = if ring_slots == 1 { 20_000 } else { 400_000 };
            let outcome = ends(&what, move || {
                Flow::new(options)
                    .source(
                        "readings",
                        Slice::new(readings(count), |reading: &KeyedRecord| reading.ts_ns),
                    )
                    .partition_by(|reading: &KeyedRecord| reading.key)
                    .keyed("first", |_| InOrder::default())
                    .partition_by(|reading: &KeyedRecord| reading.key)
                    .keyed("second", |_| InOrder::default())
                    .sink(|_| ForEach(|_: &KeyedRecord| ()))
                    .run()
            });
            let summary = outcome.expect("nothing came out of order").report.summary;
            assert_eq!(summary.events_out, count, "{what}");
            // The last watermark, at the end of the source, reaches every partition at least.
            assert!(
                summary.quality["watermarks"] >= 6.0,
                "{what}: {:?}",
                summary.quality
            );
        }
    }
}
