//! What `jvm/run` stands on, without a Java virtual machine: the events in files, and that it leaves out whom it cannot
//! have, believes no wrong answer and prints a table of right ones. The peer is a shell script in the place of `java`.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const VERSUS: &str = env!("CARGO_BIN_EXE_versus");

/// The events of w1 with few hot keys in `directory`, and what `versus events` says of them.
fn events(directory: &Path) -> Value {
    let mut command = Command::new(VERSUS);
    command.args(["events", "--quick", "--keys", "zipf", "--out"]);
    let output = command.arg(directory).output().expect("the program");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// `jvm/run --quick` for the Disruptor with the JDK in `home`; `None`, and a line that says so, without Python.
fn run(home: &Path) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("jvm/run");
    let mut command = Command::new("python3");
    command.arg(script).args(["--quick", "--keys", "zipf"]);
    command.args(["--peers", "disruptor", "--beside", "millstream/1"]);
    command.args(["--versus", VERSUS, "--cache"]);
    command.arg(home.join("cache")).env("JAVA_HOME", home);
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            println!("skipped: python3 cannot be started: {error}");
            None
        }
    }
}

/// A JDK in `home` whose `java` answers every turn with `results` and `digest`, and a jar that nothing reads.
fn imitate_jdk(home: &Path, results: u64, digest: u64) {
    let program = |name: &str, text: String| {
        let path = home.join("bin").join(name);
        fs::create_dir_all(home.join("bin")).expect("a directory");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    };
    let answer = format!(
        r#"{{"results": {results}, "digest": "{digest:016x}", "elapsed_ns": 1000000, "cpu_ns": 1}}"#
    );
    program("javac", String::new());
    program(
        "java",
        format!(
            "case $1 in -version) echo 'openjdk version \"17.0.1\"' ;; *) echo '{answer}' ;; esac"
        ),
    );
    let jar = home.join("cache/disruptor/usr/share/java");
    fs::create_dir_all(&jar).expect("a directory");
    fs::write(jar.join("disruptor.jar"), "").expect("a jar");
}

#[test]
fn the_events_are_in_files_with_what_must_be_answered() {
    let directory = tempfile::tempdir().expect("a directory");
    let cases = events(directory.path());
    let [case] = cases.as_array().expect("cases").as_slice() else {
        panic!("one of two cases was asked for: {cases}");
    };
    let input = &case["input"];
    let count = input["events"].as_u64().expect("a count");
    let first = input["first"].as_u64().expect("a count");
    assert_eq!(case["expected"]["results"].as_u64(), Some(count));
    assert!(0 < first && first < count, "{first} of {count}");
    for file in ["whole", "halves"] {
        let path = input[file].as_str().expect("a path");
        let bytes = fs::metadata(path).expect("the file").len();
        assert_eq!(bytes, 24 * count, "{file}");
    }
}

#[test]
fn a_jdk_that_is_not_there_is_a_line_and_no_error() {
    let home = tempfile::tempdir().expect("a directory");
    let Some(output) = run(home.path()) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.starts_with("skipped: disruptor: there is no `javac`"),
        "{text}"
    );
}

#[test]
fn a_right_answer_is_printed_and_a_wrong_one_ends_the_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let expected = &events(directory.path())[0]["expected"];
    let results = expected["results"].as_u64().expect("a count");
    let digest = expected["digest"].as_u64().expect("a digest");
    imitate_jdk(directory.path(), results, digest);
    let Some(output) = run(directory.path()) else {
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("| millstream/1 growing ") && text.contains("| disruptor-java/2 presized "),
        "{text}"
    );
    for (results, digest) in [(results, digest + 1), (results - 1, digest)] {
        imitate_jdk(directory.path(), results, digest);
        let output = run(directory.path()).expect("python3 was there");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(error.contains("answered wrongly"), "{error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
