//! All allocators against each other and against every placement there is.

use super::chains::TASKS_MAX;
use super::*;
use crate::sys::random::Random;
use proptest::prelude::*;

fn loads(loads_ns: &[f64]) -> Vec<TaskLoad> {
    let load = |&load_ns| TaskLoad { load_ns };
    loads_ns.iter().map(load).collect()
}

fn objective(tasks: &[TaskLoad], links: &[Link], cores: usize, placed: &[usize]) -> f64 {
    let loads = core_loads(tasks, links, cores, placed);
    loads.into_iter().fold(0.0, f64::max)
}

/// The least over all `cores ^ tasks` placements.
fn brute_force(tasks: &[TaskLoad], links: &[Link], cores: usize) -> f64 {
    let mut placed = vec![0; tasks.len()];
    let mut least = f64::INFINITY;
    loop {
        least = least.min(objective(tasks, links, cores, &placed));
        let Some(task) = placed.iter().position(|&core| core + 1 < cores) else {
            return least;
        };
        placed[..task].fill(0);
        placed[task] += 1;
    }
}

/// The least over all placements in runs of neighbours, by trying every cut.
fn brute_chains(tasks: &[TaskLoad], links: &[Link], cores: usize) -> f64 {
    let rising = |placed: &[usize]| placed.is_sorted();
    let mut placed = vec![0; tasks.len()];
    let mut least = f64::INFINITY;
    loop {
        if rising(&placed) {
            least = least.min(objective(tasks, links, cores, &placed));
        }
        let Some(task) = placed.iter().position(|&core| core + 1 < cores) else {
            return least;
        };
        placed[..task].fill(0);
        placed[task] += 1;
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

/// A flow in small: loads that are sometimes equal, and links in both directions of index.
fn problem(tasks_max: usize) -> impl Strategy<Value = (Vec<TaskLoad>, Vec<Link>, usize)> {
    (1..=tasks_max, 1..=4_usize).prop_flat_map(|(tasks, cores)| {
        let load = prop_oneof![Just(10.0), Just(25.0), 0.0..100.0_f64];
        let link = (0..tasks, 0..tasks, prop_oneof![Just(8.0), 0.0..20.0_f64]);
        let links = prop::collection::vec(link, 0..=2 * tasks);
        (prop::collection::vec(load, tasks), links, Just(cores)).prop_map(
            |(loads_ns, links, cores)| {
                let links = links.into_iter().filter(|(from, to, _)| from != to);
                let links = links.map(|(from, to, events_per_s)| Link {
                    from,
                    to,
                    events_per_s,
                });
                (loads(&loads_ns), links.collect(), cores)
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn dynamic_programming_equals_brute_force((tasks, links, cores) in problem(7)) {
        let found = plan(Allocator::Dp, &tasks, &links, cores, 1).unwrap();
        let best = brute_force(&tasks, &links, cores);
        prop_assert!(close(found.objective_ns, best), "{} for {best}", found.objective_ns);
    }

    #[test]
    fn chains_equal_brute_force((tasks, links, cores) in problem(7)) {
        let found = plan(Allocator::Chains, &tasks, &links, cores, 1).unwrap();
        prop_assert!(found.cores.is_sorted(), "{:?}", found.cores);
        let best = brute_chains(&tasks, &links, cores);
        prop_assert!(close(found.objective_ns, best), "{} for {best}", found.objective_ns);
    }

    #[test]
    fn greedy_keeps_grahams_bound((tasks, _, cores) in problem(10)) {
        let greedy = plan(Allocator::Greedy, &tasks, &[], cores, 1).unwrap().objective_ns;
        let best = plan(Allocator::Dp, &tasks, &[], cores, 1).unwrap().objective_ns;
        let bound = 4.0 / 3.0 - 1.0 / (3.0 * cores as f64);
        prop_assert!(greedy <= best * bound + 1e-9, "{greedy} for {best}");
    }

    #[test]
    fn every_task_is_placed_once((tasks, links, cores) in problem(12), seed: u64) {
        for allocator in Allocator::ALL {
            let placed = plan(allocator, &tasks, &links, cores, seed).unwrap();
            prop_assert_eq!(placed.cores.len(), tasks.len(), "{:?}", allocator);
            prop_assert!(placed.cores.iter().all(|&core| core < cores), "{:?}", allocator);
            let loads = core_loads(&tasks, &links, cores, &placed.cores);
            prop_assert!(close(placed.objective_ns, loads.iter().copied().fold(0.0, f64::max)));
            prop_assert!(placed.objective_ns >= placed.mean_ns() - 1e-9);
            prop_assert_eq!(&placed, &plan(allocator, &tasks, &links, cores, seed).unwrap());
        }
    }

    #[test]
    fn the_best_is_no_worse_than_greedy((tasks, links, cores) in problem(12)) {
        let of = |allocator| plan(allocator, &tasks, &links, cores, 1).unwrap().objective_ns;
        prop_assert!(of(Allocator::Best) <= of(Allocator::Greedy) * (1.0 + 1e-9));
    }
}

#[test]
fn greedy_can_be_a_ninth_worse_than_dynamic_programming() {
    // Graham's own example for two cores: 3 3 | 2 2 2 beside 3 2 2 | 3 2.
    let tasks = loads(&[3.0, 3.0, 2.0, 2.0, 2.0]);
    let of = |allocator| plan(allocator, &tasks, &[], 2, 1).unwrap();
    assert_eq!(of(Allocator::Greedy).objective_ns, 7.0);
    assert_eq!(of(Allocator::Dp).objective_ns, 6.0);
    let best = of(Allocator::Best);
    assert_eq!((best.allocator, best.objective_ns), (Allocator::Dp, 6.0));
}

#[test]
fn a_pipeline_is_cut_where_little_crosses() {
    let tasks = loads(&[10.0; 4]);
    let link = |from, events_per_s| Link {
        from,
        to: from + 1,
        events_per_s,
    };
    let links = [link(0, 8.0), link(1, 2.0), link(2, 8.0)];
    let chains = plan(Allocator::Chains, &tasks, &links, 2, 1).unwrap();
    assert_eq!(chains.cores, [0, 0, 1, 1]);
    assert_eq!(chains.objective_ns, 20.0 + 2.0 * CROSSING_NS);
    let robin = plan(Allocator::RoundRobin, &tasks, &links, 2, 1).unwrap();
    assert_eq!(robin.objective_ns, 20.0 + 18.0 * CROSSING_NS);
}

#[test]
fn crossings_that_cost_more_than_they_bring_keep_tasks_together() {
    let links = [Link {
        from: 0,
        to: 1,
        events_per_s: 100.0,
    }];
    for allocator in [Allocator::Dp, Allocator::Chains, Allocator::Best] {
        let placed = plan(allocator, &loads(&[10.0, 10.0]), &links, 2, 1).unwrap();
        assert_eq!(placed.objective_ns, 20.0, "{allocator:?}");
    }
}

#[test]
fn alike_partitions_are_no_matter_of_their_number() {
    // A source and two stages of 40 partitions each: 81 tasks of three kinds.
    let mut tasks = loads(&[7.0]);
    tasks.extend(loads(&[13.0 / 40.0; 80]));
    let stages = |from: std::ops::Range<usize>, to: std::ops::Range<usize>| {
        let events_per_s = 1.0 / (from.len() * to.len()) as f64;
        from.flat_map(move |from| to.clone().map(move |to| (from, to)))
            .map(move |(from, to)| Link {
                from,
                to,
                events_per_s,
            })
    };
    let links: Vec<Link> = stages(0..1, 1..41).chain(stages(1..41, 41..81)).collect();
    let exact = plan(Allocator::Dp, &tasks, &links, 4, 1).unwrap();
    let greedy = plan(Allocator::Greedy, &tasks, &links, 4, 1).unwrap();
    assert!(exact.objective_ns <= greedy.objective_ns);
    assert!(exact.objective_ns >= exact.mean_ns());
}

#[test]
fn more_cores_than_tasks_and_no_tasks_at_all() {
    for allocator in Allocator::ALL {
        assert_eq!(plan(allocator, &[], &[], 3, 1).unwrap().objective_ns, 0.0);
        let placed = plan(allocator, &loads(&[1.0, 2.0]), &[], 1_000, 1).unwrap();
        if allocator != Allocator::Random {
            assert_eq!(placed.objective_ns, 2.0, "{allocator:?}");
        }
    }
}

/// A thousand tasks of unlike load, as measured ones are.
fn thousand() -> Vec<TaskLoad> {
    let mut random = Random::new(7);
    let load = |_| TaskLoad {
        load_ns: 1e6 * random.exponential(),
    };
    (0..1_000).map(load).collect()
}

#[test]
fn ten_cores_and_a_thousand_tasks_are_refused_before_any_work() {
    let error = plan(Allocator::Dp, &thousand(), &[], 10, 1).unwrap_err();
    assert!(
        matches!(
            error,
            AllocateError::TooManySteps {
                tasks: 1_000,
                cores: 10,
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("14 unlike tasks") && text.contains("greedy"),
        "{text}"
    );
    let best = plan(Allocator::Best, &thousand(), &[], 10, 1).unwrap();
    assert_eq!(best.allocator, Allocator::Greedy);
    assert!(
        best.objective_ns < 1.01 * best.mean_ns(),
        "many tasks even out"
    );
}

#[test]
fn the_bounds_that_refusals_name_are_kept() {
    let unlike = |count: usize| loads(&(0..count).map(|i| 1.0 + i as f64).collect::<Vec<_>>());
    assert!(plan(Allocator::Dp, &unlike(22), &[], 2, 1).is_ok());
    assert!(plan(Allocator::Dp, &unlike(23), &[], 2, 1).is_err());
    assert!(plan(Allocator::Dp, &unlike(15), &[], 10, 1).is_err());
    let long = vec![TaskLoad { load_ns: 1.0 }; TASKS_MAX + 1];
    let error = plan(Allocator::Chains, &long, &[], 2, 1).unwrap_err();
    assert!(error.to_string().contains("2048"), "{error}");
    assert!(
        plan(Allocator::Dp, &long, &[], 2, 1).is_ok(),
        "they are alike"
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_number() {
    let refused = |tasks: &[TaskLoad], links: &[Link], cores| {
        plan(Allocator::Best, tasks, links, cores, 1)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(&loads(&[1.0]), &[], 0).contains("0 cores"));
    assert!(refused(&loads(&[1.0, -2.0]), &[], 1).contains("task 1 has a load of -2"));
    assert!(refused(&loads(&[f64::NAN]), &[], 1).contains("NaN"));
    let link = Link {
        from: 0,
        to: 5,
        events_per_s: 1.0,
    };
    assert!(refused(&loads(&[1.0]), &[link], 1).contains("from task 0 to task 5"));
}

#[test]
fn names_are_read_back() {
    for allocator in Allocator::ALL {
        assert_eq!(allocator.word().parse(), Ok(allocator));
    }
    let error = "gready".parse::<Allocator>().unwrap_err();
    assert!(error.to_string().contains("round-robin"), "{error}");
}
