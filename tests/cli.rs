//! The `millstream` command as people and scripts meet it: help, exit codes, messages.

use millstream::latency::{Report, SUMMARY_VERSION, Summary, new_histogram, percentiles, record};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the command in an empty directory.
fn millstream(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millstream"))
        .args(args)
        .current_dir(dir)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("the command starts")
}

fn empty_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn run(args: &[&str]) -> Output {
    millstream(empty_dir().path(), args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Asserts the exit code, nothing on standard output, and parts of the message.
fn assert_refused(output: &Output, code: i32, parts: &[&str]) {
    let message = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(
        stdout(output),
        "",
        "an error must leave standard output empty"
    );
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in:\n{message}");
    }
    assert!(
        !message.contains('\x1b'),
        "no colour but on a terminal: {message:?}"
    );
}

const SUBCOMMANDS: [&str; 14] = [
    "run",
    "replay",
    "bench",
    "cache",
    "report",
    "compare",
    "plan",
    "verify",
    "trace",
    "checkpoint",
    "dead-letter",
    "check",
    "completions",
    "man",
];

#[test]
fn help_names_every_subcommand_and_shows_examples() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = stdout(&output);
    for name in SUBCOMMANDS {
        assert!(
            help.contains(&format!("  {name} ")),
            "{name} is not in:\n{help}"
        );
    }
    assert!(
        help.contains("Examples:") && help.contains("Exit codes:"),
        "{help}"
    );
}

#[test]
fn help_of_each_subcommand_teaches_with_an_example() {
    let leaves = [
        &["run"][..],
        &["replay"],
        &["bench"],
        &["cache"],
        &["report"],
        &["compare"],
        &["plan"],
        &["verify"],
        &["check"],
        &["completions"],
        &["man"],
        &["trace", "info"],
        &["trace", "convert"],
        &["trace", "generate"],
        &["checkpoint", "ls"],
        &["checkpoint", "inspect"],
        &["checkpoint", "verify"],
        &["checkpoint", "export"],
        &["dead-letter", "ls"],
        &["dead-letter", "show"],
        &["dead-letter", "replay"],
    ];
    for leaf in leaves {
        let output = run(&[leaf, &["--help"]].concat());
        assert!(output.status.success(), "{leaf:?}: {}", stderr(&output));
        let help = stdout(&output);
        assert!(help.contains("Example"), "{leaf:?} has no example:\n{help}");
        assert!(
            help.contains(&format!("millstream {}", leaf.join(" "))),
            "{leaf:?}:\n{help}"
        );
        assert!(
            help.contains("-C <KEY=VALUE>"),
            "{leaf:?} has no global options:\n{help}"
        );
    }
}

#[test]
fn wrong_usage_exits_with_2_and_suggests() {
    assert_refused(&run(&["repaly", "x"]), 2, &["replay"]);
    assert_refused(&run(&["replay"]), 2, &["<TRACE>"]);
    assert_refused(&run(&["bench", "--rte", "1M"]), 2, &["--rate"]);
    assert_refused(&run(&["bench", "--idle", "bussy"]), 2, &["busy"]);
    assert_refused(&run(&["bench", "--find-knee"]), 2, &["--goal"]);
    assert_refused(&run(&["run", "-q", "-v"]), 2, &["cannot be used with"]);
}

#[test]
fn bad_values_name_key_value_limits_and_remedy() {
    for (args, parts) in [
        (
            &["bench", "--partitions", "1000000"][..],
            ["runtime.partitions", "1000000", "1 to 1024", "--partitions"],
        ),
        (
            &["bench", "--cores", "0"],
            ["runtime.cores", "`0`", "1 to 1024", "--cores"],
        ),
        (
            &["bench", "--rate", "0"],
            ["load.rate", "`0`", "\"max\"", "--rate"],
        ),
        (
            &["bench", "--duration", "10"],
            ["load.duration", "`10`", "unit", "--duration"],
        ),
        (
            &["bench", "--goal", "p98=1us"],
            ["report.goal", "p98", "p99.9", "--goal"],
        ),
        (
            &["replay", "x", "--speed", "0x"],
            ["pace.speed", "0x", "\"10x\"", "--speed"],
        ),
        (
            &["replay", "x", "--limit", "0"],
            ["source.limit", "0", "from 1", "--limit"],
        ),
        (&["run", "-C", "seed=abc"], ["seed", "abc", "count", "-C"]),
        (
            &["run", "-C", "runtime.ring_slots=0"],
            ["runtime.ring_slots", "0", "1 to 1048576", "L2"],
        ),
        (
            &["run", "-C", "seed"],
            ["-C seed", "key=value", "error:", "help:"],
        ),
    ] {
        assert_refused(&run(args), 2, &parts);
    }
}

#[test]
fn an_unknown_key_names_its_place_the_nearest_and_all_others() {
    let output = run(&["run", "-C", "runtime.core=2"]);
    assert_refused(
        &output,
        2,
        &["`runtime.core`", "`runtime.cores`", "ring_slots", "-C"],
    );

    let dir = empty_dir();
    std::fs::write(
        dir.path().join("my.toml"),
        "app = \"aggregate\"\n[lod]\nrate = 1\n",
    )
    .expect("written");
    let output = millstream(dir.path(), &["run", "my.toml"]);
    assert_refused(&output, 2, &["`lod`", "my.toml:2", "`load`", "runtime"]);

    std::fs::write(dir.path().join("my.toml"), "[runtime]\ncores = [1]\n").expect("written");
    let output = millstream(dir.path(), &["run", "my.toml"]);
    assert_refused(
        &output,
        2,
        &["runtime.cores", "my.toml:2", "[1]", "expected:"],
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    assert_refused(
        &run(&["run", "nowhere.toml"]),
        2,
        &["nowhere.toml", "--print-config"],
    );
    assert_refused(&run(&["run", "."]), 2, &["where: .", "directory"]);
    let dir = empty_dir();
    std::fs::write(dir.path().join("bad.toml"), "seed = 1\nwhat is this\n").expect("written");
    assert_refused(
        &millstream(dir.path(), &["run", "bad.toml"]),
        2,
        &["bad.toml:2", "TOML"],
    );
}

#[test]
fn the_printed_configuration_reads_back_to_itself() {
    let dir = empty_dir();
    let changed = [
        "-C",
        "runtime.cores=2",
        "--seed",
        "7",
        "--out",
        "there",
        "--idle",
        "park",
    ];
    let printed = millstream(
        dir.path(),
        &[&["run", "--print-config"], &changed[..]].concat(),
    );
    assert!(printed.status.success(), "{}", stderr(&printed));
    let text = stdout(&printed);
    assert!(
        text.contains("seed = 7") && text.contains("out = \"there\""),
        "{text}"
    );
    assert!(
        text.contains("idle = \"park\"") && text.contains("# "),
        "{text}"
    );
    std::fs::write(dir.path().join("again.toml"), &text).expect("written");
    let again = millstream(dir.path(), &["run", "again.toml", "--print-config"]);
    assert_eq!(stdout(&again), text);
}

#[test]
fn without_the_sample_the_command_says_what_to_do() {
    for args in [&[][..], &["run"]] {
        let output = run(args);
        assert_refused(
            &output,
            2,
            &[
                "sample",
                "tests/data/git-activity",
                "millstream replay TRACE",
            ],
        );
    }
}

#[test]
fn completions_of_every_shell_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = stdout(&output);
        for name in SUBCOMMANDS {
            assert!(
                script.contains(name),
                "{name} is not in the completions of {shell}"
            );
        }
    }
    assert_refused(&run(&["completions", "tcsh"]), 2, &["possible values"]);
}

#[test]
fn manual_pages_go_to_standard_output_or_a_directory() {
    let page = stdout(&run(&["man"]));
    assert!(
        page.contains(".TH millstream 1") && page.contains("millstream-trace-info"),
        "{page}"
    );
    let dir = empty_dir();
    let output = millstream(dir.path(), &["man", "--dir", "man1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["millstream", "millstream-bench", "millstream-trace-convert"] {
        let path = dir.path().join("man1").join(format!("{name}.1"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(text.contains(".TH"), "{name}:\n{text}");
    }
}

#[test]
fn a_trace_that_cannot_be_read_is_named_and_nothing_is_left() {
    let dir = empty_dir();
    let write =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
    write("empty.csv", "");
    write("header.csv", "user_id,item_id,ts\n");
    write("cut.csv.zst", "\u{28}not a frame");
    write(
        "good.csv",
        "user_id,item_id,ts\n1,2,1700000000\n1,3,1700000001\n",
    );
    for (args, code, part) in [
        (&["replay", "missing.csv"][..], 1, "missing.csv"),
        (&["replay", "."], 1, "directory"),
        (&["replay", "empty.csv"], 1, "empty.csv"),
        (&["replay", "header.csv"], 1, "header.csv"),
        (&["replay", "cut.csv.zst"], 1, "cut.csv.zst"),
        (
            &["replay", "good.csv", "--columns", "key=usr_id"],
            2,
            "user_id",
        ),
    ] {
        assert_refused(&millstream(dir.path(), args), code, &[part, "error:"]);
    }
    assert!(
        !dir.path().join("millstream-run").exists(),
        "a refused run leaves nothing behind"
    );
}

#[test]
fn traces_are_looked_at_and_converted() {
    let dir = empty_dir();
    let text = "user_id,item_id,ts\n1,2,1700000000\n1,3,1700000001\n2,3,1700000005\n";
    std::fs::write(dir.path().join("clicks.csv"), text).expect("written");
    let info = |name: &str| {
        let output = millstream(dir.path(), &["trace", "info", name, "--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let found: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON alone");
        (
            found["counts"]["delivered"].as_u64(),
            found["distinct_keys"].as_u64(),
        )
    };
    assert_eq!(info("clicks.csv"), (Some(3), Some(2)));
    for to in ["clicks.mill", "again.jsonl"] {
        let from = if to == "clicks.mill" {
            "clicks.csv"
        } else {
            "clicks.mill"
        };
        let output = millstream(dir.path(), &["trace", "convert", from, to]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(info(to), (Some(3), Some(2)), "{to}");
    }
    let output = millstream(dir.path(), &["trace", "info", "clicks.csv"]);
    assert!(stdout(&output).contains("user_id"), "{}", stdout(&output));
    assert_refused(
        &millstream(
            dir.path(),
            &["trace", "convert", "clicks.csv", "clicks.xls"],
        ),
        2,
        &["clicks.xls", ".mill"],
    );
    assert_refused(
        &millstream(dir.path(), &["trace", "info", "none.csv"]),
        1,
        &["none.csv"],
    );
}

#[test]
fn a_load_is_written_as_a_native_trace() {
    let dir = empty_dir();
    let args = [
        "trace",
        "generate",
        "load.mill",
        "--events",
        "5k",
        "--keys",
        "zipf(0.99,1000)",
    ];
    let output = millstream(dir.path(), &args);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("load.mill: 5"),
        "{}",
        stdout(&output)
    );
    let first = std::fs::read(dir.path().join("load.mill")).expect("a file");
    assert!(first.starts_with(b"MILLTRC\0"));

    let again = millstream(dir.path(), &[&args[..], &["--seed", "42"]].concat());
    assert!(again.status.success());
    assert_eq!(
        std::fs::read(dir.path().join("load.mill")).expect("a file"),
        first,
        "42 is the default"
    );
    let other = millstream(dir.path(), &[&args[..], &["--seed", "7"]].concat());
    assert!(other.status.success());
    assert_ne!(
        std::fs::read(dir.path().join("load.mill")).expect("a file"),
        first
    );

    assert_refused(
        &run(&["trace", "generate", "load.csv"]),
        2,
        &["load.csv", ".mill"],
    );
    assert_refused(
        &run(&["trace", "generate", "a.mill", "--rate", "max"]),
        2,
        &["--events"],
    );
}

/// The report of a run that handled `events` events, in `dir`.
fn write_report(dir: &Path, events: u64, config: &str) {
    let mut latency = new_histogram();
    (1..=events).for_each(|event| record(&mut latency, event, 1));
    let summary = Summary {
        version: SUMMARY_VERSION,
        app: "aggregate".into(),
        events_in: events,
        events_out: events,
        balanced: true,
        throughput_events_per_s: events as f64,
        latency_ns: percentiles(&latency),
        ..Summary::default()
    };
    let (service, hiccups) = (new_histogram(), new_histogram());
    let report = Report {
        summary,
        latency,
        service,
        hiccups,
        intervals: Vec::new(),
    };
    report.write(dir, config).expect("written");
}

#[test]
fn reports_are_printed_as_text_or_json_and_compared() {
    let dir = empty_dir();
    let config = stdout(&run(&["run", "--print-config"]));
    write_report(&dir.path().join("one"), 10_000, &config);
    write_report(
        &dir.path().join("two"),
        20_000,
        &config.replace("seed = 42", "seed = 43"),
    );

    let text = stdout(&millstream(dir.path(), &["report", "one"]));
    assert!(
        text.contains("aggregate") && text.contains("p99.9"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "no colour but on a terminal");
    assert_eq!(
        stdout(&millstream(dir.path(), &["report", "one", "-q"])),
        ""
    );
    let json = stdout(&millstream(dir.path(), &["report", "one", "--json"]));
    let summary: Summary = serde_json::from_str(&json).expect("JSON alone");
    assert_eq!(summary.events_in, 10_000);

    let json = stdout(&millstream(
        dir.path(),
        &["compare", "one", "two", "--json"],
    ));
    let comparison: serde_json::Value = serde_json::from_str(&json).expect("JSON alone");
    let rows = comparison["rows"].as_array().expect("rows");
    let row = rows
        .iter()
        .find(|row| row["measure"] == "throughput_events_per_s")
        .expect("a row");
    assert_eq!(row["ratio"], 2.0);
    let text = stdout(&millstream(dir.path(), &["compare", "one", "two"]));
    assert!(
        text.contains("config.seed"),
        "the settings that differ are shown: {text}"
    );
}

#[test]
fn a_directory_without_a_report_is_refused() {
    assert_refused(
        &run(&["report", "nowhere"]),
        1,
        &["nowhere", "summary.json"],
    );
    assert_refused(&run(&["compare", ".", "nowhere"]), 1, &["summary.json"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_millstream"))
        .arg("man")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the command ends");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn colour_is_used_when_asked_for() {
    let output = run(&["run", "-C", "seed", "--color", "always"]);
    assert!(
        stderr(&output).contains("\x1b[1;31merror:"),
        "{}",
        stderr(&output)
    );
}
