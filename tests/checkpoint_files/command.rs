//! `millstream checkpoint`: what it prints, and its exit codes.

use crate::support::{epochs, shape};
use millstream::app::aggregate::Total;
use millstream::bytemuck;
use millstream::checkpoint::{Piece, Writer};
use millstream::sys::real_disk::RealDisk;
use std::path::Path;
use std::process::Command;

/// Exit code, standard output and error.
fn run(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_millstream"))
        .arg("checkpoint")
        .args(args)
        .current_dir(dir)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_directory_is_listed_and_verified() {
    let dir = tempfile::tempdir().expect("a directory");
    epochs(RealDisk::plain(), dir.path(), shape(), 4);
    let (code, out, _) = run(dir.path(), &["ls", "."]);
    assert_eq!(code, Some(0));
    assert_eq!(out.lines().count(), 5, "{out}");
    assert!(
        out.lines()
            .last()
            .is_some_and(|line| line.ends_with("overwritten")),
        "{out}"
    );
    let (code, out, _) = run(dir.path(), &["verify", ".", "--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let states: Vec<_> = found["epochs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["state"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        (code, states),
        (Some(0), vec!["valid", "valid", "valid", "overwritten"])
    );

    let file = dir.path().join("run-000001/aggregate-0.0");
    let mut bytes = std::fs::read(&file).expect("a file");
    bytes[8200] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    let (code, out, _) = run(dir.path(), &["verify", "."]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("damaged: ") && out.contains("the checksum of block 0"),
        "{out}"
    );
    assert_eq!(run(dir.path(), &["verify", ".", "--epoch", "3"]).0, Some(0));
    assert_eq!(run(dir.path(), &["verify", ".", "--epoch", "4"]).0, Some(1));
    let (code, _, err) = run(dir.path(), &["verify", ".", "--epoch", "9"]);
    assert!(
        code == Some(1) && err.contains("holds no epoch 9; it holds epochs 4, 3, 2"),
        "{err}"
    );
    let (code, out, err) = run(dir.path(), &["inspect", "."]);
    assert_eq!(code, Some(0));
    assert!(
        err.contains("passed over epoch 4") && out.starts_with("epoch 3 of run 1"),
        "{out}{err}"
    );
    let (code, _, err) = run(dir.path(), &["ls", "none"]);
    assert!(code == Some(1) && err.contains("does not exist"), "{err}");
}

#[test]
fn state_is_exported_in_columns() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = Writer::new(RealDisk::plain(), dir.path().join("run-000001"), shape(), 1)
        .expect("a writer");
    let mut block = vec![0; 4096];
    let total = Total {
        count: 2,
        sum: -3,
        min: -5,
        max: 2,
        last_ns: 9,
    };
    block[64..72].copy_from_slice(&77_u64.to_le_bytes());
    block[72] = 1;
    block[80..120].copy_from_slice(bytemuck::bytes_of(&total));
    for part in 0..3 {
        writer.take(
            part,
            Piece::Begin {
                epoch: 1,
                target: 0,
                since: None,
            },
        );
        if part == 1 {
            writer.take(
                part,
                Piece::Block {
                    index: 1,
                    bytes: &block,
                },
            );
        }
        writer.take(
            part,
            Piece::End {
                blocks: 2 * u64::from(part == 1),
            },
        );
    }
    writer.settle().expect("all ended");
    let (code, out, err) = run(dir.path(), &["export", ".", "--stage", "aggregate"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out, "key,count,sum,min,max,last_ns\n77,2,-3,-5,2,9\n");
    let args = [
        "export",
        ".",
        "--part",
        "aggregate-0",
        "--json",
        "--to",
        "a.jsonl",
    ];
    assert_eq!(run(dir.path(), &args).0, Some(0));
    let text = std::fs::read_to_string(dir.path().join("a.jsonl")).expect("written");
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&found["key"], &found["sum"]), (&77.into(), &(-3).into()));
    let (code, _, err) = run(dir.path(), &["export", ".", "--stage", "readings"]);
    assert!(
        code == Some(2) && err.contains("one of aggregate\n") && !err.contains("aggregate-0"),
        "{err}"
    );
}
