//! Events that fail, under random interleavings, against a sequential model in which they never were.
//!
//! Every seed is one schedule. To replay one that failed:
//! `SEED=<seed> cargo test --test recovery_blocks -- --nocapture`

use millstream::failure::{EventLetter, Policy};
use millstream::flow::{FailureOptions, Flow, FlowError, Options};
use millstream::operator::{
    Emit, Fault, Operator, Retain, TryOperator, recovery_block, try_update, update,
};
use millstream::prelude::{Collect, Iter};
use millstream::state::States;
use millstream::sys::random::Random;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let one = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse::<u64>().ok());
    (0..count).filter(move |seed| one.is_none_or(|one| one == *seed))
}

/// How an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Well,
    Error,
    Panic,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    number: u64,
    key: u64,
    value: i64,
    how: How,
    /// The key is forgotten after it.
    last: bool,
}

/// What is remembered: 48 bytes, all of which every event changes.
type State = [i64; 6];

fn add(state: &mut State, value: i64) {
    for (place, word) in state.iter_mut().enumerate() {
        *word = word.wrapping_mul(31).wrapping_add(value + place as i64);
    }
}

/// Number of the event, and the first word of the state after it; at the end, key and state of all keys.
type Told = (u64, i64);

/// Fails as its events say, in the middle of its work.
struct Failing;

impl TryOperator for Failing {
    type In = Step;
    type State = State;
    type Out = Told;

    fn try_process(
        &mut self,
        _: u64,
        step: &Step,
        state: &mut State,
        out: &mut impl Emit<Told>,
    ) -> Result<Retain, Fault> {
        add(state, step.value);
        out.emit((step.number, state[0]));
        match step.how {
            How::Well => {}
            How::Error => Err("an error")?,
            How::Panic => panic!("a panic"),
            How::Rejected => state[5] = i64::MIN,
        }
        Ok(if step.last {
            Retain::Remove
        } else {
            Retain::Keep
        })
    }

    fn end(&mut self, states: &mut dyn States<State>, out: &mut impl Emit<Told>) {
        states.for_each(&mut |key, state| out.emit((key + 1_000_000, state[5])));
    }
}

fn accepted(_: &Step, state: &State, _: &[Told]) -> bool {
    state[5] != i64::MIN
}

fn steps(seed: u64) -> Vec<Step> {
    let mut random = Random::stream(seed, "steps");
    let (count, keys) = (random.next_u64() % 600, 1 + random.next_u64() % 90);
    let failing = 1 + random.next_u64() % 20;
    (0..count)
        .map(|number| Step {
            number,
            key: random.next_u64() % keys,
            value: random.next_u64() as i64 >> 40,
            how: match random.next_u64() % failing {
                0 => [How::Error, How::Panic, How::Rejected][(random.next_u64() % 3) as usize],
                _ => How::Well,
            },
            last: random.next_u64().is_multiple_of(9),
        })
        .collect()
}

/// Partitions, ring sizes, cores and memory drawn from the seed; rings of one slot among them.
fn options(seed: u64) -> Options {
    let mut random = Random::stream(seed, "options");
    let partitions = 1 + (random.next_u64() % 5) as usize;
    Options {
        partitions,
        ring_slots: [1, 1, 2, 3, 7, 64, 1024][(random.next_u64() % 7) as usize],
        cores: 1 + (random.next_u64() % 3) as usize,
        interval_ns: 1 + random.next_u64() % 100_000,
        state_memory_bytes: [0, 0, 4096 * partitions as u64][(random.next_u64() % 3) as usize],
        ..Options::default()
    }
}

/// The same in one loop, in which an event that fails has never been.
fn model(steps: &[Step]) -> Vec<Told> {
    let mut states = HashMap::<u64, State>::new();
    let mut told = Vec::new();
    for step in steps.iter().filter(|step| step.how == How::Well) {
        let state = states.entry(step.key).or_default();
        add(state, step.value);
        told.push((step.number, state[0]));
        if step.last {
            states.remove(&step.key);
        }
    }
    told.extend(
        states
            .iter()
            .map(|(key, state)| (key + 1_000_000, state[5])),
    );
    told.sort_unstable();
    told
}

fn failed(steps: &[Step]) -> BTreeMap<String, u64> {
    let failed = steps.iter().filter(|step| step.how != How::Well);
    failed.map(|step| (format!("{step:?}"), step.key)).collect()
}

fn assert_letters(letters: &[EventLetter], steps: &[Step], tries: u32, context: &str) {
    let told: BTreeMap<String, u64> = letters
        .iter()
        .map(|letter| (letter.event.clone(), letter.key))
        .collect();
    assert_eq!(told.len(), letters.len(), "{context}: a letter twice");
    assert_eq!(told, failed(steps), "{context}");
    for letter in letters {
        assert_eq!(
            (letter.stage.as_str(), letter.tries),
            ("steps", tries),
            "{context}"
        );
        let reason = if letter.event.contains("Error") {
            "an error"
        } else if letter.event.contains("Panic") {
            "a panic"
        } else {
            "acceptance test"
        };
        assert!(letter.reason.contains(reason), "{context}: {letter:?}");
    }
}

#[test]
fn an_event_that_fails_leaves_no_trace() -> Result<(), FlowError> {
    for seed in seeds(600) {
        let steps = steps(seed);
        let retries = (seed % 3) as u32;
        let policy = Policy::dead_letter().retry(retries, Duration::from_micros(20));
        let outcome = Flow::new(options(seed))
            .source("steps", Iter::new(steps.clone().into_iter()))
            .partition_by(|step: &Step| step.key)
            .keyed("steps", |_| {
                recovery_block(Failing).accept(accepted).on_failure(policy)
            })
            .sink(|_| Collect::default())
            .simulate(seed)?;
        let mut told: Vec<Told> = outcome
            .sinks
            .into_iter()
            .flat_map(|sink| sink.results)
            .collect();
        told.sort_unstable();
        assert_eq!(told, model(&steps), "seed {seed}");
        assert_letters(
            &outcome.letters,
            &steps,
            retries + 1,
            &format!("seed {seed}"),
        );
        assert!(
            outcome.answers.balanced(),
            "seed {seed}: {:?}",
            outcome.answers
        );
        let letters = outcome.letters.len() as u64;
        assert_eq!(outcome.answers.events_dead_letter, letters, "seed {seed}");
    }
    Ok(())
}

/// Fails at each event as often as its number says, and remembers that in fields of its own.
#[derive(Default)]
struct Transient {
    tries: HashMap<u64, u64>,
}

impl Operator for Transient {
    type In = Step;
    type State = State;
    type Out = (u64, Told);

    fn process(
        &mut self,
        key: u64,
        step: &Step,
        state: &mut State,
        out: &mut impl Emit<(u64, Told)>,
    ) -> Retain {
        add(state, step.value);
        out.emit((key, (step.number, state[0])));
        let tries = self.tries.entry(step.number).or_default();
        *tries += 1;
        assert!(*tries > failures(step), "not yet");
        if step.last {
            Retain::Remove
        } else {
            Retain::Keep
        }
    }
}

fn failures(step: &Step) -> u64 {
    match step.how {
        How::Well => 0,
        How::Error => 1,
        How::Panic => 2,
        How::Rejected => 3,
    }
}

#[test]
fn a_key_waits_in_order_while_its_event_is_tried_again() -> Result<(), FlowError> {
    for seed in seeds(600) {
        let steps = steps(seed);
        let policy = Policy::stop().retry(3, Duration::from_micros(1 + seed % 50));
        let outcome = Flow::new(options(seed))
            .source("steps", Iter::new(steps.clone().into_iter()))
            .partition_by(|step: &Step| step.key)
            .keyed("steps", |_| Transient::default().on_failure(policy))
            .sink(|_| Collect::default())
            .simulate(seed)?;
        let by_key = |all: Vec<(u64, Told)>| {
            let mut keys = BTreeMap::<u64, Vec<Told>>::new();
            all.into_iter()
                .for_each(|(key, told)| keys.entry(key).or_default().push(told));
            keys
        };
        let told = by_key(
            outcome
                .sinks
                .into_iter()
                .flat_map(|sink| sink.results)
                .collect(),
        );
        let mut states = HashMap::<u64, State>::new();
        let expected = steps.iter().map(|step| {
            let state = states.entry(step.key).or_default();
            add(state, step.value);
            let told = (step.key, (step.number, state[0]));
            if step.last {
                states.remove(&step.key);
            }
            told
        });
        // In the order of arrival, key by key: nothing of a key overtook the event that was tried again.
        assert_eq!(told, by_key(expected.collect()), "seed {seed}");
        assert!(
            outcome.answers.balanced(),
            "seed {seed}: {:?}",
            outcome.answers
        );
        assert_eq!(outcome.letters, [], "seed {seed}");
    }
    Ok(())
}

#[test]
fn alternates_start_from_the_state_as_it_was() -> Result<(), FlowError> {
    for seed in seeds(200) {
        let steps = steps(seed);
        let outcome = Flow::new(options(seed))
            .source("steps", Iter::new(steps.clone().into_iter()))
            .partition_by(|step: &Step| step.key)
            .keyed("steps", |_| {
                // Errors go to the first alternate, panics to the second, which takes all that is left.
                recovery_block(Failing)
                    .otherwise(try_update(|step: &Step, state: &mut State| {
                        add(state, 1);
                        if step.how == How::Error {
                            Ok((step.number, state[0]))
                        } else {
                            Err("not for me")
                        }
                    }))
                    .otherwise(update(|step: &Step, state: &mut State| {
                        add(state, 2);
                        (step.number, state[0])
                    }))
                    .accept(accepted)
            })
            .sink(|_| Collect::default())
            .simulate(seed)?;
        let mut states = HashMap::<u64, State>::new();
        let mut expected = Vec::<Told>::new();
        for step in &steps {
            let state = states.entry(step.key).or_default();
            let value = match step.how {
                How::Well => step.value,
                How::Error => 1,
                How::Panic | How::Rejected => 2,
            };
            add(state, value);
            expected.push((step.number, state[0]));
            if step.last && step.how == How::Well {
                states.remove(&step.key);
            }
        }
        expected.extend(
            states
                .iter()
                .map(|(key, state)| (key + 1_000_000, state[5])),
        );
        expected.sort_unstable();
        let mut told: Vec<Told> = outcome
            .sinks
            .into_iter()
            .flat_map(|sink| sink.results)
            .collect();
        told.sort_unstable();
        assert_eq!(told, expected, "seed {seed}");
    }
    Ok(())
}

#[test]
fn the_options_guard_stages_that_know_nothing_of_it() -> Result<(), FlowError> {
    for seed in seeds(100) {
        let steps = steps(seed);
        let failure = FailureOptions {
            policy: Some(Policy::dead_letter()),
            ..FailureOptions::default()
        };
        let outcome = Flow::new(Options {
            failure,
            ..options(seed)
        })
        .source("steps", Iter::new(steps.clone().into_iter()))
        .partition_by(|step: &Step| step.key)
        .keyed("steps", |_| {
            update(|step: &Step, state: &mut State| {
                add(state, step.value);
                assert!(step.how == How::Well, "a panic");
                (step.number, state[0])
            })
        })
        .sink(|_| Collect::default())
        .simulate(seed)?;
        assert_eq!(outcome.letters.len(), failed(&steps).len(), "seed {seed}");
        let well = steps.iter().filter(|step| step.how == How::Well).count();
        assert_eq!(outcome.answers.events_out, well as u64, "seed {seed}");
    }
    Ok(())
}

fn one(key: u64, how: How) -> Step {
    Step {
        number: key,
        key,
        value: 1,
        how,
        last: false,
    }
}

#[test]
fn skip_counts_and_stop_names_the_event() -> Result<(), FlowError> {
    let run = |policy: Policy| {
        let steps = [one(1, How::Well), one(2, How::Error), one(3, How::Well)];
        Flow::new(Options {
            cores: 1,
            partitions: 1,
            pin: false,
            ..Options::default()
        })
        .source("steps", Iter::new(steps.into_iter()))
        .partition_by(|step: &Step| step.key)
        .keyed("steps", move |_| recovery_block(Failing).on_failure(policy))
        .sink(|_| Collect::default())
        .run()
    };
    let skipped = run(Policy::skip())?.report.summary;
    assert_eq!((skipped.events_in, skipped.events_filtered), (3, 1));
    assert!(skipped.balanced && skipped.notes.iter().any(|note| note.contains("1 skipped")));

    let stopped = run(Policy::stop()).expect_err("it stops").to_string();
    for part in ["steps", "number: 2", "an error", "failure.policy"] {
        assert!(stopped.contains(part), "{part:?} is not in {stopped}");
    }
    let nowhere = run(Policy::dead_letter())
        .expect_err("there is no file")
        .to_string();
    assert!(nowhere.contains("failure.dead_letter"), "{nowhere}");
    Ok(())
}

#[test]
fn letters_are_written_by_a_run_too() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("letters.jsonl");
    let steps = (0..20_000).map(|key| {
        one(
            key % 500,
            if key % 100 == 7 {
                How::Panic
            } else {
                How::Well
            },
        )
    });
    let failure = FailureOptions {
        dead_letter: Some(path.clone()),
        killer_dir: Some(dir.path().to_path_buf()),
        ..FailureOptions::default()
    };
    let outcome = Flow::new(Options {
        cores: 1,
        partitions: 3,
        pin: false,
        failure,
        ..Options::default()
    })
    .source("steps", Iter::new(steps))
    .partition_by(|step: &Step| step.key)
    .keyed("steps", |_| {
        recovery_block(Failing)
            .on_failure(Policy::dead_letter().retry(1, Duration::from_micros(100)))
    })
    .sink(|_| Collect::default())
    .run()?;
    assert_eq!(outcome.report.summary.events_dead_letter, 200);
    assert!(outcome.report.summary.balanced);
    let bag = millstream::failure::read_letters(&path)?;
    assert_eq!((bag.letters.len(), bag.torn_lines.len()), (200, 0));
    assert!(!dir.path().join("killers.json").exists(), "nobody died");
    Ok(())
}
