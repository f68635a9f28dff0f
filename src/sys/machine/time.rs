//! Findings about time: who else takes it, and how well it can be told.

use super::finding::{Finding, Verdict, finding, ok};
use crate::sys::quantity::format_duration_ns;
use crate::sys::topology::Machine;

/// Stolen shares: one tick of 1 ms in a thousand shows at p99.9, one in a hundred at p99.
const STEAL_WARN: f64 = 0.001;
const STEAL_BAD: f64 = 0.01;
/// A timer that is later than this shows beside a median of half a microsecond.
const TIMER_SLACK_NS: u64 = 1_000;

pub(super) fn virtualisation(machine: &Machine) -> Finding {
    match machine.cpu.virtualised {
        false => ok("virtual machine", "no"),
        true => finding(
            "virtual machine",
            "yes",
            Verdict::Warn,
            "the host can stop a CPU at any time, and this machine cannot see it but in the hiccups",
            "read p99.9 and beyond beside the hiccups of the same run, or measure on bare metal",
        ),
    }
}

pub(super) fn steal(machine: &Machine, measured: Option<f64>) -> Finding {
    let since_boot = machine
        .cpu_time
        .and_then(|time| time.steal_share_since(&Default::default()));
    let (share, when) = match (measured, since_boot) {
        (Some(share), _) => (share, "just now"),
        (None, Some(share)) => (share, "since boot"),
        (None, None) => return ok("stolen time", "unknown"),
    };
    let value = format!("{:.3} % {when}", share * 100.0);
    let verdict = match share {
        s if s >= STEAL_BAD => Verdict::Bad,
        s if s >= STEAL_WARN => Verdict::Warn,
        _ => return ok("stolen time", value),
    };
    finding(
        "stolen time",
        value,
        verdict,
        "the host runs others while this machine has work to do",
        "measure again when the host is quiet, or on a machine with CPUs of its own",
    )
}

pub(super) fn clock(machine: &Machine) -> Finding {
    let source = machine.clock_source.as_deref().unwrap_or("unknown");
    match (source, machine.cpu.tsc_invariant) {
        ("tsc", Some(true)) => ok("clock", "tsc, invariant"),
        ("arch_sys_counter", _) => ok("clock", source),
        ("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies", _) => finding(
            "clock",
            source,
            Verdict::Bad,
            "a look at the clock is a system call of a microsecond or more",
            "boot with clocksource=tsc (tsc=reliable if the kernel gave it up)",
        ),
        (_, Some(false)) => finding(
            "clock",
            format!("{source}, time-stamp counter not invariant"),
            Verdict::Warn,
            "the counter changes its rate or stops, so the system's clock is read instead, at 2 to 3 \
             times the cost",
            "nothing on this CPU; some hypervisors can be told to offer an invariant counter",
        ),
        _ => finding(
            "clock",
            source,
            Verdict::Warn,
            "the kernel does not run on the time-stamp counter, which may mean that it mistrusts it",
            "look for `clocksource` in the kernel's log; boot with clocksource=tsc if it is sound",
        ),
    }
}

pub(super) fn timer_slack(machine: &Machine) -> Finding {
    match machine.timer_slack_ns {
        None => ok("timer slack", "unknown"),
        Some(ns) if ns <= TIMER_SLACK_NS => ok("timer slack", format_duration_ns(ns)),
        Some(ns) => finding(
            "timer slack",
            format_duration_ns(ns),
            Verdict::Warn,
            "a parked core that sleeps until an event is due wakes that much later",
            "choose the idle strategy busy or adaptive where that matters",
        ),
    }
}
