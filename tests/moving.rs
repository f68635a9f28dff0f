//! Tasks that move between real cores all the time: nothing is lost, repeated or reordered, and the run ends.
//!
//! Nothing here depends on time but that there are moves at all, which the test waits for.

use millstream::app::aggregate::{Aggregate, Total};
use millstream::latency::Summary;
use millstream::prelude::*;
use millstream::runtime::{Answer, BalanceOptions, Control, Request};
use millstream::source::trace::native::KeyedRecord;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Moves that a run is kept going for.
const MOVES: u64 = 60;

fn reading(ts_ns: u64) -> KeyedRecord {
    KeyedRecord {
        key: ts_ns.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54,
        value: (ts_ns * 7 % 1_001) as i64 - 500,
        ts_ns,
    }
}

/// The digest of `aggregate` over the first `count` readings, by one loop: of every answer to every event, so that
/// an event of a key that comes before another of the same key changes it.
fn digest_of(count: u64) -> u64 {
    let mut totals = HashMap::<u64, Total>::new();
    let digests = (0..count).map(reading).map(|reading| {
        let total = totals.entry(reading.key).or_default();
        total.add(reading.value, reading.ts_ns);
        total.record(reading.key).digest()
    });
    digests.fold(0, u64::wrapping_add)
}

/// Steers the run to and fro until there were enough moves, then stops it.
fn disturb(control: &Control) {
    assert!(control.wait_for_start());
    let begun = Instant::now();
    let mut turn = 0usize;
    loop {
        assert!(begun.elapsed() < PATIENCE, "too few moves");
        let Ok(Answer::Status(status)) = control.ask(Request::Status) else {
            panic!("the run goes on");
        };
        if status.moves >= MOVES {
            break;
        }
        turn += 1;
        // Refused while the moves before are under way, which is as good.
        let task = status.tasks[turn % status.tasks.len()].task.clone();
        let _ = match turn % 3 {
            0 => control.ask(Request::Cores { cores: 1 }),
            1 => control.ask(Request::Cores { cores: 2 }),
            _ => control.ask(Request::Move { task, core: 1 }),
        };
    }
    assert_eq!(control.ask(Request::Stop), Ok(Answer::Stopping));
}

fn run(idle: Idle, order: millstream::flow::Order) -> Option<Summary> {
    let allowed = std::thread::available_parallelism().map_or(1, |count| count.get());
    if allowed < 2 {
        println!("skipped: one CPU, and no core can be added");
        return None;
    }
    let control = Arc::<Control>::default();
    let options = Options {
        cores: 2,
        partitions: 5,
        idle,
        order,
        pin: false,
        balance: BalanceOptions {
            patience_ns: 100_000_000,
            ..BalanceOptions::default()
        },
        control: Some(control.clone()),
        ..Options::default()
    };
    let steering = std::thread::spawn(move || disturb(&control));
    let outcome = Flow::new(options)
        .source("readings", Iter::new((0..).map(reading)))
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()
        .expect("it ends well");
    steering.join().expect("it was steered");
    Some(outcome.report.summary)
}

fn check(idle: Idle, order: millstream::flow::Order) {
    let Some(summary) = run(idle, order) else {
        return;
    };
    assert!(summary.balanced, "{summary:#?}");
    assert_eq!(summary.events_in, summary.events_out);
    let expected = format!("{:016x}", digest_of(summary.events_in));
    assert_eq!(summary.digest, expected, "{idle:?}, {order:?}");
    let balance = summary.balance.expect("it is told");
    assert!(
        balance.moves.len() as u64 >= MOVES,
        "{}",
        balance.moves.len()
    );
    for step in &balance.moves {
        assert_ne!(step.from, step.to);
        assert!(summary.tasks.iter().any(|task| task.task == step.task));
    }
    // Each move starts where the one before left the task, and the last is where it was at the end.
    for task in &summary.tasks {
        let own: Vec<_> = balance
            .moves
            .iter()
            .filter(|step| step.task == task.task)
            .collect();
        assert!(own.windows(2).all(|two| two[0].to == two[1].from));
        assert!(own.last().is_none_or(|step| step.to == task.core));
    }
    // Over time: a place in each column for each span, and nobody was where there is no core.
    let chronicle = summary.chronicle.expect("it is kept");
    let spans = chronicle.ends_ns.len();
    assert!((1..=128).contains(&spans) && chronicle.ends_ns.is_sorted());
    for core in &chronicle.cores {
        assert_eq!(core.busy_share.len(), spans);
        assert!(
            core.busy_share
                .iter()
                .all(|share| (0.0..=1.0).contains(share))
        );
    }
    for (task, over_time) in summary.tasks.iter().zip(&chronicle.tasks) {
        assert_eq!(task.task, over_time.task);
        let is_source = over_time.ring_slots == 0;
        assert_eq!(is_source, task.task == "readings");
        let fills = if is_source { 0 } else { spans };
        let lengths = [
            over_time.core.len(),
            over_time.load.len(),
            over_time.ring_fill.len(),
        ];
        assert_eq!(lengths, [spans, spans, fills]);
        assert!(
            over_time
                .ring_fill
                .iter()
                .all(|fill| (0.0..=1.0).contains(fill))
        );
        let mut cores = over_time.core.iter().flatten();
        assert!(cores.all(|core| (*core as usize) < chronicle.cores.len()));
        assert!(over_time.core[0].is_some());
    }
    println!(
        "{idle:?}: {} moves, pause p50 {:?} ns, max {:?} ns",
        balance.moves.len(),
        balance.pause_ns_p50,
        balance.pause_ns_max
    );
}

#[test]
fn busy_cores_lose_nothing() {
    check(Idle::Busy, millstream::flow::Order::Arrival);
}

#[test]
fn cores_that_park_lose_nothing() {
    check(Idle::Park, millstream::flow::Order::Arrival);
}

#[test]
fn deterministic_order_holds() {
    check(Idle::Adaptive, millstream::flow::Order::Deterministic);
}
