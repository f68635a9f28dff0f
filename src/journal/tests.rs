//! The journal against a plain list: what it gives back after any truncation, any changed byte and any crash.

use super::*;
use crate::sys::disk::{DiskFile, Open};
use crate::sys::simulated_disk::SimulatedDisk;
use proptest::prelude::*;

const RECORD: u32 = 8;

fn options(fsync: Fsync, segment_bytes: u64, bytes_max: u64) -> JournalOptions {
    JournalOptions {
        dir: "/journal".into(),
        fsync,
        segment_bytes,
        bytes_max,
        record_bytes: RECORD,
    }
}

fn small(fsync: Fsync) -> JournalOptions {
    options(fsync, 200, u64::MAX)
}

/// Records number `from` to `to`.
fn records(range: std::ops::Range<u64>) -> Vec<u8> {
    range
        .flat_map(|number| (number * 7 + 1).to_le_bytes())
        .collect()
}

fn texts_of(number: u64) -> Vec<KeyText> {
    vec![(number, format!("text {number}").into_bytes())]
}

fn read<D: Disk>(journal: &Journal<D>, from: u64) -> Vec<u8> {
    let mut all = Vec::new();
    journal
        .read(from, |part| all.extend_from_slice(part))
        .unwrap();
    all
}

/// Appends of so many records each; returns how many there are then.
fn append(journal: &mut Journal<SimulatedDisk>, appends: &[u64]) -> u64 {
    for count in appends {
        let end = journal.records().end;
        let records = records(end..end + count);
        journal.append(&texts_of(end), &records, 1).unwrap();
    }
    journal.records().end
}

#[test]
fn what_was_appended_is_read_back_and_trimmed() {
    let disk = SimulatedDisk::new(1);
    let mut journal = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
    let end = append(&mut journal, &[3, 1, 10, 40, 2, 5, 5]);
    assert_eq!(journal.records(), 0..end);
    drop(journal);
    let mut journal = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
    assert_eq!((journal.records(), journal.cut_bytes()), (0..end, 0));
    for from in 0..=end {
        assert_eq!(read(&journal, from), records(from..end));
    }
    assert_eq!(journal.texts().unwrap().len(), 7);
    for before in 0..=end {
        journal.trim(before).unwrap();
        assert!(journal.records().start <= before);
        assert_eq!(read(&journal, before), records(before..end));
        let again = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
        assert_eq!(again.records(), journal.records());
    }
    assert!(journal.records().start >= 54, "{:?}", journal.records());
    assert_eq!(journal.texts().unwrap().len(), 7, "texts are kept");
    let missing = journal.read(0, |_| {}).unwrap_err().to_string();
    assert!(missing.contains("record 0 is not in it"), "{missing}");
    assert!(journal.read(end + 1, |_| {}).is_err());
}

#[test]
fn the_disk_is_bounded() {
    let disk = SimulatedDisk::new(1);
    let mut journal = Journal::open(disk, &options(Fsync::Never, 200, 600)).unwrap();
    let mut end = 0;
    while journal.has_room(10) {
        end = append(&mut journal, &[10]);
        assert!(journal.bytes() <= 600);
    }
    let full = journal.append(&[], &records(end..end + 10), 1).unwrap_err();
    assert!(matches!(full, JournalError::Full { .. }));
    assert!(full.to_string().contains("checkpoint.interval"), "{full}");
    assert_eq!(read(&journal, 0), records(0..end));
    journal.trim(end).unwrap();
    assert!(journal.has_room(10));
    append(&mut journal, &[10]);
}

#[test]
fn other_records_and_versions_are_refused() {
    let disk = SimulatedDisk::new(1);
    append(
        &mut Journal::open(disk.clone(), &small(Fsync::Always)).unwrap(),
        &[3],
    );
    let wide = JournalOptions {
        record_bytes: 32,
        ..small(Fsync::Always)
    };
    let error = Journal::open(disk.clone(), &wide)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("records of another length; found 8; expected 32"),
        "{error}"
    );
}

#[test]
fn fsync_policies_read_and_write() {
    for text in ["always", "never", "interval 5ms"] {
        let fsync: Fsync = text.parse().unwrap();
        assert_eq!(fsync.to_string(), text);
        assert!(fsync.loss().contains("lost"));
    }
    for text in ["sometimes", "interval", "interval 5", "interval 0ms", ""] {
        let error = text.parse::<Fsync>().unwrap_err();
        assert!(error.contains("interval 5ms"), "{error}");
    }
    let interval = Fsync::Interval(5);
    assert!(!interval.is_due(10, 14) && interval.is_due(10, 15));
}

/// A journal of two segments of records, with its files.
fn written() -> (SimulatedDisk, u64, Vec<(PathBuf, Vec<u8>)>) {
    let disk = SimulatedDisk::new(1);
    let mut journal = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
    let end = append(&mut journal, &[3, 1, 4, 2, 5]);
    let files = disk.files();
    (disk, end, files)
}

/// Opens a changed journal: what it gives must be a prefix, with the texts of its records; or it is refused.
/// Whether it was.
fn prefix_or_refused(disk: &SimulatedDisk, end: u64) -> Option<u64> {
    let mut journal = Journal::open(disk.clone(), &small(Fsync::Always)).ok()?;
    let range = journal.records();
    assert_eq!(range.start, 0);
    assert!(range.end <= end);
    assert_eq!(read(&journal, 0), records(0..range.end));
    for (key, text) in journal.texts().unwrap() {
        assert_eq!(texts_of(key)[0].1, text);
    }
    // It goes on where it was cut, and nothing that was cut comes back.
    let more = append(&mut journal, &[1, 1]);
    drop(journal);
    let journal = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
    assert_eq!(journal.records(), 0..more);
    assert_eq!(read(&journal, 0), records(0..more));
    Some(range.end)
}

#[test]
fn any_truncation_gives_a_prefix_or_is_refused() {
    let (_, end, files) = written();
    assert!(files.len() >= 3, "two segments of records and the texts");
    let (mut cut, mut refused) = (0, 0);
    for (path, bytes) in &files {
        for len in 0..bytes.len() {
            let (disk, ..) = written();
            let mut file = disk.open(path, Open::Write).unwrap();
            file.set_len(len as u64).unwrap();
            match prefix_or_refused(&disk, end) {
                Some(left) => cut += u64::from(left < end),
                None => refused += 1,
            }
        }
    }
    assert!(cut > 50 && refused > 50, "{cut} {refused}");
}

#[test]
fn any_changed_byte_gives_a_prefix_or_is_refused() {
    let (_, end, files) = written();
    let (mut whole, mut cut, mut refused) = (0, 0, 0);
    for (path, bytes) in &files {
        for (at, byte) in bytes.iter().enumerate() {
            let (disk, ..) = written();
            let mut file = disk.open(path, Open::Write).unwrap();
            file.write_at(&[byte ^ (1 << (at % 8))], at as u64).unwrap();
            match prefix_or_refused(&disk, end) {
                Some(left) if left == end => whole += 1,
                Some(_) => cut += 1,
                None => refused += 1,
            }
        }
    }
    // Whole where the byte is behind the last frame, or in texts; only the last frame may be cut.
    assert!(cut < 100 && refused > 200, "{whole} {cut} {refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_at_any_call_keeps_what_was_synced(
        appends in prop::collection::vec(1u64..12, 1..12),
        always in any::<bool>(),
        trim in any::<u8>(),
        seed in any::<u32>(),
    ) {
        let disk = SimulatedDisk::new(1);
        disk.record();
        let fsync = if always { Fsync::Always } else { Fsync::Never };
        let mut journal = Journal::open(disk.clone(), &small(fsync)).unwrap();
        // From which call on so many records are safe, and so many trimmed at the most.
        let (mut safe, mut trimmed) = (vec![(0, 0)], 0);
        for (index, count) in appends.iter().enumerate() {
            let end = append(&mut journal, &[*count]);
            if index % 3 == 2 {
                journal.sync(2).unwrap();
            }
            if always || index % 3 == 2 {
                safe.push((disk.operations(), end));
            }
            if usize::from(trim) % appends.len() == index {
                trimmed = safe[safe.len() - 1].1;
                journal.trim(trimmed).unwrap();
            }
        }
        let end = journal.records().end;
        for moment in disk.recorded() {
            let kept = safe.iter().filter(|(at, _)| *at <= moment.operation).map(|(_, end)| *end).max();
            for seed in [u64::from(seed), u64::from(seed) + 1] {
                let after = moment.crash(seed);
                let found = Journal::open(after.clone(), &small(fsync)).expect("a torn tail is no damage");
                let range = found.records();
                prop_assert!(range.start <= trimmed && range.end <= end);
                prop_assert!(range.end >= kept.unwrap_or(0), "{range:?} {kept:?}");
                prop_assert_eq!(read(&found, range.start), records(range.clone()));
                // And once more, after a crash of the recovery.
                drop(found);
                let again = Journal::open(after.crash(seed), &small(fsync)).unwrap();
                prop_assert_eq!(again.records(), range);
            }
        }
    }
}

#[test]
fn it_goes_on_behind_records_that_it_lost() {
    for appends in [&[][..], &[3, 1, 40, 5]] {
        let disk = SimulatedDisk::new(1);
        let mut journal = Journal::open(disk.clone(), &small(Fsync::Always)).unwrap();
        append(&mut journal, appends);
        journal.restart(100).unwrap();
        assert_eq!(journal.records(), 100..100);
        append(&mut journal, &[7, 20]);
        drop(journal);
        let journal = Journal::open(disk, &small(Fsync::Always)).unwrap();
        assert_eq!(journal.records(), 100..127);
        assert_eq!(read(&journal, 103), records(103..127));
        assert!(journal.read(99, |_| {}).is_err());
    }
}

#[test]
fn the_format_is_the_golden_file() {
    let disk = SimulatedDisk::new(1);
    let mut journal = Journal::open(disk.clone(), &options(Fsync::Always, 160, u64::MAX)).unwrap();
    journal.append(&texts_of(1), &records(0..2), 1).unwrap();
    journal.append(&[], &records(2..3), 1).unwrap();
    let hex = |bytes: &[u8]| {
        let lines = bytes.chunks(16).map(|line| {
            line.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let files = disk.files().into_iter();
    let shown: String = files
        .map(|(path, bytes)| format!("{}\n{}\n", path.display(), hex(&bytes)))
        .collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/journal_v1.txt");
    if std::env::var_os("MILLSTREAM_WRITE_GOLDEN").is_some() {
        std::fs::write(&golden, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).expect("tests/data/journal_v1.txt");
    assert_eq!(shown, expected, "a change of the bytes needs a new version");
}
