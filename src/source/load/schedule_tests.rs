//! Schedules: due times, rates, seeds.

use super::*;
use proptest::prelude::*;

fn schedule(arrivals: &str, rate: &str, seed: u64) -> Schedule {
    Schedule::new(&arrivals.parse().unwrap(), rate.parse().unwrap(), seed).unwrap()
}

fn due(schedule: &mut Schedule, n: usize) -> Vec<u64> {
    (0..n).map(|_| schedule.next_due_ns()).collect()
}

#[test]
fn constant_spacing() {
    let mut s = schedule("constant", "3", 1);
    assert_eq!(
        due(&mut s, 5),
        [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333]
    );
    let mut s = schedule("constant", "1M", 1);
    assert_eq!(due(&mut s, 3), [0, 1_000, 2_000]);
    let mut s = schedule("constant", "1e9", 1);
    assert_eq!(due(&mut s, 3), [0, 1, 2]);
    let mut s = schedule("constant", "0.5", 1);
    assert_eq!(due(&mut s, 3), [0, 2_000_000_000, 4_000_000_000]);
}

proptest! {
    #[test]
    fn constant_never_drifts(micro in 1u64..=1_000_000_000_000_000, n in 1usize..3_000) {
        let rate = Rate::per_second(micro as f64 / 1e6).unwrap();
        let micro = rate.micro_events_per_s().unwrap().get();
        let mut s = Schedule::new(&Arrivals::Constant, rate, 0).unwrap();
        for k in 0..n as u128 {
            let exact = k * u128::from(NS_MICRO) / u128::from(micro);
            prop_assert_eq!(u128::from(s.next_due_ns()), exact);
        }
    }

    #[test]
    fn bursts_are_the_constant_schedule_with_silences(
        micro in 1_000_000u64..=1_000_000_000_000_000,
        on_ns in 1u64..1_000_000_000,
        off_ns in 0u64..1_000_000_000,
    ) {
        let rate = Rate::per_second(micro as f64 / 1e6).unwrap();
        let micro = u128::from(rate.micro_events_per_s().unwrap().get());
        let mut s = Schedule::new(&Arrivals::Bursts { on_ns, off_ns }, rate, 0).unwrap();
        let (on, off) = (u128::from(on_ns), u128::from(off_ns));
        for k in 0..500u128 {
            let within = k * u128::from(NS_MICRO) * on / (micro * (on + off));
            prop_assert_eq!(u128::from(s.next_due_ns()), within + within / on * off);
        }
    }

    #[test]
    fn no_schedule_goes_back(seed in any::<u64>(), rate in 1u64..=1_000_000_000, pattern in 0usize..4) {
        let arrivals = ["constant", "poisson", "bursts(1ms,9ms)", "ramp(10,2M,1ms)"][pattern];
        let mut s = schedule(arrivals, &rate.to_string(), seed);
        let times = due(&mut s, 2_000);
        prop_assert!(times.is_sorted());
    }
}

#[test]
fn poisson_gaps_are_exponential_and_keep_the_rate() {
    let mut s = schedule("poisson", "1M", 7);
    let n = 400_000;
    let times = due(&mut s, n);
    // Mean gap 1000 ns; its standard error is 1000/√n.
    let mean = *times.last().unwrap() as f64 / n as f64;
    assert!(
        (mean - 1_000.0).abs() < 5_000.0 / (n as f64).sqrt(),
        "{mean}"
    );
    // Of exponential gaps e^-1 exceed the mean and e^-3 three times the mean.
    let gaps: Vec<u64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    for factor in [1.0f64, 3.0] {
        let above = gaps
            .iter()
            .filter(|g| **g as f64 >= 1_000.0 * factor)
            .count();
        let p = (-factor).exp();
        let (expected, error) = (p * n as f64, (p * (1.0 - p) * n as f64).sqrt());
        assert!(
            (above as f64 - expected).abs() < 5.0 * error,
            "{above} {expected}"
        );
    }
    // The gap before is no hint of the gap that follows.
    let mean = 1_000.0;
    let covariance: f64 = gaps
        .windows(2)
        .map(|w| (w[0] as f64 - mean) * (w[1] as f64 - mean))
        .sum::<f64>()
        / gaps.len() as f64;
    assert!((covariance / (mean * mean)).abs() < 5.0 / (n as f64).sqrt());
}

#[test]
fn poisson_keeps_rates_whose_gaps_are_shorter_than_a_ns() {
    let mut s = schedule("poisson", "1e9", 7);
    let n = 1_000_000;
    let last = *due(&mut s, n).last().unwrap() as f64;
    assert!(
        (last / n as f64 - 1.0).abs() < 5.0 / (n as f64).sqrt(),
        "{last}"
    );
}

#[test]
fn bursts_keep_the_average_and_the_silence() {
    let mut s = schedule("bursts(10ms,90ms)", "100k", 1);
    let times = due(&mut s, 100_001);
    assert_eq!(times[100_000], 1_000_000_000);
    assert!(times.iter().all(|t| t % 100_000_000 < 10_000_000));
    // 10,000 events a cycle of 100 ms, 1 µs apart.
    assert_eq!((times[9_999], times[10_000]), (9_999_000, 100_000_000));
}

#[test]
fn ramps_rise_fall_and_stay() {
    // From 100/s to 300/s over 10 s: 2,000 events; half of the time is up at the 750th.
    let mut s = schedule("ramp(100,300,10s)", "1", 1);
    let times = due(&mut s, 2_301);
    assert_eq!(times[0], 0);
    assert_eq!(times[750], 5_000_000_000);
    assert!((times[2_000] as i64 - 10_000_000_000).abs() <= 1);
    assert!(
        (times[2_300] as i64 - 11_000_000_000).abs() <= 1,
        "then 300/s"
    );
    // The way down is the way up backwards.
    let mut s = schedule("ramp(300,100,10s)", "1", 1);
    let times = due(&mut s, 2_101);
    assert!((times[1_250] as i64 - 5_000_000_000).abs() <= 1);
    assert!((times[2_000] as i64 - 10_000_000_000).abs() <= 10);
    assert!((times[2_100] as i64 - 11_000_000_000).abs() <= 10);
    assert_eq!(s.asked_events_per_s(), None);
}

#[test]
fn stamps_repeat_shifted_and_stretch_to_a_rate() {
    let stamps = [100, 200, 150, 400];
    let mut s = Schedule::from_stamps(&stamps, None).unwrap();
    // The stamp that goes back counts as 200; the mean gap is 300 / 3.
    assert_eq!(due(&mut s, 9), [0, 100, 100, 300, 400, 500, 500, 700, 800]);
    let mut s = Schedule::from_stamps(&stamps, Some("4".parse().unwrap())).unwrap();
    let times = due(&mut s, 5);
    assert_eq!(
        times,
        [0, 250_000_000, 250_000_000, 750_000_000, 1_000_000_000]
    );
    assert!(
        Schedule::from_stamps(&stamps, Some(Rate::MAX))
            .unwrap()
            .is_max()
    );
    for bad in [&[][..], &[5], &[5, 5, 3]] {
        let error = Schedule::from_stamps(bad, None).unwrap_err().to_string();
        assert!(
            error.contains(&format!("has {} stamps", bad.len())),
            "{error}"
        );
    }
}

#[test]
fn full_speed_is_due_at_once() {
    for arrivals in ["constant", "poisson", "bursts(1ms,1ms)"] {
        let mut s = schedule(arrivals, "max", 1);
        assert!(s.is_max());
        assert_eq!(due(&mut s, 3), [AT_ONCE; 3]);
        assert_eq!((s.words(), s.asked_events_per_s()), ("max", None));
    }
    assert_eq!(schedule("poisson", "1M", 1).words(), "1000000/s poisson");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let error = Schedule::new(&Arrivals::Trace, Rate::MAX, 1).unwrap_err();
    assert_eq!(error, ScheduleError::NoTrace);
    let silent = Arrivals::Bursts {
        on_ns: 0,
        off_ns: 5,
    };
    let error = Schedule::new(&silent, Rate::MAX, 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("holds no event"), "{error}");
}
