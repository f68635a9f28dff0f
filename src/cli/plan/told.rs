//! What a plan says: tables of allocators, partitions and cores, with the assumptions behind them.

use super::basis::Basis;
use crate::flow::{HOT_OF_A_CORE, partitions_for};
use crate::schedule::{
    AllocateError, Allocator, Bound, CROSSING_NS, Prediction, StageLoad, predict,
};
use serde::Serialize;

/// Cores of the simulated machines.
const MACHINES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];
/// Partitions for each core that are compared.
const PARTITIONS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Hot keys that are told.
const KEYS_TOLD: usize = 5;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) basis: String,
    pub(super) costs_from: String,
    pub(super) stages: Vec<Stage>,
    pub(super) crossing_ns: f64,
    pub(super) hot_keys: Vec<Key>,
    pub(super) assumptions: Vec<&'static str>,
    pub(super) measured: Option<Measured>,
    pub(super) allocators: Vec<Row>,
    pub(super) partitions: Vec<Row>,
    pub(super) cores: Vec<Row>,
}

/// A stage and what an event of it costs.
#[derive(Debug, Serialize)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) event_ns: f64,
    pub(super) events_for_each_of_the_source: f64,
}

/// A key that weighs on its partition.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    pub(super) stage: String,
    pub(super) key: u64,
    pub(super) share: f64,
}

/// One simulated machine, partitioned and placed one way.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    /// As asked, and what it came from where that was "auto".
    pub(super) allocator: String,
    pub(super) cores: usize,
    pub(super) partitions: usize,
    /// Core time of the busiest core for an event, ns; `None` where the allocator refused.
    pub(super) busiest_ns: Option<f64>,
    pub(super) mean_ns: Option<f64>,
    pub(super) events_per_s_max: Option<f64>,
    /// Load of each core over that of the busiest.
    pub(super) cores_share: Vec<f64>,
    pub(super) bound: String,
    /// Throughput with one core more, over this, less 1.
    pub(super) one_more_core: Option<f64>,
    /// The same with hot keys split, where there are any on so many cores.
    pub(super) split_events_per_s_max: Option<f64>,
}

/// A run's cores, predicted and measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) run: String,
    pub(super) events_per_s: f64,
    /// Where its tasks moved: what that means for the comparison, in words.
    pub(super) moved: Option<String>,
    /// Empty where it is not known which tasks they had.
    pub(super) cores: Vec<CoreCompared>,
    /// The busiest core as predicted over the busiest as measured, less 1; `None`: nothing was measured.
    pub(super) busiest_off: Option<f64>,
}

/// One core.
#[derive(Debug, Serialize)]
pub(super) struct CoreCompared {
    pub(super) core: u32,
    pub(super) predicted_busy_share: f64,
    pub(super) measured_busy_share: f64,
    /// Predicted over measured, less 1; `None`: it was idle.
    pub(super) off: Option<f64>,
}

/// The tables of `basis`.
pub(super) fn tell(basis: &Basis, allocator: Allocator) -> Result<Told, AllocateError> {
    let stages = &basis.stages;
    let run =
        |allocator, partitions, cores| predict(stages, partitions, allocator, cores, basis.seed);
    let row = |asked: Allocator, partitions, cores| {
        let made = run(asked, partitions, cores);
        row(asked, (partitions, cores), made)
    };
    let (cores, partitions) = (basis.cores, basis.partitions);
    let allocators = Allocator::ALL.map(|asked| row(asked, partitions, cores));
    let by_partitions = PARTITIONS.map(|each| row(allocator, each * cores, cores));
    let mut machines = Vec::with_capacity(MACHINES.len());
    for cores in MACHINES {
        let partitions = partitions_for(cores);
        let mut told = row(allocator, partitions, cores);
        let more = run(allocator, partitions_for(cores + 1), cores + 1);
        if let (Some(now), Ok(more)) = (told.events_per_s_max, more) {
            told.one_more_core = Some(more.events_per_s_max() / now - 1.0);
        }
        let hot_from = HOT_OF_A_CORE / cores as f64;
        if cores > 1 && has_hot(stages, hot_from) {
            let split = split(stages, hot_from);
            let made = predict(&split, partitions, allocator, cores, basis.seed)?;
            told.split_events_per_s_max = Some(made.events_per_s_max());
        }
        machines.push(told);
    }
    Ok(Told {
        basis: basis.title.clone(),
        costs_from: basis.costs.clone(),
        stages: stages.iter().map(stage).collect(),
        crossing_ns: CROSSING_NS,
        hot_keys: hot_keys(stages),
        assumptions: assumptions(),
        measured: None,
        allocators: allocators.into(),
        partitions: by_partitions.into(),
        cores: machines,
    })
}

fn assumptions() -> Vec<&'static str> {
    vec![
        "cores are alike and none is slowed by another: no model of memory bandwidth, shared caches or hyper-threads",
        "an event costs what it costs, however many cores there are and however many come at once; where it crosses between cores, crossing_ns more on both",
        "a core is full at 100 %: no headroom for bursts, so a latency goal asks for fewer events a second than stand here",
        "keys lie as they lay in the run or trace; hot keys stay whole in one partition, unless the column says split",
        "a split key is shared evenly by all partitions, and folding it costs its sender nothing more",
    ]
}

fn stage(stage: &StageLoad) -> Stage {
    Stage {
        name: stage.name.clone(),
        event_ns: stage.event_ns,
        events_for_each_of_the_source: stage.events,
    }
}

fn hot_keys(stages: &[StageLoad]) -> Vec<Key> {
    let keys = stages.iter().flat_map(|stage| {
        let hot = stage.spread.iter().flat_map(|spread| spread.hot());
        hot.map(|hot| Key {
            stage: stage.name.clone(),
            key: hot.key,
            share: hot.share,
        })
    });
    let mut keys: Vec<Key> = keys.collect();
    keys.sort_by(|a, b| b.share.total_cmp(&a.share));
    keys.truncate(KEYS_TOLD);
    keys
}

fn has_hot(stages: &[StageLoad], share_min: f64) -> bool {
    let mut spreads = stages.iter().filter_map(|stage| stage.spread.as_ref());
    spreads.any(|spread| spread.hot().iter().any(|hot| hot.share >= share_min))
}

fn split(stages: &[StageLoad], share_min: f64) -> Vec<StageLoad> {
    let split = |stage: &StageLoad| StageLoad {
        spread: stage.spread.as_ref().map(|spread| spread.split(share_min)),
        ..stage.clone()
    };
    stages.iter().map(split).collect()
}

fn row(
    asked: Allocator,
    (partitions, cores): (usize, usize),
    made: Result<Prediction, AllocateError>,
) -> Row {
    let refused = |error: &AllocateError| format!("refused: {error}");
    let bound = match &made {
        Ok(made) => words(&made.bound),
        Err(error) => refused(error),
    };
    let made = made.ok();
    let busiest_ns = made.as_ref().map(Prediction::busiest_ns);
    let share = |ns: f64| ns / busiest_ns.unwrap_or(1.0).max(f64::MIN_POSITIVE);
    let from = made.as_ref().map(|made| made.placement.allocator);
    Row {
        allocator: match from {
            Some(from) if from != asked => format!("{} ({})", asked.word(), from.word()),
            _ => asked.word().into(),
        },
        cores,
        partitions,
        busiest_ns,
        mean_ns: made.as_ref().map(Prediction::mean_ns),
        events_per_s_max: made.as_ref().map(Prediction::events_per_s_max),
        cores_share: made
            .as_ref()
            .map_or_else(Vec::new, |made| made.cores_ns().map(share).collect()),
        bound,
        one_more_core: None,
        split_events_per_s_max: None,
    }
}

fn words(bound: &Bound) -> String {
    match bound {
        Bound::Work => "all cores are full".into(),
        Bound::Task(task) => format!("task {task} fills a core"),
        Bound::Key { task, key } => format!("key {key} in {task} fills a core"),
        Bound::Placement => "tasks do not share out evenly".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Spread;

    fn basis(spread: Spread) -> Basis {
        let stage = |name: &str, event_ns, spread| StageLoad {
            name: name.into(),
            event_ns,
            events: 1.0,
            spread,
        };
        Basis {
            title: "a test".into(),
            stages: vec![
                stage("readings", 7.0, None),
                stage("totals", 13.0, Some(spread)),
            ],
            cores: 2,
            partitions: 8,
            costs: "given".into(),
            seed: 1,
        }
    }

    #[test]
    fn an_even_flow_gains_until_its_source_is_full() {
        let told = tell(&basis(Spread::even()), Allocator::Best).unwrap();
        assert_eq!((told.allocators.len(), told.cores.len()), (6, 14));
        let most: Vec<f64> = told
            .cores
            .iter()
            .filter_map(|row| row.events_per_s_max)
            .collect();
        assert_eq!(most.len(), 14);
        assert!(
            most.windows(2).all(|pair| pair[1] >= 0.99 * pair[0]),
            "{most:?}"
        );
        let partitions: Vec<usize> = told.cores.iter().map(|row| row.partitions).collect();
        assert_eq!(partitions[..3], [2, 8, 12], "as the engine chooses them");
        assert_eq!(told.cores[13].bound, "task readings fills a core");
        assert!(told.cores[0].one_more_core.is_some_and(|gain| gain > 0.6));
        assert!(told.cores[13].one_more_core.is_some_and(|gain| gain < 0.05));
        assert!(
            told.cores
                .iter()
                .all(|row| row.split_events_per_s_max.is_none())
        );
    }

    #[test]
    fn a_hot_key_is_named_and_what_splitting_brings() {
        let spread = Spread::measured(&[0.9, 0.1], &[(17, 0.85, 0)], false);
        let told = tell(&basis(spread), Allocator::Greedy).unwrap();
        assert_eq!(told.hot_keys[0].key, 17);
        let eight = told.cores.iter().find(|row| row.cores == 8).unwrap();
        assert!(
            eight.bound.starts_with("key 17 in totals "),
            "{}",
            eight.bound
        );
        assert!(eight.split_events_per_s_max > eight.events_per_s_max);
    }
}
