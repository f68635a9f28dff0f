//! An engine that waits for events leaves the processor to others. A program of its own, since the
//! processor time of the whole process is what counts.

#![cfg(target_os = "linux")]

use millstream::prelude::*;
use millstream::source::{Offer, Poll};
use millstream::task::{Context, Downstream, TaskError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SILENCE_NS: u64 = 1_500_000_000;

/// One event at the start, one after a silence, and the processor time that the process took in between.
struct Silence {
    start: Option<(u64, u64)>,
    knows_when: bool,
    ticks: Arc<AtomicU64>,
}

impl Source for Silence {
    type Event = u64;

    fn poll<D: Downstream<u64>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        let (start_ns, ticks) = *self.start.get_or_insert_with(|| {
            out.now(0, 1);
            (cx.now_ns, processor_ticks())
        });
        let due_ns = start_ns + SILENCE_NS;
        if cx.now_ns < due_ns {
            return Ok(Poll::Idle(self.knows_when.then_some(due_ns)));
        }
        self.ticks
            .store(processor_ticks() - ticks, Ordering::Relaxed);
        out.now(0, 2);
        Ok(Poll::End)
    }
}

/// Processor time of this process so far, user and system, in ticks of 10 ms.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has it");
    // Behind the name in parentheses, which may hold anything, comes field 3.
    let behind = &stat[stat.rfind(')').expect("a name") + 2..];
    let fields: Vec<&str> = behind.split(' ').collect();
    fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
}

/// Share of one CPU that a silent run takes.
fn processor_share(idle: Idle, cores: usize, knows_when: bool) -> f64 {
    let options = Options {
        idle,
        cores,
        ..Options::default()
    };
    let ticks = Arc::new(AtomicU64::new(0));
    let silence = Silence {
        start: None,
        knows_when,
        ticks: ticks.clone(),
    };
    let outcome = Flow::new(options)
        .source("silence", silence)
        .partition_by(|number: &u64| *number)
        .keyed("count", |_| update(|number: &u64, _: &mut u64| *number))
        .sink(|_| Collect::<u64>::default())
        .run();
    assert_eq!(outcome.expect("it ends well").report.summary.events_out, 2);
    let share = ticks.load(Ordering::Relaxed) as f64 * 10e6 / SILENCE_NS as f64;
    println!(
        "{idle:?} on {cores} cores, next event known: {knows_when}: {:.1} % of a CPU",
        share * 100.0
    );
    share
}

#[test]
fn a_parked_engine_takes_next_to_nothing() {
    // The promise is 2 %; the bound leaves room for two ticks of 10 ms.
    assert!(processor_share(Idle::Park, 1, false) < 0.05);
    assert!(processor_share(Idle::Park, 2, true) < 0.05);
    assert!(processor_share(Idle::Adaptive, 2, false) < 0.05);
    // That the measure sees anything at all.
    assert!(processor_share(Idle::Busy, 1, false) > 0.2);
}
