//! The format does not drift: a directory written once is read for ever, and written the same to the byte.
//!
//! After a change of the format that is meant, with its new version number:
//! `cargo test --test checkpoint_files -- --ignored write_the_golden_directory`.

use crate::faults::Faulty;
use crate::support::{assert_holds, epochs, keyed, latest, shape, source};
use millstream::checkpoint::{Directory, Shape, Wanted};
use millstream::sys::real_disk::RealDisk;
use std::fs;
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoint")
}

fn small() -> Shape {
    Shape {
        parts: vec![source("readings"), keyed("aggregate", 0, 512)],
        ..shape()
    }
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir.join("run-000001"))
        .expect("a run")
        .map(|entry| entry.expect("a name"))
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("a file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_golden_directory_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let states = epochs(Faulty::default(), dir.path(), small(), 2);
    let (snapshot, rejected) = latest(&golden());
    assert_eq!((snapshot.epoch, snapshot.wall_ms), (2, Faulty::WALL_MS));
    assert_eq!(rejected, [""; 0]);
    for (epoch, state) in states {
        let directory = Directory::open(RealDisk::plain(), &golden()).expect("a directory");
        let (snapshot, _) = directory.snapshot(Wanted::Epoch(epoch)).expect("whole");
        assert_holds(&snapshot, &state);
    }
}

#[test]
fn what_is_written_today_is_the_golden_directory_to_the_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    epochs(Faulty::default(), dir.path(), small(), 2);
    let (found, expected) = (files(dir.path()), files(&golden()));
    let names = |files: &[(String, Vec<u8>)]| -> Vec<String> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&found), names(&expected));
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        assert_eq!(found.len(), expected.len(), "{name}");
        let differs = found.iter().zip(expected).position(|(a, b)| a != b);
        assert_eq!(differs, None, "first byte of {name} that differs");
    }
}

#[test]
#[ignore = "writes tests/data/checkpoint"]
fn write_the_golden_directory() {
    let _ = fs::remove_dir_all(golden());
    fs::create_dir_all(golden()).expect("made");
    epochs(Faulty::default(), &golden(), small(), 2);
}
