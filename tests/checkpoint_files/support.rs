//! A plain model of a flow's state, and the pieces that a capture of it sends.

use millstream::checkpoint::{
    Directory, Kind, PartShape, Piece, Settled, Shape, Snapshot, Wanted, Writer, next_target,
};
use millstream::sys::disk::Disk;
use millstream::sys::real_disk::RealDisk;
use std::path::Path;

/// A part with entries in blocks of `block_bytes`.
pub(crate) fn keyed(name: &str, partition: u32, block_bytes: u32) -> PartShape {
    PartShape {
        kind: Kind::Stage,
        name: name.into(),
        stage_index: 1,
        partition,
        partitions: 2,
        scheme: "hash".into(),
        entry_bytes: 64,
        value_bytes: 40,
        block_bytes,
    }
}

/// A source: extras only.
pub(crate) fn source(name: &str) -> PartShape {
    PartShape {
        kind: Kind::Source,
        stage_index: 0,
        partitions: 1,
        entry_bytes: 0,
        value_bytes: 0,
        ..keyed(name, 0, 512)
    }
}

/// A source and two partitions of a stage.
pub(crate) fn shape() -> Shape {
    Shape {
        flow: "aggregate".into(),
        seed: 7,
        parts: vec![
            source("readings"),
            keyed("aggregate", 0, 4096),
            keyed("aggregate", 1, 1024),
        ],
    }
}

/// What a part holds: blocks of entries and extras.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartState {
    pub(crate) blocks: Vec<Vec<u8>>,
    pub(crate) extras: Vec<u8>,
    /// The epoch after which each block was last changed; 0: never touched, all zero.
    changed: Vec<u64>,
}

/// The state of a flow, as a plain copy of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) shape: Shape,
    pub(crate) parts: Vec<PartState>,
    /// The next epoch to be captured.
    pub(crate) epoch: u64,
}

impl Model {
    pub(crate) fn new(shape: Shape, epoch: u64) -> Self {
        Model {
            parts: vec![PartState::default(); shape.parts.len()],
            shape,
            epoch,
        }
    }

    /// Changes block `index` of `part`, which grows to hold it.
    pub(crate) fn change(&mut self, part: usize, index: usize, fill: u8) {
        let block_bytes = self.shape.parts[part].block_bytes as usize;
        self.grow(part, index + 1);
        let state = &mut self.parts[part];
        state.blocks[index] = (0..block_bytes)
            .map(|at| fill.wrapping_add((at / 7) as u8).wrapping_mul(31) ^ index as u8)
            .collect();
        state.changed[index] = self.epoch;
    }

    /// Grows `part` to `count` blocks; the new ones are zero and never touched.
    pub(crate) fn grow(&mut self, part: usize, count: usize) {
        let block_bytes = self.shape.parts[part].block_bytes as usize;
        let state = &mut self.parts[part];
        let count = count.max(state.blocks.len());
        state.blocks.resize(count, vec![0; block_bytes]);
        state.changed.resize(count, 0);
    }

    pub(crate) fn set_extras(&mut self, part: usize, len: usize, fill: u8) {
        self.parts[part].extras = (0..len).map(|at| fill ^ (at % 251) as u8).collect();
    }

    /// Sends the state of all parts, interleaved, and settles. `abort` is a part that gives up half way.
    pub(crate) fn capture<D: Disk>(
        &mut self,
        writer: &mut Writer<D>,
        abort: Option<usize>,
    ) -> Settled {
        let files = writer.files();
        let target = next_target(&files);
        let since = Some(files[usize::from(target)]).filter(|epoch| *epoch > 0);
        let epoch = self.epoch;
        self.epoch += 1;
        let parts = self.parts.len();
        for part in 0..parts {
            writer.take(
                part,
                Piece::Begin {
                    epoch,
                    target,
                    since,
                },
            );
        }
        assert_eq!(writer.settle(), None, "nothing has ended");
        for part in 0..parts {
            let PartState {
                blocks,
                extras,
                changed,
            } = &self.parts[part];
            let block_bytes = self.shape.parts[part].block_bytes as usize;
            let mut extras = extras.chunks(block_bytes - part * 8);
            for (index, bytes) in blocks.iter().enumerate() {
                // An untouched block is never sent; since an epoch, only what changed after it.
                if changed[index] > since.unwrap_or(0) {
                    let index = index as u64;
                    writer.take(part, Piece::Block { index, bytes });
                }
                if let Some(bytes) = extras.next() {
                    writer.take(part, Piece::Extras { bytes });
                }
            }
            if abort == Some(part) {
                writer.take(part, Piece::Abort);
                continue;
            }
            extras.for_each(|bytes| writer.take(part, Piece::Extras { bytes }));
            let blocks = blocks.len() as u64;
            writer.take(part, Piece::End { blocks });
        }
        writer.settle().expect("all parts have ended")
    }

    /// As [`Model::capture`], which must succeed.
    pub(crate) fn durable<D: Disk>(&mut self, writer: &mut Writer<D>) -> u64 {
        match self.capture(writer, None) {
            Settled::Durable { epoch, .. } => epoch,
            Settled::Aborted { epoch, reason } => panic!("epoch {epoch} is void: {reason}"),
        }
    }
}

/// What a snapshot holds.
pub(crate) fn read<D: Disk>(snapshot: &Snapshot<D>) -> Vec<(Vec<Vec<u8>>, Vec<u8>)> {
    (0..snapshot.shape.parts.len())
        .map(|part| {
            let mut blocks = Vec::new();
            snapshot
                .blocks(part, |index, bytes| {
                    assert_eq!(index, blocks.len() as u64);
                    blocks.push(bytes.to_vec());
                })
                .expect("verified blocks");
            (blocks, snapshot.extras(part).expect("verified extras"))
        })
        .collect()
}

/// Panics unless `snapshot` holds what `model` held.
pub(crate) fn assert_holds<D: Disk>(snapshot: &Snapshot<D>, model: &Model) {
    assert_eq!(snapshot.shape, model.shape);
    for (part, (found, state)) in read(snapshot).into_iter().zip(&model.parts).enumerate() {
        assert!(found.0 == state.blocks, "blocks of part {part}");
        assert!(found.1 == state.extras, "extras of part {part}");
    }
}

/// The newest whole snapshot in `dir`, with what was rejected.
pub(crate) fn latest(dir: &Path) -> (Snapshot<RealDisk>, Vec<String>) {
    let directory = Directory::open(RealDisk::plain(), dir).expect("a directory");
    let (snapshot, rejected) = directory.snapshot(Wanted::Latest).expect("a snapshot");
    (snapshot, rejected.iter().map(ToString::to_string).collect())
}

/// `count` durable epochs of a fresh run, oldest first, each with what it holds.
pub(crate) fn epochs<D: Disk>(disk: D, dir: &Path, shape: Shape, count: u8) -> Vec<(u64, Model)> {
    let keyed = (0..shape.parts.len()).filter(|part| shape.parts[*part].entry_bytes > 0);
    let keyed: Vec<usize> = keyed.collect();
    let mut writer = Writer::new(disk, dir.join("run-000001"), shape.clone(), 1).expect("a writer");
    let mut model = Model::new(shape, 1);
    let mut states = Vec::new();
    for fill in 1..=count {
        for part in &keyed {
            for index in [0, 2, 5] {
                model.change(*part, index, fill.wrapping_add(index as u8));
            }
            model.set_extras(*part, 1300, fill);
        }
        model.set_extras(0, 24, fill);
        let state = model.clone();
        states.push((model.durable(&mut writer), state));
    }
    states
}
