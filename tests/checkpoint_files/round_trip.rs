//! What is captured is restored, bit for bit, whatever was sent before.

use crate::support::{Model, assert_holds, latest, shape};
use millstream::checkpoint::{
    CheckpointError, Directory, Piece, Settled, Wanted, Writer, next_run, remove_older,
};
use millstream::sys::real_disk::RealDisk;
use proptest::prelude::*;
use std::path::Path;

fn writer(dir: &Path, disk: RealDisk) -> Writer<RealDisk> {
    Writer::new(disk, dir.join("run-000001"), shape(), 1).expect("a writer")
}

/// A change to the state, or to how it is captured.
#[derive(Clone, Debug)]
enum Act {
    Change(usize, usize, u8),
    Grow(usize, usize),
    Extras(usize, usize, u8),
    Capture(Option<usize>),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..3_usize, 0..40_usize, 0..=255_u8).prop_map(|(part, index, fill)| Act::Change(part, index, fill)),
        1 => (1..3_usize, 0..60_usize).prop_map(|(part, count)| Act::Grow(part, count)),
        2 => (0..3_usize, 0..9000_usize, 0..=255_u8).prop_map(|(part, len, fill)| Act::Extras(part, len, fill)),
        3 => proptest::option::weighted(0.25, 0..3_usize).prop_map(Act::Capture),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_snapshot_is_the_plain_copy(acts in proptest::collection::vec(act(), 1..60), mapped: bool) {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = if mapped { RealDisk::mapped() } else { RealDisk::plain() };
        let mut writer = writer(dir.path(), disk);
        let mut model = Model::new(shape(), 1);
        // Newest first: every durable epoch and its state.
        let mut durable: Vec<(u64, Model)> = Vec::new();
        for act in acts {
            match act {
                Act::Change(part, index, fill) => model.change(part, index, fill),
                Act::Grow(part, count) => model.grow(part, count),
                Act::Extras(part, len, fill) => model.set_extras(part, len, fill),
                Act::Capture(abort) => {
                    let state = model.clone();
                    match model.capture(&mut writer, abort) {
                        Settled::Durable { epoch, .. } => durable.insert(0, (epoch, state)),
                        Settled::Aborted { .. } => prop_assert!(abort.is_some()),
                    }
                    let directory = Directory::open(RealDisk::plain(), dir.path()).expect("a directory");
                    // The two newest are always there.
                    for (epoch, state) in durable.iter().take(2) {
                        let (snapshot, _) = directory.snapshot(Wanted::Epoch(*epoch)).expect("it is whole");
                        assert_holds(&snapshot, state);
                    }
                    if let Some((epoch, _)) = durable.first() {
                        let (snapshot, rejected) = directory.snapshot_on(2, Wanted::Latest).expect("it is whole");
                        prop_assert_eq!(snapshot.epoch, *epoch);
                        prop_assert_eq!(rejected, []);
                    }
                }
            }
        }
    }
}

#[test]
fn a_part_of_many_groups_grows_in_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), RealDisk::mapped());
    let mut model = Model::new(shape(), 1);
    model.set_extras(2, 30_000, 1);
    for last in [1000, 1023, 1024, 2047, 2500] {
        model.change(2, last, last as u8);
        model.change(1, last / 2, last as u8);
        let state = model.clone();
        model.durable(&mut writer);
        let (snapshot, rejected) = latest(dir.path());
        assert_eq!(rejected, [""; 0]);
        assert_holds(&snapshot, &state);
    }
}

#[test]
fn only_what_changed_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), RealDisk::plain());
    let mut model = Model::new(shape(), 1);
    (0..500).for_each(|index| model.change(1, index, index as u8));
    let bytes = |settled| match settled {
        Settled::Durable { bytes, .. } => bytes,
        Settled::Aborted { reason, .. } => panic!("{reason}"),
    };
    for _ in 0..3 {
        assert!(bytes(model.capture(&mut writer, None)) > 500 * 4096);
    }
    model.change(1, 3, 1);
    let written = bytes(model.capture(&mut writer, None));
    assert!(written < 20 * 4096, "{written} bytes for one block");
}

#[test]
fn the_two_newest_durable_epochs_are_never_written_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), RealDisk::plain());
    let mut model = Model::new(shape(), 1);
    model.change(1, 0, 1);
    model.durable(&mut writer);
    let second = model.clone();
    model.durable(&mut writer);
    assert_eq!(writer.files(), [1, 2, 0]);
    for target in 0..2 {
        let epoch = model.epoch;
        model.epoch += 1;
        for part in 0..3 {
            writer.take(
                part,
                Piece::Begin {
                    epoch,
                    target,
                    since: None,
                },
            );
            writer.take(part, Piece::End { blocks: 0 });
        }
        let settled = writer.settle().expect("all ended");
        assert!(
            matches!(&settled, Settled::Aborted { reason, .. } if reason.contains("two newest")),
            "{settled:?}"
        );
        assert_eq!(writer.files(), [1, 2, 0]);
    }
    assert_holds(&latest(dir.path()).0, &second);
}

#[test]
fn pieces_out_of_order_make_the_epoch_void_and_the_next_is_good() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), RealDisk::plain());
    let mut model = Model::new(shape(), 1);
    let begin = |epoch, since| Piece::Begin {
        epoch,
        target: 0,
        since,
    };
    let cases: [(&str, Vec<(usize, Piece<'_>)>); 6] = [
        (
            "where blocks have 4096",
            vec![(
                1,
                Piece::Block {
                    index: 0,
                    bytes: &[1; 8],
                },
            )],
        ),
        ("a piece of part 9", vec![(9, Piece::Abort)]),
        (
            "part readings-0 was Begun and sent Begin",
            vec![(0, begin(1, None))],
        ),
        (
            "after block 3 was sent",
            vec![(
                1,
                Piece::Block {
                    index: 3,
                    bytes: &[1; 4096],
                },
            )],
        ),
        ("gave up", vec![(2, Piece::Abort)]),
        (
            "numbers are below",
            vec![(
                1,
                Piece::Block {
                    index: u64::MAX,
                    bytes: &[1; 4096],
                },
            )],
        ),
    ];
    for (reason, pieces) in cases {
        let epoch = model.epoch;
        model.epoch += 1;
        (0..3).for_each(|part| writer.take(part, begin(epoch, None)));
        pieces
            .into_iter()
            .for_each(|(part, piece)| writer.take(part, piece));
        (0..3).for_each(|part| writer.take(part, Piece::End { blocks: 2 }));
        let settled = writer.settle().expect("all ended");
        assert!(
            matches!(&settled, Settled::Aborted { reason: found, .. } if found.contains(reason)),
            "{settled:?}, expected {reason}"
        );
        assert_eq!(writer.files(), [0; 3]);
    }
    writer.take(1, Piece::End { blocks: 1 });
    let settled = model.capture(&mut writer, None);
    assert!(
        matches!(&settled, Settled::Aborted { reason, .. } if reason.contains("outside of any epoch")),
        "{settled:?}"
    );
    let state = model.clone();
    model.durable(&mut writer);
    assert_holds(&latest(dir.path()).0, &state);
}

#[test]
fn a_new_run_follows_and_removes_the_older_ones_once_it_is_durable() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk = RealDisk::plain();
    let first = next_run(&disk, dir.path()).expect("empty");
    assert_eq!((first.run, first.first_epoch), (1, 1));
    let mut model = Model::new(shape(), 1);
    model.change(1, 1, 1);
    let state = model.clone();
    model.durable(&mut writer(dir.path(), disk));

    let next = next_run(&disk, dir.path()).expect("one run");
    assert_eq!((next.run, next.first_epoch), (2, 2));
    let mut second = Writer::new(
        disk,
        dir.path().join("run-000002"),
        shape(),
        next.first_epoch,
    )
    .expect("made");
    let (snapshot, _) = latest(dir.path());
    assert_eq!(
        (snapshot.run, snapshot.epoch),
        (1, 1),
        "the new run has nothing yet"
    );
    assert_holds(&snapshot, &state);
    model.durable(&mut second);
    let directory = Directory::open(disk, dir.path()).expect("there");
    assert_eq!(
        directory
            .runs()
            .iter()
            .map(|run| run.run)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(second.left_behind(), None);
    assert_eq!(remove_older(&disk, dir.path(), 2).expect("nothing"), [0; 0]);
}

#[test]
fn a_directory_without_a_checkpoint_is_refused_and_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = |path: &Path| Directory::open(RealDisk::plain(), path).map(|_| ());
    assert!(matches!(
        open(&dir.path().join("none")),
        Err(CheckpointError::Missing { .. })
    ));
    assert!(matches!(
        open(dir.path()),
        Err(CheckpointError::Empty { .. })
    ));
    std::fs::write(dir.path().join("lock"), "1\n").expect("written");
    assert!(matches!(
        open(dir.path()),
        Err(CheckpointError::Empty { .. })
    ));
    std::fs::write(dir.path().join("photo.jpg"), "x").expect("written");
    assert!(
        matches!(open(dir.path()), Err(CheckpointError::Foreign { found, .. }) if found == "photo.jpg")
    );

    let _writer = writer(dir.path(), RealDisk::plain());
    let directory = Directory::open(RealDisk::plain(), dir.path()).expect("a run");
    let error = directory
        .snapshot(Wanted::Latest)
        .expect_err("nothing durable");
    assert!(
        matches!(error, CheckpointError::NothingDurable { .. }),
        "{error}"
    );
}

#[test]
fn an_epoch_that_is_not_there_is_refused_with_those_that_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(shape(), 1);
    let mut writer = writer(dir.path(), RealDisk::plain());
    (0..5).for_each(|_| _ = model.durable(&mut writer));
    let directory = Directory::open(RealDisk::plain(), dir.path()).expect("a run");
    let error = directory
        .snapshot(Wanted::Epoch(9))
        .expect_err("no such epoch");
    assert!(
        error.to_string().ends_with("it holds epochs 5, 4, 3"),
        "{error}"
    );
    let error = directory
        .snapshot(Wanted::Epoch(2))
        .expect_err("overwritten");
    assert!(
        error
            .to_string()
            .contains("a later epoch has taken its files"),
        "{error}"
    );
}

/// 256 MiB from the page cache, by `pread` as snapshots are verified, and mapped.
#[test]
#[ignore = "a measurement; run it with --release --nocapture"]
fn reading_speed() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut writer = writer(dir.path(), RealDisk::mapped());
    let blocks = 64 << 10;
    let block: Vec<u8> = (0..4096).map(|at| (at * 7) as u8).collect();
    for part in 0..3 {
        writer.take(
            part,
            Piece::Begin {
                epoch: 1,
                target: 0,
                since: None,
            },
        );
        let count = if part == 1 { blocks } else { 0 };
        for index in 0..count {
            writer.take(
                part,
                Piece::Block {
                    index,
                    bytes: &block,
                },
            );
        }
        writer.take(part, Piece::End { blocks: count });
    }
    writer.settle().expect("all ended");
    let gib = (blocks * 4096) as f64 / f64::from(1 << 30);
    let directory = Directory::open(RealDisk::plain(), dir.path()).expect("a directory");
    for round in 0..3 {
        for threads in [1, 2] {
            let start = std::time::Instant::now();
            directory
                .snapshot_on(threads, Wanted::Latest)
                .expect("whole");
            let speed = gib / start.elapsed().as_secs_f64();
            println!("round {round}: pread on {threads} threads: {speed:.2} GiB/s");
        }
        let start = std::time::Instant::now();
        let file = std::fs::File::open(dir.path().join("run-000001/aggregate-0.0")).expect("there");
        let map = millstream::sys::mapping::map_readonly(&file).expect("mapped");
        let crcs = map
            .chunks_exact(4096)
            .map(crc32c::crc32c)
            .fold(0, |all, crc| all ^ crc);
        let speed = gib / start.elapsed().as_secs_f64();
        println!("round {round}: mapped on 1 thread: {speed:.2} GiB/s ({crcs:x})");
    }
}
