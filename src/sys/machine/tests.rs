//! Findings about a machine, from machines made up for the purpose.

use super::finding::{finding, ok};
use super::*;
use crate::sys::cpus::Cpus;
use crate::sys::procfs::{CpuInfo, CpuTime, Memory};

/// A machine with nothing wrong.
fn good() -> Machine {
    Machine {
        cpus_allowed: (0..8).collect(),
        pinning: true,
        cpu: CpuInfo {
            model: "EPYC".into(),
            tsc_invariant: Some(true),
            virtualised: false,
        },
        memory: Memory {
            total_bytes: 64 << 30,
            available_bytes: 60 << 30,
            swap_used_bytes: 0,
        },
        kernel: "6.18".into(),
        huge_pages: Some("madvise".into()),
        huge_pages_defrag: Some("madvise".into()),
        clock_source: Some("tsc".into()),
        cpu_time: Some(CpuTime {
            total_ticks: 1_000_000,
            steal_ticks: 10,
        }),
        governor: Some("performance".into()),
        overcommit: Some(0),
        isolated: vec![2, 3],
        nohz_full: vec![2, 3],
        timer_slack_ns: Some(1),
        ..Machine::default()
    }
}

fn judged(machine: &Machine, what: &str) -> Finding {
    let all = findings(machine, None);
    all.into_iter().find(|f| f.what == what).unwrap()
}

#[test]
fn a_good_machine_has_only_good_findings() {
    for finding in findings(&good(), Some(0.0)) {
        assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
    }
}

#[test]
fn the_order_of_cpus_is_shown() {
    let text = include_str!("../../../tests/data/topology/xeon_two_sockets.txt");
    let machine = Machine {
        cpus: Cpus::from_text(text),
        ..good()
    };
    let shown = judged(&machine, "topology").value;
    assert!(
        shown.starts_with(
            "16 physical cores, 2 last-level caches, 2 memory nodes; cores take CPUs 31,30,"
        ),
        "{shown}"
    );
    assert!(shown.ends_with(",…"), "{shown}");
}

#[test]
fn each_fault_is_found_alone_with_reason_and_remedy() {
    type Spoil = fn(&mut Machine);
    let faults: [(&str, Verdict, &str, Spoil); 20] = [
        ("CPUs", Verdict::Warn, "1 (5) EPYC", |m| {
            (m.cpus_allowed, m.isolated) = (vec![5], vec![])
        }),
        ("CPUs", Verdict::Warn, "unknown", |m| {
            m.cpus_allowed.clear();
            m.isolated.clear();
        }),
        ("CPU quota", Verdict::Bad, "1.50 CPUs", |m| {
            m.cpu_quota = Some(1.5)
        }),
        ("pinning", Verdict::Warn, "refused", |m| m.pinning = false),
        ("shared cores", Verdict::Warn, "0,4 1,5", |m| {
            m.siblings = vec![vec![0, 4], vec![1, 5]]
        }),
        ("isolated CPUs", Verdict::Warn, "none", |m| {
            m.isolated.clear()
        }),
        (
            "isolated CPUs",
            Verdict::Warn,
            "90, not for this process",
            |m| m.isolated = vec![90],
        ),
        ("isolated CPUs", Verdict::Warn, "2-3", |m| {
            m.nohz_full.clear()
        }),
        ("frequency", Verdict::Warn, "powersave", |m| {
            m.governor = Some("powersave".into())
        }),
        ("virtual machine", Verdict::Warn, "yes", |m| {
            m.cpu.virtualised = true
        }),
        ("stolen time", Verdict::Warn, "0.500 % since boot", |m| {
            steal_ticks(m, 5_000)
        }),
        ("stolen time", Verdict::Bad, "5.000 % since boot", |m| {
            steal_ticks(m, 50_000)
        }),
        ("clock", Verdict::Bad, "hpet", |m| {
            m.clock_source = Some("hpet".into())
        }),
        ("clock", Verdict::Warn, "kvm-clock", |m| {
            m.clock_source = Some("kvm-clock".into())
        }),
        ("clock", Verdict::Warn, "not invariant", |m| {
            m.cpu.tsc_invariant = Some(false)
        }),
        ("timer slack", Verdict::Warn, "50.0 µs", |m| {
            m.timer_slack_ns = Some(50_000)
        }),
        ("memory", Verdict::Bad, "512 MiB of 64.0 GiB", |m| {
            m.memory.available_bytes = 512 << 20
        }),
        ("swap", Verdict::Warn, "1.00 GiB in use", |m| {
            m.memory.swap_used_bytes = 1 << 30
        }),
        ("overcommit", Verdict::Warn, "strict", |m| {
            m.overcommit = Some(2)
        }),
        ("huge pages", Verdict::Warn, "never", |m| {
            m.huge_pages = Some("never".into())
        }),
    ];
    for (what, verdict, value, spoil) in faults {
        let mut machine = good();
        spoil(&mut machine);
        let finding = judged(&machine, what);
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.value.contains(value), "{finding:?}");
        assert!(
            !finding.why.is_empty() && !finding.remedy.is_empty(),
            "{finding:?}"
        );
        let faulty = |f: &Finding| f.verdict != Verdict::Ok;
        assert_eq!(
            findings(&machine, None).into_iter().filter(faulty).count(),
            1,
            "{what}"
        );
    }
}

fn steal_ticks(machine: &mut Machine, steal_ticks: u64) {
    machine.cpu_time = Some(CpuTime {
        total_ticks: 1_000_000,
        steal_ticks,
    });
}

#[test]
fn what_was_measured_outweighs_what_was_long_ago() {
    let mut machine = good();
    steal_ticks(&mut machine, 50_000);
    let all = findings(&machine, Some(0.0));
    let steal = all.iter().find(|f| f.what == "stolen time").unwrap();
    assert_eq!(
        (steal.verdict, steal.value.as_str()),
        (Verdict::Ok, "0.000 % just now")
    );
}

#[test]
fn a_small_machine_is_not_blamed_for_isolating_no_cpu() {
    let mut machine = good();
    machine.cpus_allowed = vec![0, 1];
    machine.isolated.clear();
    assert_eq!(judged(&machine, "isolated CPUs").verdict, Verdict::Ok);
}

#[test]
fn an_unknown_machine_is_judged_without_a_panic() {
    let all = findings(&Machine::default(), None);
    assert_eq!(all.len(), 16);
    assert_eq!(judged(&Machine::default(), "memory").value, "unknown");
}

#[test]
fn as_text() {
    let findings = [
        ok("CPUs", "2 (0-1)"),
        finding("swap", "1 GiB in use", Verdict::Warn, "slow", "swapoff"),
    ];
    assert_eq!(
        text(&findings),
        "ok    CPUs  2 (0-1)\nwarn  swap  1 GiB in use\n            slow\n            → swapoff\n"
    );
    assert_eq!(text(&[]), "");
}
