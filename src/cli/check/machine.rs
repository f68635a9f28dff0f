//! What the system says about itself: CPUs, quota, pinning, huge pages, clock, frequency, neighbours.
//!
//! Reading and judging are apart: the judges take text, so that tests show them machines we do not have.

use super::Finding;
use std::fs::read_to_string;

/// Everything that needs no measurement.
pub(super) fn findings() -> Vec<Finding> {
    let cpus = core_affinity::get_core_ids().map_or(0, |ids| ids.len());
    let read = |path: &str| read_to_string(path).ok();
    vec![
        judge_cpus(cpus),
        pinning(),
        judge_quota(read("/sys/fs/cgroup/cpu.max").as_deref()),
        judge_huge_pages(read("/sys/kernel/mm/transparent_hugepage/enabled").as_deref()),
        judge_clock(
            read("/sys/devices/system/clocksource/clocksource0/current_clocksource").as_deref(),
        ),
        judge_governor(read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").as_deref()),
        judge_smt(read("/sys/devices/system/cpu/smt/active").as_deref()),
        judge_load(read("/proc/loadavg").as_deref(), cpus),
    ]
}

fn judge_cpus(cpus: usize) -> Finding {
    match cpus {
        0 => Finding::unknown("cpus"),
        1 => Finding::care(
            "cpus",
            "1 allowed",
            "the system shares the engine's only CPU: use --idle park, and expect its interruptions in the tail",
        ),
        _ => Finding::good(
            "cpus",
            format!("{cpus} allowed; one is best left to the system"),
        ),
    }
}

/// Tries to pin a thread to each allowed CPU.
fn pinning() -> Finding {
    let tried = std::thread::spawn(|| {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        let refused = ids
            .iter()
            .filter(|id| !core_affinity::set_for_current(**id))
            .count();
        (ids.len(), refused)
    });
    match tried.join() {
        Ok((0, _)) | Err(_) => Finding::unknown("pinning"),
        Ok((_, 0)) => Finding::good("pinning", "allowed on every CPU"),
        Ok((cpus, refused)) => Finding::care(
            "pinning",
            format!("refused on {refused} of {cpus} CPUs"),
            "allow sched_setaffinity for the process (container profile); unpinned threads wander and lose their caches",
        ),
    }
}

fn judge_quota(cpu_max: Option<&str>) -> Finding {
    let Some(text) = cpu_max else {
        return Finding::good("cpu quota", "none known");
    };
    let mut words = text.split_whitespace();
    match (
        words.next(),
        words.next().and_then(|period| period.parse::<f64>().ok()),
    ) {
        (Some("max"), _) => Finding::good("cpu quota", "none"),
        (Some(quota), Some(period)) if quota.parse::<f64>().is_ok() && period > 0.0 => {
            let share = quota.parse::<f64>().unwrap_or_default() / period;
            Finding::care(
                "cpu quota",
                format!(
                    "{share:.2} CPUs in each period of {:.0} ms",
                    period / 1_000.0
                ),
                "a spent quota stops all threads until the period ends: lift it, or run fewer spinning cores than it grants",
            )
        }
        _ => Finding::unknown("cpu quota"),
    }
}

fn judge_huge_pages(enabled: Option<&str>) -> Finding {
    let chosen = enabled.and_then(|text| text.split('[').nth(1)?.split(']').next());
    match chosen {
        Some(choice @ ("always" | "madvise")) => {
            Finding::good("huge pages", format!("{choice}; large tables get them"))
        }
        Some(choice) => Finding::care(
            "huge pages",
            choice,
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: large tables miss the TLB less",
        ),
        None => Finding::unknown("huge pages"),
    }
}

fn judge_clock(source: Option<&str>) -> Finding {
    match source.map(str::trim) {
        Some(
            source @ ("tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter"),
        ) => Finding::good("clock", source),
        Some(source) => Finding::care(
            "clock",
            source,
            "each reading of this clock is a system call: boot with clocksource=tsc if the TSC is stable",
        ),
        None => Finding::unknown("clock"),
    }
}

fn judge_governor(governor: Option<&str>) -> Finding {
    match governor.map(str::trim) {
        Some("performance") => Finding::good("frequency", "performance"),
        Some(other) => Finding::care(
            "frequency",
            other,
            "cpupower frequency-set -g performance: a core that was idle starts slowly otherwise",
        ),
        None => Finding::unknown("frequency"),
    }
}

fn judge_smt(active: Option<&str>) -> Finding {
    match active.map(str::trim) {
        Some("0") => Finding::good("smt", "off: every CPU is a core of its own"),
        Some("1") => Finding::care(
            "smt",
            "on: two CPUs share a core",
            "keep the sibling of each busy CPU idle, or give --cores half the CPUs",
        ),
        _ => Finding::unknown("smt"),
    }
}

fn judge_load(loadavg: Option<&str>, cpus: usize) -> Finding {
    let load = loadavg.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    match load {
        // Half a CPU of others' work is seldom in the way; more will be, sooner or later.
        Some(load) if load > 0.5 => Finding::care(
            "other work",
            format!("load {load:.2} over the last minute, on {cpus} CPUs"),
            "stop other programs before measuring: each interruption of a core is a hiccup of milliseconds",
        ),
        Some(load) => Finding::good("other work", format!("load {load:.2} over the last minute")),
        None => Finding::unknown("other work"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bearing;
    use super::*;

    #[test]
    fn each_judge_tells_good_from_bad_from_unknown() {
        type Judge = fn(Option<&str>) -> Finding;
        let cases: [(Judge, &str, &str); 5] = [
            (judge_quota, "max 100000\n", "150000 100000\n"),
            (
                judge_huge_pages,
                "always [madvise] never\n",
                "always madvise [never]\n",
            ),
            (judge_clock, "tsc\n", "hpet\n"),
            (judge_governor, "performance\n", "powersave\n"),
            (judge_smt, "0\n", "1\n"),
        ];
        for (judge, good, bad) in cases {
            assert_eq!(judge(Some(good)).bearing, Bearing::Good, "{good}");
            let bad = judge(Some(bad));
            assert_eq!(bad.bearing, Bearing::Care, "{bad:?}");
            assert!(!bad.advice.is_empty(), "{bad:?}");
        }
        for judge in [judge_huge_pages, judge_clock, judge_governor, judge_smt] {
            assert_eq!(judge(None).bearing, Bearing::Unknown);
        }
        assert!(
            judge_quota(Some("150000 100000"))
                .found
                .starts_with("1.50 CPUs")
        );
        assert_eq!(judge_quota(Some("what?")).bearing, Bearing::Unknown);
        assert_eq!(judge_cpus(1).bearing, Bearing::Care);
        assert_eq!(
            judge_load(Some("1.75 0.5 0.1 2/100 77"), 2).bearing,
            Bearing::Care
        );
        assert_eq!(
            judge_load(Some("0.02 0.5 0.1 2/100 77"), 2).bearing,
            Bearing::Good
        );
    }
}
