//! A source stopped after any number of events, and another that goes on at its position, offer together
//! what one offers alone.

use super::super::load::{Arrivals, KeyDistribution, KeySampler, Load, Schedule, ValuePattern};
use super::super::pace::{Pace, Speed};
use super::super::reader::{self, Reading};
use super::super::task::poll_alone;
use super::super::trace::native::{ClickRecord, Contents, KeyedRecord, Mapped, Writer};
use super::super::trace::{Disorder, Record, TraceOptions};
use super::super::{Generate, Iter, Made, MappedFeed, Poll, Replay, Slice, Source};
use super::*;
use crate::event::{Due, Marker};
use crate::task::{Context, Downstream, Figures};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Keeps what is offered.
struct Kept<E>(Vec<(u64, E)>);

impl<E: Send> Downstream<E> for Kept<E> {
    fn push(&mut self, due: Due, value: E) {
        self.0.push((due.ns(), value));
    }
    fn marker(&mut self, _: Marker, _: &mut Context) {}
    fn is_blocked(&self) -> bool {
        false
    }
    fn flush(&mut self, _: &mut Context) -> bool {
        true
    }
    fn figures(self, _: &mut Figures) {}
}

/// When every run of these tests starts, ns.
const START_NS: u64 = 1_000_003;

/// What `source` offers next, `count` events or all there are, in batches of at most `budget`.
fn offered<S: Source>(source: &mut S, count: usize, budget: usize) -> Vec<(u64, S::Event)> {
    let mut kept = Kept(Vec::new());
    let mut cx = Context::at(START_NS);
    while kept.0.len() < count {
        cx.budget = budget.min(count - kept.0.len());
        match poll_alone(source, &mut cx, &mut kept).unwrap() {
            Poll::Ready => {}
            // A reader thread may not have come so far.
            Poll::Idle(None) => std::thread::sleep(Duration::from_micros(20)),
            Poll::Idle(Some(due_ns)) => {
                std::thread::yield_now();
                cx.now_ns = cx.now_ns.max(due_ns);
            }
            Poll::End => break,
        }
    }
    kept.0
}

/// Holds `make`'s source to the claim for one place to stop, and once more behind it.
fn goes_on<S: Source>(make: &dyn Fn() -> S, stop: usize, budget: usize, paced: bool)
where
    S::Event: PartialEq,
{
    let all = offered(&mut make(), usize::MAX, 64);
    let mut source = make();
    let mut done = offered(&mut source, stop, budget).len();
    assert_eq!(done, stop.min(all.len()));
    for more in [stop / 2 + 1, usize::MAX] {
        let position = source.position().expect("it can rewind");
        source = make();
        source.seek(&position).unwrap();
        assert_eq!(
            source.position(),
            Some(position),
            "a position is where it stands"
        );
        let rest = offered(&mut source, more, budget);
        let expected = &all[done..all.len().min(done.saturating_add(more))];
        assert_eq!(rest.len(), expected.len(), "stopped after {done}");
        for (is, should) in rest.iter().zip(expected) {
            assert_eq!(is.1, should.1, "stopped after {done}");
            if paced {
                assert_eq!(is.0 - START_NS, should.0 - expected[0].0);
            }
        }
        done += rest.len();
    }
    assert_eq!(done, all.len());
}

fn refusal<S: Source>(from: &S, mut to: S) -> String {
    to.seek(&from.position().unwrap()).unwrap_err().to_string()
}

fn load(seed: u64, arrivals: &str, rate: &str) -> Load {
    let keys: KeyDistribution = "zipf(0.99,100)".parse().unwrap();
    let arrivals: Arrivals = arrivals.parse().unwrap();
    Load::new(
        KeySampler::new(&keys, seed).unwrap(),
        ValuePattern::default(),
        Schedule::new(&arrivals, rate.parse().unwrap(), seed).unwrap(),
        seed,
    )
}

fn record(index: u64, ts_ns: u64) -> KeyedRecord {
    KeyedRecord {
        key: index,
        value: 1,
        ts_ns,
    }
}

fn native(directory: &Path, stamps: &[u64]) -> PathBuf {
    let path = directory.join("a.mill");
    let contents = Contents {
        has_time: true,
        ..Contents::default()
    };
    let mut writer = Writer::<KeyedRecord>::create(&path, contents).unwrap();
    for (index, ts_ns) in stamps.iter().enumerate() {
        let record = Record::from(record(index as u64, *ts_ns));
        writer.push(&[record]).unwrap();
    }
    writer.finish(None).unwrap();
    path
}

fn csv(directory: &Path, stamps: &[u64], bad_every: usize) -> PathBuf {
    let mut text = "user,item,ts\n".to_owned();
    for (index, ts_ns) in stamps.iter().enumerate() {
        writeln!(text, "u{},i{},{ts_ns}", index % 7, index).unwrap();
        if (index + 1) % bad_every == 0 {
            text.push_str("u0,i0,yesterday\n");
        }
    }
    let path = directory.join("a.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn options(dead_letter: Option<PathBuf>) -> TraceOptions {
    TraceOptions {
        time_unit: "ns".parse().unwrap(),
        disorder: Disorder::Keep,
        dead_letter,
        ..TraceOptions::default()
    }
}

fn paces() -> impl Strategy<Value = (Pace, bool)> {
    prop_oneof![
        Just((Pace::at_speed(Speed::MAX, None), false)),
        Just((Pace::at_speed("2x".parse().unwrap(), Some(40)), true)),
        (any::<u64>()).prop_map(|seed| {
            let arrivals = Arrivals::Poisson;
            let schedule = Schedule::new(&arrivals, "1M".parse().unwrap(), seed).unwrap();
            (Pace::at_rate(schedule), true)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn memory_goes_on(len in 0usize..40, budget in 1usize..9) {
        for stop in 0..=len {
            let events: Vec<u64> = (0..len as u64).collect();
            goes_on(&|| Slice::new(events.clone(), |ts_ns: &u64| *ts_ns), stop, budget, false);
            goes_on(&|| Iter::new(events.clone().into_iter()), stop, budget, false);
        }
    }

    #[test]
    fn a_load_goes_on(seed in any::<u64>(), events in 1u64..60, budget in 1usize..9) {
        for arrivals in ["constant", "poisson", "bursts(3us,7us)", "ramp(100k,1M,50us)"] {
            for stop in 0..=events as usize {
                let make = || Generate::new(load(seed, arrivals, "1M"), Some(events), None);
                goes_on(&make, stop, budget, true);
            }
        }
    }

    #[test]
    fn a_load_made_ahead_goes_on(seed in any::<u64>(), ahead in 1usize..20, events in 1u64..60, budget in 1usize..9) {
        for stop in 0..=events as usize {
            let make = || Made::new(&mut load(seed, "constant", "max"), ahead, Some(events), None);
            goes_on(&make, stop, budget, false);
        }
    }

    #[test]
    fn a_mapped_trace_goes_on(
        stamps in prop::collection::vec(1_000u64..1_100, 1..30),
        rounds in 1u64..4,
        limit in prop::option::of(1u64..40),
        (pace, paced) in paces(),
        budget in 1usize..9,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = native(directory.path(), &stamps);
        let events = limit.map_or(stamps.len(), |limit| stamps.len().min(limit as usize)) * rounds as usize;
        for stop in 0..=events {
            let make = || {
                let mapped = Mapped::open(&path, true).unwrap();
                Replay::new(MappedFeed::<KeyedRecord>::new(mapped, limit, rounds), pace.clone())
            };
            goes_on(&make, stop, budget, paced);
        }
    }

    #[test]
    fn a_trace_read_by_a_thread_goes_on(
        stamps in prop::collection::vec(1_000u64..1_100, 1..12),
        rounds in 1u64..4,
        limit in prop::option::of(1u64..15),
        (pace, paced) in paces(),
        budget in 1usize..9,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let path = csv(directory.path(), &stamps, 5);
        let events = limit.map_or(stamps.len(), |limit| stamps.len().min(limit as usize)) * rounds as usize;
        for stop in 0..=events {
            let make = || {
                let reading = Reading { path: path.clone(), options: options(None), limit, rounds };
                Replay::new(reader::start::<ClickRecord>(reading).unwrap().0, pace.clone())
            };
            goes_on(&make, stop, budget, paced);
        }
    }
}

#[test]
fn texts_and_letters_of_what_is_skipped_are_there_once() {
    let directory = tempfile::tempdir().unwrap();
    let stamps: Vec<u64> = (0..10_000).collect();
    let path = csv(directory.path(), &stamps, 100);
    let letters = directory.path().join("letters.jsonl");
    for stop in [
        0, 1, 4_095, 4_096, 4_097, 9_999, 10_000, 10_001, 14_097, 20_000,
    ] {
        let make = || {
            let reading = Reading {
                path: path.clone(),
                options: options(Some(letters.clone())),
                limit: None,
                rounds: 2,
            };
            let (feed, texts) = reader::start::<ClickRecord>(reading).unwrap();
            let pace = Pace::at_speed(Speed::MAX, None);
            (Replay::new(feed, pace), texts)
        };
        let mut first = make().0;
        assert_eq!(offered(&mut first, stop, 64).len(), stop);
        let position = first.position().unwrap();
        drop(first);
        let (mut second, texts) = make();
        second.seek(&position).unwrap();
        let rest = offered(&mut second, usize::MAX, 64);
        assert_eq!(rest.len(), 20_000 - stop);
        for (_, event) in &rest {
            assert!(texts.get(event.key).unwrap().as_str().starts_with('u'));
            assert!(texts.get(event.item).unwrap().as_str().starts_with('i'));
        }
        let written = std::fs::read_to_string(&letters).unwrap();
        assert_eq!(written.lines().count(), 100, "stopped after {stop}");
        let mut figures = Figures::default();
        second.figures(&mut figures);
        // A block is counted with the run that reads its first record.
        let left = (20_000 - stop).div_ceil(100) as u64;
        assert!(figures.events_dead_letter.abs_diff(left) <= 41, "{left}");
        assert!(figures.events_dead_letter <= left);
    }
}

#[test]
fn a_position_of_something_else_is_refused() {
    let generate = |seed, rate| Generate::new(load(seed, "constant", rate), Some(10), None);
    let message = refusal(&generate(7, "1M"), generate(8, "1M"));
    assert!(message.contains("hash of the first events"), "{message}");
    let message = refusal(&generate(7, "1M"), generate(7, "2M"));
    assert!(
        message.contains("there schedule = 1000000/s constant, here schedule = 2000000/s constant"),
        "{message}"
    );
    assert!(message.contains("without --restore"), "{message}");

    let mut long = generate(7, "1M");
    offered(&mut long, 10, 4);
    let short = Generate::new(load(7, "constant", "1M"), Some(9), None);
    let message = refusal(&long, short);
    assert!(message.contains("behind event 10"), "{message}");

    let slice = |len: usize| Slice::new(vec![0u64; len], |ts_ns: &u64| *ts_ns);
    let message = refusal(&slice(3), slice(4));
    assert!(
        message.contains("there events = 3, here events = 4"),
        "{message}"
    );
    let made = |ahead| Made::new(&mut load(7, "constant", "max"), ahead, None, None);
    let position = slice(3).position().unwrap();
    let message = made(3).seek(&position).unwrap_err().to_string();
    assert!(message.contains("there source = slice"), "{message}");
    assert!(refusal(&made(3), made(4)).contains("events made ahead = 4"));

    let directory = tempfile::tempdir().unwrap();
    let path = native(directory.path(), &[1, 2, 3]);
    let mapped = |limit, rounds| {
        let feed =
            MappedFeed::<KeyedRecord>::new(Mapped::open(&path, true).unwrap(), limit, rounds);
        Replay::new(feed, Pace::at_speed(Speed::MAX, None))
    };
    assert!(refusal(&mapped(None, 1), mapped(Some(2), 1)).contains("records of a round = 2"));
    assert!(refusal(&mapped(None, 1), mapped(None, 2)).contains("rounds = 2"));
    let before = mapped(None, 1);
    native(directory.path(), &[1, 2, 4]);
    assert!(refusal(&before, mapped(None, 1)).contains("checksum"));

    let path = csv(directory.path(), &[1, 2, 3], 9);
    let read = |limit, rounds| {
        let reading = Reading {
            path: path.clone(),
            options: options(None),
            limit,
            rounds,
        };
        let feed = reader::start::<ClickRecord>(reading).unwrap().0;
        Replay::new(feed, Pace::at_speed(Speed::MAX, None))
    };
    assert!(refusal(&read(None, 1), read(Some(2), 1)).contains("at most = 2"));
    assert!(refusal(&read(None, 1), read(None, 2)).contains("rounds = 2"));
    let before = read(None, 1);
    csv(directory.path(), &[1, 2, 4], 9);
    assert!(refusal(&before, read(None, 1)).contains("hash of both ends"));
}

#[test]
fn bytes_that_are_no_position_are_refused() {
    let of = identity("iterator", []);
    let bytes = encode(&of, &7u64).unwrap();
    assert_eq!(decode::<u64>(&of, &bytes).unwrap(), 7);
    for len in 0..bytes.len() {
        assert!(decode::<u64>(&of, &bytes[..len]).is_err(), "{len}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(decode::<u64>(&of, &longer).is_err());
    let other = [&[VERSION + 1], &bytes[1..]].concat();
    let message = decode::<u64>(&of, &other).unwrap_err().to_string();
    assert!(message.contains("version 2, this program reads 1"));
    let mut short = Iter::new(0..3u64);
    let message = short.seek(&bytes).unwrap_err().to_string();
    assert!(message.contains("behind event 7"), "{message}");
    assert!(message.contains("ends after 3"), "{message}");
}
