//! Whatever is changed in the files of an epoch is found: the epoch before is restored, and the reason said.

use crate::support::{Model, assert_holds, epochs, keyed, latest, shape, source};
use millstream::checkpoint::{CheckpointError, Directory, EpochState, Shape, Wanted};
use millstream::sys::real_disk::RealDisk;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with three durable epochs; the newest is 3.
struct Whole {
    dir: tempfile::TempDir,
    states: Vec<(u64, Model)>,
}

impl Whole {
    fn new(shape: Shape) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let states = epochs(RealDisk::plain(), dir.path(), shape, 3);
        Whole { dir, states }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("run-000001").join(name)
    }

    /// Asserts that epoch `epoch` is restored, and returns what was rejected.
    fn restores(&self, epoch: u64) -> Vec<String> {
        let (snapshot, rejected) = latest(self.dir.path());
        assert_eq!(snapshot.epoch, epoch, "{rejected:?}");
        assert_holds(&snapshot, &self.states[epoch as usize - 1].1);
        rejected
    }

    /// Restores with `bytes` in place of the file `name`, and puts the file back.
    fn with(&self, name: &str, bytes: &[u8], epoch: u64, reason: &str) {
        let path = self.file(name);
        let before = fs::read(&path).expect("a file");
        fs::write(&path, bytes).expect("written");
        let rejected = self.restores(epoch);
        let said = rejected.iter().any(|said| said.contains(reason));
        assert!(said, "{rejected:?}, expected {reason}");
        fs::write(&path, before).expect("put back");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).expect("a file")
    }
}

fn small() -> Shape {
    Shape {
        parts: vec![source("readings"), keyed("aggregate", 0, 64)],
        ..shape()
    }
}

fn open(dir: &Path) -> Directory<RealDisk> {
    Directory::open(RealDisk::plain(), dir).expect("a directory")
}

/// Changes bytes of a file in place through one handle, which is much faster than writing it whole.
fn poke(path: &Path, at: usize, byte: u8) {
    use std::os::unix::fs::FileExt;
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.write_all_at(&[byte], at as u64).expect("written");
}

#[test]
fn every_bit_of_the_newest_slot_counts() {
    let whole = Whole::new(small());
    let manifest = whole.bytes("manifest");
    let path = whole.file("manifest");
    // Slots are filled in turn: epoch 3 stands in the third, behind header and copy.
    let slot_bytes = (manifest.len() - 8192) / 4;
    let slot = 8192 + 2 * slot_bytes;
    for at in slot..slot + slot_bytes {
        for bit in 0..8 {
            poke(&path, at, manifest[at] ^ 1 << bit);
            let (snapshot, rejected) = latest(whole.dir.path());
            assert_eq!(snapshot.epoch, 2, "bit {bit} of byte {at}");
            assert!(
                rejected.iter().any(|said| said.contains("slot")),
                "{rejected:?}"
            );
        }
        poke(&path, at, manifest[at]);
    }
    assert_eq!(whole.restores(3), [""; 0]);
}

#[test]
fn a_zeroed_slot_is_told_from_one_that_was_never_used() {
    let whole = Whole::new(small());
    let mut manifest = whole.bytes("manifest");
    let slot_bytes = (manifest.len() - 8192) / 4;
    manifest[8192 + 2 * slot_bytes..8192 + 3 * slot_bytes].fill(0);
    whole.with(
        "manifest",
        &manifest,
        2,
        "the slot at byte 16384 is all zero",
    );
}

#[test]
fn either_header_of_the_manifest_will_do_and_none_is_refused() {
    let whole = Whole::new(small());
    let good = whole.bytes("manifest");
    for at in (0..8192).step_by(7) {
        poke(&whole.file("manifest"), at, !good[at]);
        assert_eq!(latest(whole.dir.path()).0.epoch, 3);
        poke(&whole.file("manifest"), at, good[at]);
    }
    let mut bad = good;
    bad[..8192].fill(0);
    fs::write(whole.file("manifest"), bad).expect("written");
    let error = open(whole.dir.path())
        .snapshot(Wanted::Latest)
        .expect_err("no header");
    assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
}

#[test]
fn every_byte_of_a_header_and_of_an_index_page_counts() {
    let whole = Whole::new(small());
    for name in ["readings-0.2", "aggregate-0.2"] {
        let bytes = whole.bytes(name);
        let path = whole.file(name);
        for at in 0..8192 {
            poke(&path, at, bytes[at] ^ 0x10);
            let (snapshot, rejected) = latest(whole.dir.path());
            assert_eq!(snapshot.epoch, 2, "byte {at} of {name}");
            assert!(rejected[0].contains(name), "{rejected:?}");
            poke(&path, at, bytes[at]);
        }
    }
    assert_eq!(whole.restores(3), [""; 0]);
}

#[test]
fn every_byte_of_a_block_counts() {
    let whole = Whole::new(small());
    let bytes = whole.bytes("aggregate-0.2");
    let path = whole.file("aggregate-0.2");
    // 6 blocks of entries, 21 of extras, of 64 bytes each; what follows means nothing.
    let end = 8192 + (6 + 21) * 64;
    for at in 8192..end {
        poke(&path, at, bytes[at] ^ 1 << (at % 8));
        let (snapshot, rejected) = latest(whole.dir.path());
        assert_eq!(snapshot.epoch, 2, "byte {at}");
        assert!(
            rejected[0].contains("the checksum of block"),
            "{rejected:?}"
        );
        poke(&path, at, bytes[at]);
    }
    poke(&path, end, 1);
    assert_eq!(whole.restores(3), [""; 0]);
}

#[test]
fn zeroed_swapped_stale_torn_and_truncated_blocks_are_found() {
    let whole = Whole::new(shape());
    let good = whole.bytes("aggregate-0.2");
    let old = whole.bytes("aggregate-0.1");
    let block = |index: usize| 8192 + index * 4096..8192 + (index + 1) * 4096;
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let zeroed = changed(&|bytes| bytes[block(2)].fill(0));
    whole.with(
        "aggregate-0.2",
        &zeroed,
        2,
        "the checksum of block 2 at byte 16384 is",
    );
    whole.with("aggregate-0.2", &zeroed, 2, ", all zero, expected");
    let swapped = changed(&|bytes| {
        bytes[block(0)].copy_from_slice(&good[block(5)]);
        bytes[block(5)].copy_from_slice(&good[block(0)]);
    });
    whole.with("aggregate-0.2", &swapped, 2, "the checksum of block 0");
    let stale = changed(&|bytes| bytes[block(5)].copy_from_slice(&old[block(5)]));
    whole.with("aggregate-0.2", &stale, 2, "the checksum of block 5");
    for torn in [512, 2048, 4095] {
        let torn = changed(&|bytes| {
            let from = block(5).start;
            bytes[from..from + torn].copy_from_slice(&old[from..from + torn]);
        });
        whole.with("aggregate-0.2", &torn, 2, "the checksum of block 5");
    }
    let filled = changed(&|bytes| bytes[block(3).start] = 1);
    whole.with("aggregate-0.2", &filled, 2, "the checksum of block 3");
    let extras = changed(&|bytes| bytes[block(6)].fill(0));
    whole.with("aggregate-0.2", &extras, 2, "block 0 of the extras");
    for len in [0, 100, 4096, 8192, block(5).start, block(6).end - 1] {
        whole.with("aggregate-0.2", &good[..len], 2, "the end of the file");
    }
    // A whole file of another epoch, of another part, of another kind.
    whole.with(
        "aggregate-0.2",
        &old,
        2,
        "epoch 2 of run 1, expected of part 1, epoch 3",
    );
    let other = whole.bytes("aggregate-1.2");
    whole.with(
        "aggregate-0.2",
        &other,
        2,
        "of part 2, epoch 3 of run 1, expected of part 1",
    );
    whole.with(
        "aggregate-0.2",
        &[b'x'; 50_000],
        2,
        "the checksum of the header",
    );
    whole.with(
        "aggregate-0.2",
        &whole.bytes("manifest"),
        2,
        "the beginning of the header",
    );
    assert_eq!(whole.restores(3), [""; 0]);
}

#[test]
fn it_falls_back_epoch_by_epoch_and_refuses_when_none_is_left() {
    let whole = Whole::new(shape());
    fs::remove_file(whole.file("readings-0.2")).expect("removed");
    let rejected = whole.restores(2);
    assert!(rejected[0].starts_with("epoch 3 of run 1: ") && rejected[0].contains("readings-0.2"));
    poke(&whole.file("aggregate-1.1"), 8192, 0xee);
    assert_eq!(whole.restores(1).len(), 2);
    let listed: Vec<_> = open(whole.dir.path()).runs()[0]
        .epochs
        .iter()
        .map(|epoch| (epoch.epoch(), matches!(epoch.state, EpochState::Damaged(_))))
        .collect();
    assert_eq!(
        listed,
        [(3, true), (2, false), (1, false)],
        "blocks are not read to list them"
    );
    poke(&whole.file("readings-0.0"), 40, 0xee);
    let directory = open(whole.dir.path());
    let errors = [
        directory
            .snapshot(Wanted::Latest)
            .expect_err("none is whole"),
        directory
            .snapshot_on(3, Wanted::Latest)
            .expect_err("none is whole"),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{text}");
        for epoch in 1..=3 {
            assert!(text.contains(&format!("epoch {epoch} of run 1")), "{text}");
        }
    }
}

#[test]
fn a_manifest_of_another_run_is_not_believed() {
    let whole = Whole::new(small());
    fs::rename(whole.file(""), whole.dir.path().join("run-000004")).expect("renamed");
    let error = open(whole.dir.path())
        .snapshot(Wanted::Latest)
        .expect_err("foreign");
    assert!(
        error
            .to_string()
            .contains("the run in the header at byte 16 is 1, expected 4"),
        "{error}"
    );
}

#[test]
fn a_newer_version_is_refused_and_no_older_run_taken_instead() {
    let whole = Whole::new(small());
    let newer = whole.dir.path().join("run-000002");
    fs::create_dir(&newer).expect("made");
    let mut manifest = whole.bytes("manifest");
    manifest[8] = 2;
    let crc = crc32c::crc32c(&manifest[..4092]);
    manifest[4092..4096].copy_from_slice(&crc.to_le_bytes());
    fs::write(newer.join("manifest"), manifest).expect("written");
    let error = open(whole.dir.path())
        .snapshot(Wanted::Latest)
        .expect_err("newer");
    assert!(
        matches!(error, CheckpointError::Newer { found: 2, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("version 2 of the checkpoint format"),
        "{error}"
    );
}
