//! The order of CPUs on machines larger than the one at hand: texts of their `/sys` in `tests/data/topology`.

use super::*;

const XEON: &str = include_str!("../../tests/data/topology/xeon_two_sockets.txt");
const EPYC: &str = include_str!("../../tests/data/topology/epyc_core_complexes.txt");
const HYBRID: &str = include_str!("../../tests/data/topology/hybrid_laptop.txt");
const ISOLATED: &str = include_str!("../../tests/data/topology/isolated_cores.txt");
const ARM: &str = include_str!("../../tests/data/topology/arm_big_little.txt");

/// The machine, and its CPUs in the order of use.
fn ordered(text: &str) -> (Cpus, Vec<Cpu>) {
    let cpus = Cpus::from_text(text);
    let order = cpus.order();
    let by_number: BTreeMap<u32, &Cpu> = cpus.cpus.iter().map(|cpu| (cpu.cpu, cpu)).collect();
    let found = order.iter().map(|cpu| by_number[cpu].clone()).collect();
    (cpus, found)
}

/// How many different ones there are of something.
fn kinds(cpus: &[Cpu], of: fn(&Cpu) -> u32) -> usize {
    cpus.iter().map(of).collect::<BTreeSet<_>>().len()
}

#[test]
fn every_cpu_is_used_once() {
    for text in [XEON, EPYC, HYBRID, ISOLATED, ARM] {
        let (cpus, order) = ordered(text);
        assert_eq!(kinds(&order, |cpu| cpu.cpu), cpus.cpus.len());
        assert_eq!(order.len(), cpus.cpus.len());
    }
}

#[test]
fn two_sockets_are_filled_one_after_the_other_and_hyper_threads_last() {
    let (cpus, order) = ordered(XEON);
    assert_eq!(cpus.counts(), (16, 2, 2));
    assert_eq!(
        kinds(&order[..8], |cpu| cpu.core),
        8,
        "physical cores first"
    );
    assert_eq!(kinds(&order[..8], |cpu| cpu.node), 1, "of one socket");
    assert_eq!(
        kinds(&order[..16], |cpu| cpu.core),
        16,
        "then those of the other"
    );
    assert!(
        order[16..].iter().all(|cpu| cpu.cpu < 16),
        "then the other threads"
    );
    assert_eq!(order[0].cpu, 31, "the highest number, far from CPU 0");
}

#[test]
fn core_complexes_and_nodes_are_filled_one_after_the_other() {
    let (cpus, order) = ordered(EPYC);
    assert_eq!(cpus.counts(), (16, 8, 4));
    for count in [2, 4, 8, 16] {
        let used = &order[..count];
        assert_eq!(kinds(used, |cpu| cpu.core), count, "no two of a core");
        assert_eq!(kinds(used, |cpu| cpu.cache), count / 2, "two cores a cache");
        assert_eq!(
            kinds(used, |cpu| cpu.node),
            count.div_ceil(4),
            "four cores a node"
        );
    }
}

#[test]
fn performance_cores_come_first_and_their_hyper_threads_last() {
    let (cpus, order) = ordered(HYBRID);
    assert_eq!(cpus.counts(), (12, 1, 1));
    assert!(order[..4].iter().all(|cpu| !cpu.efficient));
    assert_eq!(kinds(&order[..4], |cpu| cpu.core), 4);
    assert!(
        order[4..12].iter().all(|cpu| cpu.efficient),
        "then the efficient ones"
    );
    assert!(order[12..].iter().all(|cpu| !cpu.efficient));
    let (_, arm) = ordered(ARM);
    let numbers: Vec<u32> = arm.iter().map(|cpu| cpu.cpu).collect();
    assert_eq!(
        numbers,
        [7, 6, 5, 4, 3, 2, 1, 0],
        "the larger ones by capacity"
    );
}

#[test]
fn isolated_cores_come_first() {
    let (_, order) = ordered(ISOLATED);
    assert!(order[..8].iter().all(|cpu| cpu.isolated));
    assert_eq!(
        kinds(&order[..4], |cpu| cpu.core),
        4,
        "their physical cores before the rest"
    );
    assert!(order[8..].iter().all(|cpu| !cpu.isolated));
    assert_eq!(kinds(&order[8..12], |cpu| cpu.core), 4);
}

#[test]
fn memory_is_kept_to_one_node_where_the_run_is() {
    let (cpus, order) = ordered(XEON);
    let used: Vec<u32> = order.iter().map(|cpu| cpu.cpu).collect();
    let near = cpus.only_node_of(&used[..8]).expect("one socket");
    assert_eq!(near.len(), 16, "hyper-threads of that socket too");
    assert!(used[..8].iter().all(|cpu| near.contains(&(*cpu as usize))));
    assert_eq!(
        cpus.only_node_of(&used[..9]),
        None,
        "the ninth core is on the other socket"
    );
    let (one_node, order) = ordered(HYBRID);
    assert_eq!(
        one_node.only_node_of(&[order[0].cpu]),
        None,
        "nothing to choose"
    );
    assert_eq!(cpus.only_node_of(&[]), None);
    assert_eq!(cpus.only_node_of(&[5_000]), None, "not one of these CPUs");
}

#[test]
fn a_far_node_comes_after_a_near_one() {
    let text = "devices/system/cpu/online 0-3\n\
        devices/system/node/online 0-3\n\
        devices/system/node/node0/cpulist 0\ndevices/system/node/node1/cpulist 1\n\
        devices/system/node/node2/cpulist 2\ndevices/system/node/node3/cpulist 3\n\
        devices/system/node/node3/distance 12 32 21 10\n";
    let mut cpus = Cpus::from_text(text);
    for cpu in &mut cpus.cpus {
        cpu.cache = cpu.cpu;
    }
    assert_eq!(cpus.order(), [3, 0, 2, 1]);
}

#[test]
fn a_machine_that_says_nothing_is_used_from_the_highest_cpu_down() {
    let cpus = Cpus::from_files(&[0, 1, 2, 3], |_| None);
    assert_eq!(cpus.order(), [3, 2, 1, 0]);
    assert_eq!(cpus.counts(), (4, 1, 1));
    assert!(Cpus::from_text("").order().is_empty());
}

#[test]
fn hundreds_of_cpus_are_ordered() {
    let all: Vec<u32> = (0..512).collect();
    assert_eq!(Cpus::from_files(&all, |_| None).order().len(), 512);
}

#[test]
fn cpus_that_a_run_cannot_have_are_refused() {
    assert_eq!(check_given(&[], 64, &[0, 1]), Ok(()));
    assert_eq!(check_given(&[3, 1], 2, &[0, 1, 2, 3]), Ok(()));
    assert_eq!(check_given(&[3, 1], 2, &[]), Ok(()), "nothing is known");
    let refused = |given: &[u32], cores| {
        let error = check_given(given, cores, &[0, 1, 2, 3]).unwrap_err();
        error.to_string()
    };
    assert!(refused(&[4], 1).contains("CPU 4 is not one of this machine, which has 0-3"));
    assert!(refused(&[1, 1], 1).contains("named twice"));
    assert!(refused(&[1, 2], 3).contains("3 cores need 3 CPUs, and 2 are given"));
}
