//! What the crashes and faults of the simulated disk must be able to do.
use super::*;
use crate::sys::disk::DiskFile;
use std::collections::BTreeSet;

const DIR: &str = "/data";

fn path(name: u64) -> PathBuf {
    Path::new(DIR).join(format!("file-{name}"))
}

/// A synced file of 3 pages of ones, open.
fn ones(disk: &SimulatedDisk) -> SimulatedFile {
    disk.create_dir(Path::new(DIR)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    let mut file = disk.open(&path(0), Open::Create).unwrap();
    file.write_at(&[1; 3 * 4096], 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(Path::new(DIR)).unwrap();
    file
}

fn bytes_of(disk: &SimulatedDisk, name: u64) -> Option<Vec<u8>> {
    let files = disk.files().into_iter();
    files
        .filter(|(found, _)| *found == path(name))
        .map(|(_, bytes)| bytes)
        .next()
}

#[test]
fn crashes_lose_reorder_and_tear_in_sectors_and_pages() {
    let disk = SimulatedDisk::new(1);
    let mut file = ones(&disk);
    file.write_at(&[2; 4096], 0).unwrap();
    file.write_at(&[3; 8192], 4096).unwrap();
    let mut seen = BTreeSet::new();
    for crash in 0..2_000 {
        let bytes = bytes_of(&disk.crash(crash), 0).unwrap();
        let first: BTreeSet<u8> = bytes[..4096].iter().copied().collect();
        let changed = |range: std::ops::Range<usize>| bytes[range].iter().all(|byte| *byte > 1);
        let whole_pages = [changed(0..4096), changed(4096..8192), changed(8192..12288)];
        seen.insert(match whole_pages {
            [true, true, true] => "all kept",
            [false, true, true] if first.len() == 1 => "the later kept, the earlier lost",
            [true, _, _] if bytes[4096..].iter().all(|byte| *byte == 1) => "only the first",
            [_, false, true] if changed(8192..12288) && bytes[4096..8192] == [1; 4096] => {
                "torn in pages"
            }
            _ if bytes.iter().all(|byte| *byte == 1) => "all lost",
            _ if first.len() == 2 && changed(512..1024) && !changed(0..512) => "torn in sectors",
            _ if first.len() == 2 && changed(0..512) => "short or torn",
            _ => "other",
        });
    }
    for expected in [
        "all kept",
        "all lost",
        "the later kept, the earlier lost",
        "only the first",
        "torn in pages",
        "torn in sectors",
        "short or torn",
    ] {
        assert!(
            seen.contains(expected),
            "{expected} never happened: {seen:?}"
        );
    }
}

#[test]
fn names_may_be_lost_or_kept_until_their_directory_is_synced() {
    let disk = SimulatedDisk::new(1);
    drop(ones(&disk));
    let mut new = disk.open(&path(1), Open::Create).unwrap();
    new.write_at(&[7; 100], 0).unwrap();
    new.sync().unwrap();
    disk.rename(&path(1), &path(0)).unwrap();
    let found = |crash| {
        let left = disk.crash(crash);
        (
            bytes_of(&left, 0).map(|bytes| bytes[0]),
            bytes_of(&left, 1).map(|bytes| bytes[0]),
        )
    };
    let states: BTreeSet<_> = (0..500).map(found).collect();
    let expected = [
        (Some(1), None),    // neither
        (Some(1), Some(7)), // only made
        (Some(7), None),    // renamed
    ];
    assert_eq!(states, BTreeSet::from(expected));
    disk.sync_dir(Path::new(DIR)).unwrap();
    assert!((0..100).all(|crash| found(crash) == (Some(7), None)));
    disk.remove(&path(0)).unwrap();
    let states: BTreeSet<_> = (0..100).map(found).collect();
    assert_eq!(states, BTreeSet::from([(Some(7), None), (None, None)]));
}

#[test]
fn a_length_may_be_there_without_its_bytes_and_room_reads_as_zeros() {
    let disk = SimulatedDisk::new(1);
    let mut file = ones(&disk);
    file.allocate(5 * 4096).unwrap();
    assert_eq!(bytes_of(&disk, 0).unwrap()[3 * 4096..], [0; 2 * 4096]);
    file.sync().unwrap();
    file.write_at(&[2; 512], 5 * 4096).unwrap();
    let mut lens = BTreeSet::new();
    for crash in 0..500 {
        let bytes = bytes_of(&disk.crash(crash), 0).unwrap();
        let written = bytes.get(5 * 4096).copied();
        lens.insert((bytes.len(), written));
    }
    assert!(lens.contains(&(5 * 4096, None)), "{lens:?}");
    assert!(lens.contains(&(5 * 4096 + 512, Some(2))), "{lens:?}");
    assert!(lens.contains(&(5 * 4096 + 512, Some(0))), "{lens:?}");
}

fn fault(disk: &SimulatedDisk, kind: FaultKind) {
    let operation = disk.operations() + 1;
    disk.inject(Fault {
        kind,
        operation,
        times: 1,
    });
}

#[test]
fn each_fault_happens_once_at_the_next_call_it_can_happen_to() {
    let disk = SimulatedDisk::new(1);
    let mut file = ones(&disk);
    let code = |result: io::Result<()>| result.err().and_then(|error| error.raw_os_error());

    fault(&disk, FaultKind::WriteError);
    assert_eq!(file.len().unwrap(), 3 * 4096);
    assert_eq!(code(file.write_at(&[2; 4096], 0)), Some(libc::EIO));
    assert_eq!(bytes_of(&disk, 0).unwrap()[..4096], [1; 4096]);
    file.write_at(&[2; 4096], 0).unwrap();

    fault(&disk, FaultKind::ShortWrite);
    assert_eq!(code(file.write_at(&[3; 4096], 0)), Some(libc::EIO));
    let bytes = bytes_of(&disk, 0).unwrap();
    let short = bytes[..4096].iter().filter(|byte| **byte == 3).count();
    assert!(bytes[..short].iter().all(|byte| *byte == 3));
    assert!((1..4096).contains(&short));

    fault(&disk, FaultKind::ReadError);
    assert_eq!(code(file.read_at(&mut [0; 8], 0)), Some(libc::EIO));
    file.read_at(&mut [0; 8], 0).unwrap();

    fault(&disk, FaultKind::NoSpace);
    file.allocate(100).unwrap();
    file.write_at(&[4; 10], 3 * 4096 - 10).unwrap();
    assert_eq!(code(file.write_at(&[4; 10], 3 * 4096)), Some(libc::ENOSPC));
    fault(&disk, FaultKind::NoSpace);
    assert_eq!(code(file.allocate(4 * 4096)), Some(libc::ENOSPC));
    fault(&disk, FaultKind::NoSpace);
    let made = disk.open(&path(5), Open::Create).map(|_| ());
    assert_eq!(code(made), Some(libc::ENOSPC));
    assert!(disk.open(&path(5), Open::Read).is_err());

    fault(&disk, FaultKind::NameError);
    assert_eq!(code(disk.remove(&path(0))), Some(libc::EIO));
    disk.remove(&path(0)).unwrap();
    // Open files go on without their name.
    file.read_at(&mut [0; 8], 0).unwrap();
}

#[test]
fn a_sync_that_fails_drops_what_was_pending_and_later_ones_do_not_bring_it_back() {
    let (mut lost, mut seen_again) = (0, 0);
    for seed in 0..200 {
        let disk = SimulatedDisk::new(seed);
        let mut file = ones(&disk);
        file.write_at(&[2; 4096], 0).unwrap();
        fault(&disk, FaultKind::SyncLost);
        assert!(file.sync().is_err());
        seen_again += u32::from(bytes_of(&disk, 0).unwrap()[..4096] == [2; 4096]);
        file.write_at(&[3; 4096], 4096).unwrap();
        file.sync().unwrap();
        let images: BTreeSet<_> = (0..20)
            .map(|crash| bytes_of(&disk.crash(crash), 0))
            .collect();
        assert_eq!(images.len(), 1, "a synced file differs from crash to crash");
        let bytes = images.into_iter().next().flatten().unwrap();
        assert_eq!(bytes[4096..8192], [3; 4096], "synced later");
        lost += u32::from(bytes[..4096] != [2; 4096]);
    }
    assert!(lost > 50 && lost < 200, "lost {lost} of 200");
    assert!(
        seen_again > 50,
        "still seen by the process {seen_again} of 200"
    );
}

#[test]
fn after_a_crash_no_call_does_anything_and_says_so() {
    let disk = SimulatedDisk::new(1);
    let mut file = ones(&disk);
    let before = disk.files();
    disk.crash_after(disk.operations() + 1);
    file.write_at(&[9; 10], 0).unwrap();
    let error = file.write_at(&[8; 10], 0).unwrap_err();
    assert!(is_crash(&error), "{error}");
    assert!(is_crash(&file.sync().unwrap_err()));
    assert!(is_crash(&disk.remove(&path(0)).unwrap_err()));
    assert!(is_crash(&disk.list(Path::new(DIR)).unwrap_err()));
    assert!(!is_crash(&io::Error::other("another")));
    assert_eq!(disk.files()[0].1[..10], [9; 10]);
    assert_eq!(disk.files()[0].1[10..], before[0].1[10..]);
    let next = disk.crash(0);
    next.open(&path(0), Open::Write).unwrap().sync().unwrap();
}

#[test]
fn decay_harms_one_file_and_repeats() {
    let disk = SimulatedDisk::new(1);
    drop(ones(&disk));
    let mut changed = 0;
    for seed in 0..100 {
        let (one, two) = (disk.crash(0), disk.crash(0));
        let (path, what) = one.decay(seed).unwrap();
        assert_eq!((path, what), two.decay(seed).unwrap());
        assert_eq!(one.files(), two.files());
        assert_eq!(one.files()[0].1.len(), 3 * 4096);
        // Safe bytes were harmed: a crash does not heal them.
        assert_eq!(one.crash(1).files(), one.files());
        changed += u32::from(one.files() != disk.files());
    }
    assert!(changed > 60, "{changed} of 100");
    assert_eq!(SimulatedDisk::new(1).decay(0), None);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let disk = SimulatedDisk::new(1);
    drop(ones(&disk));
    let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
    let open = |at: &Path, open| disk.open(at, open).map(|_| ());
    let missing = Path::new("/data/none/file");
    assert_eq!(
        kind(open(&path(3), Open::Read)),
        Some(io::ErrorKind::NotFound)
    );
    assert_eq!(
        kind(open(missing, Open::Create)),
        Some(io::ErrorKind::NotFound)
    );
    let taken = open(&path(0), Open::Create);
    assert_eq!(kind(taken), Some(io::ErrorKind::AlreadyExists));
    let not_empty = disk.remove_dir(Path::new(DIR));
    assert_eq!(kind(not_empty), Some(io::ErrorKind::DirectoryNotEmpty));
    assert_eq!(
        kind(open(Path::new(DIR), Open::Read)),
        Some(io::ErrorKind::IsADirectory)
    );
    disk.create_dir(Path::new(DIR)).unwrap();
    let elsewhere = disk.rename(&path(0), Path::new("/file"));
    assert_eq!(kind(elsewhere), Some(io::ErrorKind::CrossesDevices));
    let mut read_only = disk.open(&path(0), Open::Read).unwrap();
    let written = read_only.write_at(b"x", 0).unwrap_err();
    assert_eq!(written.raw_os_error(), Some(libc::EBADF));
}
