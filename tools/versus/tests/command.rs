//! The command as a person runs it.

use serde_json::Value;
use std::process::{Command, Output};

fn versus(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_versus"));
    command.args(args).output().expect("the program")
}

#[test]
fn a_run_prints_a_table_and_writes_all_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (json, markdown, plot) = (file("v.json"), file("v.md"), file("v.svg"));
    let output = versus(&[
        "w3",
        "--quick",
        "--peers",
        "millstream,timely/1",
        "--json",
        &json,
        "--markdown",
        &markdown,
        "--plot",
        &plot,
    ]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("| millstream/1 ") && text.contains("| timely/1 "),
        "{text}"
    );
    assert!(!text.contains("timely/2"), "{text}");
    assert!(text.contains("Hiccups of the machine"), "{text}");
    assert_eq!(std::fs::read_to_string(markdown).expect("the table"), text);
    let json: Value =
        serde_json::from_slice(&std::fs::read(json).expect("the file")).expect("JSON");
    let rows = json["cases"][0]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter()
            .all(|row| row["figures"][0]["median"].as_f64() > Some(0.0))
    );
    assert!(
        std::fs::read_to_string(plot)
            .expect("the plot")
            .contains("<rect")
    );
}

#[test]
fn a_peer_that_is_not_there_is_named_with_those_that_are() {
    let output = versus(&["w1", "--peers", "timly"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        error.contains("no peer `timly`") && error.contains("timely/1"),
        "{error}"
    );
}
