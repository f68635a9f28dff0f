//! Every format and every compression, with content small enough to state the answer.
use crate::{Scratch, compressed, defaults, read};
use millstream::source::trace::{
    Column, Compression, FieldType, Format, Header, Texts, TraceOptions,
};

const CLICKS: &str = "user_id,item,ts,value,weight\n7,a,1700000000,-3,0.5\n8,\"b,c\",1700000001.25,4,2\n7,a,1700000002,5,1\n";

fn assert_clicks(name: &str, content: &[u8], options: &TraceOptions) {
    let scratch = Scratch::new();
    let whole = read(&scratch.file(name, content), options).unwrap();
    assert_eq!(whole.keys(), [7, 8, 7], "{name}");
    let items: Vec<String> = whole
        .records
        .iter()
        .map(|record| whole.text(record.item))
        .collect();
    assert_eq!(items, ["a", "b,c", "a"], "{name}");
    assert_eq!(whole.records[0].item, Texts::key_of("a"));
    let stamps: Vec<u64> = whole.records.iter().map(|record| record.ts_ns).collect();
    assert_eq!(
        stamps,
        [
            1_700_000_000_000_000_000,
            1_700_000_001_250_000_000,
            1_700_000_002_000_000_000
        ],
        "{name}"
    );
    assert_eq!(
        whole
            .records
            .iter()
            .map(|record| record.value)
            .collect::<Vec<_>>(),
        [-3, 4, 5]
    );
    assert_eq!(
        whole
            .records
            .iter()
            .map(|record| record.weight)
            .collect::<Vec<_>>(),
        [0.5, 2.0, 1.0]
    );
    let description = &whole.description;
    assert!(
        description.has_time
            && description.has_item
            && description.item_is_text
            && !description.key_is_text
    );
    assert_eq!(description.time_unit.as_deref(), Some("s"));
    assert!(
        description
            .to_string()
            .contains("key = \"user_id\" (u64, guessed)"),
        "{description}"
    );
}

#[test]
fn delimited_text() {
    assert_clicks("t.csv", CLICKS.as_bytes(), &defaults());
    assert_clicks(
        "t.csv",
        CLICKS.replace('\n', "\r\n").as_bytes(),
        &defaults(),
    );
    assert_clicks("t.csv", CLICKS.trim_end().as_bytes(), &defaults());
    assert_clicks("t.csv", format!("\u{feff}{CLICKS}").as_bytes(), &defaults());
    assert_clicks("no-extension", CLICKS.as_bytes(), &defaults());
    let tabs = "user_id\titem\tts\tvalue\tweight\n7\ta\t1700000000\t-3\t0.5\n8\tb,c\t1700000001.25\t4\t2\n7\ta\t1700000002\t5\t1\n";
    assert_clicks("t.tsv", tabs.as_bytes(), &defaults());
    assert_clicks("t.txt", tabs.as_bytes(), &defaults());
    let semicolons = tabs.replace('\t', ";");
    assert_clicks("t.csv", semicolons.as_bytes(), &defaults());
    let blanks = tabs.replace('\t', " ");
    assert_clicks(
        "t",
        blanks.as_bytes(),
        &TraceOptions {
            delimiter: Some(' '),
            ..defaults()
        },
    );
}

#[test]
fn delimited_text_without_header_by_index() {
    let body = CLICKS.split_once('\n').unwrap().1;
    let options = TraceOptions {
        key: Column::Index(0),
        item: "1".into(),
        ts: "2".into(),
        value: "3".into(),
        weight: "4".into(),
        ..defaults()
    };
    let scratch = Scratch::new();
    for header in [Header::Auto, Header::No] {
        let whole = read(
            &scratch.file("t.csv", body),
            &TraceOptions {
                header,
                ..options.clone()
            },
        )
        .unwrap();
        assert_eq!(whole.keys(), [7, 8, 7]);
        assert_eq!(whole.description.header, Some(false));
    }
    let swapped = TraceOptions {
        header: Header::Yes,
        ..options
    };
    assert_eq!(
        read(&scratch.file("t.csv", body), &swapped).unwrap().keys(),
        [8, 7],
        "the first row is a header if said so"
    );
}

#[test]
fn quoted_fields_may_hold_quotes_and_line_ends() {
    let scratch = Scratch::new();
    let path = scratch.file(
        "t.csv",
        "key,value\n\"say \"\"hi\"\"\",1\n\"two\nlines\",2\nx,oops\n",
    );
    let whole = read(
        &path,
        &TraceOptions {
            value: "value".into(),
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!(
        whole
            .keys()
            .iter()
            .map(|key| whole.text(*key))
            .collect::<Vec<_>>(),
        ["say \"hi\"", "two\nlines"]
    );
    assert_eq!(whole.counts.bad, 1);
    let plain = scratch.file("q.tsv", "key\tvalue\n\"half\t1\nfull\t2\n");
    let whole = read(
        &plain,
        &TraceOptions {
            no_quotes: true,
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!(whole.text(whole.records[0].key), "\"half");
}

#[test]
fn json_lines() {
    let lines = r#"{"user_id":7,"item":"a","ts":1700000000,"value":-3,"weight":0.5,"more":{"x":[1,2]}}
{"weight":2,"value":4,"ts":1700000001.25,"item":"b\u002cc","user_id":8}

{"user_id":"7","item":"a","ts":1700000002,"value":5,"weight":1.0}
"#;
    assert_clicks("t.jsonl", lines.as_bytes(), &defaults());
    assert_clicks("t.ndjson", lines.as_bytes(), &defaults());
    assert_clicks("plain", lines.as_bytes(), &defaults());
}

#[test]
fn every_compression_of_every_kind_of_text() {
    for (extension, bytes) in compressed(CLICKS.as_bytes()) {
        assert_clicks(&format!("t.csv.{extension}"), &bytes, &defaults());
        // By its magic bytes, whatever it is called.
        assert_clicks("t.csv", &bytes, &defaults());
    }
}

#[test]
fn a_compressed_trace_of_many_blocks() {
    let content: String = (0..200_000).map(|key| format!("{key}\n")).collect();
    let scratch = Scratch::new();
    let expected = [
        Compression::Zstd,
        Compression::Gzip,
        Compression::Bzip2,
        Compression::Xz,
    ];
    for ((extension, bytes), compression) in
        compressed(content.as_bytes()).into_iter().zip(expected)
    {
        let whole = read(
            &scratch.file(&format!("t.txt.{extension}"), bytes),
            &defaults(),
        )
        .unwrap();
        assert_eq!(whole.description.compression, compression);
        assert_eq!(whole.keys(), (0..200_000).collect::<Vec<u64>>());
    }
}

#[test]
fn one_key_a_line() {
    let scratch = Scratch::new();
    let numbers = read(&scratch.file("n.txt", "5\n\n6\r\n5"), &defaults()).unwrap();
    assert_eq!(
        (numbers.keys(), numbers.description.format),
        (vec![5, 6, 5], Format::Lines)
    );
    assert!(
        !numbers.description.has_time
            && numbers
                .records
                .iter()
                .all(|record| record.ts_ns == 0 && record.value == 1)
    );
    let words = read(&scratch.file("w.txt", "alpha\nbeta\nalpha\n"), &defaults()).unwrap();
    assert_eq!(words.keys(), ["alpha", "beta", "alpha"].map(Texts::key_of));
    assert_eq!(
        (words.texts.len(), words.text(Texts::key_of("beta"))),
        (2, "beta".to_string())
    );
    let names = read(&scratch.file("z.txt", "007\n7\n"), &defaults()).unwrap();
    assert!(
        names.description.key_is_text && names.records[0].key != names.records[1].key,
        "007 is not 7"
    );
    let options = TraceOptions {
        key_type: FieldType::Text,
        ..defaults()
    };
    assert_eq!(
        read(&scratch.file("n.txt", "5\n"), &options)
            .unwrap()
            .keys(),
        [Texts::key_of("5")]
    );
    let blanks = TraceOptions {
        format: Format::Lines,
        ..defaults()
    };
    let phrases = read(
        &scratch.file("p.txt", "two words\nthree more words\n"),
        &blanks,
    )
    .unwrap();
    assert_eq!(phrases.text(phrases.records[1].key), "three more words");
}

#[test]
fn texts_that_are_not_utf8_are_keys_like_others() {
    let scratch = Scratch::new();
    let whole = read(
        &scratch.file("t.csv", b"host,value\ncaf\xe9,1\ncaf\xe8,2\n"),
        &defaults(),
    )
    .unwrap();
    assert_eq!((whole.counts.bad, whole.texts.len()), (0, 2));
    assert_ne!(whole.records[0].key, whole.records[1].key);
    assert_eq!(whole.text(whole.records[0].key), "caf\u{fffd}");
}

#[test]
fn arc_lines_are_expanded() {
    let scratch = Scratch::new();
    let whole = read(
        &scratch.file("t.lis", "10 3 0 0\n7 1 0 1\nbad line\n20 2 0 2\n"),
        &defaults(),
    )
    .unwrap();
    assert_eq!(
        (whole.keys(), whole.counts.bad),
        (vec![10, 11, 12, 7, 20, 21], 1)
    );
    let many = read(&scratch.file("m.lis", "0 10000 0 0\n"), &defaults()).unwrap();
    assert_eq!(
        many.keys(),
        (0..10_000).collect::<Vec<u64>>(),
        "a line may span blocks"
    );
}

#[test]
fn bare_keys_of_either_byte_order() {
    let scratch = Scratch::new();
    let keys: Vec<u64> = (0..10_000).map(|key| key * 419_430).collect();
    let bytes = |format| -> Vec<u8> {
        let encode = |key: &u64| match format {
            Format::U32Le => (*key as u32).to_le_bytes().to_vec(),
            Format::U32Be => (*key as u32).to_be_bytes().to_vec(),
            Format::U64Le => key.to_le_bytes().to_vec(),
            _ => key.to_be_bytes().to_vec(),
        };
        keys.iter().flat_map(encode).collect()
    };
    for format in [Format::U32Le, Format::U32Be, Format::U64Le, Format::U64Be] {
        let declared = TraceOptions {
            format,
            ..defaults()
        };
        assert_eq!(
            read(&scratch.file("t.bin", bytes(format)), &declared)
                .unwrap()
                .keys(),
            keys,
            "{format}"
        );
        let named = scratch.file(&format!("t.{format}.xz"), &compressed(&bytes(format))[3].1);
        assert_eq!(
            read(&named, &defaults()).unwrap().keys(),
            keys,
            "{format} by extension"
        );
        let error = read(&scratch.file("t.bin", bytes(format)), &defaults()).unwrap_err();
        assert!(
            error.exit_code() == 2 && error.advice().contains("u32be"),
            "{error}"
        );
    }
}

#[test]
fn oracle_general() {
    let record = |time: u32, id: u64, size: u32, next: i64| {
        [
            &time.to_le_bytes()[..],
            &id.to_le_bytes(),
            &size.to_le_bytes(),
            &next.to_le_bytes(),
        ]
        .concat()
    };
    let bytes = [
        record(5, u64::MAX, 512, 2),
        record(5, 3, 1024, -1),
        record(6, u64::MAX, 512, -1),
    ]
    .concat();
    let scratch = Scratch::new();
    for name in ["t.oracleGeneral.bin", "t.oracleGeneral", "t.bin"] {
        let whole = read(&scratch.file(name, &bytes), &defaults()).unwrap();
        assert_eq!(
            (whole.keys(), whole.description.format),
            (vec![u64::MAX, 3, u64::MAX], Format::OracleGeneral)
        );
        assert_eq!(
            (whole.records[1].value, whole.records[2].ts_ns),
            (1024, 6_000_000_000)
        );
        assert_eq!(whole.description.records, Some(3));
    }
}
