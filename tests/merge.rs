//! A stage in deterministic order against a plain model: random streams with ties, gaps and markers, fed bit
//! by bit. After every bit it must have put out exactly what is certain by then, in the order of due times:
//! nothing too soon, nothing held longer than need be.
//!
//! The stage is stepped by hand, between rings that the test fills and a downstream that writes down what
//! it is given.

use Marker::{Barrier, End, Probe, Watermark};
use millstream::event::{Due, Marker, Message};
use millstream::exchange::{Exchange, Route};
use millstream::operator::{Relay, Stage, StageName};
use millstream::ring::{Inlet, Outlet, ring};
use millstream::source::{Offer, Poll, Source, SourceTask};
use millstream::sys::clock::{Clock, START_NS};
use millstream::task::{Context, Downstream, Figures, Progress, Task, TaskError};
use proptest::prelude::*;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// A message as it is compared: an event is its due time and a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Event(u64, u64),
    Marker(Marker),
}

/// Writes down what comes, in order, and is full after every `room` events until it is flushed.
#[derive(Clone)]
struct Record {
    seen: Arc<Mutex<Vec<Seen>>>,
    room: usize,
    pushed: usize,
}

impl Record {
    fn new(room: usize) -> Self {
        Record {
            seen: Arc::default(),
            room,
            pushed: 0,
        }
    }

    fn add(&self, seen: Seen) {
        self.seen.lock().expect("one thread").push(seen);
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("one thread").clone()
    }
}

impl Downstream<u64> for Record {
    fn push(&mut self, due: Due, value: u64) {
        self.pushed += 1;
        self.add(Seen::Event(due.ns(), value));
    }

    fn marker(&mut self, marker: Marker, _: &mut Context) {
        self.add(Seen::Marker(marker));
    }

    fn is_blocked(&self) -> bool {
        self.pushed >= self.room
    }

    fn flush(&mut self, _: &mut Context) -> bool {
        self.pushed = 0;
        true
    }

    fn figures(self, _: &mut Figures) {}
}

fn context(budget: usize) -> Context {
    Context {
        clock: Clock::Virtual(Rc::new(Cell::new(START_NS))),
        now_ns: START_NS,
        budget,
        stopping: false,
        marker_due: None,
        checkpoint: Default::default(),
    }
}

fn stage(inlets: Vec<Inlet<u64>>, down: Record) -> Stage<Relay<u64>, Record> {
    Stage::new(StageName::default(), inlets, Relay::default(), down).ordered()
}

/// What is certain once `fed` is known: events by due time, then input; markers where all inputs stand.
fn certain(fed: &[Vec<Seen>]) -> Vec<Seen> {
    let mut out = Vec::new();
    let mut at = vec![0; fed.len()];
    let mut lows = vec![1; fed.len()];
    loop {
        let mut keys = Vec::new();
        for (input, messages) in fed.iter().enumerate() {
            keys.push(loop {
                match messages.get(at[input]) {
                    None => break lows[input],
                    Some(Seen::Event(due, _)) => break *due,
                    Some(Seen::Marker(Marker::Progress(to))) => lows[input] = to + 1,
                    Some(Seen::Marker(Probe { .. })) => {}
                    Some(Seen::Marker(_)) => break u64::MAX,
                }
                at[input] += 1;
            });
        }
        let lowest = *keys.iter().min().expect("an input");
        let first = keys
            .iter()
            .position(|key| *key == lowest)
            .expect("it is one of them");
        let Some(message) = fed[first].get(at[first]) else {
            return out;
        };
        out.push(*message);
        if lowest == u64::MAX {
            at.iter_mut().for_each(|at| *at += 1);
            if *message == Seen::Marker(End) {
                return out;
            }
        } else {
            lows[first] = lowest;
            at[first] += 1;
        }
    }
}

/// What each input brings: parts between markers that all have, each of events with steps of due time from 0
/// on, some followed by progress or a probe.
fn streams() -> impl Strategy<Value = Vec<Vec<Seen>>> {
    let event = (0..3u64, any::<prop::sample::Index>(), 0..8u8);
    let part = (prop::collection::vec(event, 0..25), any::<bool>());
    (1..6usize, prop::collection::vec(part, 1..5)).prop_map(|(inputs, parts)| {
        let mut streams = vec![Vec::new(); inputs];
        let (mut due, mut number) = (START_NS, 0);
        let last = parts.len() - 1;
        for (index, (events, watermark)) in parts.into_iter().enumerate() {
            due += 1;
            // Of one due time the inputs come in any order; each on its own runs forward.
            for (step, input, extra) in events {
                due += step;
                number += 1;
                let stream = &mut streams[input.index(inputs)];
                stream.push(Seen::Event(due, number));
                match extra {
                    0 => stream.push(Seen::Marker(Probe {
                        read_ns: START_NS,
                        sent_after_ns: 0,
                    })),
                    1 => stream.push(Seen::Marker(Marker::Progress(due - 1))),
                    2 => {
                        // No more of this due time anywhere: all may know.
                        for stream in &mut streams {
                            stream.push(Seen::Marker(Marker::Progress(due)));
                        }
                        due += 1;
                    }
                    _ => {}
                }
            }
            let marker = match (index == last, watermark) {
                (true, _) => End,
                (_, true) => Watermark(due),
                _ => Barrier {
                    epoch: due,
                    checkpoint: false,
                },
            };
            for stream in &mut streams {
                stream.push(Seen::Marker(Marker::Progress(due)));
                stream.push(Seen::Marker(marker));
            }
            due += 1;
        }
        streams
    })
}

fn send(outlet: &mut Outlet<u64>, seen: Seen) {
    outlet.push(match seen {
        Seen::Event(due, number) => Message::Event(Due::new(due), number),
        Seen::Marker(marker) => Message::Marker(marker),
    });
    outlet.flush();
}

fn is_progress(seen: &Seen) -> bool {
    matches!(seen, Seen::Marker(Marker::Progress(_)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_certain_comes_out_at_once_and_in_order(
        streams in streams(),
        feeding in prop::collection::vec((any::<prop::sample::Index>(), 1..12usize), 0..60),
        budget in 1..40usize,
        room in 1..20usize,
    ) {
        let (mut outlets, inlets): (Vec<_>, Vec<_>) = streams.iter().map(|_| ring(1 << 10)).unzip();
        let record = Record::new(room);
        let mut stage = stage(inlets, record.clone());
        let mut cx = context(budget);
        let mut fed = vec![Vec::new(); streams.len()];
        // Then all that is left, one input after the other.
        let chosen = feeding.iter().map(|(input, count)| (input.index(streams.len()), *count));
        for (input, count) in chosen.chain((0..streams.len()).map(|input| (input, usize::MAX))) {
            let from = fed[input].len();
            for message in streams[input].iter().skip(from).take(count) {
                send(&mut outlets[input], *message);
                fed[input].push(*message);
            }
            while stage.step(&mut cx).expect("a stage does not fail") == Progress::Worked {}
            let out = record.seen();
            let compared = out.iter().filter(|seen| {
                !is_progress(seen) && !matches!(seen, Seen::Marker(Probe { .. }))
            });
            prop_assert_eq!(compared.copied().collect::<Vec<_>>(), certain(&fed));
        }
        // What it promised held, and it promised everything before each marker.
        let (mut promised, mut latest) = (0, 0);
        for seen in record.seen() {
            match seen {
                Seen::Event(due, _) => {
                    prop_assert!(due > promised, "{due} after a promise of {promised}");
                    latest = due;
                }
                Seen::Marker(Marker::Progress(to)) => {
                    prop_assert!(to > promised, "{to} after {promised}");
                    promised = to;
                }
                Seen::Marker(Probe { .. }) => {}
                Seen::Marker(_) => prop_assert!(promised >= latest, "a marker before {latest} is done"),
            }
        }
        prop_assert!(record.seen().contains(&Seen::Marker(End)));
        let probes = |seen: &[Seen]| seen.iter().filter(|seen| matches!(seen, Seen::Marker(Probe { .. }))).count();
        prop_assert_eq!(probes(&record.seen()), streams.iter().map(|stream| probes(stream)).sum::<usize>());
    }
}

/// Offers one event a poll, all for the first partition.
struct One(u64);

impl Source for One {
    type Event = u64;

    fn poll<D: Downstream<u64>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        self.0 += 1;
        out.paced(cx.now_ns, 0, self.0);
        Ok(Poll::Ready)
    }
}

#[derive(Clone)]
struct First;

impl Route<u64> for First {
    fn partition(&mut self, _: &u64) -> usize {
        0
    }
}

#[test]
fn inputs_without_events_hold_up_the_others_for_no_longer_than_one_step() {
    // source ─► two tasks, of which one has nothing to do ─► a task that merges them
    let (lanes, inlets): (Vec<_>, Vec<_>) = (0..2).map(|_| ring(16)).unzip();
    let exchange = Exchange::new(lanes, First);
    let mut source = SourceTask::new("one".into(), One(0), exchange, u64::MAX / 2).ordered();
    let record = Record::new(usize::MAX);
    let (outlets, merged): (Vec<_>, Vec<_>) = (0..2).map(|_| ring(16)).unzip();
    let mut between: Vec<_> = inlets
        .into_iter()
        .zip(outlets)
        .map(|(inlet, outlet)| {
            let exchange = Exchange::new(vec![outlet], First);
            Stage::new(
                StageName::default(),
                vec![inlet],
                Relay::default(),
                exchange,
            )
            .ordered()
        })
        .collect();
    let mut last = stage(merged, record.clone());
    let mut cx = context(100);
    for number in 1..1_000 {
        source.step(&mut cx).expect("it offers");
        for stage in &mut between {
            stage.step(&mut cx).expect("a stage does not fail");
        }
        last.step(&mut cx).expect("a stage does not fail");
        let seen = record.seen();
        let events = seen.iter().filter(|seen| matches!(seen, Seen::Event(..)));
        assert_eq!(
            events.count(),
            number,
            "one event a step is out after the step"
        );
    }
}

#[test]
fn due_times_of_a_source_increase_strictly() {
    // Time stands still: all events are due at once, and watermarks come by their number.
    let record = Record::new(usize::MAX);
    let mut source = SourceTask::new("one".into(), One(0), record.clone(), u64::MAX / 2).ordered();
    let mut cx = context(100);
    for _ in 0..10 {
        source.step(&mut cx).expect("it offers");
    }
    let mut latest = 0;
    for seen in record.seen() {
        match seen {
            Seen::Event(due, _) => {
                assert!(due > latest && due < START_NS + 10, "{due} after {latest}");
                latest = due;
            }
            Seen::Marker(Marker::Progress(to)) => assert_eq!(to, latest),
            Seen::Marker(_) => {}
        }
    }
    assert_eq!(latest, START_NS + 9);
}
