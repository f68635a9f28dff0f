//! What only a measurement shows: the price of the clock, and how long a spinning core is stopped.

use crate::sys::machine::{Finding, Verdict};
use crate::sys::quantity::format_duration_ns;
use crate::sys::topology::{cpus_in_order, pin_current_thread};
use std::time::{Duration, Instant};

/// How long stops are looked for.
pub(super) const DURATION: Duration = Duration::from_secs(2);
/// Readings of the clock whose price is averaged.
const CLOCK_READINGS: u32 = 1_000_000;
/// A reading of the clock above this is a system call.
const CLOCK_NS_GOOD: f64 = 100.0;
/// A gap between two readings above this is a stop, not a reading.
const STOP_MIN: Duration = Duration::from_micros(5);
/// Stops above this are other programs or the hypervisor, not the kernel's own housekeeping.
const STOP_GOOD: Duration = Duration::from_millis(1);

/// Measures; takes [`DURATION`] and a little.
pub(super) fn findings() -> Vec<Finding> {
    let mut findings = vec![clock_price()];
    findings.extend(
        std::thread::spawn(stops)
            .join()
            .ok()
            .map(|stops| judge_stops(&stops)),
    );
    findings
}

fn finding(what: &'static str, value: String, problem: Option<(&str, &str)>) -> Finding {
    let (why, remedy) = problem.unwrap_or(("", ""));
    let verdict = if problem.is_some() {
        Verdict::Warn
    } else {
        Verdict::Ok
    };
    Finding {
        what,
        value,
        verdict,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn clock_price() -> Finding {
    let start = Instant::now();
    for _ in 0..CLOCK_READINGS {
        std::hint::black_box(Instant::now());
    }
    let price_ns = start.elapsed().as_nanos() as f64 / f64::from(CLOCK_READINGS);
    let slow = (
        "each reading is a system call",
        "use a clock source that is read without one: tsc",
    );
    finding(
        "clock price",
        format!("{price_ns:.0} ns a reading"),
        (price_ns > CLOCK_NS_GOOD).then_some(slow),
    )
}

/// What a spinning thread saw.
struct Stops {
    longest: Duration,
    /// All time lost in stops longer than [`STOP_MIN`].
    lost: Duration,
    cpu: Option<u32>,
}

/// Spins on the CPU that a run's first core would have and looks at the gaps between two readings of the clock.
fn stops() -> Stops {
    let cpu = cpus_in_order(&[])
        .first()
        .copied()
        .filter(|cpu| pin_current_thread(*cpu));
    let mut stops = Stops {
        longest: Duration::ZERO,
        lost: Duration::ZERO,
        cpu,
    };
    let start = Instant::now();
    let mut previous = start;
    while previous.duration_since(start) < DURATION {
        let now = Instant::now();
        let gap = now.duration_since(previous);
        if gap > STOP_MIN {
            stops.lost += gap;
            stops.longest = stops.longest.max(gap);
        }
        previous = now;
    }
    stops
}

fn judge_stops(stops: &Stops) -> Finding {
    let place = stops
        .cpu
        .map_or("an unpinned thread".to_owned(), |cpu| format!("CPU {cpu}"));
    let longest_ns = u64::try_from(stops.longest.as_nanos()).unwrap_or(u64::MAX);
    let lost = stops.lost.as_secs_f64() / DURATION.as_secs_f64() * 100.0;
    let longest = format_duration_ns(longest_ns);
    let long = (
        "the machine itself stopped a core this long, and will again",
        "stop other programs, move interrupts, isolate CPUs (isolcpus)",
    );
    finding(
        "hiccups",
        format!("{place} stopped for {longest} at most, {lost:.2} % of the time in all"),
        (stops.longest > STOP_GOOD).then_some(long),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stop_is_a_warning_and_says_where() {
        let stops = |longest| Stops {
            longest,
            lost: Duration::from_millis(20),
            cpu: Some(3),
        };
        assert_eq!(
            judge_stops(&stops(Duration::from_micros(900))).verdict,
            Verdict::Ok
        );
        let long = judge_stops(&stops(Duration::from_millis(4)));
        assert_eq!(long.verdict, Verdict::Warn);
        assert!(
            long.value.contains("CPU 3") && long.value.contains("1.00 %"),
            "{}",
            long.value
        );
        assert!(!long.remedy.is_empty());
    }
}
