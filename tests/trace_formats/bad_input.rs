//! Every bad input: what is said of it, and that a bad record does not end the run unless asked to.
use crate::{Scratch, compressed, defaults, read};
use millstream::source::trace::{
    ErrorKind, FieldType, Format, Header, OnBadRecord, Place, Target, TraceError, TraceOptions,
    convert, open,
};

fn refused(name: &str, content: impl AsRef<[u8]>, options: &TraceOptions) -> TraceError {
    let scratch = Scratch::new();
    let path = scratch.file(name, content);
    let error = read(&path, options).unwrap_err();
    assert_eq!(error.file(), path);
    assert!(!error.advice().is_empty(), "{error}");
    error
}

fn assert_refused(name: &str, content: &str, kind: ErrorKind, exit_code: u8) -> TraceError {
    let error = refused(name, content, &defaults());
    assert_eq!(
        (error.kind(), error.exit_code()),
        (kind, exit_code),
        "{error}"
    );
    error
}

#[test]
fn files_that_cannot_be_read() {
    let scratch = Scratch::new();
    let missing = read(&scratch.path("none.csv"), &defaults()).unwrap_err();
    assert_eq!(
        (missing.kind(), missing.exit_code()),
        (ErrorKind::Missing, 1)
    );
    let directory = read(&scratch.path(""), &defaults()).unwrap_err();
    assert_eq!(directory.kind(), ErrorKind::Directory);
    use std::os::unix::fs::PermissionsExt;
    let locked = scratch.file("locked.csv", "key\n1\n");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    match std::fs::read(&locked) {
        Ok(_) => println!("skipped: this user may read everything"),
        Err(_) => assert_eq!(
            read(&locked, &defaults()).unwrap_err().kind(),
            ErrorKind::Permission
        ),
    }
}

#[test]
fn files_with_nothing_in_them() {
    for name in [
        "t.csv",
        "t.jsonl",
        "t.lis",
        "t.mill",
        "t",
        "t.csv.zst",
        "t.u32le",
    ] {
        assert_refused(name, "", ErrorKind::Empty, 1);
    }
    assert_refused("t.csv", "\n\n  \n", ErrorKind::Empty, 1);
    assert_refused("t.csv", "user,item\n", ErrorKind::HeaderOnly, 1);
    for (extension, _) in compressed(b"x") {
        let nothing = compressed(b"")
            .into_iter()
            .find(|(this, _)| *this == extension)
            .unwrap()
            .1;
        assert_eq!(
            refused(&format!("t.csv.{extension}"), nothing, &defaults()).kind(),
            ErrorKind::Empty,
            "{extension}"
        );
    }
}

#[test]
fn compressed_files_cut_anywhere() {
    // Little enough to be read on opening, and more than that.
    for rows in [300, 60_000] {
        let content: String = (0..rows)
            .map(|row| format!("{row},{}\n", row * 7919 % 10_007))
            .collect();
        let content = format!("key,value\n{content}");
        for (extension, whole) in compressed(content.as_bytes()) {
            let name = format!("t.csv.{extension}");
            let first = whole.len() / 2;
            for cut in [
                1,
                5,
                11,
                whole.len() / 3,
                first + first / 2,
                whole.len() - 9,
                whole.len() - 1,
            ] {
                let error = refused(&name, &whole[..cut], &defaults());
                assert!(
                    matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Corrupt),
                    "{name} cut at {cut}: {error}"
                );
                assert_eq!(error.exit_code(), 1);
            }
            let error = refused(&name, &whole[..whole.len() - 12], &defaults());
            assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
        }
    }
}

#[test]
fn compressed_files_with_a_flipped_byte() {
    let content: String = (0..3000)
        .map(|row| format!("{}\n", row * 7919 % 10_007))
        .collect();
    for (extension, whole) in compressed(content.as_bytes()) {
        // zstd checks its content only where the encoder was told to write a checksum; this one was not.
        if extension == "zst" {
            continue;
        }
        let mut flipped = whole.clone();
        flipped[whole.len() / 4] ^= 0x20;
        let error = refused(&format!("t.txt.{extension}"), &flipped, &defaults());
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Truncated),
            "{extension}: {error}"
        );
    }
    let error = refused("t.csv.gz", "key\n1\n", &defaults());
    assert_eq!(
        (error.kind(), error.place()),
        (ErrorKind::Corrupt, Place::Offset(0)),
        "{error}"
    );
    let mut trailing = compressed(content.as_bytes())[1].1.clone();
    trailing.extend_from_slice(b"no gzip member");
    assert_eq!(
        refused("t.txt.gz", trailing, &defaults()).kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn columns_that_are_not_there() {
    let options = TraceOptions {
        key: "usr_id".into(),
        ..defaults()
    };
    let error = refused("t.csv", "ts,user_id\n1700000000,2\n", &options);
    assert_eq!(
        (error.kind(), error.exit_code(), error.place()),
        (ErrorKind::Column, 2, Place::Line(1))
    );
    assert_eq!(error.advice(), "did you mean \"user_id\"?");
    let error = refused("t.jsonl", "{\"ts\":1700000000,\"user_id\":2}\n", &options);
    assert_eq!(error.advice(), "did you mean \"user_id\"?");
    let none = assert_refused(
        "t.csv",
        "timestamp,value\n2014-04-01 00:00:00,20.0\n",
        ErrorKind::Column,
        2,
    );
    assert!(none.wanted().contains("timestamp, value"), "{none}");
    let bare = assert_refused("t.csv", "17,a\n18,b\n", ErrorKind::Column, 2);
    assert!(
        bare.wanted().contains("0 (like \"17\"), 1 (like \"a\")"),
        "{bare}"
    );
    let lis = refused(
        "t.lis",
        "1 1 0 0\n",
        &TraceOptions {
            item: "x".into(),
            ..defaults()
        },
    );
    assert_eq!(lis.exit_code(), 2);
}

#[test]
fn formats_that_are_not_clear() {
    assert_refused("t.txt", "1 1 0 0\n2 1 0 0\n", ErrorKind::Format, 2);
    assert_refused("t.txt", "[{\"key\":1}]\n", ErrorKind::Format, 2);
    assert_refused("t.jsonl", "no json\n", ErrorKind::Format, 2);
    assert_refused("t.csv", "ada,london\nbob,paris\n", ErrorKind::Format, 2);
    assert_eq!(
        refused("t.csv", b"\xff\xfek\0e\0y\0\n\0", &defaults()).kind(),
        ErrorKind::Format
    );
    assert_eq!(
        refused("t.mill", "key\n1\n", &defaults()).kind(),
        ErrorKind::Truncated
    );
    assert_eq!(
        refused("t.mill", vec![b'x'; 5000], &defaults()).kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn options_that_make_no_sense() {
    for options in [
        TraceOptions {
            delimiter: Some('é'),
            ..defaults()
        },
        TraceOptions {
            delimiter: Some('\n'),
            ..defaults()
        },
        TraceOptions {
            value_scale: Some(f64::NAN),
            ..defaults()
        },
        TraceOptions {
            value_scale: Some(0.0),
            ..defaults()
        },
        TraceOptions {
            key: "none".into(),
            ..defaults()
        },
    ] {
        let error = refused("t.csv", "key,value\n1,2\n", &options);
        assert_eq!(
            (error.kind(), error.exit_code()),
            (ErrorKind::Option, 2),
            "{error}"
        );
    }
}

#[test]
fn fixed_records_cut_off() {
    for (name, bytes) in [("t.u32le", 7), ("t.u64be", 12), ("t.oracleGeneral.bin", 47)] {
        let error = refused(name, vec![1; bytes], &defaults());
        assert_eq!(
            (error.kind(), error.exit_code()),
            (ErrorKind::Truncated, 1),
            "{error}"
        );
        let packed = compressed(&vec![1; bytes]).swap_remove(2).1;
        assert_eq!(
            refused(&format!("{name}.bz2"), packed, &defaults()).kind(),
            ErrorKind::Truncated
        );
    }
}

const BAD_ROWS: &str = "key,value,ts\n1,5,1700000000\ntwo,5,1700000001\n3,5\n4,2.5,1700000002\n99999999999999999999,5,1700000003\n\
    6,5,yesterday\n7,99999999999999999999,1700000004\n8,,1700000005\n-9,5,1700000006\n10,5,1700000007\n";

#[test]
fn bad_records_go_to_the_dead_letters() {
    let scratch = Scratch::new();
    let path = scratch.file("t.csv", BAD_ROWS);
    let letters = scratch.path("dead.jsonl");
    let options = TraceOptions {
        key_type: FieldType::U64,
        value: "value".into(),
        dead_letter: Some(letters.clone()),
        ..defaults()
    };
    let whole = read(&path, &options).unwrap();
    assert_eq!(
        (whole.keys(), whole.counts.bad, whole.counts.read),
        (vec![1, 10], 8, 10)
    );
    let letters: Vec<serde_json::Value> = std::fs::read_to_string(&letters)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        (3, "text where a number belongs", "two,5,1700000001"),
        (4, "2 fields", "3,5"),
        (5, "a decimal", "4,2.5,1700000002"),
        (6, "out of range", "99999999999999999999,5,1700000003"),
        (7, "text where a number belongs", "6,5,yesterday"),
        (8, "out of range", "7,99999999999999999999,1700000004"),
        (9, "nothing in column", "8,,1700000005"),
        (10, "a negative number", "-9,5,1700000006"),
    ];
    assert_eq!(letters.len(), expected.len());
    for (letter, (line, reason, raw)) in letters.iter().zip(expected) {
        assert_eq!(
            (&letter["line"], &letter["raw"]),
            (&line.into(), &raw.into())
        );
        assert!(
            letter["reason"].as_str().unwrap().starts_with(reason),
            "{letter}"
        );
        assert!(
            !letter["expected"].as_str().unwrap().is_empty()
                && letter["file"].as_str().unwrap().ends_with("t.csv")
        );
    }
    assert!(
        letters[0]["remedy"]
            .as_str()
            .unwrap()
            .contains("key_type = \"text\"")
    );
    assert!(
        letters[2]["remedy"]
            .as_str()
            .unwrap()
            .contains("value_scale")
    );
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let last = |content: &str| {
        let options = TraceOptions {
            key_type: FieldType::U64,
            on_bad_record: OnBadRecord::Fail,
            ..defaults()
        };
        refused("t.csv", content, &options).place()
    };
    assert_eq!(last("key,value\n1,2\nx,3\n"), Place::Line(3));
    assert_eq!(last("key,value\r\n1,2\r\nx,3\r\n"), Place::Line(3));
    assert_eq!(last("key,value\n1,2\n\n\nx,3\n"), Place::Line(5));
    assert_eq!(last("key,value\r\n\r\n1,2\r\n\r\nx,3"), Place::Line(5));
    assert_eq!(last("key,item\n1,\"a\nb\"\nx,c\n"), Place::Line(4));
}

#[test]
fn a_quote_that_is_not_closed_swallows_nothing_unseen() {
    let scratch = Scratch::new();
    for end in ["", "\n", "\r\n"] {
        let path = scratch.file("t.csv", format!("key,item\n1,a\n2,\"b\n3,c\n4,d{end}"));
        let whole = read(&path, &defaults()).unwrap();
        assert_eq!((whole.keys(), whole.counts.bad), (vec![1], 1), "{end:?}");
        let fail = TraceOptions {
            on_bad_record: OnBadRecord::Fail,
            ..defaults()
        };
        assert_eq!(
            refused("t.csv", std::fs::read(&path).unwrap(), &fail).place(),
            Place::Line(3),
            "{end:?}"
        );
        let closed = scratch.file("c.csv", format!("key,item\n1,a\n2,\"b\nc\"{end}"));
        assert_eq!(
            read(&closed, &defaults()).unwrap().keys(),
            [1, 2],
            "{end:?}"
        );
    }
}

#[test]
fn what_came_before_an_error_is_delivered() {
    let scratch = Scratch::new();
    let options = TraceOptions {
        key_type: FieldType::U64,
        on_bad_record: OnBadRecord::Fail,
        ..defaults()
    };
    let mut trace = open(scratch.file("t.txt", "1\n2\nx\n4\n"), &options).unwrap();
    let mut block = Vec::new();
    assert!(trace.next_block(&mut block).unwrap());
    assert_eq!(
        block.iter().map(|record| record.key).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        trace.next_block(&mut block).unwrap_err().place(),
        Place::Line(3)
    );
    assert!(
        block.is_empty() && !trace.next_block(&mut block).unwrap(),
        "an error is the end"
    );
}

#[test]
fn a_number_column_met_by_text_later_is_told() {
    let scratch = Scratch::new();
    let body: String = (0..5000).map(|key| format!("{key}\n")).collect();
    let whole = read(
        &scratch.file("t.txt", format!("{body}late-text\n")),
        &defaults(),
    )
    .unwrap();
    assert_eq!((whole.counts.bad, whole.counts.delivered), (1, 5000));
}

#[test]
fn nothing_is_converted_over_a_device() {
    let scratch = Scratch::new();
    let from = scratch.file("t.csv", "key\n1\n");
    let null = std::path::Path::new("/dev/null");
    convert(&from, &defaults(), null, Target::Csv, &mut |_| {}).unwrap_err();
    assert!(!null.metadata().unwrap().is_file());
}

#[test]
fn a_clean_run_leaves_no_dead_letters() {
    let scratch = Scratch::new();
    let options = TraceOptions {
        dead_letter: Some(scratch.path("dead.jsonl")),
        ..defaults()
    };
    read(&scratch.file("t.csv", "key\n1\n2\n"), &options).unwrap();
    assert_eq!(scratch.names(), ["t.csv"]);
    let bad = scratch.file("t.jsonl", "{\"key\":1}\n{]\n");
    let made = TraceOptions {
        dead_letter: Some(scratch.path("made/for/it.jsonl")),
        ..defaults()
    };
    read(&bad, &made).unwrap();
    assert!(scratch.path("made/for/it.jsonl").is_file());
    let nowhere = TraceOptions {
        dead_letter: Some(scratch.path("t.csv/no/dir")),
        ..defaults()
    };
    let error = read(&bad, &nowhere).unwrap_err();
    assert_eq!(error.file(), &*scratch.path("t.csv/no/dir"));
}

#[test]
fn raw_bytes_that_are_not_utf8_are_kept_in_hex() {
    let scratch = Scratch::new();
    let options = TraceOptions {
        dead_letter: Some(scratch.path("dead.jsonl")),
        key_type: FieldType::U64,
        ..defaults()
    };
    read(
        &scratch.file("t.txt", b"1\n\xff\xfe\n"),
        &TraceOptions {
            format: Format::Lines,
            ..options
        },
    )
    .unwrap();
    let letter: serde_json::Value = serde_json::from_str(
        std::fs::read_to_string(scratch.path("dead.jsonl"))
            .unwrap()
            .trim(),
    )
    .unwrap();
    assert_eq!(
        (letter["line"].as_u64(), letter["raw_hex"].as_str()),
        (Some(2), Some("fffe"))
    );
}

#[test]
fn bad_records_end_the_run_if_asked() {
    let options = TraceOptions {
        key_type: FieldType::U64,
        value: "value".into(),
        on_bad_record: OnBadRecord::Fail,
        ..defaults()
    };
    let error = refused("t.csv", BAD_ROWS, &options);
    assert_eq!(
        (error.kind(), error.place(), error.exit_code()),
        (ErrorKind::Record, Place::Line(3), 1)
    );
    assert_eq!(error.found(), Some("two"));
    let lines = refused(
        "t.jsonl",
        "{\"key\":1}\n{\"key\":}\n",
        &TraceOptions {
            on_bad_record: OnBadRecord::Fail,
            ..defaults()
        },
    );
    assert_eq!(lines.place(), Place::Line(2));
}

#[test]
fn bad_json_records() {
    let scratch = Scratch::new();
    let lines = "{\"key\":1,\"value\":2}\n{\"key\":1}\n{\"key\":null,\"value\":2}\nnot json\n[1]\n{\"key\":[1],\"value\":2}\n\
        {\"key\":3,\"value\":2} trailing\n{\"key\":4,\"value\":2,\"key\":5}\n";
    let whole = read(
        &scratch.file("t.jsonl", lines),
        &TraceOptions {
            key_type: FieldType::U64,
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!((whole.keys(), whole.counts.bad), (vec![1, 5], 6));
}

#[test]
fn decimals_need_a_scale() {
    let scratch = Scratch::new();
    let path = scratch.file("t.csv", "key,value\n1,2.345\n2,-7\n");
    let guessed = read(&path, &defaults()).unwrap();
    assert_eq!(
        (guessed.counts.bad, guessed.description.has_value),
        (0, false)
    );
    assert!(
        guessed.description.notes[0].contains("value_scale"),
        "{}",
        guessed.description
    );
    let scaled = read(
        &path,
        &TraceOptions {
            value_scale: Some(100.0),
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!(
        scaled
            .records
            .iter()
            .map(|record| record.value)
            .collect::<Vec<_>>(),
        [235, -700]
    );
}

#[test]
fn records_without_end_do_not_fill_the_memory() {
    let endless = format!("key,value\n1,2\n\"{}", "x,y\n".repeat(1 << 20));
    let error = refused(
        "t.csv",
        endless,
        &TraceOptions {
            header: Header::Yes,
            ..defaults()
        },
    );
    assert!(
        error.kind() == ErrorKind::Corrupt && error.advice().contains("quote"),
        "{error}"
    );
    let scratch = Scratch::new();
    let long = format!("1\n{}\n3\n", "9".repeat(3 << 20));
    let whole = read(
        &scratch.file("t.txt", long),
        &TraceOptions {
            format: Format::Lines,
            ..defaults()
        },
    )
    .unwrap();
    assert_eq!((whole.keys(), whole.counts.bad), (vec![1, 3], 1));
}
