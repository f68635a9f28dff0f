//! What goes wrong with files, one after the other, and that each is told.

use super::tier_tests::{Value, context, small, value};
use super::*;
use crate::partition::mum64;
use crate::sys::clock::Origin;
use crate::task::{Progress, Task, TaskError};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

const KEYS: u64 = 300;

/// Evicts `KEYS` keys, then fetches them all; the first error.
fn round(cold: &mut Cold<Value>, mut serve: impl FnMut()) -> Result<(), TaskError> {
    let mut expected = HashMap::new();
    for key in 0..KEYS {
        while !cold.has_room() {
            serve();
            cold.poll(0, |_| ())?;
        }
        cold.evict(mum64(key), key, key, &value(key, 1));
        expected.insert(key as u32, value(key, 1));
    }
    cold.flush();
    for key in 0..KEYS {
        let mut replies = Vec::new();
        while cold.fetch(mum64(key), key, key as u32, 0) == Fetch::Full {
            serve();
            cold.poll(0, |reply| replies.push(reply))?;
        }
        serve();
        cold.poll(0, |reply| replies.push(reply))?;
        settle(&mut expected, replies);
    }
    while cold.pending() > 0 {
        let mut replies = Vec::new();
        serve();
        cold.poll(0, |reply| replies.push(reply))?;
        settle(&mut expected, replies);
    }
    assert!(expected.is_empty(), "not back: {expected:?}");
    Ok(())
}

fn step(server: &mut ColdServer<Value>) {
    let stepped = server.step(&mut context());
    stepped.expect("errors go to the other half");
}

fn settle(expected: &mut HashMap<u32, Value>, replies: Vec<Reply<Value>>) {
    for reply in replies {
        let Reply::Found { ticket, value, .. } = reply else {
            panic!("{reply:?}");
        };
        assert_eq!(expected.remove(&ticket), Some(value));
    }
}

/// The error of a run on memory with these faults.
fn fails(set: impl FnOnce(&mut Faults)) -> TaskError {
    let storage = MemoryStorage::new("some/where.cold");
    let faults = storage.faults();
    let (mut cold, mut server) = cold_tier(storage, small(4, 8)).expect("sizes fit");
    set(&mut faults.lock().expect("no panic"));
    let serve = || {
        step(&mut server);
    };
    let error = round(&mut cold, serve).expect_err("must fail");
    assert!(error.message.contains("some/where.cold"), "{error}");
    let again = cold.poll(0, |_| ()).expect_err("and goes on failing");
    assert_eq!(again.message, error.message);
    assert_eq!(
        server.step(&mut context()).expect("no error"),
        Progress::Done
    );
    error
}

#[test]
fn a_full_disk_is_told_with_the_need_and_the_remedy() {
    let message = fails(|faults| faults.full_at = Some(10_000)).message;
    for part in [
        "no room to grow",
        "bytes are free",
        "state.dir",
        "state.memory",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_flipped_bit_a_lost_write_and_failing_disks_are_told() {
    // The third record of the first frame, in its key and in its value.
    for byte in [4096 + 2 * 40 + 17, 4096 + 2 * 40 + 28] {
        let message = fails(|faults| faults.flip = Some((byte, 4))).message;
        assert!(message.contains("record 2 at byte 4176, key"), "{message}");
    }
    let lost = fails(|faults| faults.lose_after_writes = Some(3)).message;
    assert!(lost.contains("checksum"), "{lost}");
    let write = fails(|faults| faults.fail_after_writes = Some(3)).message;
    assert!(write.contains("cannot write"), "{write}");
    let read = fails(|faults| faults.fail_after_reads = Some(3)).message;
    assert!(read.contains("cannot read"), "{read}");
    let cut = fails(|faults| faults.cut_to = Some(6000)).message;
    assert!(cut.contains("6000 bytes and had"), "{cut}");
}

fn options() -> ColdOptions {
    ColdOptions {
        frame_bytes: 512,
        segment_bytes: 4096,
        grow_bytes: 16384,
        ..small(16, 8)
    }
}

fn file_tier(dir: &StateDir) -> (Cold<Value>, ColdServer<Value>) {
    let storage = dir.cold_file("sum", &options()).expect("a file");
    cold_tier(storage, options()).expect("sizes fit")
}

fn cold_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("there").flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "cold"));
    files
}

#[test]
fn a_file_serves_through_a_thread_and_goes_away() {
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(&temporary.path().join("a/b")).expect("made and locked");
    let (mut cold, server) = file_tier(&dir);
    let thread = ColdThread::start(vec![Box::new(server)], Origin::start()).expect("a thread");
    for _ in 0..5 {
        round(&mut cold, std::thread::yield_now).expect("nothing fails");
    }
    for key in 0..50 {
        cold.evict(mum64(key), key, 9, &value(key, 2));
    }
    let mut seen = 0;
    let visit = &mut |key: u64, stamp: u64, found: &Value| {
        assert_eq!((stamp, *found), (9, value(key, 2)));
        seen += 1;
    };
    cold.for_each(visit).expect("nothing fails");
    assert_eq!(seen, 50);
    assert!(cold.notes().is_empty());
    assert_eq!(cold_files(&temporary.path().join("a/b")).len(), 1);
    drop((cold, thread));
    assert!(cold_files(&temporary.path().join("a/b")).is_empty());
}

#[test]
fn a_file_that_is_cut_ends_the_run_and_stays_and_a_deleted_one_does_neither() {
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(temporary.path()).expect("locked");
    let (mut cold, mut server) = file_tier(&dir);
    let mut serve = || {
        step(&mut server);
    };
    round(&mut cold, &mut serve).expect("nothing fails");
    let path = cold_files(temporary.path()).remove(0);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("there");
    file.set_len(5000).expect("cut");
    let error = round(&mut cold, serve).expect_err("cut");
    assert!(error.message.contains("has 5000 bytes and had"), "{error}");
    drop((cold, server));
    assert!(path.exists(), "stays to be looked at");

    let (mut cold, mut server) = file_tier(&dir);
    fs::remove_file(&path).expect("there");
    let serve = || {
        step(&mut server);
    };
    round(&mut cold, serve).expect("the run goes on");
    assert!(cold.notes()[0].contains("deleted"));
}

#[test]
fn a_byte_changed_in_the_file_is_told() {
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(temporary.path()).expect("locked");
    let (mut cold, mut server) = file_tier(&dir);
    for key in 0..100 {
        cold.evict(mum64(key), key, 1, &value(key, 1));
    }
    cold.publish();
    let mut serve = || while server.step(&mut context()).expect("no error") == Progress::Worked {};
    serve();
    let path = cold_files(temporary.path()).remove(0);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("there");
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xFF], 4096 + 26).expect("written");
    let error = cold.for_each(&mut |_, _, _| ()).expect_err("corrupt");
    assert!(
        error.message.contains("record 0 at byte 4096, key 0"),
        "{error}"
    );
}

#[test]
fn a_directory_serves_one_run_and_what_a_killed_one_left_is_emptied() {
    let temporary = tempfile::tempdir().expect("a directory");
    let dir = StateDir::open(temporary.path()).expect("locked");
    let error = StateDir::open(temporary.path()).expect_err("locked already");
    let pid = std::process::id().to_string();
    assert!(error.to_string().contains(&pid), "{error}");
    let first = dir.cold_file("sum", &options()).expect("a file");
    let error = dir.cold_file("sum", &options()).expect_err("in use");
    assert!(matches!(error, ColdError::InUse { .. }), "{error}");
    drop(dir);
    let error = StateDir::open(temporary.path()).expect_err("a file of it is still open");
    assert!(matches!(error, ColdError::Locked { .. }), "{error}");
    drop(first);

    let dir = StateDir::open(temporary.path()).expect("free again");
    let path = temporary.path().join("sum-0.cold");
    fs::write(&path, b"MSCOLD\r\nand so on").expect("written");
    drop(file_tier(&dir));
    assert!(!path.exists());
    fs::write(&path, b"a diary, not a cold file").expect("written");
    let error = dir.cold_file("sum", &options()).expect_err("not ours");
    assert!(matches!(error, ColdError::Foreign { .. }), "{error}");
    assert!(path.exists());
    let odd = dir.cold_file("a/../b c", &options()).expect("a safe name");
    assert!(temporary.path().join("a%2F%2E%2E%2Fb%20c-0.cold").exists());
    drop(odd);
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    let refused = |change: fn(&mut ColdOptions)| {
        let mut options = options();
        change(&mut options);
        match cold_tier::<Value>(MemoryStorage::new("memory"), options) {
            Err(ColdError::Options { what }) => what,
            _ => panic!("accepted: {options:?}"),
        }
    };
    assert!(refused(|o| o.frame_bytes = 24).contains("frame_bytes is 24"));
    assert!(refused(|o| o.segment_bytes = 1536).contains("segment_bytes is 1536"));
    assert!(refused(|o| o.grow_bytes = 5000).contains("grow_bytes is 5000"));
    assert!(refused(|o| o.reads_max = 0).contains("reads_max is 0"));
}
