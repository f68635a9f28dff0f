//! A file that grows by epochs is right after a crash at every call to the disk, and at every call of the
//! recovery from it.

use super::*;
use crate::sys::simulated_disk::SimulatedDisk;
use proptest::prelude::*;

const PATH: &str = "/results.csv";

/// What happens to one epoch.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    /// Its rows, each written by a call of its own.
    rows: u64,
    /// Whether its checkpoint becomes durable; else it is aborted.
    durable: bool,
    /// Whether its rows are published before the next epoch is closed.
    published: bool,
}

fn row(epoch: usize, place: u64) -> String {
    format!("row {place} of epoch {epoch}, and a little more\n")
}

/// All rows of the first `epochs`.
fn rows(epochs: &[Epoch]) -> Vec<u8> {
    let rows = epochs
        .iter()
        .enumerate()
        .flat_map(|(index, epoch)| (0..epoch.rows).map(move |place| row(index + 1, place)));
    rows.collect::<String>().into_bytes()
}

/// A durable checkpoint: from which call on, and where the file stood.
type Durable = (u64, EpochPosition);

/// Writes the epochs behind the first `done`, and ends the file. Returns the checkpoints that became durable.
fn write(
    disk: &SimulatedDisk,
    (mut segments, mut publisher): (Segments<SimulatedDisk>, Publisher<SimulatedDisk>),
    epochs: &[Epoch],
    done: usize,
) -> Vec<Durable> {
    let mut durable = Vec::new();
    for (index, epoch) in epochs.iter().enumerate().skip(done) {
        for place in 0..epoch.rows {
            segments.write(row(index + 1, place).as_bytes()).unwrap();
        }
        let number = index as u64 + 1;
        let closed = segments.close(number, 0);
        let position = publisher.keep(closed).unwrap();
        if epoch.durable {
            durable.push((disk.operations(), position));
            if epoch.published {
                publisher.publish(number).unwrap();
            }
        }
    }
    publisher.finish(segments.close(u64::MAX, 0)).unwrap();
    durable
}

/// What is on the disk.
fn files(disk: &SimulatedDisk) -> Vec<(String, Vec<u8>)> {
    let files = disk.files().into_iter();
    files
        .map(|(path, bytes)| (path.to_string_lossy().into_owned(), bytes))
        .collect()
}

/// Restores at `position` and holds the file to `expected`, also with crashes on the way.
fn restores(
    disk: &SimulatedDisk,
    position: &EpochPosition,
    expected: &[u8],
    seed: u64,
) -> SimulatedDisk {
    disk.record();
    restore(disk.clone(), Path::new(PATH), position).expect("the file of the checkpoint");
    assert_eq!(files(disk), [(PATH.to_owned(), expected.to_vec())]);
    let moments = disk.recorded();
    for moment in &moments {
        let again = moment.crash(seed);
        restore(again.clone(), Path::new(PATH), position).expect("interrupted, and repeated");
        assert_eq!(files(&again), [(PATH.to_owned(), expected.to_vec())]);
    }
    disk.clone()
}

fn crashes_everywhere(epochs: &[Epoch], seeds: std::ops::Range<u64>) -> usize {
    let disk = SimulatedDisk::new(1);
    disk.record();
    let ends = create(disk.clone(), Path::new(PATH)).unwrap();
    let durable = write(&disk, ends, epochs, 0);
    assert_eq!(files(&disk), [(PATH.to_owned(), rows(epochs))]);
    let mut crashes = 0;
    for moment in disk.recorded() {
        let known = durable.iter().filter(|(at, _)| *at <= moment.operation);
        let known: Vec<&EpochPosition> = known.map(|(_, position)| position).collect();
        // The newest, or the one before, where the newest cannot be read.
        for position in known.iter().rev().take(2) {
            let done = position.epoch as usize;
            for seed in seeds.clone() {
                let found = moment.crash(seed);
                let disk = restores(&found, position, &rows(&epochs[..done]), seed);
                let ends = restore(disk.clone(), Path::new(PATH), position).unwrap();
                write(&disk, ends, epochs, done);
                assert_eq!(files(&disk), [(PATH.to_owned(), rows(epochs))]);
                crashes += 1;
            }
        }
    }
    crashes
}

fn epoch(rows: u64, durable: bool, published: bool) -> Epoch {
    Epoch {
        rows,
        durable,
        published,
    }
}

#[test]
fn a_crash_at_any_call_loses_and_repeats_nothing() {
    let epochs = [
        epoch(2, true, true),
        epoch(3, false, false),
        epoch(1, true, false),
        epoch(0, true, true),
        epoch(2, true, true),
        epoch(1, false, false),
        epoch(2, true, false),
        epoch(1, false, false),
    ];
    let crashes = crashes_everywhere(&epochs, 0..6);
    assert!(crashes > 200, "{crashes}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn so_it_is_for_any_epochs(
        epochs in prop::collection::vec((0u64..4, any::<bool>(), any::<bool>()), 1..6),
        seed in any::<u32>(),
    ) {
        let epochs: Vec<Epoch> = epochs.into_iter().map(|(rows, durable, published)| epoch(rows, durable, published)).collect();
        let seed = u64::from(seed);
        crashes_everywhere(&epochs, seed..seed + 2);
    }
}

/// A file at the end of its first epoch, whose rows are published, and of its second, whose rows are not.
fn standing() -> (SimulatedDisk, EpochPosition) {
    let disk = SimulatedDisk::new(1);
    let (mut segments, mut publisher) = create(disk.clone(), Path::new(PATH)).unwrap();
    segments.write(b"one\n").unwrap();
    publisher.keep(segments.close(1, 1)).unwrap();
    publisher.publish(1).unwrap();
    segments.write(b"two\n").unwrap();
    let position = publisher.keep(segments.close(2, 2)).unwrap();
    segments.write(b"three\n").unwrap();
    (disk, position)
}

#[test]
fn a_file_that_is_another_is_refused_and_left_alone() {
    let change = |change: &dyn Fn(&SimulatedDisk)| {
        let (disk, position) = standing();
        change(&disk);
        let before = files(&disk);
        let refused = restore(disk.clone(), Path::new(PATH), &position)
            .err()
            .unwrap();
        assert_eq!(files(&disk), before);
        refused.to_string()
    };
    let write = |disk: &SimulatedDisk, path: &str, bytes: &[u8]| {
        let mut file = disk.open(Path::new(path), Open::Write).unwrap();
        file.write_at(bytes, 0).unwrap();
    };
    let message = change(&|disk| write(disk, PATH, b"0"));
    assert!(message.contains("first 4 bytes were changed"), "{message}");
    assert!(message.contains("without --restore"), "{message}");
    let message = change(&|disk| write(disk, "/results.csv.after-1", b"0"));
    assert!(
        message.contains("neither in it nor in /results.csv.after-1"),
        "{message}"
    );
    let message = change(&|disk| disk.remove(Path::new("/results.csv.after-1")).unwrap());
    assert!(message.contains("the 4 bytes from 4 on"), "{message}");
    let message = change(&|disk| disk.remove(Path::new(PATH)).unwrap());
    assert!(message.contains("cannot restore it"), "{message}");
    let message = change(&|disk| {
        let mut file = disk.open(Path::new(PATH), Open::Write).unwrap();
        file.set_len(3).unwrap();
    });
    assert!(
        message.contains("it has 3 bytes, and 4 were published"),
        "{message}"
    );
}

#[test]
fn a_new_file_takes_the_place_of_an_old_one_and_its_segments() {
    let (disk, _) = standing();
    let neighbour = Path::new("/results.csv.after-x");
    disk.open(neighbour, Open::Create).unwrap();
    create(disk.clone(), Path::new(PATH)).unwrap();
    let names: Vec<String> = files(&disk).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [PATH, "/results.csv.after-x"]);
    assert_eq!(files(&disk)[0].1, b"");
}
