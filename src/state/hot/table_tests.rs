//! The hot table against a `HashMap` that holds what must be there.
use super::*;
use crate::partition::mum64;
use proptest::prelude::*;
use std::collections::HashMap;

/// A value of `N` words, all of which tell the key and the version apart.
fn value<const N: usize>(key: u64, version: u64) -> [u64; N] {
    std::array::from_fn(|word| key.wrapping_mul(31) + version * 1000 + word as u64)
}

#[derive(Clone, Debug)]
enum Step {
    /// Asked for: written if it is there, inserted if not.
    Touch(u64),
    Remove(u64),
    /// As the keyed operator does it: a block prefetched, looked for, then asked for.
    Block(Vec<u64>),
}

fn steps(keys: u64) -> impl Strategy<Value = Vec<Step>> {
    let key = move || prop_oneof![0..keys, 0..keys / 8 + 1];
    let step = prop_oneof![
        8 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Remove),
        2 => proptest::collection::vec(key(), 1..20).prop_map(Step::Block),
    ];
    proptest::collection::vec(step, 1..400)
}

/// The table and what it must hold.
struct Twin<P, const N: usize> {
    hot: Hot<[u64; N], P>,
    held: HashMap<u64, (u64, [u64; N])>,
    version: u64,
}

impl<P: SetPolicy, const N: usize> Twin<P, N> {
    fn new(memory_bytes: usize) -> Self {
        Twin {
            hot: Hot::new(memory_bytes).expect("a little memory"),
            held: HashMap::new(),
            version: 0,
        }
    }

    fn touch(&mut self, spot: Spot, key: u64) {
        self.version += 1;
        let hash = mum64(key);
        let stamp = self.version;
        match self.hot.hit(spot, hash, key) {
            Some(entry) => {
                assert_eq!(entry.key, key);
                assert_eq!(self.held.get(&key), Some(&(entry.stamp, entry.value)));
                entry.value = value(key, self.version);
                self.held.insert(key, (entry.stamp, entry.value));
            }
            None => {
                assert!(!self.held.contains_key(&key), "{key} was lost");
                let full = self.hot.would_evict(hash);
                let mut gone = None;
                let entry = self
                    .hot
                    .insert(hash, key, stamp, value(key, self.version), |entry| {
                        gone = Some(*entry);
                    });
                assert_eq!((entry.key, entry.stamp), (key, stamp));
                assert_eq!(gone.is_some(), full);
                if let Some(gone) = gone {
                    let held = self.held.remove(&gone.key);
                    assert_eq!(held, Some((gone.stamp, gone.value)), "{}", gone.key);
                }
                self.held.insert(key, (stamp, value(key, self.version)));
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Touch(key) => self.touch(self.hot.prefetch(mum64(*key)), *key),
            Step::Remove(key) => {
                let was = self.held.remove(key).is_some();
                assert_eq!(self.hot.remove(mum64(*key), *key), was);
            }
            Step::Block(keys) => {
                let spots: Vec<Spot> = keys
                    .iter()
                    .map(|key| self.hot.prefetch(mum64(*key)))
                    .collect();
                let look = |(key, spot): (&u64, &Spot)| self.hot.look(*spot, mum64(*key));
                let spots: Vec<Spot> = keys.iter().zip(&spots).map(look).collect();
                for (key, spot) in keys.iter().zip(spots) {
                    self.touch(spot, *key);
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.hot.len(), self.held.len());
        assert!(self.hot.len() <= self.hot.capacity_slots());
        let listed: HashMap<u64, _> = self
            .hot
            .iter()
            .map(|entry| (entry.key, (entry.stamp, entry.value)))
            .collect();
        assert_eq!(self.hot.iter().count(), listed.len(), "a key twice");
        assert_eq!(listed, self.held);
        for (key, (stamp, value)) in &self.held {
            let entry = self.hot.peek(mum64(*key), *key).expect("held");
            assert_eq!((entry.stamp, &entry.value), (*stamp, value));
        }
    }
}

fn agrees<P: SetPolicy, const N: usize>(memory_bytes: usize, steps: &[Step]) {
    let mut twin = Twin::<P, N>::new(memory_bytes);
    for step in steps {
        twin.apply(step);
    }
    twin.check();
}

proptest! {
    #[test]
    fn holds_what_it_was_given_and_tells_who_leaves(steps in steps(200)) {
        agrees::<S3Fifo, 6>(0, &steps);
        agrees::<S3Fifo, 6>(7 * 1088, &steps);
        agrees::<Clock, 6>(7 * 1088, &steps);
        agrees::<S3Fifo, 0>(3 * 1088, &steps);
        agrees::<S3Fifo, 67>(40_000, &steps);
        agrees::<Clock, 153>(100_000, &steps);
    }
}

#[test]
fn a_large_table_holds_what_it_was_given() {
    let mut twin = Twin::<S3Fifo, 6>::new(3 << 20);
    assert!(twin.hot.is_large());
    let mut random = 1u64;
    for _ in 0..12_000 {
        let keys = (0..16)
            .map(|_| {
                random = mum64(random);
                (random % 60_000).min(random >> 32 & 0xFFFF)
            })
            .collect();
        twin.apply(&Step::Block(keys));
    }
    twin.check();
    assert!(
        twin.hot.len() > twin.hot.capacity_slots() * 9 / 10,
        "hardly any set is full"
    );
}

#[test]
fn takes_whole_sets_and_at_least_one() {
    let sets = |bytes| {
        Hot::<[u64; 6], S3Fifo>::new(bytes)
            .expect("a little memory")
            .capacity_slots()
            / 16
    };
    assert_eq!(
        (
            sets(0),
            sets(1),
            sets(1088),
            sets(2 * 1088 - 1),
            sets(2 * 1088)
        ),
        (1, 1, 1, 1, 2)
    );
    let hot = Hot::<[u8; 1224], Clock>::new(1 << 20).expect("a little memory");
    assert_eq!(hot.bytes() / (hot.capacity_slots() / 16), 64 + 16 * 1280);
    assert!(hot.bytes() <= 1 << 20);
}

#[test]
fn four_bytes_of_metadata_an_entry_look_up_included() {
    let hot = Hot::<[u64; 6], S3Fifo>::new(1 << 20).expect("a little memory");
    let entries = hot.capacity_slots() * size_of::<Entry<[u64; 6]>>();
    assert_eq!(hot.bytes() - entries, 4 * hot.capacity_slots());
}

#[test]
fn keys_of_one_partition_fill_all_sets_and_tags_alike() {
    const PARTITIONS: u32 = 64;
    let mut hot = Hot::<u64, S3Fifo>::new(1088 * 64).expect("a little memory");
    let of_it = (0..).filter(|key| crate::partition::partition_of(mum64(*key), PARTITIONS) == 17);
    let mut tags = [0u32; 256];
    for key in of_it.take(16 * 64 * 16) {
        hot.insert(mum64(key), key, 0, key, |_| ());
        tags[usize::from(policy::tag_of(mum64(key)))] += 1;
    }
    assert_eq!(hot.len(), hot.capacity_slots());
    // 64 a tag on average, 128 for tag 1; eight standard deviations of 8.
    assert_eq!(tags[0], 0);
    assert!(
        tags[2..].iter().all(|count| (8..=128).contains(count)),
        "{tags:?}"
    );
}

#[test]
fn memory_that_cannot_be_had_is_an_error_with_a_remedy() {
    // 4,294,967,295 sets of 64 KiB: more than the 128 TiB of addresses that a process has.
    let hot = Hot::<[u8; 4080], Clock>::new(usize::MAX / 4);
    let error = hot.err().expect("more than there are addresses");
    assert!(error.to_string().contains("lower state.memory"), "{error}");
}
