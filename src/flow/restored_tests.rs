//! Tables of a stage filled on several threads, from parts that other partitions wrote.

use super::*;
use crate::checkpoint::{
    CheckpointError, Directory, PartShape, Piece, Settled, Shape, Wanted, Writer, run_name,
};
use crate::state::{TableOptions, TableShape};
use std::collections::BTreeMap;
use std::path::Path;

const OLD: usize = 5;
const KEYS: u64 = 20_000;

fn owner(partitions: u64) -> Option<OwnerOfKeys> {
    Some(Box::new(move |key| (key % partitions) as usize))
}

/// An epoch of a stage with `OLD` partitions, in which key k has the value 3 k.
fn written(dir: &Path) {
    let table = TableShape::of::<u64>();
    let part = |partition: usize| PartShape {
        kind: Kind::Stage,
        name: "s".into(),
        stage_index: 1,
        partition: partition as u32,
        partitions: OLD as u32,
        scheme: "hash".into(),
        entry_bytes: table.entry_bytes,
        value_bytes: table.value_bytes,
        block_bytes: table.block_bytes,
    };
    let shape = Shape {
        flow: "f".into(),
        seed: 1,
        parts: (0..OLD).map(part).collect(),
    };
    let run_dir = dir.join(run_name(1));
    let mut writer = Writer::new(RealDisk::plain(), run_dir, shape, 1).expect("made");
    for part in 0..OLD {
        let entries =
            (0..KEYS).filter(|key| owner(OLD as u64).is_some_and(|owner| owner(*key) == part));
        let mut bytes = Vec::new();
        for key in entries {
            let at = bytes.len();
            bytes.resize(at + table.entry_bytes as usize, 0);
            for (place, word) in [key, 7, 3 * key].into_iter().enumerate() {
                bytes[at + 8 * place..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
        bytes.resize(bytes.len().next_multiple_of(table.block_bytes as usize), 0);
        let (epoch, target, since) = (1, 0, None);
        writer.take(
            part,
            Piece::Begin {
                epoch,
                target,
                since,
            },
        );
        let saved = Saved::default().to_bytes();
        writer.take(part, Piece::Extras { bytes: &saved });
        let blocks = bytes.chunks(table.block_bytes as usize);
        let count = blocks.len() as u64;
        for (index, bytes) in (0..).zip(blocks) {
            writer.take(part, Piece::Block { index, bytes });
        }
        writer.take(part, Piece::End { blocks: count });
    }
    assert!(matches!(writer.settle(), Some(Settled::Durable { .. })));
}

fn restored(dir: &Path) -> Restored {
    let directory = Directory::open(RealDisk::plain(), dir).expect("a directory");
    let (snapshot, _) = directory.snapshot(Wanted::Latest).expect("whole");
    Restored::read(snapshot, "f").expect("its flow")
}

/// What `partitions` tables find on so many threads.
fn filled(
    restored: &Restored,
    partitions: usize,
    threads: usize,
) -> Result<Vec<BTreeMap<u64, u64>>, FlowError> {
    let whole = partitions == OLD;
    let fillings = (0..partitions).map(|partition| Filling {
        partition,
        share: Share {
            restored,
            logs: Vec::new(),
            parts: if whole {
                vec![partition]
            } else {
                (0..OLD).collect()
            },
            whole,
            own: Vec::new(),
        },
        table: Table::<u64>::new(TableOptions::default(), None).expect("memory"),
    });
    let tables = fill_on(threads, fillings.collect(), &owner(partitions as u64))?;
    let entries = |mut table: Table<u64>| {
        let mut found = BTreeMap::new();
        crate::state::States::for_each(&mut table, &mut |key, value| {
            assert_eq!(found.insert(key, *value), None, "a key is there once");
        });
        found
    };
    Ok(tables.into_iter().map(entries).collect())
}

#[test]
fn every_key_is_where_it_belongs_on_any_number_of_threads() {
    let dir = tempfile::tempdir().expect("a directory");
    written(dir.path());
    let restored = restored(dir.path());
    for (partitions, threads) in [
        (OLD, 1),
        (OLD, 3),
        (OLD, 64),
        (1, 4),
        (3, 1),
        (3, 2),
        (8, 3),
    ] {
        let found = filled(&restored, partitions, threads).expect("filled");
        assert_eq!(found.len(), partitions);
        for (partition, found) in found.iter().enumerate() {
            let expected = (partition as u64..KEYS).step_by(partitions);
            let expected: BTreeMap<u64, u64> = expected.map(|key| (key, 3 * key)).collect();
            assert!(
                *found == expected,
                "partition {partition} of {partitions} on {threads}"
            );
        }
    }
}

#[test]
fn what_a_thread_cannot_read_any_more_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    written(dir.path());
    let restored = restored(dir.path());
    let file = dir.path().join(run_name(1)).join("s-2.0");
    let mut bytes = std::fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).expect("written");
    for (partitions, threads) in [(OLD, 1), (OLD, 3), (3, 2)] {
        let error =
            filled(&restored, partitions, threads).expect_err("damaged since it was verified");
        assert!(
            matches!(
                error,
                FlowError::Checkpoint(CheckpointError::Corrupt { .. })
            ),
            "{error}"
        );
        assert!(error.to_string().contains("s-2.0"), "{error}");
    }
}
