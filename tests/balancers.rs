//! Balancers of stages without state, in whole flows: exact shares, weights that change, runs that repeat.

use millstream::exchange::{Balancer, Weights, WeightsError};
use millstream::flow::{Flow, FlowError, Options, Order, Outcome};
use millstream::operator::update;
use millstream::sink::Collect;
use millstream::source::{Iter, Slice};

const EVENTS: u64 = 40_000;

fn options(partitions: usize) -> Options {
    Options {
        cores: 1,
        partitions,
        pin: false,
        ..Options::default()
    }
}

/// Numbers through a stage that `balancer` feeds; results by partition.
fn run(balancer: Balancer, partitions: usize) -> Result<Outcome<Collect<u64>>, FlowError> {
    Flow::new(options(partitions))
        .source("numbers", Iter::new(0..EVENTS))
        .spread_by("work", balancer)
        .sink(|_| Collect::<u64>::default())
        .run()
}

fn all() -> Vec<Balancer> {
    vec![
        Balancer::RoundRobin,
        Balancer::Random,
        Balancer::Weighted(Weights::new(&[3, 1, 4]).unwrap()),
        Balancer::TwoChoices,
        Balancer::LeastLoaded,
    ]
}

#[test]
fn nothing_is_lost_and_the_report_has_the_shares() {
    for balancer in all() {
        let word = balancer.word();
        let Outcome { report, sinks } = run(balancer, 3).unwrap();
        let summary = report.summary;
        assert!(summary.balanced, "{word}");
        assert_eq!(summary.stages[1].partitioner, word);
        let counted: Vec<u64> = summary.partitions.iter().map(|one| one.events_in).collect();
        let collected: Vec<u64> = sinks.iter().map(|sink| sink.results.len() as u64).collect();
        assert_eq!(counted, collected, "{word}");
        let mut numbers: Vec<u64> = sinks.into_iter().flat_map(|sink| sink.results).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..EVENTS), "{word}");
    }
}

#[test]
fn shares_are_exact() {
    let shares = |balancer| -> Vec<u64> {
        let summary = run(balancer, 3).unwrap().report.summary;
        summary.partitions.iter().map(|one| one.events_in).collect()
    };
    assert_eq!(shares(Balancer::RoundRobin), [13_334, 13_333, 13_333]);
    let weights = Weights::new(&[3, 1, 4]).unwrap();
    assert_eq!(shares(Balancer::Weighted(weights)), [15_000, 5_000, 20_000]);
    let weights = Weights::new(&[1, 0, 1]).unwrap();
    assert_eq!(shares(Balancer::Weighted(weights)), [20_000, 0, 20_000]);
}

#[test]
fn weights_are_changed_in_the_middle_of_a_run() {
    let weights = Weights::new(&[1, 0]).unwrap();
    let handle = weights.clone();
    let outcome = Flow::new(options(2))
        .source("numbers", Iter::new(0..EVENTS))
        .map(move |number: u64| {
            if number == EVENTS / 2 {
                handle.set(&[0, 1]).unwrap();
            }
            number
        })
        .spread_by("work", Balancer::Weighted(weights))
        .sink(|_| Collect::<u64>::default())
        .run()
        .unwrap();
    let [first, second] = [0, 1].map(|partition: usize| &outcome.sinks[partition].results);
    let border = first.len() as u64;
    assert!(
        border > EVENTS / 2,
        "not before it was changed, and not within a step: {border}"
    );
    assert!(border < EVENTS, "but at the next step");
    assert!(first.iter().copied().eq(0..border) && second.iter().copied().eq(border..EVENTS));
}

#[test]
fn weights_must_be_as_many_as_partitions() {
    let weights = Weights::new(&[1, 1]).unwrap();
    let refused = run(Balancer::Weighted(weights), 3).unwrap_err();
    assert!(
        matches!(
            refused,
            FlowError::Weights(WeightsError::Count {
                given: 2,
                partitions: 3
            })
        ),
        "{refused}"
    );
}

/// Two stages of several senders, and one behind them whose answers depend on the order.
fn simulated(balancer: &Balancer, order: Order, seed: u64) -> Vec<Vec<u64>> {
    let options = Options {
        order,
        ..options(3)
    };
    let numbers: Vec<u64> = (0..2_000).collect();
    let outcome = Flow::new(options)
        .source("numbers", Slice::new(numbers, |number: &u64| *number))
        .spread("first")
        // Two of one moment and one key, whose places may depend on the partitions they come by.
        .flat_map(|number: u64, push: &mut dyn FnMut(u64)| {
            push(10 * number);
            push(10 * number + 5);
        })
        .spread_by("second", balancer.clone())
        .partition_by(|number: &u64| number % 5)
        .keyed("chain", |_| {
            update(|number: &u64, chain: &mut u64| {
                *chain = chain.wrapping_mul(31).wrapping_add(*number);
                *chain
            })
        })
        .sink(|_| Collect::<u64>::default())
        .simulate(seed)
        .unwrap();
    assert!(outcome.answers.balanced(), "seed {seed}");
    outcome.sinks.into_iter().map(|sink| sink.results).collect()
}

#[test]
fn a_simulated_run_repeats_from_its_seed() {
    for balancer in all() {
        for seed in 0..5 {
            let once = simulated(&balancer, Order::Arrival, seed);
            assert!(
                once == simulated(&balancer, Order::Arrival, seed),
                "{balancer:?}"
            );
        }
    }
}

#[test]
fn in_deterministic_order_answers_are_those_of_every_other_run() {
    for balancer in all() {
        let expected = simulated(&balancer, Order::Deterministic, 1 << 40);
        for seed in 0..20 {
            let found = simulated(&balancer, Order::Deterministic, seed);
            assert!(found == expected, "{balancer:?}, seed {seed}");
        }
    }
}
