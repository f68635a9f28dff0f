//! The least size at which each policy reaches a wanted hit ratio.
//!
//! ```text
//!   cells of the study ─► bracket: too small … large enough ─► halve it, by simulation, until 1 % is left
//! ```
//!
//! Assumes that a larger cache does not miss more often. That holds for LRU, LFU and OPT always (they are stack
//! algorithms: Mattson et al., 1970); the others may break it (Belady's anomaly), by little on real traces. What is
//! answered was simulated at just that size, so it does reach the goal; only a smaller size might, too.

use super::error::LaboratoryError;
use super::lineup::Contender;
use super::pool;
use super::requests::Requests;
use super::size::{Size, Unit};
use super::study::{Column, Measured, Plan, Study, Trial, room};
use std::sync::atomic::{AtomicBool, Ordering};

/// A bracket is small enough when its ends differ by less than this share.
const NEAR: f64 = 0.01;

/// What a policy needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The policy.
    pub contender: Contender,
    /// Objects or bytes.
    pub size: u64,
    /// What was measured at that size.
    pub measured: Measured,
}

/// The answer to a wanted hit ratio.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What was wanted, 0 to 1.
    pub hit_ratio: f64,
    /// What a cache for everything would reach, 0 to 1: only first requests miss.
    pub hit_ratio_max: f64,
    /// What sizes count.
    pub unit: Unit,
    /// By policy; those that reach it, the smallest first. Within 1 %, the one that keeps less beside the objects.
    pub reached: Vec<Reached>,
    /// Those that do not, whatever their size.
    pub missed: Vec<Contender>,
}

impl Search {
    /// The cheapest policy and size.
    pub fn best(&self) -> Option<&Reached> {
        self.reached.first()
    }
}

/// Searches the least size for each policy; `None` where no hit ratio is wanted or the user stopped it.
///
/// # Errors
/// The memory allowed is not enough for a simulation that holds every object.
pub fn search(
    requests: &Requests,
    plan: &Plan,
    study: &Study,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<Option<Search>, LaboratoryError> {
    let Some(hit_ratio) = plan.hit_ratio.filter(|_| !study.interrupted) else {
        return Ok(None);
    };
    let all_bytes = plan.sizes.iter().all(|size| size.unit() == Unit::Bytes);
    let unit = if all_bytes {
        Unit::Bytes
    } else {
        Unit::Objects
    };
    let expected = requests.requests() as f64 * requests.rate;
    let mut found = Search {
        hit_ratio,
        hit_ratio_max: (1.0 - f64::from(requests.objects) / expected).max(0.0),
        unit,
        reached: Vec::new(),
        missed: Vec::new(),
    };
    if hit_ratio > found.hit_ratio_max {
        found.missed = plan.contenders.clone();
        return Ok(Some(found));
    }
    let trial = Trial::new(requests, false, stop);
    let whole = column(unit, whole(requests, unit));
    let weight_bytes = |job: &usize| trial.weight_bytes(Some(plan.contenders[*job]), &whole);
    let jobs: Vec<usize> = (0..plan.contenders.len()).collect();
    let room = room(
        &trial,
        plan,
        jobs.iter().map(weight_bytes).max().unwrap_or(0),
    )?;
    let known = |job: usize| -> Vec<(u64, Measured)> {
        let cells = study.columns.iter().zip(&study.cells[job]);
        let of_unit = cells.filter(|(column, _)| column.unit == unit);
        of_unit
            .filter_map(|(column, cell)| Some((column.size, (*cell)?)))
            .collect()
    };
    let results = pool::run(
        &jobs,
        &room,
        weight_bytes,
        |job| {
            least(
                &trial,
                plan.contenders[*job],
                &known(*job),
                &whole,
                hit_ratio,
            )
        },
        &mut || progress(trial.watch.requests.load(Ordering::Relaxed)),
    );
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    for (contender, result) in plan.contenders.iter().zip(results) {
        match result {
            Some((size, measured)) => found.reached.push(Reached {
                contender: *contender,
                size,
                measured,
            }),
            None => found.missed.push(*contender),
        }
    }
    rank(&mut found.reached);
    Ok(Some(found))
}

/// The smallest first; among those that are as small as it within the bracket, the one that keeps least beside.
fn rank(reached: &mut [Reached]) {
    reached.sort_by_key(|reached| reached.size);
    let Some(smallest) = reached.first().map(|reached| reached.size) else {
        return;
    };
    let near = (smallest as f64 * (1.0 + NEAR)) as u64;
    let alike = reached.partition_point(|reached| reached.size <= near);
    reached[..alike].sort_by_key(|reached| (reached.measured.metadata_bytes, reached.size));
}

/// Room for every object.
fn whole(requests: &Requests, unit: Unit) -> u64 {
    match (unit, &requests.sizes) {
        (Unit::Bytes, Some(sizes)) => {
            (sizes.iter().sum::<u64>() as f64 / requests.rate).round() as u64
        }
        _ => requests.distinct(),
    }
}

fn column(unit: Unit, size: u64) -> Column {
    let asked = match unit {
        Unit::Objects => Size::Objects(size),
        Unit::Bytes => Size::Bytes(size),
    };
    Column { asked, size, unit }
}

/// The least size that reaches `hit_ratio`, and what was measured there; `None` where none does, or it was stopped.
fn least(
    trial: &Trial,
    contender: Contender,
    known: &[(u64, Measured)],
    whole: &Column,
    hit_ratio: f64,
) -> Option<(u64, Measured)> {
    let reaches = |measured: &Measured| 1.0 - measured.miss_ratio >= hit_ratio;
    let enough = known.iter().filter(|(_, measured)| reaches(measured));
    let mut enough = match enough.min_by_key(|(size, _)| *size) {
        Some(known) => *known,
        None => {
            let measured = trial.measure(contender, whole)?;
            reaches(&measured).then_some((whole.size, measured))?
        }
    };
    let below = known
        .iter()
        .map(|(size, _)| *size)
        .filter(|size| *size < enough.0);
    let mut too_small = below.max().unwrap_or(0);
    // A sample cannot tell sizes apart that are one object of it.
    let step = (1.0 / trial.requests.rate).ceil() as u64;
    while enough.0 - too_small > step.max((too_small as f64 * NEAR) as u64) {
        // The geometric mean: the bracket is a ratio.
        let middle = ((too_small.max(1) as f64) * enough.0 as f64).sqrt() as u64;
        let middle = middle.clamp(too_small + 1, enough.0 - 1);
        let measured = trial.measure(contender, &column(whole.unit, middle))?;
        if reaches(&measured) {
            enough = (middle, measured);
        } else {
            too_small = middle;
        }
    }
    Some(enough)
}
