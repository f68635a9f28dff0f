//! What only a measurement shows: the price of the clock, hiccups of a spinning core, stolen time.

use super::Finding;
use crate::sys::quantity::format_duration_ns;
use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// How long hiccups are looked for.
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
    let before = read_to_string("/proc/stat").ok();
    let hiccups = hiccups();
    let after = read_to_string("/proc/stat").ok();
    let steal = match (
        before.as_deref().and_then(cpu_ticks),
        after.as_deref().and_then(cpu_ticks),
    ) {
        (Some(before), Some(after)) => judge_steal(before, after),
        _ => Finding::unknown("steal"),
    };
    vec![clock_price(), hiccups, steal]
}

fn clock_price() -> Finding {
    let start = Instant::now();
    for _ in 0..CLOCK_READINGS {
        std::hint::black_box(Instant::now());
    }
    let price_ns = start.elapsed().as_nanos() as f64 / f64::from(CLOCK_READINGS);
    let found = format!("{price_ns:.0} ns a reading");
    if price_ns <= CLOCK_NS_GOOD {
        Finding::good("clock price", found)
    } else {
        Finding::care(
            "clock price",
            found,
            "the clock source is slow; see clock above",
        )
    }
}

/// What a spinning thread saw.
struct Stops {
    longest: Duration,
    /// All time lost in stops longer than [`STOP_MIN`].
    lost: Duration,
    cpu: Option<usize>,
}

/// Spins on the last allowed CPU and looks at the gaps between two readings of the clock.
fn hiccups() -> Finding {
    let spun = std::thread::spawn(|| {
        // The last one: systems take most interrupts on the first.
        let last = core_affinity::get_core_ids().and_then(|ids| ids.last().copied());
        let cpu = last
            .filter(|id| core_affinity::set_for_current(*id))
            .map(|id| id.id);
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
    });
    spun.join()
        .map_or_else(|_| Finding::unknown("hiccups"), |stops| judge_stops(&stops))
}

fn judge_stops(stops: &Stops) -> Finding {
    let place = stops
        .cpu
        .map_or("an unpinned thread".to_owned(), |cpu| format!("CPU {cpu}"));
    let longest_ns = u64::try_from(stops.longest.as_nanos()).unwrap_or(u64::MAX);
    let lost = stops.lost.as_secs_f64() / DURATION.as_secs_f64() * 100.0;
    let longest = format_duration_ns(longest_ns);
    let found = format!("{place} stopped for {longest} at most, {lost:.2} % of the time in all");
    if stops.longest <= STOP_GOOD {
        Finding::good("hiccups", found)
    } else {
        Finding::care(
            "hiccups",
            found,
            "the machine itself stopped a core this long, and will again: stop other programs, move interrupts, isolate CPUs (isolcpus)",
        )
    }
}

/// (stolen, all) ticks of all CPUs since boot, from the first line of `/proc/stat`.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let mut words = stat.lines().next()?.split_whitespace();
    words.next().filter(|name| *name == "cpu")?;
    // user nice system idle iowait irq softirq steal; guest time is already within user.
    let ticks: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
    Some((*ticks.get(7)?, ticks.iter().sum()))
}

fn judge_steal(before: (u64, u64), after: (u64, u64)) -> Finding {
    let stolen = after.0.saturating_sub(before.0);
    let share = stolen as f64 / after.1.saturating_sub(before.1).max(1) as f64;
    let found = format!("{:.2} % of CPU time while measuring", share * 100.0);
    if stolen == 0 {
        Finding::good("steal", found)
    } else {
        Finding::care(
            "steal",
            found,
            "the hypervisor gives this machine's CPUs to others: measure on dedicated CPUs, or read tails beside the hiccups",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bearing;
    use super::*;

    #[test]
    fn steal_is_the_eighth_number_of_the_first_line() {
        let stat = "cpu  100 1 50 800 9 3 2 7 4 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(cpu_ticks(stat), Some((7, 972)));
        assert_eq!(cpu_ticks("intr 1 2 3"), None);
        assert_eq!(
            cpu_ticks("cpu 1 2 3"),
            None,
            "an old kernel does not count steal"
        );
    }

    #[test]
    fn a_long_stop_needs_care_and_says_where() {
        let stops = |longest| Stops {
            longest,
            lost: Duration::from_millis(20),
            cpu: Some(3),
        };
        assert_eq!(
            judge_stops(&stops(Duration::from_micros(900))).bearing,
            Bearing::Good
        );
        let long = judge_stops(&stops(Duration::from_millis(4)));
        assert_eq!(long.bearing, Bearing::Care);
        assert!(
            long.found.contains("CPU 3") && long.found.contains("1.00 %"),
            "{}",
            long.found
        );
    }

    #[test]
    fn any_stolen_tick_needs_care() {
        assert_eq!(judge_steal((7, 1_000), (7, 1_400)).bearing, Bearing::Good);
        let stolen = judge_steal((7, 1_000), (9, 1_400));
        assert_eq!(stolen.bearing, Bearing::Care);
        assert!(stolen.found.starts_with("0.50 %"), "{}", stolen.found);
    }
}
