//! From a configuration to what is offered: the load generator, and the pace of a replay.

use super::config::Config;
use super::error::CliError;
use crate::source::load::{Arrivals, KeySampler, Load, Schedule};
use crate::source::pace::Pace;
use crate::source::trace;

/// The load generator of `[load]`.
///
/// # Errors
/// Keys that cannot be drawn, arrivals that cannot be followed; for arrivals as in a trace, what is
/// wrong with the trace.
pub fn load(config: &Config) -> Result<Load, CliError> {
    let section = &config.load;
    let keys = KeySampler::new(&section.keys, config.seed).map_err(refuse)?;
    let schedule = match section.arrivals {
        Arrivals::Trace => {
            // At full speed there is no average to stretch to: the times stay as recorded.
            let rate = Some(section.rate).filter(|rate| !rate.is_max());
            Schedule::from_stamps(&stamps(config)?, rate)
        }
        arrivals => Schedule::new(&arrivals, section.rate, config.seed),
    };
    Ok(Load::new(
        keys,
        section.values,
        schedule.map_err(refuse)?,
        config.seed,
    ))
}

/// The pace of `[pace]`: by rate if one is given, else by the trace's stamps.
///
/// # Errors
/// A rate that cannot be followed.
pub fn pace(config: &Config) -> Result<Pace, CliError> {
    let section = &config.pace;
    match section.rate {
        None => Ok(Pace::at_speed(section.speed, section.max_gap_ns)),
        Some(rate) => Schedule::new(&Arrivals::Constant, rate, config.seed)
            .map(Pace::at_rate)
            .map_err(refuse),
    }
}

fn stamps(config: &Config) -> Result<Vec<u64>, CliError> {
    let source = &config.source;
    let mut trace = trace::open(&source.trace, &source.options)?;
    let limit = source.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let (mut stamps, mut block) = (Vec::new(), Vec::new());
    while stamps.len() < limit && trace.next_block(&mut block)? {
        let room = limit - stamps.len();
        stamps.extend(block.iter().take(room).map(|record| record.ts_ns));
    }
    Ok(stamps)
}

fn refuse(error: impl std::fmt::Display) -> CliError {
    CliError::usage(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::Settings;

    fn config(assignments: &[&str]) -> Config {
        let mut settings = Settings::default();
        for assignment in assignments {
            settings.lay_override(assignment).expect("a key");
        }
        Config::read(settings).expect("valid")
    }

    #[test]
    fn a_rate_replaces_the_stamps() {
        let mut by_rate = pace(&config(&["pace.rate=1000", "pace.speed=1x"])).expect("a pace");
        assert_eq!([by_rate.due_ns(7), by_rate.due_ns(9)], [0, 1_000_000]);
        let mut by_stamps = pace(&config(&["pace.speed=2x"])).expect("a pace");
        assert_eq!([by_stamps.due_ns(100), by_stamps.due_ns(300)], [0, 100]);
        assert!(pace(&config(&[])).expect("a pace").is_max());
    }

    #[test]
    fn arrivals_follow_a_trace_as_recorded_or_stretched() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "key,ts\n1,0\n1,10\n1,40\n").expect("written");
        let trace = format!("source.trace={}", path.display());
        let due = |rate: &str, limit: &str| {
            let settings = [
                &trace,
                "load.arrivals=trace",
                "source.time_unit=ns",
                rate,
                limit,
            ];
            let mut load = load(&config(&settings)).expect("a load");
            [(); 3].map(|()| load.next_event().0)
        };
        assert_eq!(due("load.rate=max", "source.limit=none"), [0, 10, 40]);
        // Three events in 60 ns (the third's gap is the mean) become three in 60 ms at 50 a second.
        let stretched = due("load.rate=50", "source.limit=none");
        assert_eq!(stretched[2], 4 * stretched[1], "{stretched:?}");
        assert!(stretched[1] > 1_000_000, "{stretched:?}");
        assert_eq!(due("load.rate=max", "source.limit=2")[..2], [0, 10]);
    }
}
