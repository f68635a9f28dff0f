//! Captured arrays against a plain model: whatever is written between the barrier and the end of the capture, the
//! files hold the array as it was at the barrier, and no more is sent than has changed.
use super::*;
use crate::checkpoint::received::Files;
use crate::checkpoint::{Inflow, Region, Slot};
use crate::sys::random::Random;

type Item = [u64; 20];
const LEN: usize = 500;

fn array() -> Array<Item> {
    Array::new(LEN)
}

fn restored(files: &Files, target: usize) -> Vec<u64> {
    let mut array = array();
    for (&block, bytes) in &files.blocks[target] {
        array.restore(block, bytes).expect("a block of the array");
    }
    (0..LEN).map(|index| array.at(index)[3]).collect()
}

/// Writes, barriers and captures at random; epochs that were whole and void.
fn agree(seed: u64, staging_bytes: u64, from_before: bool) -> (usize, u64) {
    let mut random = Random::stream(seed, "array");
    let mut array = array();
    let region = Region::new(&[array.shape().1 as usize], staging_bytes).expect("memory");
    let slot = Slot::default();
    slot.set(region.clone()).expect("empty");
    let mut inflow = Inflow::new(region.clone(), 0);
    let mut model = vec![0; LEN];
    if from_before {
        for index in (0..LEN).step_by(3) {
            array.at_mut(index)[3] = index as u64;
            model[index] = index as u64;
        }
    }
    array.connect(Port::new(slot, 0));
    let mut files = Files::default();
    let (mut epoch, mut checked, mut at_barrier) = (0, 0, Vec::new());
    for value in 1..60_000 {
        match random.below(40) {
            0 => array.capture_some(2),
            1 => _ = inflow.take(3, |piece| files.take(piece)),
            2 if files.whole.len() as u64 + files.aborted == epoch => {
                region.settle(epoch, files.held);
                epoch += 1;
                at_barrier = model.clone();
                array.capture(epoch);
            }
            _ => {
                let index = random.below(LEN as u64) as usize;
                array.at_mut(index)[3] = value;
                model[index] = value;
            }
        }
        if let Some((_, target)) = files.whole.get(checked) {
            checked += 1;
            assert_eq!(restored(&files, *target), at_barrier, "epoch {epoch}");
        }
    }
    assert_eq!(array.copied().before_write > 0, epoch > 0);
    (checked, files.aborted)
}

#[test]
fn a_capture_is_the_array_at_the_barrier() {
    for seed in 0..8 {
        let (whole, void) = agree(seed, 4 << 20, seed % 2 == 0);
        assert!(whole > 20 && void == 0, "{whole} whole, {void} void");
    }
}

#[test]
fn so_it_is_where_frames_run_out() {
    let large = |seed| agree(seed, 0, seed % 2 == 0);
    let (whole, void) = (0..8)
        .map(large)
        .fold((0, 0), |sum, epochs| (sum.0 + epochs.0, sum.1 + epochs.1));
    assert!(whole > 20, "{whole} whole, {void} void");
}

#[test]
fn what_has_not_changed_since_the_target_is_not_sent() {
    let mut array = array();
    let region = Region::new(&[array.shape().1 as usize], 4 << 20).expect("memory");
    let slot = Slot::default();
    slot.set(region.clone()).expect("empty");
    let mut inflow = Inflow::new(region.clone(), 0);
    array.at_mut(0)[0] = 1;
    array.connect(Port::new(slot, 0));
    let mut files = Files::default();
    let mut sent = Vec::new();
    for epoch in 1..=7 {
        array.capture(epoch);
        while array.is_captured() {
            array.capture_some(1);
        }
        let mut blocks = 0;
        inflow.take(u64::MAX, |piece| {
            blocks += u64::from(matches!(piece, crate::checkpoint::Piece::Block { .. }));
            files.take(piece);
        });
        region.settle(epoch, files.held);
        sent.push(blocks);
        if epoch == 3 {
            array.at_mut(LEN - 1)[0] = 9;
        }
    }
    assert_eq!(
        sent,
        [1, 1, 1, 1, 1, 1, 0],
        "the block from before into each file, then the one written to into each, then nothing"
    );
}

#[test]
fn several_partitions_are_put_together() {
    let mut sums = Array::<u64>::new(4).merged_by(|mine, theirs| *mine += theirs);
    let mut latest = Array::<u64>::new(4);
    let (_, block_bytes) = sums.shape();
    let mut block = vec![0; block_bytes as usize];
    for of in [[1u64, 0, 3], [10, 0, 0]] {
        block[..24].copy_from_slice(bytemuck::cast_slice(&of));
        sums.restore(0, &block).expect("a block of it");
        latest.restore(0, &block).expect("a block of it");
    }
    let items = |array: &Array<u64>| [0, 1, 2, 3].map(|index| *array.at(index));
    assert_eq!(items(&sums), [11, 0, 3, 0]);
    assert_eq!(items(&latest), [10, 0, 3, 0]);
    assert!(sums.restore(1, &block).is_err() && sums.restore(0, &block[8..]).is_err());
}
