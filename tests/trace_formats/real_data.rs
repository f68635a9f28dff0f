//! Real traces, with the counts that their publishers state. They are not in this repository: a test runs where
//! they lie beside it, in `shared/data`, and says so where they do not.
use std::path::{Path, PathBuf};

use crate::{defaults, read};
use millstream::source::trace::{Format, TimeUnit, TraceInfo, TraceOptions, info};

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()?
        .join("shared/data")
        .join(name);
    if !path.exists() {
        println!("skipped: no ../shared/data/{name}");
        return None;
    }
    Some(path)
}

/// Checks what `info` says: records and distinct keys, none bad.
fn assert_counts(
    name: &str,
    options: &TraceOptions,
    records: u64,
    distinct: u64,
) -> Option<TraceInfo> {
    let told = info(&data(name)?, options, &mut |_| ()).unwrap();
    assert_eq!(
        (told.counts.read, told.counts.bad, told.distinct_keys),
        (records, 0, distinct),
        "{name}"
    );
    Some(told)
}

#[test]
fn one_trace_in_three_formats_has_the_same_keys() {
    let seconds = TraceOptions {
        time_unit: TimeUnit::S,
        ..defaults()
    };
    let names = [
        "cloudphysics/cloudPhysicsIO.txt",
        "cloudphysics/cloudPhysicsIO.csv",
        "cloudphysics/cloudPhysicsIO.oracleGeneral.bin",
    ];
    let Some(paths) = names
        .iter()
        .map(|name| data(name))
        .collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let [text, csv, oracle] = [(0, defaults()), (1, seconds), (2, defaults())]
        .map(|(i, options)| read(&paths[i], &options).unwrap());
    assert_eq!(
        (
            text.records.len(),
            text.keys() == csv.keys(),
            text.keys() == oracle.keys()
        ),
        (113_872, true, true)
    );
    assert_counts(names[0], &defaults(), 113_872, 48_974);
    assert_eq!(
        read(&paths[1], &defaults()).unwrap_err().exit_code(),
        2,
        "its unit must be declared"
    );
}

#[test]
fn cache_traces() {
    let big_endian = TraceOptions {
        format: Format::U32Be,
        ..defaults()
    };
    assert_counts("cache2k/orm-busy.trace.xz", &big_endian, 5_000_000, 76_349);
    assert_counts("cache2k/web07.trace.xz", &big_endian, 76_118, 20_484);
    assert_counts("arc-traces/OLTP.lis.zst", &defaults(), 914_145, 186_880);
    assert_counts("arc-traces/P3.lis.zst", &defaults(), 3_912_296, 762_543);
}

#[test]
fn clicks_and_reviews() {
    if let Some(told) = assert_counts("yoochoose/train_full.txt", &defaults(), 70_278, 17_794) {
        assert_eq!(
            (told.distinct_items, told.description.format),
            (Some(2_933), Format::Tsv)
        );
        assert!(
            told.disorder.unwrap().records > 0,
            "it is sorted by session"
        );
    }
    if let Some(told) = assert_counts(
        "elastic-anonreviews/anonreviews.csv.bz2",
        &defaults(),
        578_805,
        400_141,
    ) {
        assert_eq!(told.distinct_items, Some(247));
    }
    if let Some(path) = data("git-activity/git_activity.csv.zst") {
        let told = info(&path, &defaults(), &mut |_| ()).unwrap();
        assert_eq!(
            (
                told.counts.read,
                told.counts.bad,
                told.disorder.unwrap().records
            ),
            (640_251, 0, 0)
        );
    }
}

#[test]
fn texts_and_telemetry() {
    if let Some(told) = assert_counts("nasa-http/nasa_19950801.tsv", &defaults(), 30_969, 2_365) {
        assert_eq!(
            (told.distinct_items, told.top_keys[0].text.as_deref()),
            (Some(2_088), Some("edams.ksc.nasa.gov"))
        );
    }
    assert_counts("flights/nycflights13.csv.zst", &defaults(), 328_521, 4_037);
    if let Some(path) = data("azure-vm-noise/vm_noise_month1.csv.zst") {
        let scaled = TraceOptions {
            value: "value".into(),
            value_scale: Some(1000.0),
            ..defaults()
        };
        let told = info(&path, &scaled, &mut |_| ()).unwrap();
        assert_eq!((told.counts.read, told.counts.bad), (470_728, 0));
    }
}
