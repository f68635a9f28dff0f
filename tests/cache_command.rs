//! `millstream cache` as people and scripts meet it: table, JSON, CSV, files, exit codes, messages.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn cache(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millstream"))
        .arg("cache")
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts")
}

fn empty_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn web07() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/cache2k/web07.trace.xz");
    path.display().to_string()
}

/// Keys 0 to 9 in a loop, 20 times.
fn write_loop(dir: &Path, name: &str) {
    let lines: String = (0..200).map(|index| format!("{}\n", index % 10)).collect();
    std::fs::write(dir.join(name), lines).expect("written");
}

fn rows(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_str(&stdout(output)).expect("a JSON array alone")
}

const POLICIES: [&str; 8] = [
    "fifo",
    "lru",
    "lfu",
    "clock",
    "sieve",
    "s3-fifo",
    "w-tinylfu",
    "arc",
];

#[test]
fn eight_policies_at_five_sizes_are_the_default() {
    let dir = empty_dir();
    let rows = rows(&cache(
        dir.path(),
        &[&web07(), "--format", "u32be", "--json"],
    ));
    assert_eq!(rows.len(), 40);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["policy"], POLICIES[index / 5]);
        assert_eq!(row["size"], [20, 205, 1024, 2048, 5121][index % 5]);
        assert_eq!(row["requests"], 76_118);
        let (misses, ratio) = (row["misses"].as_f64(), row["miss_ratio"].as_f64());
        let (misses, ratio) = (misses.expect("misses"), ratio.expect("a ratio"));
        assert!((misses / 76_118.0 - ratio).abs() < 1e-6);
        assert!(
            row["miss_ratio_opt"]
                .as_f64()
                .is_some_and(|floor| floor <= ratio)
        );
        assert!(
            row["trace"]
                .as_str()
                .is_some_and(|trace| trace.ends_with("web07.trace.xz"))
        );
    }
    // From the reference.
    assert_eq!(
        (&rows[35]["policy"], &rows[35]["misses"]),
        (&"arc".into(), &58_980.into())
    );
}

#[test]
fn the_files_hold_what_is_printed() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    let args = ["loop", "--policies", "lru,fifo", "--sizes", "5,100%"];
    let json = cache(
        dir.path(),
        &[&args[..], &["--json", "-o", "there"]].concat(),
    );
    let csv = cache(dir.path(), &[&args[..], &["--csv"]].concat());
    let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).expect(path);
    assert_eq!(read("there/miss_ratios.json"), stdout(&json));
    assert_eq!(read("millstream-cache/miss_ratios.csv"), stdout(&csv));
    assert_eq!(rows(&json)[0]["policy"], "lru", "in the order asked for");
    assert_eq!(
        stdout(&csv).lines().nth(1),
        Some("loop,lru,5,200,200,1.0,objects,0.575,,1.0,"),
        "a loop larger than an LRU cache never hits"
    );
    assert_eq!(rows(&json)[1]["misses"], 10, "all fit, first requests miss");
}

#[test]
fn the_table_marks_the_best_and_shows_the_floor() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    let output = cache(
        dir.path(),
        &["loop", "--sizes", "30%", "--policies", "lru,w-tinylfu"],
    );
    let text = stdout(&output);
    let line = |name: &str| {
        text.lines()
            .find(|line| line.starts_with(name))
            .expect(name)
    };
    assert!(
        text.contains("200 requests for 10 distinct keys; 5.00 % are first requests"),
        "{text}"
    );
    assert!(
        line("lru").contains("100.00+21.50") && !line("lru").contains('*'),
        "{text}"
    );
    assert!(line("w-tinylfu").contains('*'), "{text}");
    assert!(line("opt (floor)").contains("78.50"), "{text}");
    assert!(
        text.contains("requests in") && text.contains("millstream-cache/miss_ratios.html"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "no colour but on a terminal");
    let without = stdout(&cache(dir.path(), &["loop", "--no-floor"]));
    assert!(!without.contains("opt (floor)"), "{without}");
    let more = stdout(&cache(dir.path(), &["loop", "-v"]));
    assert!(
        more.contains("kept beside") && more.contains("ns a request"),
        "{more}"
    );
    assert_eq!(stdout(&cache(dir.path(), &["loop", "-q"])), "");
}

#[test]
fn other_names_of_formats_are_known() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    std::fs::write(dir.path().join("blocks"), "1 3 0 0\n2 2 0 1\n").expect("written");
    for (trace, format, requests) in [
        ("loop", "text", 200),
        ("loop", "lines", 200),
        ("blocks", "arc", 5),
        ("blocks", "lis", 5),
    ] {
        let rows = rows(&cache(dir.path(), &[trace, "--format", format, "--json"]));
        assert_eq!(rows[0]["requests"], requests, "{format}");
    }
}

#[test]
fn items_can_be_the_objects() {
    let dir = empty_dir();
    let text = "user,item,ts\n1,7,1700000000\n2,7,1700000001\n3,7,1700000002\n";
    std::fs::write(dir.path().join("clicks.csv"), text).expect("written");
    let misses = |more: &[&str]| {
        let args = [
            &["clicks.csv", "--policies", "lru", "--sizes", "1", "--json"],
            more,
        ]
        .concat();
        rows(&cache(dir.path(), &args))[0]["misses"].as_u64()
    };
    assert_eq!(
        (misses(&[]), misses(&["--key", "item"])),
        (Some(3), Some(1))
    );
    assert_eq!(misses(&["--columns", "key=item"]), Some(1));
}

#[test]
fn a_goal_is_answered_with_a_policy_and_a_size() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    let output = cache(
        dir.path(),
        &["loop", "--hit-ratio", "95%", "--policies", "lru"],
    );
    let text = stdout(&output);
    assert!(
        text.contains("95 % is cheapest with lru at 10 objects (100.00 % of the keys)"),
        "{text}"
    );
    assert!(output.status.success());
    let output = cache(dir.path(), &["loop", "--hit-ratio", "0.96"]);
    assert_eq!(output.status.code(), Some(3), "a goal that cannot be had");
    let text = stdout(&output);
    assert!(
        text.contains("96 % is out of reach") && text.contains("At most: 95.00 %"),
        "{text}"
    );
}

#[test]
fn a_sample_says_how_far_it_may_be_off() {
    let dir = empty_dir();
    let web07 = web07();
    let args = [web07.as_str(), "--format", "u32be", "--sample", "10%"];
    let text = stdout(&cache(dir.path(), &args));
    assert!(
        text.contains("about 2") && text.contains("points on average"),
        "{text}"
    );
    let rows = rows(&cache(dir.path(), &[&args[..], &["--json"]].concat()));
    assert_eq!(rows[0]["requests"], 76_118);
    assert!(
        rows[0]["sample_rate"]
            .as_f64()
            .is_some_and(|rate| (rate - 0.1).abs() < 1e-6)
    );
    assert!(
        rows[0]["miss_ratio_error"]
            .as_f64()
            .is_some_and(|error| error > 0.01 && error < 0.05)
    );
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    let write =
        |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("written");
    write("empty", b"");
    write("cut.u64le", b"123456789");
    write("binary", &[1, 0, 0, 0, 2, 0, 0, 0, 3]);
    for (args, code, parts) in [
        (&["loop", "--policies", "lruu"][..], 2, ["lruu", "'lru'"]),
        (&["loop", "--sizes", "0"], 2, ["`0`", "--sizes"]),
        (&["loop", "--sizes", "150%"], 2, ["`150%`", "100%"]),
        (
            &["loop", "--sizes", "64 MiB"],
            2,
            ["how large", "--columns value="],
        ),
        (&["loop", "--hit-ratio", "120%"], 2, ["120%", "--hit-ratio"]),
        (&["loop", "--sample", "2"], 2, ["`2`", "auto"]),
        (&["loop", "--memory", "lots"], 2, ["lots", "--memory"]),
        (
            &["loop", "--memory", "1 KiB"],
            1,
            ["--memory", "--sample auto"],
        ),
        (
            &["loop", "--key", "item"],
            2,
            ["no items", "--columns item="],
        ),
        (&["loop", "--json", "--csv"], 2, ["--csv", "cannot be used"]),
        (&["empty"], 1, ["empty", "at least one record"]),
        (&["cut.u64le"], 1, ["cut.u64le", "cut off"]),
        (&["binary"], 2, ["binary", "u32le"]),
        (&["nowhere"], 1, ["nowhere", "no such file"]),
        (&[], 2, ["<TRACE>", "Usage"]),
    ] {
        let output = cache(dir.path(), args);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert_eq!(stdout(&output), "", "{args:?}");
        for part in parts {
            assert!(
                message.contains(part),
                "{args:?}: {part:?} is not in:\n{message}"
            );
        }
    }
    assert!(
        !dir.path().join("millstream-cache").exists(),
        "nothing is left behind"
    );
}

#[test]
fn one_trace_that_fails_does_not_take_the_others_with_it() {
    let dir = empty_dir();
    write_loop(dir.path(), "loop");
    let output = cache(
        dir.path(),
        &["nowhere", "loop", "--policies", "lru", "--json"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["trace"] == "loop"));
    assert!(dir.path().join("millstream-cache/miss_ratios.csv").exists());
}

#[test]
fn records_that_cannot_be_read_are_left_out_and_told() {
    let dir = empty_dir();
    std::fs::write(dir.path().join("a.csv"), "key,value\n1,1\nx,1\n1,1\n").expect("written");
    let output = cache(dir.path(), &["a.csv", "--key-type", "u64"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("1 records could not be read"),
        "{}",
        stdout(&output)
    );
    assert!(
        dir.path()
            .join("millstream-cache/dead-letter.jsonl")
            .exists()
    );
}
