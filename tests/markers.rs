//! Markers through a stage with several inputs: barriers wait for each other and cut every input at the
//! same place, the watermark is the lowest of the inputs, the end is that of all.
//!
//! The stage is stepped by hand, between rings that the test fills and a downstream that writes down what
//! it is given.

use millstream::event::{Due, Marker, Message};
use millstream::operator::{Relay, Stage, StageName};
use millstream::ring::{Outlet, ring};
use millstream::sys::clock::{Clock, START_NS};
use millstream::sys::random::Random;
use millstream::task::{Context, Downstream, Figures, Progress, Task};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// An event or a marker, as it is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Event(u64),
    Marker(Marker),
}
use Marker::{Barrier, End, Watermark};

/// Writes down what comes, in order.
#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    fn add(&self, seen: Seen) {
        self.0.lock().expect("one thread").push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().expect("one thread"))
    }
}

impl Downstream<u64> for Record {
    fn push(&mut self, _: Due, value: u64) {
        self.add(Seen::Event(value));
    }

    fn marker(&mut self, marker: Marker, _: &mut Context) {
        self.add(Seen::Marker(marker));
    }

    fn is_blocked(&self) -> bool {
        false
    }

    fn flush(&mut self, _: &mut Context) -> bool {
        true
    }

    fn figures(self, _: &mut Figures) {}
}

/// A stage between the outlets of its inputs and a record.
struct Bench {
    inputs: Vec<Outlet<u64>>,
    stage: Stage<Relay<u64>, Record>,
    record: Record,
    cx: Context,
}

impl Bench {
    fn new(inputs: usize, slots: usize) -> Self {
        let (inputs, inlets): (Vec<_>, Vec<_>) = (0..inputs).map(|_| ring(slots)).unzip();
        let record = Record::default();
        let stage = Stage::new(
            StageName::default(),
            inlets,
            Relay::default(),
            record.clone(),
        );
        let clock = Clock::Virtual(Rc::new(Cell::new(START_NS)));
        let cx = Context {
            clock,
            now_ns: START_NS,
            budget: 100,
            stopping: false,
            marker_due: None,
            checkpoint: Default::default(),
        };
        Bench {
            inputs,
            stage,
            record,
            cx,
        }
    }

    fn send(&mut self, input: usize, messages: &[Seen]) {
        for message in messages {
            self.inputs[input].push(match *message {
                Seen::Event(number) => Message::Event(Due::new(START_NS), number),
                Seen::Marker(marker) => Message::Marker(marker),
            });
        }
        self.inputs[input].flush();
    }

    fn step(&mut self) -> Progress {
        self.stage
            .step(&mut self.cx)
            .expect("a stage does not fail")
    }

    /// What comes out until there is nothing left to do.
    fn run(&mut self) -> Vec<Seen> {
        while self.step() == Progress::Worked {}
        self.record.take()
    }
}

fn event(number: u64) -> Seen {
    Seen::Event(number)
}

fn marker(marker: Marker) -> Seen {
    Seen::Marker(marker)
}

#[test]
fn a_barrier_waits_for_all_inputs_and_holds_back_what_follows_it() {
    let mut bench = Bench::new(2, 64);
    bench.send(
        0,
        &[
            event(1),
            marker(Barrier {
                epoch: 1,
                checkpoint: false,
            }),
            event(2),
        ],
    );
    bench.send(1, &[event(3)]);
    let mut out = bench.run();
    out.sort_by_key(|seen| format!("{seen:?}"));
    assert_eq!(
        out,
        [event(1), event(3)],
        "event 2 belongs to the next epoch"
    );
    bench.send(
        1,
        &[
            event(4),
            marker(Barrier {
                epoch: 1,
                checkpoint: false,
            }),
            event(5),
        ],
    );
    let out = bench.run();
    assert_eq!(
        out[..2],
        [
            event(4),
            marker(Barrier {
                epoch: 1,
                checkpoint: false
            })
        ]
    );
    let mut behind = out[2..].to_vec();
    behind.sort_by_key(|seen| format!("{seen:?}"));
    assert_eq!(behind, [event(2), event(5)]);
}

#[test]
fn the_watermark_is_the_lowest_of_the_open_inputs_and_is_told_once() {
    let mut bench = Bench::new(2, 64);
    bench.send(0, &[marker(Watermark(10))]);
    assert_eq!(bench.run(), [], "the other input may still be at 0");
    bench.send(1, &[marker(Watermark(7)), marker(Watermark(8))]);
    assert_eq!(bench.run(), [marker(Watermark(7)), marker(Watermark(8))]);
    bench.send(1, &[marker(Watermark(30))]);
    assert_eq!(bench.run(), [marker(Watermark(10))]);
    bench.send(1, &[marker(Watermark(31))]);
    assert_eq!(bench.run(), [], "10 has been told");
    bench.send(0, &[marker(End)]);
    assert_eq!(
        bench.run(),
        [marker(Watermark(31))],
        "an input that has ended holds nothing back"
    );
}

#[test]
fn the_end_is_that_of_all_inputs_and_an_ended_one_holds_no_barrier_back() {
    let mut bench = Bench::new(3, 64);
    bench.send(
        0,
        &[marker(Barrier {
            epoch: 1,
            checkpoint: false,
        })],
    );
    bench.send(1, &[event(1), marker(End)]);
    bench.send(2, &[]);
    assert_eq!(bench.run(), [event(1)]);
    bench.send(2, &[marker(End)]);
    assert_eq!(
        bench.run(),
        [marker(Barrier {
            epoch: 1,
            checkpoint: false
        })],
        "nobody else will come to it"
    );
    bench.send(0, &[event(2), marker(End)]);
    assert_eq!(bench.run(), [event(2), marker(End)]);
    assert_eq!(bench.step(), Progress::Done);
}

/// Events are numbered `epoch × 1000 + …`; markers of each input come at places drawn from the seed.
#[test]
fn every_epoch_is_whole_whatever_the_order_of_arrival() {
    const EPOCHS: u64 = 4;
    for seed in 0..400 {
        let mut random = Random::stream(seed, "markers");
        let mut draw = |below: u64| random.next_u64() % below;
        let inputs = 1 + draw(4) as usize;
        let mut bench = Bench::new(inputs, 256);
        let mut waiting: Vec<Vec<Seen>> = Vec::new();
        let mut sent = 0;
        for _ in 0..inputs {
            let mut messages = Vec::new();
            for epoch in 1..=EPOCHS {
                let count = draw(20);
                sent += count;
                messages.extend((0..count).map(|number| event(epoch * 1_000 + number)));
                messages.push(marker(Watermark(epoch * 1_000)));
                messages.push(marker(Barrier {
                    epoch,
                    checkpoint: false,
                }));
            }
            messages.push(marker(End));
            messages.reverse();
            waiting.push(messages);
        }
        let mut ended = false;
        while !ended {
            let input = draw(inputs as u64) as usize;
            for _ in 0..draw(12) {
                if let Some(message) = waiting[input].pop() {
                    bench.send(input, &[message]);
                }
            }
            bench.cx.budget = 1 + draw(9) as usize;
            ended = bench.step() == Progress::Done;
        }
        let (mut epoch, mut watermark_ns, mut events) = (1, 0, 0);
        let out = bench.record.take();
        for seen in &out {
            match *seen {
                Seen::Event(number) => {
                    assert_eq!(
                        number / 1_000,
                        epoch,
                        "seed {seed}: event {number} in epoch {epoch}"
                    );
                    events += 1;
                }
                Seen::Marker(Barrier { epoch: closed, .. }) => {
                    assert_eq!(closed, epoch, "seed {seed}");
                    epoch += 1;
                }
                Seen::Marker(Watermark(at_ns)) => {
                    assert!(
                        at_ns > watermark_ns,
                        "seed {seed}: {at_ns} after {watermark_ns}"
                    );
                    watermark_ns = at_ns;
                }
                Seen::Marker(_) => {}
            }
        }
        assert_eq!(
            (epoch, watermark_ns, events),
            (EPOCHS + 1, EPOCHS * 1_000, sent),
            "seed {seed}"
        );
        assert_eq!(out.last(), Some(&marker(End)), "seed {seed}");
    }
}
