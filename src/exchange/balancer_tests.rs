//! The shares that balancers give, exactly.

use super::super::weights::WeightsError;
use super::*;

fn balance(balancer: &Balancer, lanes: usize) -> Balance {
    Balance::new(balancer, lanes, Random::stream(7, "balance"), true)
}

/// Events of each lane after so many more.
fn shares(balance: &mut Balance, lanes: usize, events: usize) -> Vec<u64> {
    let mut shares = vec![0; lanes];
    (0..events).for_each(|_| shares[balance.next()] += 1);
    shares
}

#[test]
fn round_robin_is_exact() {
    let mut turn = balance(&Balancer::RoundRobin, 3);
    assert_eq!(shares(&mut turn, 3, 10), [4, 3, 3]);
    assert_eq!(turn.next(), 1, "and goes on where it was");
}

#[test]
fn weighted_is_exact_after_every_sum_of_weights() {
    let weights = Weights::new(&[5, 0, 2, 1]).unwrap();
    let mut turn = balance(&Balancer::Weighted(weights), 4);
    for _ in 0..1_000 {
        assert_eq!(shares(&mut turn, 4, 8), [5, 0, 2, 1]);
    }
    // And never far from it in between.
    let mut turn = balance(&Balancer::Weighted(Weights::new(&[7, 3]).unwrap()), 2);
    let mut sent = [0.0_f64; 2];
    for event in 1..=100 {
        sent[turn.next()] += 1.0;
        assert!((sent[0] - 0.7 * f64::from(event)).abs() <= 1.0, "{sent:?}");
    }
}

#[test]
fn weights_change_while_it_runs_at_the_next_look() {
    let weights = Weights::new(&[1, 1]).unwrap();
    let mut turn = balance(&Balancer::Weighted(weights.clone()), 2);
    assert_eq!(shares(&mut turn, 2, 7), [4, 3]);
    weights.set(&[1, 3]).unwrap();
    assert_eq!(shares(&mut turn, 2, 1), [0, 1], "not before");
    turn.look(|_| 0);
    assert_eq!(shares(&mut turn, 2, 400), [100, 300]);
    weights.set(&[0, 9]).unwrap();
    turn.look(|_| 0);
    assert_eq!(shares(&mut turn, 2, 400), [0, 400]);
    assert_eq!(weights.get(), [0, 9]);
}

#[test]
fn weights_set_by_another_thread_arrive() {
    let weights = Weights::new(&[1, 0]).unwrap();
    let mut turn = balance(&Balancer::Weighted(weights.clone()), 2);
    let setter = std::thread::spawn(move || {
        // Between these two, what a sender copies may be all zero.
        for round in 0..10_000_u32 {
            let either = round % 2;
            weights.set(&[either, 1 - either]).unwrap();
        }
        weights.set(&[3, 1]).unwrap();
    });
    while !setter.is_finished() {
        turn.look(|_| 0);
        assert!(turn.next() < 2);
    }
    setter.join().unwrap();
    turn.look(|_| 0);
    assert_eq!(shares(&mut turn, 2, 400), [300, 100]);
}

#[test]
fn weights_that_lead_nowhere_are_refused() {
    assert_eq!(
        Weights::new(&[0, 0]).unwrap_err(),
        WeightsError::AllZero { count: 2 }
    );
    assert!(Weights::new(&[]).is_err());
    let weights = Weights::new(&[2, 3]).unwrap();
    let (given, partitions) = (3, 2);
    assert_eq!(
        weights.set(&[1, 2, 3]),
        Err(WeightsError::Count { given, partitions })
    );
    assert_eq!(
        weights.set(&[0, 0]),
        Err(WeightsError::AllZero { count: 2 })
    );
    assert_eq!(weights.get(), [2, 3], "as before");
}

#[test]
fn least_loaded_fills_the_emptiest_up_to_the_others() {
    let mut turn = balance(&Balancer::LeastLoaded, 4);
    turn.look(|lane| [30, 10, 0, 20][lane]);
    assert_eq!(shares(&mut turn, 4, 10), [0, 0, 10, 0]);
    assert_eq!(shares(&mut turn, 4, 20), [0, 10, 10, 0]);
    assert_eq!(shares(&mut turn, 4, 30 + 4), [1, 11, 11, 11]);
}

#[test]
fn two_choices_are_two_and_the_emptier_gets_it() {
    let mut turn = balance(&Balancer::TwoChoices, 2);
    turn.look(|lane| [100, 0][lane]);
    assert_eq!(
        shares(&mut turn, 2, 100),
        [0, 100],
        "of two, both are drawn each time"
    );
    let mut turn = balance(&Balancer::TwoChoices, 8);
    let shares_of_8 = shares(&mut turn, 8, 80_000);
    let apart = shares_of_8.iter().max().unwrap() - shares_of_8.iter().min().unwrap();
    let random = shares(&mut balance(&Balancer::Random, 8), 8, 80_000);
    let apart_at_random = random.iter().max().unwrap() - random.iter().min().unwrap();
    assert!(
        apart <= 8,
        "log log of the lanes, not the root of the events: {shares_of_8:?}"
    );
    assert!(apart_at_random > 50, "{random:?}");
    assert!(
        random.iter().all(|share| share.abs_diff(10_000) < 500),
        "{random:?}"
    );
}

#[test]
fn one_lane_takes_all_whoever_balances() {
    let weights = Weights::new(&[4]).unwrap();
    for balancer in [
        Balancer::RoundRobin,
        Balancer::Random,
        Balancer::Weighted(weights),
        Balancer::TwoChoices,
        Balancer::LeastLoaded,
    ] {
        assert_eq!(
            shares(&mut balance(&balancer, 1), 1, 10),
            [10],
            "{balancer:?}"
        );
    }
}

#[test]
fn without_looks_nothing_depends_on_the_moment() {
    for balancer in [Balancer::TwoChoices, Balancer::LeastLoaded] {
        let random = || Random::stream(7, "balance");
        let mut calm = Balance::new(&balancer, 4, random(), false);
        let mut busy = Balance::new(&balancer, 4, random(), false);
        for event in 0..1_000 {
            busy.look(|lane| event * lane);
            assert_eq!(calm.next(), busy.next(), "{balancer:?}");
        }
    }
}
