//! Captured blocks against a plain model: whatever happens between the barrier and the end of the capture,
//! the files hold the table as it was at the barrier.
use super::*;
use crate::checkpoint::{Inflow, Piece, Port, ROTATION, Region, Slot as PortSlot};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug)]
enum Op {
    Add(u64, u64),
    Remove(u64),
    Sweep,
    Retain(u64),
    /// Captures so many blocks.
    Some(usize),
    /// The writer takes so many pieces.
    Take(u64),
    /// The next epoch, if the last is through.
    Barrier,
}

fn op(keys: u64) -> impl Strategy<Value = Op> {
    prop_oneof![
        400 => (0..keys, any::<u64>()).prop_map(|(key, value)| Op::Add(key, value)),
        100 => (0..keys).prop_map(Op::Remove),
        10 => Just(Op::Sweep),
        1 => (2..9u64).prop_map(Op::Retain),
        60 => (1..5usize).prop_map(Op::Some),
        60 => (1..40u64).prop_map(Op::Take),
        20 => Just(Op::Barrier),
    ]
}

/// What the writer makes of the pieces: three files of blocks.
#[derive(Default)]
struct Files {
    blocks: [BTreeMap<u64, Vec<u8>>; ROTATION],
    held: [u64; ROTATION],
    writing: Option<(u64, usize)>,
    /// Epochs that ended whole, by file.
    whole: Vec<(u64, usize)>,
    aborted: u64,
}

impl Files {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Begin {
                epoch,
                target,
                since,
            } => {
                let target = usize::from(target);
                self.writing = Some((epoch, target));
                self.held[target] = 0;
                if since.is_none() {
                    self.blocks[target].clear();
                }
            }
            Piece::Block { index, bytes } => {
                let (_, target) = self.writing.expect("begun");
                self.blocks[target].insert(index, bytes.to_vec());
            }
            Piece::Extras { .. } => {}
            Piece::End { .. } => {
                let (epoch, target) = self.writing.take().expect("begun");
                self.held[target] = epoch;
                self.whole.push((epoch, target));
            }
            Piece::Abort => {
                self.writing = None;
                self.aborted += 1;
            }
        }
    }
}

type Value = [u64; 3];

fn restored(blocks: &BTreeMap<u64, Vec<u8>>, part: impl Fn(u64) -> bool) -> HashMap<u64, u64> {
    let mut table = Table::<Value>::new(TableOptions::default(), None).expect("addresses");
    let count: usize = blocks
        .values()
        .map(|block| table.restore(block, &part))
        .sum();
    assert_eq!(count, table.len());
    table.iter().map(|(key, value)| (key, value[1])).collect()
}

/// Runs `ops`; returns how many epochs were whole and void.
fn agree(ops: &[Op], staging_bytes: u64) -> (usize, u64) {
    let shape = TableShape::of::<Value>();
    let region = Region::new(&[shape.block_bytes as usize], staging_bytes).expect("memory");
    let slot = PortSlot::default();
    slot.set(region.clone()).expect("empty");
    let mut inflow = Inflow::new(region.clone(), 0);
    let mut table = Table::<Value>::new(TableOptions::default(), None).expect("addresses");
    let mut model = HashMap::<u64, u64>::new();
    // As in a restored run: entries that are there before anything is captured, and never written to again.
    for key in (1 << 40)..(1 << 40) + 300 * (ops.len() as u64 % 2) {
        table.entry(mum64(key), key)[1] = key;
        model.insert(key, key);
    }
    table.connect(Port::new(slot, 0)).expect("addresses");
    let mut at_barrier = HashMap::new();
    let mut files = Files::default();
    let (mut epoch, mut checked) = (0, 0);
    for op in ops {
        match *op {
            Op::Add(key, value) => {
                table.entry(mum64(key), key)[1] = value;
                model.insert(key, value);
            }
            Op::Remove(key) => {
                table.remove(mum64(key), key);
                model.remove(&key);
            }
            Op::Sweep => _ = table.sweep(16, |_| false),
            Op::Retain(of) => {
                table.retain(&mut |key, _| key % of != 0);
                model.retain(|key, _| key % of != 0);
            }
            Op::Some(most) => table.capture_some(most),
            Op::Take(most) => _ = inflow.take(most, |piece| files.take(piece)),
            Op::Barrier if files.whole.len() as u64 + files.aborted < epoch => {}
            Op::Barrier => {
                region.settle(epoch, files.held);
                epoch += 1;
                at_barrier = model.clone();
                table.capture(epoch, b"extras");
            }
        }
        if let Some((_, target)) = files.whole.get(checked) {
            checked += 1;
            let all = restored(&files.blocks[*target], |_| true);
            assert_eq!(all, at_barrier, "epoch {epoch}");
            let even = restored(&files.blocks[*target], |key| key % 2 == 0);
            assert!(
                even.iter()
                    .all(|(key, value)| at_barrier.get(key) == Some(value))
            );
            assert_eq!(
                even.len(),
                at_barrier.keys().filter(|&key| key % 2 == 0).count()
            );
        }
    }
    (checked, files.aborted)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn a_capture_is_the_table_at_the_barrier(ops in proptest::collection::vec(op(4_000), 0..12_000)) {
        agree(&ops, 64 << 20);
    }

    #[test]
    fn so_it_is_where_frames_run_out(ops in proptest::collection::vec(op(20_000), 0..12_000)) {
        agree(&ops, 0);
    }
}

#[test]
fn whole_and_void_epochs_both_happen() {
    let mut random = crate::sys::random::Random::stream(5, "ops");
    let mut ops = Vec::new();
    for _ in 0..200_000 {
        let key = random.below(30_000);
        ops.push(match random.below(200) {
            0 => Op::Barrier,
            1..=20 => Op::Take(3),
            21..=24 => Op::Some(2),
            _ => Op::Add(key, key ^ 5),
        });
    }
    let (whole, void) = agree(&ops, 0);
    assert!(whole > 5 && void > 5, "{whole} whole, {void} void");
    let (whole, void) = agree(&ops, 64 << 20);
    assert!(whole > 5 && void == 0, "{whole} whole, {void} void");
}
