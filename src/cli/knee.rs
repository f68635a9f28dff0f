//! The knee: the highest rate at which a goal is still kept, found by probing.
//!
//! ```text
//!   lo ─ ×2 ─ ×2 ─ ×2 ─ missed          doubling, until a rate misses or `hi` is reached
//!                 └──┬──┘
//!             bisect the ratio          until kept and missed are 5 % apart
//! ```
//!
//! A machine has bad moments of its own, so a missed probe is repeated, and a rate counts as missed only
//! when every attempt missed. A kept one is not repeated: luck does not make an engine faster.

/// Attempts at a rate before it counts as missed.
pub const ATTEMPTS: usize = 3;
/// How close the kept and the missed rate end up: their ratio.
pub const CLOSENESS: f64 = 1.05;

/// What one run at one rate showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeResult {
    /// Whether the latency goals were kept.
    pub goal_kept: bool,
    /// Whether the load was offered as asked; a rate that was never offered proves nothing.
    pub schedule_kept: bool,
}

/// One run of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// The rate asked, events a second.
    pub rate_events_per_s: f64,
    /// What it showed.
    pub result: ProbeResult,
}

/// What the search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Knee {
    /// The highest rate that kept the goal, events a second; `None` if even the lowest missed.
    pub kept_events_per_s: Option<f64>,
    /// The lowest rate that missed; `None` if even the highest kept.
    pub missed_events_per_s: Option<f64>,
    /// All runs, in order.
    pub probes: Vec<Probe>,
}

/// Searches between `lo` and `hi` (events a second, `0 < lo <= hi`) for the highest rate at which
/// `probe` keeps the goal and the schedule.
///
/// # Errors
/// The first error of `probe` ends the search.
pub fn find_knee<E>(
    lo: f64,
    hi: f64,
    mut probe: impl FnMut(f64) -> Result<ProbeResult, E>,
) -> Result<Knee, E> {
    let mut probes = Vec::new();
    let mut holds = |rate: f64| -> Result<bool, E> {
        for _ in 0..ATTEMPTS {
            let result = probe(rate)?;
            probes.push(Probe {
                rate_events_per_s: rate,
                result,
            });
            if result.goal_kept && result.schedule_kept {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let (mut kept, mut missed) = (None, None);
    let mut rate = lo;
    while missed.is_none() && kept != Some(hi) {
        if holds(rate)? {
            kept = Some(rate);
            rate = (rate * 2.0).min(hi);
        } else {
            missed = Some(rate);
        }
    }
    while let (Some(below), Some(above)) = (kept, missed)
        && above / below > CLOSENESS
    {
        // Rates differ by factors, so the middle is the geometric one.
        let middle = (below * above).sqrt();
        if holds(middle)? {
            kept = Some(middle);
        } else {
            missed = Some(middle);
        }
    }
    Ok(Knee {
        kept_events_per_s: kept,
        missed_events_per_s: missed,
        probes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn result(kept: bool) -> Result<ProbeResult, Infallible> {
        Ok(ProbeResult {
            goal_kept: kept,
            schedule_kept: true,
        })
    }

    fn search(lo: f64, hi: f64, probe: impl FnMut(f64) -> Result<ProbeResult, Infallible>) -> Knee {
        let Ok(knee) = find_knee(lo, hi, probe);
        knee
    }

    #[test]
    fn the_knee_is_found_within_five_percent_wherever_it_lies() {
        for limit in [1_000.0, 1_001.0, 63_999.0, 64_000.0, 777_777.0, 9_999_999.0] {
            let knee = search(1_000.0, 1e8, |rate| result(rate <= limit));
            let kept = knee.kept_events_per_s.expect("the lowest rate keeps it");
            let missed = knee
                .missed_events_per_s
                .expect("the highest rate misses it");
            assert!(
                kept <= limit && limit < missed,
                "{kept} <= {limit} < {missed}"
            );
            assert!(
                missed / kept <= CLOSENESS,
                "{kept} and {missed} are too far apart"
            );
            assert!(knee.probes.len() < 40, "{} probes", knee.probes.len());
        }
    }

    #[test]
    fn a_single_bad_moment_does_not_lower_the_knee() {
        let mut probes = 0;
        let noisy = search(1_000.0, 1e7, |rate| {
            probes += 1;
            result(rate <= 500_000.0 && probes % 2 == 0)
        });
        let calm = search(1_000.0, 1e7, |rate| result(rate <= 500_000.0));
        assert_eq!(noisy.kept_events_per_s, calm.kept_events_per_s);
    }

    #[test]
    fn a_missed_rate_is_tried_again_before_it_counts() {
        let knee = search(1_000.0, 1e6, |_| result(false));
        assert_eq!(knee.kept_events_per_s, None);
        assert_eq!(knee.missed_events_per_s, Some(1_000.0));
        assert_eq!(knee.probes.len(), ATTEMPTS);
    }

    #[test]
    fn the_highest_rate_ends_the_search() {
        let knee = search(1_000.0, 5_000.0, |_| result(true));
        assert_eq!(
            (knee.kept_events_per_s, knee.missed_events_per_s),
            (Some(5_000.0), None)
        );
        let rates: Vec<f64> = knee
            .probes
            .iter()
            .map(|probe| probe.rate_events_per_s)
            .collect();
        assert_eq!(rates, [1_000.0, 2_000.0, 4_000.0, 5_000.0]);
    }

    #[test]
    fn a_rate_that_was_not_offered_as_asked_counts_as_missed() {
        let knee = search(1_000.0, 1e6, |rate| {
            Ok(ProbeResult {
                goal_kept: true,
                schedule_kept: rate <= 10_000.0,
            })
        });
        assert!(knee.kept_events_per_s.expect("low rates are offered") <= 10_000.0);
    }

    #[test]
    fn an_error_of_a_probe_ends_the_search() {
        let mut probes = 0;
        let failed = find_knee(1.0, 100.0, |_| {
            probes += 1;
            Err::<ProbeResult, &str>("no such trace")
        });
        assert_eq!((failed, probes), (Err("no such trace"), 1));
    }
}
