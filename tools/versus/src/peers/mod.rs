//! Who takes part. Each peer has a file of its own, whose header says how its own documentation would have it
//! and which settings are its best.

mod bare;
mod bare_top;
mod disruptor;
mod millstream;
mod renoir;
mod timely;
mod timely_top;

use crate::job::{Answer, Paced, Turn};
use anyhow::Result;
use millstream_tools::bare_paced::Answered;

pub use millstream::replay_first;

/// Whether a peer's state has room for all keys when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// It can do both.
    Both,
    /// It never grows.
    Presized,
}

/// A way to run a peer.
pub struct Contender {
    /// Peer and variant: `timely/2`.
    pub name: &'static str,
    /// What the variant is.
    pub how: &'static str,
    /// Threads that work on events.
    pub threads: usize,
    pub starts: Starts,
    /// The keyed aggregate, flat out.
    pub aggregate: fn(&Turn) -> Result<Answer>,
    /// The same at an open-loop rate, for those that can.
    pub paced: Option<fn(&Paced) -> Result<Answered>>,
    /// Count for each user, then weigh the items, for those that can.
    pub top: Option<fn(&Turn) -> Result<Answer>>,
}

/// All of them.
pub const CONTENDERS: &[Contender] = &[
    Contender {
        name: "millstream/1",
        how: "one core",
        threads: 1,
        starts: Starts::Both,
        aggregate: millstream::one_core,
        paced: Some(millstream::paced_on_one_core),
        top: Some(millstream::top_on_one_core),
    },
    Contender {
        name: "millstream/2",
        how: "two cores, one source",
        threads: 2,
        starts: Starts::Both,
        aggregate: millstream::two_cores,
        paced: Some(millstream::paced_on_two_cores),
        top: Some(millstream::top_on_two_cores),
    },
    Contender {
        name: "bare/1",
        how: "one thread, prefetching table, no engine",
        threads: 1,
        starts: Starts::Presized,
        aggregate: bare::one_thread,
        paced: Some(bare::paced_on_one_thread),
        top: Some(bare_top::one_thread),
    },
    Contender {
        name: "bare/ring",
        how: "source thread, rtrb, thread with the prefetching table, no engine",
        threads: 2,
        starts: Starts::Presized,
        aggregate: bare::ring,
        paced: Some(bare::paced_over_a_ring),
        top: None,
    },
    Contender {
        name: "bare/2",
        how: "two threads, each source and prefetching table, exchange by rtrb, no engine",
        threads: 2,
        starts: Starts::Presized,
        aggregate: bare::two_threads,
        paced: None,
        top: Some(bare_top::two_threads),
    },
    Contender {
        name: "map/1",
        how: "one thread, the hashbrown map of the other peers, no engine",
        threads: 1,
        starts: Starts::Both,
        aggregate: bare::one_thread_map,
        paced: None,
        top: None,
    },
    Contender {
        name: "timely/1",
        how: "one worker",
        threads: 1,
        starts: Starts::Both,
        aggregate: timely::one_worker,
        paced: Some(timely::paced_on_one_worker),
        top: Some(timely_top::one_worker),
    },
    Contender {
        name: "timely/2",
        how: "two workers, each with a source, exchange by hash of the key",
        threads: 2,
        starts: Starts::Both,
        aggregate: timely::two_workers,
        paced: Some(timely::paced_on_two_workers),
        top: Some(timely_top::two_workers),
    },
    Contender {
        name: "renoir/1",
        how: "one source, one worker, a thread each",
        threads: 2,
        starts: Starts::Both,
        aggregate: renoir::one_and_one,
        paced: Some(renoir::paced),
        top: None,
    },
    Contender {
        name: "renoir/2",
        how: "two sources, two workers, a thread each",
        threads: 4,
        starts: Starts::Both,
        aggregate: renoir::two_and_two,
        paced: None,
        top: None,
    },
    Contender {
        name: "disruptor/1+1",
        how: "a producer, a thread with the map, no engine",
        threads: 2,
        starts: Starts::Both,
        aggregate: disruptor::producer_and_table,
        paced: Some(disruptor::paced),
        top: None,
    },
    Contender {
        name: "disruptor/2",
        how: "two threads, each producer and map, exchange written by hand, no engine",
        threads: 2,
        starts: Starts::Both,
        aggregate: disruptor::two_threads,
        paced: None,
        top: None,
    },
];

/// The contender of that name.
pub fn named(name: &str) -> Option<&'static Contender> {
    CONTENDERS.iter().find(|contender| contender.name == name)
}

impl Contender {
    /// Whether `name` means this one: its whole name, or that of its peer.
    pub fn is(&self, name: &str) -> bool {
        let peer = self.name.split('/').next();
        self.name == name || peer == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Expected, Input};
    use crate::job::{self, Job};
    use crate::turns::compare;

    const EVENTS: usize = 10_007;
    const USERS: usize = 1_000;
    const ITEMS: usize = 100;

    fn zipf(keys: usize) -> ::millstream::source::load::KeyDistribution {
        format!("zipf(0.99,{keys})").parse().expect("keys")
    }

    fn turn(contender: &Contender, input: &Input, presized: bool) -> Turn {
        Turn {
            contender: contender.name.into(),
            input: input.clone(),
            distinct: USERS,
            items: ITEMS,
            presized,
            warm_bytes: 0,
        }
    }

    fn answers(contender: &Contender, job: &Job, expected: Expected) {
        let measured = job::run(job).expect(contender.name);
        compare(contender.name, &measured, expected).expect("the answer of a plain map");
        assert!(measured.took.elapsed_ns > 0);
    }

    #[test]
    fn all_answer_the_aggregate_as_a_plain_map_does() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = Input::make(&zipf(USERS), EVENTS, directory.path());
        let (input, expected) = made.expect("events");
        for contender in CONTENDERS {
            if contender.starts == Starts::Both {
                let job = Job::Aggregate(turn(contender, &input, false));
                answers(contender, &job, expected);
            }
            let job = Job::Aggregate(turn(contender, &input, true));
            answers(contender, &job, expected);
        }
    }

    #[test]
    fn all_answer_nothing_to_no_events() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = Input::make(&zipf(USERS), 0, directory.path());
        let (input, expected) = made.expect("no events");
        assert_eq!((expected.results, expected.digest), (0, 0));
        for contender in CONTENDERS {
            let job = Job::Aggregate(turn(contender, &input, true));
            let measured = job::run(&job).expect(contender.name);
            compare(contender.name, &measured, expected).expect("no answer");
        }
    }

    #[test]
    fn all_answer_both_exchanges_as_plain_maps_do() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = Input::make_touches(&zipf(USERS), &zipf(ITEMS), EVENTS, directory.path());
        let (input, expected) = made.expect("events");
        for contender in CONTENDERS.iter().filter(|it| it.top.is_some()) {
            answers(
                contender,
                &Job::Top(turn(contender, &input, true)),
                expected,
            );
        }
    }

    #[test]
    fn all_answer_at_a_rate_and_measure_every_event() {
        let paced = |contender: &str| Paced {
            contender: contender.into(),
            rate: "500k".into(),
            events: EVENTS as u64,
            distinct: USERS,
        };
        let mut load = paced("").load().expect("a load");
        let events: Vec<_> = (0..EVENTS).map(|_| load.next_event().1.into()).collect();
        let expected = crate::input::expected(&events);
        for contender in CONTENDERS.iter().filter(|it| it.paced.is_some()) {
            let job = Job::Paced(paced(contender.name));
            let measured = job::run(&job).expect(contender.name);
            compare(contender.name, &measured, expected).expect("the answer of a plain map");
            assert_eq!(
                measured.latency_ns.count, EVENTS as u64,
                "{}",
                contender.name
            );
        }
    }
}
