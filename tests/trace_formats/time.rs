//! Time units, declared and recognised, and what happens to stamps out of order.
use crate::{Scratch, Whole, defaults, read};
use millstream::source::trace::{
    Disorder, ErrorKind, Place, TimeUnit, TraceError, TraceOptions, UnitOrigin,
};

fn stamps(rows: &[&str], options: &TraceOptions) -> Result<Whole, TraceError> {
    let scratch = Scratch::new();
    let body: String = rows
        .iter()
        .enumerate()
        .map(|(key, ts)| format!("{key},{ts}\n"))
        .collect();
    read(&scratch.file("t.csv", format!("key,time\n{body}")), options)
}

fn first_ns(row: &str, options: &TraceOptions) -> (u64, String, UnitOrigin) {
    let whole = stamps(&[row], options).unwrap();
    let description = whole.description;
    assert_eq!(description.first_ts_ns, Some(whole.records[0].ts_ns));
    (
        whole.records[0].ts_ns,
        description.time_unit.unwrap(),
        description.time_unit_origin.unwrap(),
    )
}

#[test]
fn units_recognised() {
    let expected = |ns: u64, unit: &str| (ns, unit.to_string(), UnitOrigin::Recognised);
    assert_eq!(
        first_ns("1396437466.94", &defaults()),
        expected(1_396_437_466_940_000_000, "s")
    );
    assert_eq!(
        first_ns("1685303557001", &defaults()),
        expected(1_685_303_557_001_000_000, "ms")
    );
    assert_eq!(
        first_ns("1685303557000001", &defaults()),
        expected(1_685_303_557_000_001_000, "us")
    );
    assert_eq!(
        first_ns("1723161253937085768", &defaults()),
        expected(1_723_161_253_937_085_768, "ns")
    );
    assert_eq!(
        first_ns("2006-04-07 17:08", &defaults()),
        expected(1_144_429_680_000_000_000, "date")
    );
    assert_eq!(
        first_ns("2006-04-07T17:08:00.5Z", &defaults()),
        expected(1_144_429_680_500_000_000, "date")
    );
}

#[test]
fn units_declared() {
    for (time_unit, ns) in [
        (TimeUnit::S, 5_000_000_000),
        (TimeUnit::Ms, 5_000_000),
        (TimeUnit::Us, 5_000),
        (TimeUnit::Ns, 5),
    ] {
        let declared = first_ns(
            "5",
            &TraceOptions {
                time_unit,
                ..defaults()
            },
        );
        assert_eq!(
            declared,
            (ns, time_unit.name().to_string(), UnitOrigin::Declared)
        );
    }
    let scratch = Scratch::new();
    let whole = read(&scratch.file("t.csv", "key,ts_ms\n1,5\n"), &defaults()).unwrap();
    assert_eq!(whole.records[0].ts_ns, 5_000_000);
    assert_eq!(
        whole.description.time_unit_origin,
        Some(UnitOrigin::ColumnName)
    );
}

#[test]
fn units_that_are_not_clear() {
    for rows in [
        &["5633898"][..],
        &["1700000000", "5"],
        &["1700000000", "1700000000000"],
        &["2020-01-01", "1700000000"],
    ] {
        let error = stamps(rows, &defaults()).unwrap_err();
        assert_eq!(
            (error.kind(), error.exit_code()),
            (ErrorKind::TimeUnit, 2),
            "{rows:?}"
        );
        assert!(error.advice().contains("time_unit"), "{error}");
    }
    let error = stamps(
        &["noon"],
        &TraceOptions {
            time_unit: TimeUnit::S,
            ..defaults()
        },
    )
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.found()),
        (ErrorKind::Column, Some("noon"))
    );
    let none = stamps(
        &["5633898"],
        &TraceOptions {
            ts: "none".into(),
            ..defaults()
        },
    )
    .unwrap();
    assert!(!none.description.has_time && none.records[0].ts_ns == 0);
}

const UNORDERED: [&str; 6] = ["10", "6", "5", "20", "16", "15"];

fn disordered(disorder: Disorder) -> Result<Whole, TraceError> {
    stamps(
        &UNORDERED,
        &TraceOptions {
            disorder,
            time_unit: TimeUnit::Ns,
            ..defaults()
        },
    )
}

#[test]
fn clamp_raises_and_counts() {
    let whole = disordered(Disorder::default()).unwrap();
    assert_eq!(
        whole
            .records
            .iter()
            .map(|record| record.ts_ns)
            .collect::<Vec<_>>(),
        [10, 10, 10, 20, 20, 20]
    );
    assert_eq!(
        (whole.counts.clamped, whole.keys()),
        (4, vec![0, 1, 2, 3, 4, 5])
    );
}

#[test]
fn sort_holds_back_within_the_bound() {
    let whole = disordered(Disorder::Sort { bound_ns: 4 }).unwrap();
    assert_eq!((whole.keys(), whole.counts.late), (vec![1, 0, 4, 3], 2));
    let all = disordered(Disorder::Sort { bound_ns: u64::MAX }).unwrap();
    assert_eq!((all.keys(), all.counts.late), (vec![2, 1, 0, 5, 4, 3], 0));
}

#[test]
fn sort_of_many_blocks_keeps_every_record() {
    let scratch = Scratch::new();
    // Each hundred comes backwards, so that a bound of 100 just holds.
    let stamp = |row: u64| row / 100 * 100 + 99 - row % 100;
    let body: String = (0..50_000)
        .map(|row| format!("{row},{}\n", stamp(row)))
        .collect();
    let path = scratch.file("t.csv", format!("key,ts_ns\n{body}"));
    let sort = |bound_ns| {
        read(
            &path,
            &TraceOptions {
                disorder: Disorder::Sort { bound_ns },
                ..defaults()
            },
        )
        .unwrap()
    };
    assert_eq!(
        sort(100)
            .records
            .iter()
            .map(|record| record.ts_ns)
            .collect::<Vec<_>>(),
        (0..50_000).collect::<Vec<u64>>()
    );
    assert_eq!(sort(98).counts.late, 500);
}

#[test]
fn fail_names_the_line_and_both_stamps() {
    let error = disordered(Disorder::Fail).unwrap_err();
    assert_eq!(
        (error.kind(), error.place(), error.exit_code()),
        (ErrorKind::Disorder, Place::Line(3), 1)
    );
    assert!(
        error.to_string().contains("\"6 ns\"") && error.wanted().contains("10 ns"),
        "{error}"
    );
}

#[test]
fn without_stamps_nothing_waits() {
    let scratch = Scratch::new();
    let path = scratch.file("t.txt", "1\n2\n3\n");
    for disorder in [
        Disorder::Sort { bound_ns: 5 },
        Disorder::Fail,
        Disorder::Clamp,
    ] {
        assert_eq!(
            read(
                &path,
                &TraceOptions {
                    disorder,
                    ..defaults()
                }
            )
            .unwrap()
            .keys(),
            [1, 2, 3]
        );
    }
}
