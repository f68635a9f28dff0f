//! Millstream, through its public flow API, as the README's "A flow of your own" has it.
//!
//! Operator and sink are those of the `aggregate` application. Cores are pinned (the default). Presized: told
//! the number of keys (`expected_keys`), as the table of the bare loop is. Everything else is the default:
//! partitions, rings and budget as the engine chooses them.
//!
//! It has one source, also with two cores: two sources are not in its flow API.

use crate::due::Dues;
use crate::event::Event;
use crate::job::{Answer, Paced, Turn};
use crate::machine::cpu_ns;
use crate::race::Took;
use crate::touch::{self, Touch, Weighed, Weight};
use anyhow::{Result, ensure};
use millstream::app::aggregate::Aggregate;
use millstream::flow::{Flow, Options};
use millstream::operator::{Emit, Operator, Retain, update};
use millstream::sink::{Collect, Digest};
use millstream::source::load::Schedule;
use millstream::source::pace::Pace;
use millstream::source::trace::native::{KeyedRecord, Mapped};
use millstream::source::{MappedFeed, Offer, Poll, Replay, Slice, Source};
use millstream::state::States;
use millstream::task::{Context, Downstream, TaskError};
use millstream_tools::bare_paced::Answered;
use std::path::Path;

pub fn paced_on_one_core(paced: &Paced) -> Result<Answered> {
    at_rate(paced, 1)
}

pub fn paced_on_two_cores(paced: &Paced) -> Result<Answered> {
    at_rate(paced, 2)
}

fn at_rate(paced: &Paced, cores: usize) -> Result<Answered> {
    let options = Options {
        cores,
        expected_keys: paced.distinct,
        ..Options::default()
    };
    let outcome = Flow::new(options)
        .source(
            "load",
            MadeAhead {
                dues: Dues::new(paced)?,
                has_begun: false,
            },
        )
        .partition_by(|event: &Event| event.key)
        .keyed("aggregate", |_| Aggregate::<Event>::default())
        .sink(|_| Digest::default())
        .run()?;
    let summary = outcome.report.summary;
    ensure!(summary.balanced, "the run does not balance");
    Ok(Answered {
        events: summary.events_out,
        digest: u64::from_str_radix(&summary.digest, 16)?,
        latency_ns: summary.latency_ns,
        elapsed_ns: summary.elapsed_ns,
        pinned: summary.cores.iter().all(|core| core.cpu.is_some()),
    })
}

/// Events at most of one poll, as in the engine's own sources.
const DUE_MAX: usize = 1024;

/// A source of our own: events made ahead, each offered when it is due.
struct MadeAhead {
    dues: Dues,
    has_begun: bool,
}

impl Source for MadeAhead {
    type Event = Event;

    #[inline]
    fn poll<D: Downstream<Event>>(
        &mut self,
        cx: &mut Context,
        out: &mut Offer<'_, D>,
    ) -> Result<Poll, TaskError> {
        if !self.has_begun {
            self.has_begun = true;
            self.dues.begin(cx.now_ns);
        }
        for _ in 0..cx.budget.min(DUE_MAX) {
            let Some(timed) = self.dues.due(cx.now_ns) else {
                let next_due_ns = self.dues.next_due_ns();
                return Ok(next_due_ns.map_or(Poll::End, |due_ns| Poll::Idle(Some(due_ns))));
            };
            out.paced(timed.due_ns, timed.event.ts_ns, timed.event);
        }
        Ok(Poll::Ready)
    }
}

pub fn one_core(turn: &Turn) -> Result<Answer> {
    aggregate(turn, 1)
}

pub fn two_cores(turn: &Turn) -> Result<Answer> {
    aggregate(turn, 2)
}

fn aggregate(turn: &Turn, cores: usize) -> Result<Answer> {
    let events = turn.input.whole()?;
    let options = Options {
        cores,
        expected_keys: turn.presized_keys(),
        ..Options::default()
    };
    let before_ns = cpu_ns();
    let outcome = Flow::new(options)
        .source("events", Slice::new(events, |event: &Event| event.ts_ns))
        .partition_by(|event: &Event| event.key)
        .keyed("aggregate", |_| Aggregate::<Event>::default())
        .sink(|_| Digest::default())
        .run()?;
    let summary = outcome.report.summary;
    ensure!(summary.balanced, "the run does not balance");
    Ok(Answer {
        results: summary.events_out,
        digest: u64::from_str_radix(&summary.digest, 16)?,
        took: Took {
            elapsed_ns: summary.elapsed_ns,
            // From before the tables are made: a little too much, against ourselves.
            cpu_ns: cpu_ns() - before_ns,
        },
    })
}

/// W3's second stage: the weight of each item; all of them at the end.
struct Items;

impl Operator for Items {
    type In = Touch;
    type State = Weight;
    type Out = Weighed;

    #[inline(always)]
    fn process(
        &mut self,
        _item: u64,
        touch: &Touch,
        weight: &mut Weight,
        _out: &mut impl Emit<Weighed>,
    ) -> Retain {
        weight.add(*touch);
        Retain::Keep
    }

    fn end(&mut self, states: &mut dyn States<Weight>, out: &mut impl Emit<Weighed>) {
        states.for_each(&mut |item, weight| out.emit((item, *weight)));
    }
}

pub fn top_on_one_core(turn: &Turn) -> Result<Answer> {
    top(turn, 1)
}

pub fn top_on_two_cores(turn: &Turn) -> Result<Answer> {
    top(turn, 2)
}

fn top(turn: &Turn, cores: usize) -> Result<Answer> {
    let events = turn.input.whole()?;
    let options = Options {
        cores,
        expected_keys: turn.presized_keys(),
        ..Options::default()
    };
    let before_ns = cpu_ns();
    let outcome = Flow::new(options)
        .source("events", Slice::new(events, |event: &Event| event.ts_ns))
        .partition_by(|event: &Event| event.key)
        .keyed("users", |_| {
            update(|event: &Event, times: &mut u64| {
                *times += 1;
                Touch {
                    item: event.value as u64,
                    times: *times,
                }
            })
        })
        .partition_by(|touch: &Touch| touch.item)
        .keyed("items", |_| Items)
        .sink(|_| Collect::<Weighed>::default())
        .run()?;
    let summary = outcome.report.summary;
    ensure!(summary.balanced, "the run does not balance");
    let items = outcome.sinks.into_iter().flat_map(|sink| sink.results);
    let answer = touch::answer(items.collect());
    Ok(Answer {
        results: answer.results,
        digest: answer.digest,
        took: Took {
            elapsed_ns: summary.elapsed_ns,
            cpu_ns: cpu_ns() - before_ns,
        },
    })
}

/// The first event of a mapped native trace, from the opening of the file to its result.
pub fn replay_first(path: &Path) -> Result<()> {
    let feed = MappedFeed::<KeyedRecord>::new(Mapped::open(path, false)?, None, 1);
    let options = Options {
        cores: 1,
        events_max: Some(1),
        ..Options::default()
    };
    let outcome = Flow::new(options)
        .source(
            "trace",
            Replay::new(feed, Pace::at_rate(Schedule::at_once())),
        )
        .partition_by(|event: &KeyedRecord| event.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(|_| Digest::default())
        .run()?;
    ensure!(outcome.report.summary.events_out == 1, "no first result");
    Ok(())
}
