//! Checkpoints survive a crash at every call to the disk, and one in the recovery from it; and whole flows give each
//! result once.
//!
//! The long form is `cargo run -p millstream-tools --release --bin crash_states -- --seeds 0..10000`. A seed
//! that failed is replayed by the same command with `--seeds` and its number; with `--flows` it is one of whole flows.

#[path = "explore/careless.rs"]
mod careless;
mod explore;

use careless::{Careless, Carelessness};
use explore::{Checkpoints, Extent, FlowTotals, Subject, Totals, explore, explore_flow};
use std::ops::Range;

const EXTENT: Extent = Extent {
    depth: 2,
    images: 2,
    branches: 3,
};

fn explored(
    subject: &impl Subject,
    mut seeds: Range<u64>,
    extent: Extent,
) -> Result<Totals, (u64, String)> {
    let mut totals = Totals::default();
    seeds.try_for_each(|seed| {
        totals.add(&explore(subject, seed, extent).map_err(|what| (seed, what))?);
        Ok(())
    })?;
    Ok(totals)
}

/// What was looked at without finding anything wrong; prints how to replay what was.
fn sound(seeds: Range<u64>, extent: Extent) -> Totals {
    let Extent {
        depth,
        images,
        branches,
    } = extent;
    let totals = explored(&Checkpoints, seeds, extent).unwrap_or_else(|(seed, wrong)| {
        panic!(
            "{wrong}\nreplay: cargo run -p millstream-tools --bin crash_states -- --seeds {seed} --depth {depth} \
             --images {images} --branches {branches}"
        )
    });
    println!("{totals}");
    totals
}

#[test]
fn no_crash_leads_to_a_wrong_recovery() {
    let totals = sound(0..200, EXTENT);
    // What was looked at must be worth it: no kind of state may be missing.
    assert!(totals.states >= 100_000, "{totals}");
    assert!(totals.deeper >= 50_000, "{totals}");
    assert!(totals.refused >= 1_000, "{totals}");
    assert!(totals.fell_back >= 500, "{totals}");
    assert!(totals.aborted >= 100, "{totals}");
    assert!(totals.durable >= 1_000, "{totals}");
}

#[test]
fn nor_does_a_crash_in_a_recovery_from_a_crash_in_a_recovery() {
    let extent = Extent {
        depth: 4,
        images: 1,
        branches: 1,
    };
    let totals = sound(10_000..10_030, extent);
    assert!(totals.runs > 60, "{totals}");
}

#[test]
fn whole_flows_give_each_result_once_whatever_crashes() {
    let mut totals = FlowTotals::default();
    for seed in 0..1_050 {
        match explore_flow(seed) {
            Ok(found) => totals.add(&found),
            Err(wrong) => panic!(
                "{wrong}\nreplay: cargo run -p millstream-tools --bin crash_states -- --flows --seeds {seed}"
            ),
        }
    }
    println!("{totals}");
    assert!(totals.flows >= 1_000, "{totals}");
    assert!(totals.in_recovery >= 500, "{totals}");
    assert!(totals.between_steps >= 500, "{totals}");
    assert!(totals.reshaped >= 400, "{totals}");
    assert!(totals.failed >= 100 && totals.refused >= 10, "{totals}");
}

/// The explorer itself: over a disk whose promises are not kept it must find wrong recoveries.
#[test]
fn each_promise_of_the_disk_that_is_broken_is_found_out() {
    for carelessness in Carelessness::ALL {
        let found = explored(&Careless(carelessness), 0..1_000, EXTENT);
        let (_, wrong) = found.expect_err(&format!("{carelessness:?} was not found out"));
        println!("{carelessness:?}: {wrong}");
    }
}
