//! A stage stepped by hand, on a clock that its logic moves: what is timed is what the logic took.

use crate::checkpoint::{Copied, Saved};
use crate::event::{Due, Marker, Message};
use crate::operator::{Logic, Stage, StageName};
use crate::ring::{Outlet, ring};
use crate::sys::clock::{Clock, START_NS};
use crate::task::{CheckpointFigures, Context, Downstream, Figures, Task};
use std::cell::Cell;
use std::rc::Rc;

const BARRIER_NS: u64 = 1_700;
const BLOCK_NS: u64 = 900;
const EVENT_NS: u64 = 10;
/// What a copy before a write really takes: nobody reads the clock for it, but a step with one shows it.
const COPY_NS: u64 = 500;

thread_local! {
    static NOW: Rc<Cell<u64>> = Rc::new(Cell::new(START_NS));
}

fn spend(ns: u64) {
    NOW.with(|now| now.set(now.get() + ns));
}

/// Captures so many blocks in turn; every event of an odd number copies one before it writes.
#[derive(Default)]
struct Timed {
    left: u64,
    copied: Copied,
}

impl Logic for Timed {
    type In = u64;
    type Out = u64;

    fn run<D: Downstream<u64>>(&mut self, messages: &[Message<u64>], _: &mut D) -> usize {
        let events = messages.iter().map_while(|message| match message {
            Message::Event(_, event) => Some(*event),
            Message::Marker(_) => None,
        });
        let mut count = 0;
        for event in events {
            spend(EVENT_NS);
            if self.left > 0 && event % 2 == 1 {
                spend(COPY_NS);
                self.copied.before_write += 1;
            }
            count += 1;
        }
        count
    }

    fn takes_part(&self) -> bool {
        true
    }

    fn is_captured(&self) -> bool {
        self.left > 0
    }

    fn copied(&mut self) -> Copied {
        self.copied
    }

    fn capture(&mut self, _: u64, _: Saved) {
        spend(BARRIER_NS);
        self.left = 3;
    }

    fn capture_some(&mut self) -> bool {
        if self.left > 0 {
            spend(BLOCK_NS);
            self.left -= 1;
            self.copied.in_turn += 1;
        }
        self.left > 0
    }

    fn figures(self, _: &mut Figures) {}
}

struct Nowhere;

impl Downstream<u64> for Nowhere {
    fn push(&mut self, _: Due, _: u64) {}
    fn marker(&mut self, _: Marker, _: &mut Context) {}
    fn is_blocked(&self) -> bool {
        false
    }
    fn flush(&mut self, _: &mut Context) -> bool {
        true
    }
    fn figures(self, _: &mut Figures) {}
}

/// Sends `messages` and steps once; what that took for checkpoints, ns.
fn step(
    stage: &mut Stage<Timed, Nowhere>,
    lane: &mut Outlet<u64>,
    messages: &[Message<u64>],
) -> u64 {
    for message in messages {
        assert!(lane.push(*message), "there is room");
    }
    assert!(lane.flush());
    let mut cx = Context {
        clock: NOW.with(|now| Clock::Virtual(now.clone())),
        ..Context::at(START_NS)
    };
    stage.step(&mut cx).expect("it goes on");
    cx.checkpoint.total_ns()
}

fn events(numbers: std::ops::Range<u64>) -> Vec<Message<u64>> {
    let due = |number| Due::new(START_NS + number);
    numbers
        .map(|number| Message::Event(due(number), number))
        .collect()
}

fn barrier(checkpoint: bool) -> Message<u64> {
    Message::Marker(Marker::Barrier {
        epoch: 1,
        checkpoint,
    })
}

fn stage() -> (Stage<Timed, Nowhere>, Outlet<u64>) {
    let (lane, inlet) = ring(64);
    let stage = Stage::new(StageName::default(), vec![inlet], Timed::default(), Nowhere);
    (stage, lane)
}

fn figures(stage: Stage<Timed, Nowhere>) -> CheckpointFigures {
    *Box::new(stage)
        .figures()
        .checkpoints
        .expect("it takes part")
}

#[test]
fn each_pause_is_what_the_logic_took() {
    let (mut stage, mut lane) = stage();
    let mut step = |messages: &[Message<u64>]| step(&mut stage, &mut lane, messages);
    assert_eq!(step(&events(0..4)), 0, "nothing is captured yet");
    assert_eq!(step(&[barrier(false)]), 0, "no checkpoint");
    assert_eq!(step(&[barrier(true)]), BARRIER_NS);
    let guessed_ns = 2 * super::COPY_NS;
    assert_eq!(step(&events(0..4)), guessed_ns, "no copy was timed yet");
    assert_eq!(step(&[]), BLOCK_NS, "an idle step hands over a block");
    assert_eq!(
        step(&events(0..6)),
        3 * BLOCK_NS,
        "three copies before a write"
    );
    assert_eq!(step(&[]), BLOCK_NS);
    assert_eq!(step(&[]), BLOCK_NS);
    for _ in 0..3 {
        assert_eq!(step(&events(0..4)), 0, "the epoch is closed");
    }
    let figures = figures(stage);
    assert_eq!(
        (figures.barrier.len(), figures.barrier.max()),
        (1, BARRIER_NS)
    );
    assert_eq!((figures.block.len(), figures.block.max()), (3, BLOCK_NS));
    assert_eq!((figures.copies, figures.copies_step_max), (5, 3));
    let (most_ns, least_ns) = (6 * EVENT_NS + 3 * COPY_NS, 4 * EVENT_NS + 2 * COPY_NS);
    assert_eq!((figures.step.len(), figures.step.max()), (2, most_ns));
    assert_eq!(
        figures.step.min(),
        least_ns,
        "what a copy really took is in the step"
    );
    let between = &figures.step_between;
    assert_eq!(
        (between.len(), between.max()),
        (2, 4 * EVENT_NS),
        "as many as before, no more"
    );
}

#[test]
fn a_step_with_the_barrier_in_it_is_no_step_between() {
    let (mut stage, mut lane) = stage();
    let mut messages = events(0..2);
    messages.push(barrier(true));
    messages.extend(events(0..2));
    let taken_ns = step(&mut stage, &mut lane, &messages);
    assert_eq!(taken_ns, BARRIER_NS + super::COPY_NS);
    let figures = figures(stage);
    assert_eq!((figures.step.len(), figures.step_between.len()), (0, 0));
    assert_eq!((figures.barrier.len(), figures.copies), (1, 1));
}
