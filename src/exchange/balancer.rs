//! Balancers: which partition of a stage without state gets an event.
//!
//! | balancer | an event goes to | its price an event |
//! |---|---|---|
//! | round-robin | one partition after the other | an addition |
//! | random | any, from the seed | a random number |
//! | weighted | the one furthest behind its share | log₂ P comparisons |
//! | two choices | the emptier of two drawn from the seed | a random number, two loads |
//! | least loaded | the emptiest | log₂ P comparisons |
//!
//! How empty a ring is, a sender looks up once a step, and adds what it has sent since: a look is a load
//! from a line that the receiver writes. Where order is deterministic nobody looks, since that depends on the
//! moment; emptiest is then who was sent least. "Two choices": M. Mitzenmacher, "The power of two choices in
//! randomized load balancing", IEEE TPDS 12(10), 2001.

use super::Route;
use super::tournament::Tournament;
use super::weights::Weights;
use crate::event::Event;
use crate::ring::Outlet;
use crate::sys::random::Random;

/// How events are shared out among the partitions of a stage without state.
#[derive(Clone, Debug, Default)]
pub enum Balancer {
    /// One partition after the other.
    #[default]
    RoundRobin,
    /// Any, from the seed.
    Random,
    /// In proportion to weights, which may be changed while it runs. Of each `sum of weights` events a sender sends
    /// between two changes, each partition gets exactly its weight.
    Weighted(Weights),
    /// The emptier of two drawn from the seed.
    TwoChoices,
    /// The emptiest.
    LeastLoaded,
}

impl Balancer {
    /// As reports call it.
    pub fn word(&self) -> &'static str {
        match self {
            Balancer::RoundRobin => "round-robin",
            Balancer::Random => "random",
            Balancer::Weighted(_) => "weighted",
            Balancer::TwoChoices => "two choices",
            Balancer::LeastLoaded => "least loaded",
        }
    }
}

/// A balancer at work: one sender's end.
#[derive(Clone, Debug)]
pub struct Balance {
    turn: Turn,
    /// Whether it may look at the rings.
    looks: bool,
}

#[derive(Clone, Debug)]
enum Turn {
    RoundRobin {
        next: usize,
        lanes: usize,
    },
    Random {
        random: Random,
        lanes: u64,
    },
    Weighted {
        handle: Weights,
        seen: u64,
        weights: Vec<u32>,
        /// Events since the weights changed.
        sent: Vec<u64>,
        tournament: Tournament,
    },
    TwoChoices {
        random: Random,
        /// Messages in each ring at the last look, and events since.
        loads: Vec<u64>,
    },
    LeastLoaded {
        loads: Vec<u64>,
        tournament: Tournament,
    },
}

/// Whether `a` is further behind its share than `b`: sent / weight, without dividing. Of no weight is never behind.
#[inline(always)]
fn is_behind(sent: &[u64], weights: &[u32], a: usize, b: usize) -> bool {
    let scaled = |sent: u64, weight: u32| u128::from(sent) * u128::from(weight);
    match (weights[a], weights[b]) {
        (0, _) => false,
        (_, 0) => true,
        (of_a, of_b) => scaled(sent[a], of_b) < scaled(sent[b], of_a),
    }
}

impl Balance {
    /// For a sender with so many `lanes`, at least one; weights must be as many. `random` is this sender's own. Without
    /// `looks` its choices do not depend on the moment.
    pub fn new(balancer: &Balancer, lanes: usize, random: Random, looks: bool) -> Self {
        let turn = match balancer {
            Balancer::RoundRobin => Turn::RoundRobin { next: 0, lanes },
            Balancer::Random => Turn::Random {
                random,
                lanes: lanes as u64,
            },
            Balancer::Weighted(handle) => {
                let (mut seen, mut weights, sent) = (0, vec![1; lanes], vec![0; lanes]);
                handle.copy_if_changed(&mut seen, &mut weights);
                let before = |a: usize, b: usize| is_behind(&sent, &weights, a, b);
                let tournament = Tournament::new(lanes, before);
                Turn::Weighted {
                    handle: handle.clone(),
                    seen,
                    weights,
                    sent,
                    tournament,
                }
            }
            Balancer::TwoChoices => Turn::TwoChoices {
                random,
                loads: vec![0; lanes],
            },
            Balancer::LeastLoaded => Turn::LeastLoaded {
                loads: vec![0; lanes],
                tournament: Tournament::new(lanes, |_, _| false),
            },
        };
        Balance { turn, looks }
    }

    /// The partition of the next event.
    #[inline(always)]
    fn next(&mut self) -> usize {
        match &mut self.turn {
            Turn::RoundRobin { next, lanes } => {
                let chosen = *next;
                *next = if chosen + 1 == *lanes { 0 } else { chosen + 1 };
                chosen
            }
            Turn::Random { random, lanes } => random.below(*lanes) as usize,
            Turn::Weighted {
                weights,
                sent,
                tournament,
                ..
            } => {
                let chosen = tournament.first();
                sent[chosen] += 1;
                tournament.update(chosen, |a, b| is_behind(sent, weights, a, b));
                chosen
            }
            Turn::TwoChoices { random, loads } => {
                let lanes = loads.len() as u64;
                let one = random.below(lanes) as usize;
                // Another one: of those left, counted on from the first.
                let other = random.below(lanes.max(2) - 1) as usize + one + 1;
                let other = other % loads.len();
                let chosen = if loads[other] < loads[one] {
                    other
                } else {
                    one
                };
                loads[chosen] += 1;
                chosen
            }
            Turn::LeastLoaded { loads, tournament } => {
                let chosen = tournament.first();
                loads[chosen] += 1;
                tournament.update(chosen, |a, b| loads[a] < loads[b]);
                chosen
            }
        }
    }

    /// Once a step: how many messages each ring has is told by `fill`.
    #[inline(always)]
    fn look(&mut self, fill: impl Fn(usize) -> usize) {
        let refill = |loads: &mut [u64]| {
            let each = loads.iter_mut().enumerate();
            each.for_each(|(lane, load)| *load = fill(lane) as u64);
        };
        match &mut self.turn {
            Turn::RoundRobin { .. } | Turn::Random { .. } => {}
            Turn::Weighted {
                handle,
                seen,
                weights,
                sent,
                tournament,
            } => {
                if handle.copy_if_changed(seen, weights) {
                    sent.fill(0);
                    tournament.replay(|a, b| is_behind(sent, weights, a, b));
                }
            }
            Turn::TwoChoices { loads, .. } if self.looks => refill(loads),
            Turn::LeastLoaded { loads, tournament } if self.looks => {
                refill(loads);
                tournament.replay(|a, b| loads[a] < loads[b]);
            }
            Turn::TwoChoices { .. } | Turn::LeastLoaded { .. } => {}
        }
    }
}

impl<T: Event> Route<T> for Balance {
    #[inline(always)]
    fn partition(&mut self, _: &T) -> usize {
        self.next()
    }

    #[inline]
    fn look(&mut self, lanes: &[Outlet<T>]) {
        Balance::look(self, |lane| lanes[lane].fill());
    }
}

#[cfg(test)]
#[path = "balancer_tests.rs"]
mod tests;
