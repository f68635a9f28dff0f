//! Captured tiers against a plain model: whatever happens after a barrier, what the files and the log hold is what was
//! hot and cold at the barrier, for every epoch that can still be restored.
use super::*;
use crate::checkpoint::received::Files;
use crate::checkpoint::{Inflow, Kind, PartShape, Region, Slot};
use crate::state::cold::{Cold, ColdOptions, ColdServer, FileStorage, LogShape, cold_tier};
use crate::state::hot::{Clock, Hot};
use crate::state::{Fetch, Forever, Remove, Reply, TableShape};
use crate::sys::disk::{Disk, Open};
use crate::sys::real_disk::RealDisk;
use crate::task::{Context, Task};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashMap;

type Value = [u64; 3];

#[derive(Clone, Debug)]
enum Op {
    /// An event of this key.
    Touch(u64, u64),
    /// The operator forgets keys that this divides.
    Forget(u64),
    /// The cold tier goes on.
    Poll,
    /// Captures so many blocks.
    Some(usize),
    /// The writer takes so many pieces.
    Take(u64),
    /// The next epoch, if the last is through.
    Barrier,
}

fn op(keys: u64) -> impl Strategy<Value = Op> {
    prop_oneof![
        600 => (0..keys, any::<u64>()).prop_map(|(key, value)| Op::Touch(key, value)),
        1 => (3..9u64).prop_map(Op::Forget),
        60 => Just(Op::Poll),
        60 => (1..5usize).prop_map(Op::Some),
        60 => (1..40u64).prop_map(Op::Take),
        10 => Just(Op::Barrier),
    ]
}

/// Tiers that hold the least there can be hot, and a log of small segments.
struct Twin {
    tiers: Tiers<Value, Clock>,
    server: ColdServer<Value>,
    model: HashMap<u64, u64>,
}

const SMALL: ColdOptions = ColdOptions {
    frame_bytes: 192,
    segment_bytes: 4 * 192,
    grow_bytes: 16 * 192 * 64,
    reads_max: 16,
    partition: 0,
};

fn small(dir: &std::path::Path) -> (Cold<Value>, ColdServer<Value>) {
    let storage = FileStorage::log(dir.join("log"), &SMALL).expect("a file");
    cold_tier(storage, SMALL).expect("sizes fit")
}

impl Twin {
    fn serve(&mut self) {
        self.tiers.publish();
        self.server.step(&mut Context::at(0)).expect("a disk");
    }

    fn touch(&mut self, key: u64, value: u64) {
        let hash = mum64(key);
        self.model.insert(key, value);
        let spot = self.tiers.hot.prefetch(hash);
        if let Some(entry) = self.tiers.hot.hit(spot, hash, key) {
            entry.value[1] = value;
            return;
        }
        let (mut stamp, mut state) = (0, [0; 3]);
        while !self.tiers.has_room(hash) {
            self.serve();
            self.tiers.poll(|_| {}).expect("a disk");
        }
        let fetched = loop {
            match self.tiers.fetch(hash, key, 7) {
                // Keys on their way out take all the room there is for reads.
                Fetch::Full => {
                    self.serve();
                    self.tiers.poll(|_| {}).expect("a disk");
                }
                fetched => break fetched,
            }
        };
        match fetched {
            Fetch::Absent | Fetch::Full => {}
            Fetch::Here { stamp: at, value } => (stamp, state) = (at, value),
            Fetch::Asked => {
                let mut answer = None;
                while answer.is_none() {
                    self.serve();
                    self.tiers
                        .poll(|reply| answer = Some(reply))
                        .expect("a disk");
                }
                if let Some(Reply::Found {
                    stamp: at, value, ..
                }) = answer
                {
                    (stamp, state) = (at, value);
                }
                while !self.tiers.has_room(hash) {
                    self.serve();
                    self.tiers.poll(|_| {}).expect("a disk");
                }
            }
        }
        state[1] = value;
        self.tiers.admit::<u64>(&Forever, hash, key, stamp, state);
    }

    fn forget(&mut self, of: u64) {
        let over: Vec<u64> = self
            .model
            .keys()
            .copied()
            .filter(|key| key % of == 0)
            .collect();
        for key in over {
            self.model.remove(&key);
            if self.tiers.hot.remove(mum64(key), key) {
                continue;
            }
            // Some stay on their way out for a while, beside the barrier that comes.
            while self.tiers.cold.remove(mum64(key), key, 0) == Remove::Full {
                self.serve();
                self.tiers.poll(|_| {}).expect("a disk");
            }
        }
    }
}

fn shape(kind: Kind, entry_bytes: u32, block_bytes: u32) -> PartShape {
    PartShape {
        kind,
        name: "s".into(),
        stage_index: 1,
        partition: 0,
        partitions: 1,
        scheme: "hash".into(),
        entry_bytes,
        value_bytes: size_of::<Value>() as u32,
        block_bytes,
    }
}

/// Runs `ops` on tiers that held so many keys before they were connected; epochs that were whole.
fn agree(ops: &[Op], staging_bytes: u64, before: u64) -> usize {
    let dir = tempfile::tempdir().expect("a directory");
    let (cold, server) = small(dir.path());
    let hot_shape = TableShape::of::<Value>();
    let log_shape = LogShape::of::<Value>(&SMALL).expect("sizes fit");
    let log = shape(Kind::Log, log_shape.record_bytes, log_shape.map_bytes);
    let payloads = [hot_shape.block_bytes as usize, log_shape.map_bytes as usize];
    let region = Region::new(&payloads, staging_bytes).expect("memory");
    let slot = Slot::default();
    slot.set(region.clone()).expect("empty");
    let mut inflows = [0, 1].map(|part| Inflow::new(region.clone(), part));
    let mut twin = Twin {
        tiers: Tiers::new(Hot::new(0).expect("memory"), cold),
        server,
        model: HashMap::new(),
    };
    for key in 0..before {
        twin.tiers.restore(key, 1, [0, !key, 0]).expect("a disk");
        twin.model.insert(key, !key);
    }
    let port = |part| Port::new(slot.clone(), part);
    twin.tiers.connect(port(0), port(1));
    let mut at_barrier: HashMap<u64, HashMap<u64, u64>> = HashMap::new();
    let mut files = [Files::default(), Files::default()];
    let (mut epoch, mut settled, mut checked) = (0, 0, 0);
    for op in ops {
        match *op {
            Op::Touch(key, value) => twin.touch(key, value),
            Op::Forget(of) => twin.forget(of),
            Op::Poll => {
                twin.serve();
                twin.tiers.poll(|_| {}).expect("a disk");
            }
            Op::Some(most) => twin.tiers.capture_some(most),
            Op::Take(most) => {
                for (inflow, files) in inflows.iter_mut().zip(&mut files) {
                    inflow.take(most, |piece| files.take(piece));
                }
            }
            Op::Barrier if settled < epoch => {}
            Op::Barrier => {
                epoch += 1;
                at_barrier.insert(epoch, twin.model.clone());
                twin.tiers.capture(epoch, |_| vec![0; 8]);
            }
        }
        let [hot, cold] = &mut files;
        let ended = |files: &Files| files.whole.len() as u64 + files.aborted == epoch;
        if settled == epoch || !ended(hot) || !ended(cold) {
            continue;
        }
        // An epoch counts if both parts of it are whole.
        for target in 0..hot.held.len() {
            if hot.held[target] != cold.held[target] {
                (hot.held[target], cold.held[target]) = (0, 0);
            }
        }
        region.settle(epoch, hot.held);
        settled = epoch;
        for (target, held) in hot.held.iter().enumerate().filter(|(_, held)| **held > 0) {
            let mut found = HashMap::new();
            for block in hot.blocks[target].values() {
                for entry in block.chunks_exact(hot_shape.entry_bytes as usize) {
                    let word = |at: usize| bytemuck::pod_read_unaligned::<u64>(&entry[at..at + 8]);
                    if word(8) != 0 {
                        assert_eq!(found.insert(word(0), word(24)), None);
                    }
                }
            }
            let open = RealDisk::plain().open(&dir.path().join("log"), Open::Read);
            let logged = cold.logged(target, &log, open.expect("a log"), |record| {
                let value: Value = bytemuck::pod_read_unaligned(record.value);
                assert_eq!(
                    found.insert(record.key, value[1]),
                    None,
                    "key {}",
                    record.key
                );
            });
            logged.expect("every record is as it was written");
            assert_eq!(found, at_barrier[held], "epoch {held}, now {epoch}");
            checked += 1;
        }
    }
    checked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn what_is_captured_is_what_was_hot_and_cold_at_the_barrier(ops in proptest::collection::vec(op(400), 0..12_000)) {
        agree(&ops, 64 << 20, 0);
    }

    #[test]
    fn so_it_is_of_tiers_that_were_restored(ops in proptest::collection::vec(op(700), 0..6_000), before in 1..600u64) {
        agree(&ops, 64 << 20, before);
    }

    #[test]
    fn without_room_epochs_are_void_and_none_is_wrong(ops in proptest::collection::vec(op(400), 0..6_000)) {
        agree(&ops, 0, 100);
    }
}

#[test]
fn epochs_do_end_in_these_tests() {
    let mut ops = Vec::new();
    for round in 0..40 {
        ops.extend((0..300).map(|key| Op::Touch(key * 7 % 400, round)));
        ops.extend([Op::Barrier, Op::Poll]);
        ops.extend(
            (0..400).flat_map(|key| [Op::Touch(key, round), Op::Some(1), Op::Take(9), Op::Poll]),
        );
    }
    let checked = agree(&ops, 64 << 20, 0);
    assert!(
        checked > 60,
        "{checked} epochs of 40 rounds, up to three held at a time"
    );
}
