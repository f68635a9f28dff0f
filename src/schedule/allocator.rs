//! The allocators by name, and the one function that plans with any of them.

use super::error::AllocateError;
use super::model::{Link, Placement, Problem, TaskLoad};
use super::{baseline, chains, exact, greedy};
use std::str::FromStr;

/// What `Best` may spend on dynamic programming: 0.9 ms at most (`benches/allocate.rs`, Xeon, 2.3 GHz). Counted in
/// steps, so that the same flow is placed alike on every machine, however busy.
const EXACT_STEPS_MAX: u64 = 150_000;
/// And on chains, where dynamic programming is refused, which takes no time: 0.7 ms.
const CHAINS_STEPS_MAX: u64 = 700_000;
/// A placement that is better by less than this share is not worth leaving the simpler one for.
const BETTER: f64 = 1e-9;

/// How tasks are allocated to cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocator {
    /// The best of greedy, dynamic programming and chains, as far as each fits in a millisecond.
    #[default]
    Best,
    /// Longest processing time first.
    Greedy,
    /// Dynamic programming: the smallest objective there is, or a refusal.
    Dp,
    /// Runs of neighbours in the order of the flow.
    Chains,
    /// Task after task, core after core.
    RoundRobin,
    /// Each task anywhere, from the seed.
    Random,
}

impl Allocator {
    /// All of them.
    pub const ALL: [Allocator; 6] = [
        Allocator::Best,
        Allocator::Greedy,
        Allocator::Dp,
        Allocator::Chains,
        Allocator::RoundRobin,
        Allocator::Random,
    ];

    /// As reports and configurations call them, in the order of [`Allocator::ALL`].
    pub const NAMES: &'static [&'static str] =
        &["auto", "greedy", "dp", "chains", "round-robin", "random"];

    /// As reports and configurations call it.
    pub fn word(self) -> &'static str {
        Allocator::NAMES[self as usize]
    }
}

impl FromStr for Allocator {
    type Err = AllocateError;

    fn from_str(text: &str) -> Result<Self, AllocateError> {
        let found = Allocator::ALL.iter().find(|one| one.word() == text);
        found.copied().ok_or_else(|| AllocateError::Unknown {
            name: text.to_owned(),
        })
    }
}

/// Places tasks on cores. `tasks` stand in the order of the flow, upstream first; `seed` decides what is random.
/// The same arguments give the same placement.
///
/// # Errors
/// When there is no core, a load or link makes no sense, or the allocator refuses a problem of this size:
/// [`Allocator::Dp`] beyond 100 million steps (14 unlike tasks on 10 cores, 22 on 2), [`Allocator::Chains`] beyond 2,048
/// tasks. [`Allocator::Best`] and the others refuse none.
pub fn plan(
    allocator: Allocator,
    tasks: &[TaskLoad],
    links: &[Link],
    cores: usize,
    seed: u64,
) -> Result<Placement, AllocateError> {
    let problem = Problem::new(tasks, links, cores)?;
    let cores = match allocator {
        Allocator::Best => return Ok(best(&problem)),
        Allocator::Greedy => greedy::longest_first(&problem),
        Allocator::Dp => exact::smallest_makespan(&problem, exact::STEPS_MAX)?,
        Allocator::Chains => chains::neighbours(&problem)?,
        Allocator::RoundRobin => baseline::round_robin(&problem),
        Allocator::Random => baseline::random(&problem, seed),
    };
    Ok(Placement::new(allocator, &problem, cores))
}

fn best(problem: &Problem<'_>) -> Placement {
    let mut best = Placement::new(Allocator::Greedy, problem, greedy::longest_first(problem));
    let exact = exact::smallest_makespan(problem, EXACT_STEPS_MAX);
    let chains = || match chains::steps(problem) <= CHAINS_STEPS_MAX {
        true => chains::neighbours(problem).ok(),
        false => None,
    };
    let other = match exact {
        Ok(cores) => Some((Allocator::Dp, cores)),
        Err(_) => chains().map(|cores| (Allocator::Chains, cores)),
    };
    if let Some((allocator, cores)) = other {
        let other = Placement::new(allocator, problem, cores);
        if other.objective_ns < best.objective_ns * (1.0 - BETTER) {
            best = other;
        }
    }
    best
}
