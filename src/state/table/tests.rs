//! The table against its plain model.
use super::*;
use crate::partition::mum64;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::HashMap;

#[derive(Clone, Debug)]
enum Op {
    Add(u64, u64),
    Remove(u64),
    Get(u64),
}

fn op(keys: u64) -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..keys, any::<u64>()).prop_map(|(key, value)| Op::Add(key, value)),
        2 => (0..keys).prop_map(Op::Remove),
        1 => (0..keys).prop_map(Op::Get),
    ]
}

/// The entry of `key`, found as operators do it; without a way: from home, slot by slot.
fn entry(table: &mut Table<[u64; 6]>, key: u64, way: Option<Way>) -> &mut [u64; 6] {
    let Some(way) = way else {
        return table.entry(mum64(key), key);
    };
    table.settle();
    let place = table.prefetch(mum64(key), way);
    let place = table.look(place, key, way);
    table.at(place, key)
}

fn agree(ops: &[Op], options: TableOptions, way: impl Fn(usize) -> Option<Way>) {
    let mut table = Table::<[u64; 6]>::new(options, None).expect("addresses");
    let mut model = HashMap::<u64, u64>::new();
    for (at, op) in ops.iter().enumerate() {
        match *op {
            Op::Add(key, value) => {
                let slot = entry(&mut table, key, way(at));
                assert_eq!(slot[1], model.get(&key).copied().unwrap_or(0));
                slot[1] = slot[1].wrapping_add(value);
                let old = model.entry(key).or_default();
                *old = old.wrapping_add(value);
            }
            Op::Remove(key) => {
                assert_eq!(table.remove(mum64(key), key), model.remove(&key).is_some())
            }
            Op::Get(key) => assert_eq!(table.get(key).map(|v| v[1]), model.get(&key).copied()),
        }
        assert_eq!(table.len(), model.len());
    }
    let seen: HashMap<u64, u64> = table.iter().map(|(key, value)| (key, value[1])).collect();
    assert_eq!(seen, model);
    assert_eq!(table.iter().count(), model.len(), "no key is met twice");
    for slot in 0..table.end_slots() + TAIL_SLOTS {
        let control_is_empty = table.controls.is_empty(slot);
        assert_eq!(control_is_empty, table.slot(slot).stamp == 0, "slot {slot}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_hash_map(ops in proptest::collection::vec(op(3_000), 0..6_000)) {
        agree(&ops, TableOptions::default(), |_| None);
    }

    #[test]
    fn agrees_with_a_hash_map_on_few_keys(ops in proptest::collection::vec(op(40), 0..2_000)) {
        agree(&ops, TableOptions::default(), |_| None);
    }

    #[test]
    fn agrees_with_a_hash_map_whichever_way_it_is_searched(
        ops in proptest::collection::vec(op(3_000), 0..6_000),
        ways in any::<u64>(),
    ) {
        agree(&ops, TableOptions::default(), |at| match ways >> (at / 16 % 32 * 2) & 3 {
            0 => None,
            1 => Some(Way::Straight),
            _ => Some(Way::Crowded),
        });
    }
}

#[test]
fn the_way_follows_what_is_seen() {
    let mut table = Table::<u64>::new(TableOptions::default(), None).expect("addresses");
    let mut ask = |keys: &mut dyn Iterator<Item = u64>| {
        for key in keys {
            table.settle();
            let home = table.prefetch(mum64(key), table.way());
            let place = table.look(home, key, table.way());
            table.looked(1, usize::from(place != home));
            *table.at(place, key) += 1;
        }
        table.settle();
        table.way()
    };
    assert_eq!(ask(&mut (0..100_000)), Way::Crowded, "all keys are new");
    let zipf = (0..4_000).map(|event| event % 9);
    assert_eq!(
        ask(&mut zipf.clone()),
        Way::Straight,
        "a few keys of the first"
    );
    assert_eq!(ask(&mut (100_000..103_000)), Way::Crowded, "new ones again");
}

#[test]
fn grows_from_empty_to_a_million_keys_and_keeps_every_one() {
    let mut table = Table::<u64>::new(TableOptions::default(), None).expect("addresses");
    for key in 0..1_000_000u64 {
        *table.entry(mum64(key), key) = key + 1;
        if key % 7 == 0 {
            let earlier = key / 2;
            assert_eq!(table.get(earlier), Some(&(earlier + 1)));
        }
    }
    assert_eq!(table.len(), 1_000_000);
    assert!((0..1_000_000u64).all(|key| table.get(key) == Some(&(key + 1))));
    assert!(table.state_bytes() <= 3 * 64 * table.len());
}

#[test]
fn grows_beside_the_helper_thread() {
    let helper = Prefaulter::start().expect("a thread");
    let mut table =
        Table::<[u64; 6]>::new(TableOptions::default(), Some(&helper)).expect("addresses");
    for key in 0..600_000u64 {
        table.entry(mum64(key), key)[0] = key;
    }
    assert!((0..600_000u64).all(|key| table.get(key).is_some_and(|value| value[0] == key)));
}

#[test]
fn a_presized_table_does_not_grow() {
    let options = TableOptions {
        expected_keys: 100_000,
        ..Default::default()
    };
    let mut table = Table::<u64>::new(options, None).expect("addresses");
    let before = table.state_bytes();
    (0..100_000u64).for_each(|key| *table.entry(mum64(key), key) = key);
    assert_eq!(table.state_bytes(), before);
}

#[test]
fn values_longer_than_a_line_span_lines() {
    let mut table = Table::<[u64; 100]>::new(TableOptions::default(), None).expect("addresses");
    for key in 0..10_000u64 {
        table.entry(mum64(key), key)[99] = !key;
    }
    assert!((0..10_000u64).all(|key| table.get(key).is_some_and(|v| v[99] == !key && v[0] == 0)));
}

#[test]
#[should_panic(expected = "state table full")]
fn a_table_that_may_not_grow_says_so() {
    let options = TableOptions {
        expected_keys: 0,
        reserve_bytes: 1,
    };
    let mut table = Table::<u64>::new(options, None).expect("addresses");
    (0..10_000u64).for_each(|key| *table.entry(mum64(key), key) = key);
}
