//! The native format: what goes in comes out, whole or not at all, and no damage stays unseen.
use std::path::Path;

use crate::{Scratch, defaults, read};
use millstream::source::trace::native::{
    ClickRecord, Contents, KeyedRecord, Layout, Mapped, Writer,
};
use millstream::source::trace::{
    Disorder, ErrorKind, Record, Target, Texts, TraceError, TraceOptions, convert, info,
};

fn keyed(count: u64) -> Vec<KeyedRecord> {
    let record = |i: u64| KeyedRecord {
        key: i.wrapping_mul(0x9e37_79b9),
        value: i as i64 - 50,
        ts_ns: 1_000 + i,
    };
    (0..count).map(record).collect()
}

fn write_keyed(path: &Path, records: &[KeyedRecord]) {
    let contents = Contents {
        has_time: true,
        has_value: true,
        ..Contents::default()
    };
    let mut writer = Writer::create(path, contents).unwrap();
    records
        .chunks(1000)
        .for_each(|chunk| writer.push_native(chunk).unwrap());
    writer.finish(None).unwrap();
}

#[test]
fn records_come_out_as_they_went_in() {
    let scratch = Scratch::new();
    let path = scratch.path("t.mill");
    // More than two blocks of 1 MiB, the last not full, and records across their borders.
    let records = keyed(100_000);
    write_keyed(&path, &records);
    let mapped = Mapped::open(&path, true).unwrap();
    assert_eq!(mapped.records::<KeyedRecord>().unwrap(), records);
    assert_eq!(
        (mapped.layout(), mapped.len(), mapped.is_ordered()),
        (Layout::Keyed, 100_000, true)
    );
    assert_eq!(mapped.time_span_ns(), Some((1_000, 100_999)));
    assert!(mapped.contents().has_value && !mapped.contents().key_is_text);
    let error = mapped.records::<ClickRecord>().unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Layout, 2));
    let whole = read(
        &path,
        &TraceOptions {
            disorder: Disorder::Fail,
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!(
        whole.records,
        records.into_iter().map(Record::from).collect::<Vec<_>>()
    );
    assert_eq!(
        (whole.description.records, whole.description.last_ts_ns),
        (Some(100_000), Some(100_999))
    );
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&mapped);
}

const TEXTS: &str = "user,item,ts,value,weight\nann,x,1700000000,7,1\nbob,\"y,\"\"z\",1700000001,-8,0.25\nann,y,1700000003,9,2\n";

fn converted(scratch: &Scratch, from: &str, to: &str, target: Target) -> std::path::PathBuf {
    let output = scratch.path(to);
    let done = convert(
        &scratch.path(from),
        &defaults(),
        &output,
        target,
        &mut |_| (),
    )
    .unwrap();
    assert_eq!((done.counts.delivered, done.counts.bad), (3, 0));
    assert_eq!(done.bytes, std::fs::metadata(&output).unwrap().len());
    output
}

#[test]
fn texts_survive_every_conversion() {
    let scratch = Scratch::new();
    scratch.file("t.csv", TEXTS);
    let original = read(&scratch.path("t.csv"), &defaults()).unwrap();
    let clicks = converted(&scratch, "t.csv", "clicks.mill", Target::Native(None));
    let jsonl = converted(&scratch, "t.csv", "t.jsonl", Target::JsonLines);
    let csv = converted(&scratch, "t.jsonl", "again.csv", Target::Csv);
    for path in [jsonl, csv] {
        let again = read(&path, &defaults()).unwrap();
        assert_eq!(again.records, original.records, "{}", path.display());
        assert_eq!(again.texts.sorted(), original.texts.sorted());
    }
    let mapped = Mapped::open(&clicks, true).unwrap();
    assert_eq!(mapped.layout(), Layout::Clicks);
    assert!(mapped.contents().key_is_text && mapped.contents().item_is_text);
    let texts = mapped.texts().unwrap();
    assert_eq!(texts.get(Texts::key_of("y,\"z")).unwrap().as_str(), "y,\"z");
    let records = mapped.records::<ClickRecord>().unwrap();
    assert_eq!(
        (records[1].key, records[1].weight, records[1].zero),
        (Texts::key_of("bob"), 0.25, 0)
    );
    let back = read(
        &converted(&scratch, "clicks.mill", "back.csv", Target::Csv),
        &defaults(),
    )
    .unwrap();
    let without_value = |record: &Record| Record {
        value: 1,
        ..*record
    };
    assert_eq!(
        back.records,
        original
            .records
            .iter()
            .map(without_value)
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_a_layout_leaves_behind_is_said() {
    let scratch = Scratch::new();
    let path = scratch.file("t.csv", TEXTS);
    let to = |target| {
        convert(
            &path,
            &defaults(),
            &scratch.path("t.mill"),
            target,
            &mut |_| (),
        )
        .unwrap()
        .left_behind
    };
    assert_eq!(to(Target::Native(None)), ["value"]);
    assert_eq!(to(Target::Native(Some(Layout::Keyed))), ["item", "weight"]);
    assert_eq!(
        Target::of_path(Path::new("x.mill")).unwrap(),
        Target::Native(None)
    );
    assert_eq!(
        Target::of_path(Path::new("x.csv.gz"))
            .unwrap_err()
            .exit_code(),
        2
    );
}

#[test]
fn a_failed_conversion_leaves_what_there_was() {
    let scratch = Scratch::new();
    let (broken, target) = (
        scratch.file("t.txt", "1\n2\n"),
        scratch.file("t.mill", "before"),
    );
    scratch.file("o.csv", "key,ts_ns\n1,5\n2,4\n");
    let options = TraceOptions {
        disorder: Disorder::Fail,
        ..defaults()
    };
    for to in [Target::Native(None), Target::Csv, Target::JsonLines] {
        convert(&scratch.path("o.csv"), &options, &target, to, &mut |_| ()).unwrap_err();
        assert_eq!(std::fs::read(&target).unwrap(), b"before");
    }
    assert_eq!(scratch.names(), ["o.csv", "t.mill", "t.txt"]);
    let error = convert(
        &broken,
        &defaults(),
        &scratch.path("no/t.mill"),
        Target::Csv,
        &mut |_| (),
    )
    .unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Missing, 1));
    drop(
        Writer::<KeyedRecord>::create(&scratch.path("dropped.mill"), Contents::default()).unwrap(),
    );
    assert_eq!(scratch.names(), ["o.csv", "t.mill", "t.txt"]);
}

/// A small trace with every section: header, records, checksums, texts.
fn with_texts(scratch: &Scratch) -> Vec<u8> {
    scratch.file("t.csv", TEXTS);
    std::fs::read(converted(scratch, "t.csv", "t.mill", Target::Native(None))).unwrap()
}

#[test]
fn a_cut_at_any_byte_is_seen() {
    let scratch = Scratch::new();
    let whole = with_texts(&scratch);
    let path = scratch.path("cut.mill");
    for cut in (0..whole.len()).filter(|cut| *cut < 150 || *cut > 4000 || cut % 500 == 0) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let error = Mapped::open(&path, false).unwrap_err();
        let expected = if cut == 0 {
            ErrorKind::Empty
        } else {
            ErrorKind::Truncated
        };
        assert_eq!(
            (error.kind(), error.exit_code()),
            (expected, 1),
            "cut at {cut}: {error}"
        );
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(
        Mapped::open(&path, false).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn a_flipped_bit_in_any_byte_is_seen() {
    let scratch = Scratch::new();
    let mut bytes = with_texts(&scratch);
    let path = scratch.path("flipped.mill");
    let open_all = |path: &Path| -> Result<(), TraceError> { read(path, &defaults()).map(drop) };
    for at in 0..bytes.len() {
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        let error = Mapped::open(&path, true)
            .map(drop)
            .expect_err(&format!("byte {at} was flipped"));
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated),
            "{error}"
        );
        if at >= 8 {
            // The magic gone, it is no longer a native trace to a reader that looks at the content.
            open_all(&path).expect_err(&format!("byte {at} was flipped"));
        }
        bytes[at] ^= 1 << (at % 8);
    }
    std::fs::write(&path, &bytes).unwrap();
    open_all(&path).unwrap();
}

#[test]
fn a_damaged_block_is_named_when_it_is_reached() {
    let scratch = Scratch::new();
    let path = scratch.path("t.mill");
    write_keyed(&path, &keyed(100_000));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 + (1 << 20) + 77] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(
        Mapped::open(&path, false).is_ok(),
        "unverified, the records are as they are"
    );
    assert!(
        Mapped::open(&path, true)
            .unwrap_err()
            .to_string()
            .contains("block 1")
    );
    let mut trace = millstream::source::trace::open(&path, &defaults()).unwrap();
    let mut block = Vec::new();
    assert!(trace.next_block(&mut block).unwrap(), "block 0 is whole");
    assert!(
        read(&path, &defaults())
            .unwrap_err()
            .to_string()
            .contains("block 1")
    );
}

#[test]
fn a_native_trace_must_be_plain_and_not_empty() {
    let scratch = Scratch::new();
    let packed = zstd::encode_all(&with_texts(&scratch)[..], 1).unwrap();
    let error = read(&scratch.file("t.mill.zst", packed), &defaults()).unwrap_err();
    assert!(
        error.exit_code() == 2 && error.advice().contains("decompress"),
        "{error}"
    );
    let path = scratch.path("empty.mill");
    write_keyed(&path, &[]);
    assert!(Mapped::open(&path, true).unwrap().is_empty());
    assert_eq!(
        read(&path, &defaults()).unwrap_err().kind(),
        ErrorKind::HeaderOnly
    );
}

#[test]
fn info_tells_what_is_there() {
    let scratch = Scratch::new();
    let path = scratch.file("t.csv", TEXTS);
    let mut calls = 0;
    let told = info(&path, &defaults(), &mut |progress| calls = progress.records).unwrap();
    assert_eq!(
        (calls, told.distinct_keys, told.distinct_items),
        (3, 2, Some(3))
    );
    assert_eq!(
        (told.top_keys[0].text.as_deref(), told.top_keys[0].records),
        (Some("ann"), 2)
    );
    assert_eq!(
        told.last_ns.unwrap() - told.first_ns.unwrap(),
        3_000_000_000
    );
    let values = told.values.unwrap();
    assert_eq!((values.min, values.max, values.sum), (-8, 9, 8));
    let gap = told.inter_arrival.unwrap();
    assert!(
        (1_990_000_000..2_010_000_000).contains(&gap.ns_max),
        "{gap:?}"
    );
    assert_eq!(told.disorder.unwrap().records, 0);
    let text = told.to_string();
    assert!(
        text.contains("2 keys, 3 items") && text.contains("ann"),
        "{text}"
    );
    assert!(serde_json::to_value(&told).unwrap()["top_keys"][0]["share"].is_number());
    let back = info(
        &scratch.file("b.csv", "key,ts_ns\n1,9\n1,4\n"),
        &defaults(),
        &mut |_| (),
    )
    .unwrap();
    let disorder = back.disorder.unwrap();
    assert_eq!((disorder.records, disorder.behind_ns_max), (1, 5));
}
