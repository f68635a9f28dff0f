//! What cannot be seen from a whole run: a cold tier that fails when the operator looks through its state.

use super::*;
use crate::operator::{Emit, Retain};
use crate::state::cold::{ColdOptions, MemoryStorage, cold_tier};
use crate::state::hot::S3Fifo;
use crate::state::{Forever, Hot, States};

/// Counts by key; at the end tells how many keys there were.
struct Counts;

impl Operator for Counts {
    type In = u64;
    type State = u64;
    type Out = u64;

    fn process(&mut self, _: u64, _: &u64, count: &mut u64, _: &mut impl Emit<u64>) -> Retain {
        *count += 1;
        Retain::Keep
    }

    fn end(&mut self, states: &mut dyn States<u64>, out: &mut impl Emit<u64>) {
        let mut keys = 0;
        states.for_each(&mut |_, _| keys += 1);
        out.emit(keys);
    }
}

#[derive(Default)]
struct Kept(Vec<u64>);

impl Downstream<u64> for Kept {
    fn push(&mut self, _: Due, value: u64) {
        self.0.push(value);
    }
    fn marker(&mut self, _: crate::event::Marker, _: &mut Context) {}
    fn is_blocked(&self) -> bool {
        false
    }
    fn flush(&mut self, _: &mut Context) -> bool {
        true
    }
    fn figures(self, _: &mut Figures) {}
}

/// 5,000 keys in a table of 16 entries; the keys told at the end, and what `check` says then.
fn run(flip: Option<(u64, u8)>) -> (Vec<u64>, Result<(), TaskError>) {
    let storage = MemoryStorage::new("memory");
    let faults = storage.faults();
    let options = ColdOptions::default();
    let (cold, server) = cold_tier(storage, options).expect("sizes fit");
    let hot = Hot::<u64, S3Fifo>::new(1).expect("memory");
    let (tiers, reads_max) = (Tiers::new(hot, cold), options.reads_max);
    let inline: Option<Box<dyn Task>> = Some(Box::new(server));
    let key = |key: &u64| *key;
    let mut logic = Bounded::new(Counts, key, tiers, Forever, reads_max, inline);
    let events: Vec<_> = (0..5_000u64)
        .map(|key| Message::Event(Due::new(1), key))
        .collect();
    let (mut down, mut cx) = (Kept::default(), Context::at(1));
    let mut done = 0;
    while done < events.len() {
        done += logic.run(&events[done..], &mut down);
        logic.poll(&mut down, &mut cx).expect("nothing fails yet");
    }
    if let Ok(mut faults) = faults.lock() {
        faults.flip = flip;
    }
    logic.end(&mut down, &mut cx);
    (down.0, logic.check())
}

#[test]
fn state_that_cannot_be_read_at_the_end_ends_the_run() {
    let (told, checked) = run(None);
    assert_eq!((told, checked.is_ok()), (vec![5_000], true));
    let (_, checked) = run(Some((4096 + 30, 1)));
    let message = checked.err().map(|error| error.message);
    assert!(
        message
            .as_ref()
            .is_some_and(|text| text.contains("checksum")),
        "{message:?}"
    );
}
