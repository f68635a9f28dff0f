//! A journal: segments of records and of texts, opened as after a crash.
//!
//! The input's first byte says what is done; behind it come patches to the files of a sound journal, or the bytes of
//! its last segment of records. What a journal accepts it must give back: as many records as it says, and those as well
//! once more has been appended and it was opened again.

use super::patched;
use crc32c::{crc32c, crc32c_append};
use millstream::journal::{Fsync, Journal, JournalOptions};
use millstream::sys::disk::{Disk, DiskFile, Open};
use millstream::sys::simulated_disk::SimulatedDisk;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const DIR: &str = "/journal";
const RECORD_BYTES: usize = 24;
const HEADER_BYTES: usize = 40;
const FRAME_BYTES: usize = 32;
/// Bytes kept of each segment: what follows is room.
const KEPT_BYTES: usize = 1024;

fn options() -> JournalOptions {
    JournalOptions {
        dir: DIR.into(),
        fsync: Fsync::Always,
        segment_bytes: 512,
        bytes_max: 1 << 20,
        record_bytes: RECORD_BYTES as u32,
    }
}

/// Bit 0 of the first byte: the last segment of records is the input itself. Bit 1: checksums of headers are put
/// right. Bit 2: those of frames, as far as their lengths lead.
pub(crate) fn decode(input: &[u8]) {
    let Some((mode, input)) = input.split_first() else {
        return;
    };
    let mut files = sound().to_vec();
    if mode & 1 == 1 {
        let (_, last) = files.last_mut().expect("a journal has files");
        *last = input.to_vec();
    } else {
        patched(&mut files, input);
    }
    for (_, file) in &mut files {
        seal(file, mode & 2 != 0, mode & 4 != 0);
    }
    open(&files);
}

fn open(files: &[(PathBuf, Vec<u8>)]) {
    let (disk, dir) = (SimulatedDisk::new(0), Path::new(DIR));
    disk.create_dir(dir).expect("a disk without faults");
    for (path, bytes) in files {
        let mut file = disk.open(path, Open::Create).expect("no two have one name");
        file.write_at(bytes, 0).expect("a disk without faults");
    }
    let Ok(mut journal) = Journal::open(disk.clone(), &options()) else {
        return;
    };
    let _ = journal.texts();
    let range = journal.records();
    assert_eq!(count(&journal), range.end - range.start);
    // A number near the last there is cannot be gone on from.
    if range.end > u64::MAX / 2 || journal.append(&[], &[7; RECORD_BYTES], 1).is_err() {
        return;
    }
    drop(journal);
    let journal =
        Journal::open(disk, &options()).expect("what was opened and appended to is sound");
    assert_eq!(journal.records().end, range.end + 1);
    assert_eq!(count(&journal), range.end + 1 - range.start);
}

/// The records it gives.
fn count(journal: &Journal<SimulatedDisk>) -> u64 {
    let mut bytes = 0;
    let read = journal.read(journal.records().start, |records| bytes += records.len());
    read.expect("what was accepted can be read");
    assert_eq!(bytes % RECORD_BYTES, 0);
    (bytes / RECORD_BYTES) as u64
}

/// The files of a small journal: a segment of texts, two of records.
fn sound() -> &'static [(PathBuf, Vec<u8>)] {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let disk = SimulatedDisk::new(0);
        let mut journal = Journal::open(disk.clone(), &options()).expect("a disk without faults");
        for number in 0..5_u8 {
            let texts = [(u64::from(number), vec![b'a' + number; 3])];
            let records = vec![number; RECORD_BYTES * 4];
            let appended = journal.append(&texts, &records, 1);
            appended.expect("a disk without faults");
        }
        drop(journal);
        let mut files = disk.files();
        // In the order of names the texts come last, and are few.
        files.sort_by_key(|(path, _)| path.to_string_lossy().contains("records"));
        for (_, bytes) in &mut files {
            bytes.truncate(KEPT_BYTES);
        }
        files
    })
}

fn seal(file: &mut [u8], header: bool, frames: bool) {
    if header && file.len() >= HEADER_BYTES {
        let sum = crc32c(&file[..32]);
        file[32..36].copy_from_slice(&sum.to_le_bytes());
    }
    let mut at = HEADER_BYTES;
    while frames && file.len() >= at + FRAME_BYTES {
        let word = file[at..at + 4].try_into().expect("four bytes");
        let length = u32::from_le_bytes(word) as usize;
        let end = at + FRAME_BYTES + length;
        if length == 0 || end > file.len() {
            return;
        }
        let sum = crc32c_append(crc32c(&file[at..at + 4]), &file[at + 8..end]);
        file[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        at = end.next_multiple_of(8);
    }
}
