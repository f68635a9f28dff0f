//! Captured blocks against a plain model: whatever happens between the barrier and the end of the capture,
//! the files hold the table as it was at the barrier.
use super::*;
use crate::checkpoint::received::Files;
use crate::checkpoint::{Inflow, Port, Region, Slot as PortSlot};
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

/// Runs `ops` on a table that held so many keys before it was connected; returns how many epochs were whole
/// and void.
fn agree(ops: &[Op], staging_bytes: u64, before: u64) -> (usize, u64) {
    let shape = TableShape::of::<Value>();
    let region = Region::new(&[shape.block_bytes as usize], staging_bytes).expect("memory");
    let slot = PortSlot::default();
    slot.set(region.clone()).expect("empty");
    let mut inflow = Inflow::new(region.clone(), 0);
    let mut table = Table::<Value>::new(TableOptions::default(), None).expect("addresses");
    let mut model = HashMap::<u64, u64>::new();
    for key in 0..before {
        table.entry(mum64(key), key)[1] = !key;
        model.insert(key, !key);
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
        agree(&ops, 64 << 20, 0);
    }

    #[test]
    fn so_it_is_of_a_table_that_was_restored(ops in proptest::collection::vec(op(4_000), 0..4_000), before in 1..9_000u64) {
        agree(&ops, 64 << 20, before);
    }

    #[test]
    fn so_it_is_where_frames_run_out(ops in proptest::collection::vec(op(20_000), 0..12_000)) {
        agree(&ops, 0, 0);
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
    let (whole, void) = agree(&ops, 0, 0);
    assert!(whole > 5 && void > 5, "{whole} whole, {void} void");
    let (whole, void) = agree(&ops, 64 << 20, 0);
    assert!(whole > 5 && void == 0, "{whole} whole, {void} void");
}
