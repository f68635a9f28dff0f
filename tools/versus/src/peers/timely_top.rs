//! `timely` at W3: two unary operators, each behind an exchange; set up as in `timely.rs`.

use crate::event::Event;
use crate::job::{Answer, Turn};
use crate::machine::pin_to;
use crate::race::Race;
use crate::state::{map, owner};
use crate::touch::{self, Touch, Weighed, Weight};
use anyhow::{Result, anyhow};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Input;
use timely::dataflow::operators::generic::Operator;
use timely::worker::Worker;

/// Events of a batch.
const BATCH: usize = 2048;

pub fn one_worker(turn: &Turn) -> Result<Answer> {
    let events = turn.input.whole()?;
    top(turn, timely::Config::thread(), vec![events])
}

pub fn two_workers(turn: &Turn) -> Result<Answer> {
    let halves = turn.input.halves()?;
    top(turn, timely::Config::process(2), halves.into())
}

fn top(turn: &Turn, config: timely::Config, sources: Vec<Vec<Event>>) -> Result<Answer> {
    let workers = sources.len();
    let items = if turn.presized { turn.items } else { 0 };
    let rooms = [turn.presized_keys() / workers, items / workers];
    let sources = Mutex::new(sources.into_iter().map(Some).collect::<Vec<_>>());
    let race = Race::of(workers);
    let running = race.clone();
    let guards = timely::execute(config, move |worker| {
        pin_to(worker.index());
        let events = {
            let mut sources = sources.lock().expect("no worker panics here");
            sources[worker.index()].take().unwrap_or_default()
        };
        work(worker, &events, rooms, &running)
    });
    let mut items = Vec::new();
    for guard in guards.map_err(|error| anyhow!(error))?.join() {
        items.extend(guard.map_err(|error| anyhow!(error))?);
    }
    turn.top_answer(items, &race)
}

/// One worker: its events in, the items it owns out.
fn work(worker: &mut Worker, events: &[Event], rooms: [usize; 2], race: &Race) -> Vec<Weighed> {
    let [room, room_for_items] = rooms;
    let items = Rc::new(RefCell::new(map::<Weight>(room_for_items)));
    let weighing = items.clone();
    let mut input = InputHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        scope
            .input_from(&mut input)
            .unary::<CapacityContainerBuilder<Vec<Touch>>, _, _, _>(
                Exchange::new(|event: &Event| owner(event.key) as u64),
                "users",
                |_capability, _info| {
                    let mut users = map::<u64>(room);
                    move |input, output| {
                        input.for_each(|capability, events: &mut Vec<Event>| {
                            let mut session = output.session(&capability);
                            for event in events.drain(..) {
                                let times = users.entry(event.key).or_default();
                                *times += 1;
                                session.give(Touch {
                                    item: event.value as u64,
                                    times: *times,
                                });
                            }
                        });
                    }
                },
            )
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                Exchange::new(|touch: &Touch| touch::owner(touch.item) as u64),
                "items",
                |_capability, _info| {
                    move |input, _output| {
                        let mut items = weighing.borrow_mut();
                        input.for_each(|_capability, touches: &mut Vec<Touch>| {
                            for touch in touches.drain(..) {
                                items.entry(touch.item).or_default().add(touch);
                            }
                        });
                    }
                },
            );
    });
    let mut batch = Vec::with_capacity(BATCH);
    race.start();
    for chunk in events.chunks(BATCH) {
        batch.extend_from_slice(chunk);
        input.send_batch(&mut batch);
        batch.clear();
        worker.step();
    }
    input.close();
    while worker.step() {}
    let items = items.borrow();
    let items = items
        .iter()
        .map(|(item, weight)| (*item, *weight))
        .collect();
    race.finish();
    items
}
