//! Paces: which due times they give.

use super::*;
use crate::source::load::Arrivals;
use crate::sys::rate::Rate;
use proptest::prelude::*;

fn due(pace: &mut Pace, stamps: &[u64]) -> Vec<u64> {
    stamps.iter().map(|ts| pace.due_ns(*ts)).collect()
}

fn speed(text: &str) -> Speed {
    text.parse().unwrap()
}

#[test]
fn speeds_read_and_write() {
    for text in ["1x", "10x", "0.5x", "0.000001x", "max"] {
        assert_eq!(speed(text).to_string(), text);
    }
    assert_eq!(speed("1"), Speed::REAL);
    assert_eq!(speed("MAX"), Speed::MAX);
    for (text, problem) in [
        ("0x", "never move"),
        ("0.0000001x", "never move"),
        ("-1x", "negative"),
        ("NaN", "not a number"),
        ("fast", "not a number"),
        ("inf", "too large"),
        ("1e9x", "too large"),
        ("", "not a number"),
    ] {
        let error = text.parse::<Speed>().unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        assert!(error.contains("1x, 10x or 0.5x"), "{error}");
    }
}

#[test]
fn stamps_count_from_the_first_and_scale() {
    let stamps = [1_000, 1_010, 1_030, 1_100];
    assert_eq!(
        due(&mut Pace::at_speed(Speed::REAL, None), &stamps),
        [0, 10, 30, 100]
    );
    assert_eq!(
        due(&mut Pace::at_speed(speed("10x"), None), &stamps),
        [0, 1, 3, 10]
    );
    assert_eq!(
        due(&mut Pace::at_speed(speed("0.5x"), None), &stamps),
        [0, 20, 60, 200]
    );
    assert_eq!(
        due(&mut Pace::at_speed(Speed::MAX, None), &stamps),
        [AT_ONCE; 4]
    );
}

#[test]
fn scaling_is_exact_over_years_and_saturates() {
    let ten_years = 10 * 365 * 86_400_000_000_000;
    let mut pace = Pace::at_speed(speed("3x"), None);
    assert_eq!(due(&mut pace, &[0, ten_years + 1]), [0, ten_years / 3]);
    let mut pace = Pace::at_speed(speed("0.000001x"), None);
    assert_eq!(due(&mut pace, &[0, u64::MAX]), [0, u64::MAX]);
}

#[test]
fn long_gaps_are_cut_and_event_time_is_not() {
    let mut pace = Pace::at_speed(speed("2x"), Some(100));
    let times: Vec<Paced> = [0, 50, 1_050, 1_060].map(|ts| pace.times(ts)).to_vec();
    let (due, ts): (Vec<u64>, Vec<u64>) = times.iter().map(|t| (t.due_ns, t.ts_ns)).unzip();
    assert_eq!(due, [0, 25, 75, 80]);
    assert_eq!(ts, [0, 50, 1_050, 1_060]);
}

#[test]
fn a_backward_stamp_is_due_with_the_one_before() {
    let mut pace = Pace::at_speed(Speed::REAL, None);
    assert_eq!(
        due(&mut pace, &[100, 200, 150, 190, 210]),
        [0, 100, 100, 100, 110]
    );
    // The first stamp is not the earliest one.
    let mut pace = Pace::at_speed(Speed::REAL, None);
    assert_eq!(due(&mut pace, &[100, 50, 120]), [0, 0, 20]);
}

#[test]
fn rounds_go_on_where_the_trace_ended() {
    let mut pace = Pace::at_speed(Speed::REAL, None);
    let mut times = Vec::new();
    for _ in 0..3 {
        times.extend([10, 20, 40].map(|ts| pace.times(ts)));
        pace.next_round();
    }
    // Span 30, mean gap 15.
    let ts: Vec<u64> = times.iter().map(|t| t.ts_ns).collect();
    assert_eq!(ts, [10, 20, 40, 55, 65, 85, 100, 110, 130]);
    let due: Vec<u64> = times.iter().map(|t| t.due_ns).collect();
    assert_eq!(due, [0, 10, 30, 45, 55, 75, 90, 100, 120]);
}

#[test]
fn a_round_passed_at_once_is_as_long_as_one_record_by_record() {
    let stamps: Vec<u64> = (0..100).map(|at| 1000 + 7 * at * at).collect();
    for step in [1, 3, 64, 100] {
        let mut passed = Pace::at_speed(Speed::MAX, None);
        for part in stamps.chunks(step) {
            passed.pass(part.len(), part[0], part[part.len() - 1]);
        }
        let mut timed = Pace::at_speed(Speed::MAX, None);
        for stamp in &stamps {
            timed.times(*stamp);
        }
        passed.next_round();
        timed.next_round();
        assert_eq!(passed.times(1000), timed.times(1000), "{step} a step");
    }
}

#[test]
fn rounds_of_one_record_or_none_still_move_on() {
    let mut pace = Pace::at_speed(Speed::REAL, None);
    pace.next_round();
    assert_eq!(
        pace.times(7),
        Paced {
            due_ns: 0,
            ts_ns: 7
        }
    );
    pace.next_round();
    pace.next_round();
    assert_eq!(
        pace.times(7),
        Paced {
            due_ns: 1,
            ts_ns: 8
        }
    );
}

#[test]
fn a_rate_ignores_the_stamps() {
    let rate: Rate = "1M".parse().unwrap();
    let schedule = Schedule::new(&Arrivals::Constant, rate, 1).unwrap();
    let mut pace = Pace::at_rate(schedule);
    assert_eq!(due(&mut pace, &[900, 5, 5_000_000]), [0, 1_000, 2_000]);
    assert_eq!(pace.times(77).ts_ns, 77);
    assert_eq!(pace.asked_events_per_s(), Some(1e6));
    assert_eq!(pace.to_string(), "1000000/s constant");
}

#[test]
fn words_for_the_report() {
    let words = |s: &str, gap| Pace::at_speed(speed(s), gap).to_string();
    assert_eq!(words("10x", None), "trace at 10x");
    assert_eq!(
        words("1x", Some(1_000_000_000)),
        "trace at 1x, gaps cut to 1s"
    );
    assert_eq!(words("max", Some(5)), "max");
}

proptest! {
    #[test]
    fn due_times_never_go_back(
        stamps in prop::collection::vec(any::<u64>(), 1..50),
        speed_micro in 1u64..=1_000_000_000_000,
        max_gap in prop::option::of(any::<u64>()),
    ) {
        let speed = Speed { micro: NonZeroU64::new(speed_micro) };
        let mut pace = Pace::at_speed(speed, max_gap);
        let mut all = Vec::new();
        for _ in 0..2 {
            all.extend(due(&mut pace, &stamps));
            pace.next_round();
        }
        prop_assert!(all.is_sorted());
    }

    #[test]
    fn event_times_of_sorted_rounds_never_go_back(mut stamps in prop::collection::vec(0u64..1 << 40, 1..50)) {
        stamps.sort_unstable();
        let mut pace = Pace::at_speed(Speed::MAX, None);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.extend(stamps.iter().map(|ts| pace.times(*ts).ts_ns));
            pace.next_round();
        }
        prop_assert!(all.is_sorted());
    }
}
