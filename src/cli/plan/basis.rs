//! What a plan starts from: the stages of a flow with their costs, and where these come from.

use super::super::args::{GlobalArgs, PlanArgs};
use super::super::error::CliError;
use super::super::{Base, resolve};
use super::stays::{mean_loads, stays};
use crate::flow::partitions_for;
use crate::latency::{HotKey, StageSummary, Summary, read_summary};
use crate::schedule::{KeyCensus, SOURCE_NS, STAGE_NS, Spread, StageLoad, tasks};
use crate::source::trace;
use serde_json::Value;
use std::path::Path;

/// Cores of a machine that nobody named.
const CORES: usize = 2;

/// The stages of a flow and where they were found.
#[derive(Debug)]
pub(super) struct Basis {
    /// In words.
    pub(super) title: String,
    pub(super) stages: Vec<StageLoad>,
    /// Cores for the tables of allocators and partitions.
    pub(super) cores: usize,
    pub(super) partitions: usize,
    /// Where the costs of an event come from, in words.
    pub(super) costs: String,
    pub(super) seed: u64,
}

impl Basis {
    /// From the summary of a run.
    pub(super) fn of_run(dir: &Path, args: &PlanArgs) -> Result<Basis, CliError> {
        let summary = read_summary(dir)?;
        let place = dir.display();
        if summary.events_in == 0 || summary.stages.len() < 2 || summary.cores.is_empty() {
            return Err(CliError::usage(format!(
                "{place}: nothing to plan from: {} events, {} stages, {} cores",
                summary.events_in,
                summary.stages.len(),
                summary.cores.len()
            ))
            .expected(
                "the report of a run that had events, a stage behind its source, and cores",
            ));
        }
        let partitions = partitions_of(&summary);
        let task_loads = measured_tasks(dir);
        let (stages, costs) = costed(&summary, &task_loads, args, partitions);
        Ok(Basis {
            title: format!("{place}: {}", summary.app),
            stages,
            cores: args.cores.map_or(summary.cores.len(), usize::from),
            partitions: args.partitions.map_or(partitions, usize::from),
            costs,
            seed: summary.environment.seed,
        })
    }

    /// From the keys of a trace.
    pub(super) fn of_trace(
        name: &str,
        args: &PlanArgs,
        global: &GlobalArgs,
    ) -> Result<Basis, CliError> {
        let base = Base {
            command: "plan",
            settings: &[],
        };
        let config = resolve(base, None, args.reading.settings(), global)?;
        let mut trace = trace::open(name, &config.source.options)?;
        let (mut census, mut block) = (KeyCensus::default(), Vec::new());
        loop {
            block.clear();
            let more = trace.next_block(&mut block)?;
            block.iter().for_each(|record| census.add(record.key));
            if !more {
                break;
            }
        }
        if census.events() == 0 {
            return Err(CliError::usage(format!("{name}: no events to plan from"))
                .expected("a trace with at least one record that can be read"));
        }
        let stage = |name: &str, event_ns, spread| StageLoad {
            name: name.into(),
            event_ns,
            events: 1.0,
            spread,
        };
        let cores = args.cores.map_or(CORES, usize::from);
        let given = args.source_ns.is_some() && args.stage_ns.is_some();
        Ok(Basis {
            title: format!("{name}: {} events by key, one keyed stage", census.events()),
            stages: vec![
                stage("source", args.source_ns.unwrap_or(SOURCE_NS), None),
                stage(
                    "stage",
                    args.stage_ns.unwrap_or(STAGE_NS),
                    Some(census.spread()),
                ),
            ],
            cores,
            partitions: args
                .partitions
                .map_or_else(|| partitions_for(cores), usize::from),
            costs: if given {
                "given".into()
            } else {
                format!(
                    "what aggregate takes ({SOURCE_NS} ns in the source, {STAGE_NS} in the stage) where --source-ns and --stage-ns do not say; a run measures them"
                )
            },
            seed: config.seed,
        })
    }
}

/// The tasks of a run that measured them, each with the share of one core's time that it took; none of others.
fn measured_tasks(dir: &Path) -> Vec<(String, f64)> {
    let text = std::fs::read_to_string(dir.join("summary.json")).unwrap_or_default();
    let summary: Value = serde_json::from_str(&text).unwrap_or_default();
    let tasks = summary["tasks"].as_array().into_iter().flatten();
    let load = |task: &Value| Some((task["task"].as_str()?.to_owned(), task["load"].as_f64()?));
    tasks.filter_map(load).collect()
}

/// Core time of each stage for an event of the source, ns, if all tasks were measured.
fn measured_stages(summary: &Summary, tasks: &[(String, f64)]) -> Option<Vec<f64>> {
    let of_stage = |stage: &StageSummary| {
        let is_its = |task: &&(String, f64)| {
            let rest = task.0.strip_prefix(&stage.name);
            rest.is_some_and(|rest| rest.trim_start().parse::<u32>().is_ok() || rest.is_empty())
        };
        let loads: Vec<f64> = tasks.iter().filter(is_its).map(|task| task.1).collect();
        let events = summary.events_in.max(1) as f64;
        let ns = loads.iter().sum::<f64>() * summary.elapsed_ns as f64 / events;
        (!loads.is_empty() && ns > 0.0).then_some(ns)
    };
    summary.stages.iter().map(of_stage).collect()
}

/// Partitions of its widest stage.
pub(super) fn partitions_of(summary: &Summary) -> usize {
    let widths = summary.stages.iter().skip(1);
    let widest = widths.map(|stage| stage.partitions as usize).max();
    widest.unwrap_or(1).max(1)
}

/// How the events of stage `name` lie over its partitions.
fn spread(summary: &Summary, name: &str, partitioner: &str) -> Spread {
    let of_stage = summary.partitions.iter();
    let mut shares: Vec<(u32, f64)> = of_stage
        .filter(|partition| partition.stage == name)
        .map(|partition| (partition.partition, partition.share))
        .collect();
    shares.sort_by_key(|(partition, _)| *partition);
    let shares: Vec<f64> = shares.into_iter().map(|(_, share)| share).collect();
    let keys = summary.hot_keys.iter().filter(|keys| keys.stage == name);
    // A key that was split has no partition: its events are where the run measured them.
    let whole = |key: &&HotKey| key.events_split == 0;
    let hot = keys.flat_map(|keys| {
        let listed = keys.keys.iter().filter(whole);
        listed.filter_map(|key| {
            let share = (key.count - key.error) as f64 / keys.events.max(1) as f64;
            Some((key.key, share, key.partition? as usize))
        })
    });
    let hot: Vec<(u64, f64, usize)> = hot.collect();
    Spread::measured(&shares, &hot, partitioner == "hash")
}

/// The stages with what an event of each costs, and where that comes from: the time that tasks were measured to take
/// or else the cores' busy time, shared out over tasks in the proportion of the usual costs.
fn costed(
    summary: &Summary,
    task_loads: &[(String, f64)],
    args: &PlanArgs,
    partitions: usize,
) -> (Vec<StageLoad>, String) {
    let source = summary.events_in.max(1) as f64;
    let stage = |(index, stage): (usize, &StageSummary)| StageLoad {
        name: stage.name.clone(),
        event_ns: if index == 0 { SOURCE_NS } else { STAGE_NS },
        events: stage.events_in as f64 / source,
        spread: (index > 0).then(|| spread(summary, &stage.name, &stage.partitioner)),
    };
    let mut stages: Vec<StageLoad> = summary.stages.iter().enumerate().map(stage).collect();
    let made = tasks(&stages, partitions);
    let usual_ns = made.loads.iter().map(|task| task.load_ns).sum::<f64>() / 1e6;
    // Where it is not known where tasks were, crossings stay in what the tasks took.
    let crossing_ns = stays(summary, &made.names).map_or(0.0, |stays| {
        let loads = mean_loads(&made, summary.cores.len(), &stays);
        loads.iter().sum::<f64>() / 1e6 - usual_ns
    });
    let measured = measured_stages(summary, task_loads);
    let busy: f64 = summary.cores.iter().map(|core| core.busy_share).sum();
    let busy_ns = match &measured {
        Some(stages) => stages.iter().sum(),
        None => busy * summary.elapsed_ns as f64 / source,
    };
    // What is left when crossings are paid, but never nothing.
    let left = ((busy_ns - crossing_ns) / busy_ns).max(0.01);
    for (index, stage) in stages.iter_mut().enumerate() {
        let given = if index == 0 {
            args.source_ns
        } else {
            args.stage_ns
        };
        let found = match &measured {
            Some(stages) => stages[index] * left / stage.events.max(f64::MIN_POSITIVE),
            None => stage.event_ns * busy_ns * left / usual_ns,
        };
        stage.event_ns = given.unwrap_or(found);
    }
    let shared_out = match measured {
        Some(_) => "the rest is as each stage's tasks were measured".to_owned(),
        None => format!(
            "the rest is shared out as {SOURCE_NS} to {STAGE_NS} for source and stages, the proportion of aggregate (--source-ns, --stage-ns say otherwise)"
        ),
    };
    let paced = match summary.schedule.asked_events_per_s {
        None => String::new(),
        Some(_) => format!(
            "\n  the run was paced ({}): a core that has time takes events up one by one, which costs more for each than taking many up at once, so it can do more than stands here under \"at most\" (a run with --rate max tells how much)",
            summary.schedule.pace
        ),
    };
    let costs = format!(
        "tasks were busy for {busy_ns:.1} ns an event, {crossing_ns:.1} of it for crossings; {shared_out}{paced}"
    );
    (stages, costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::latency::{CoreSummary, PartitionSummary};
    use clap::Parser;

    fn summary() -> Summary {
        let stage = |name: &str, partitions| StageSummary {
            name: name.into(),
            events_in: 1_000_000,
            partitioner: "hash".into(),
            partitions,
            ..StageSummary::default()
        };
        let core = |core: u32, tasks: &[&str], busy_share| CoreSummary {
            core,
            tasks: tasks.iter().map(|task| task.to_string()).collect(),
            busy_share,
            ..CoreSummary::default()
        };
        let partition = |partition, share| PartitionSummary {
            stage: "totals".into(),
            partition,
            share,
            ..PartitionSummary::default()
        };
        Summary {
            events_in: 1_000_000,
            elapsed_ns: 50_000_000,
            stages: vec![stage("readings", 1), stage("totals", 2)],
            cores: vec![
                core(0, &["readings", "totals 0"], 0.5),
                core(1, &["totals 1"], 0.3),
            ],
            partitions: vec![partition(1, 0.7), partition(0, 0.3)],
            ..Summary::default()
        }
    }

    fn args() -> PlanArgs {
        match Cli::parse_from(["millstream", "plan", "run"]).command {
            Some(Command::Plan(args)) => *args,
            other => panic!("{other:?}"),
        }
    }

    /// Core time for an event of the source, crossings of the run's placement included.
    fn total_ns(summary: &Summary, stages: &[StageLoad]) -> f64 {
        let made = tasks(stages, 2);
        let stays = stays(summary, &made.names).expect("its tasks");
        mean_loads(&made, 2, &stays).iter().sum::<f64>() / 1e6
    }

    #[test]
    fn costs_come_to_what_the_cores_were_busy_for() {
        let summary = summary();
        let (stages, words) = costed(&summary, &[], &args(), 2);
        assert!(
            (total_ns(&summary, &stages) - 0.8 * 50.0).abs() < 1e-6,
            "{words}"
        );
        assert!((stages[1].event_ns / stages[0].event_ns - STAGE_NS / SOURCE_NS).abs() < 1e-9);
        let shares = stages[1].spread.as_ref().expect("keyed").shares(2);
        assert!((shares[0].0 - 0.3).abs() < 1e-9);
    }

    #[test]
    fn measured_tasks_count_for_more_than_the_proportion() {
        let summary = summary();
        let loads = [("readings", 0.4), ("totals 0", 0.1), ("totals 1", 0.3)];
        let loads = loads.map(|(task, load)| (task.to_owned(), load));
        let (stages, words) = costed(&summary, &loads, &args(), 2);
        assert!(
            (total_ns(&summary, &stages) - 0.8 * 50.0).abs() < 1e-6,
            "{words}"
        );
        assert!(
            (stages[0].event_ns - stages[1].event_ns).abs() < 1e-9,
            "{stages:?}"
        );
        // Part of the tasks is not enough.
        let (stages, _) = costed(&summary, &loads[..1], &args(), 2);
        assert!((stages[1].event_ns / stages[0].event_ns - STAGE_NS / SOURCE_NS).abs() < 1e-9);
    }
}
