//! One simulation: a policy of one size, all requests of a trace, the misses counted.

use crate::cache::{Bounds, Policy, Sizes, Unheard, Units};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Requests between two looks at the flag that stops all: half a millisecond.
const BLOCK_REQUESTS: usize = 1 << 16;

/// What the simulations of a study share.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Requests simulated so far.
    pub(super) requests: AtomicU64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load<'a> {
    /// The object of each request.
    pub(super) nodes: &'a [u32],
    /// Of each object, for policies that count in a sketch.
    pub(super) hashes: &'a [u64],
}

/// What one simulation counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests for objects that were not held.
    pub(super) misses: u64,
    /// The bytes of these; 0 where sizes are not known.
    pub(super) missed_bytes: u64,
    /// What the policy kept beside the objects, bytes.
    pub(super) metadata_bytes: u64,
}

/// Bytes of each object, by node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u64]);

impl Sizes for Bytes<'_> {
    #[inline(always)]
    fn size(&self, node: u32) -> u64 {
        self.0[node as usize]
    }
}

/// What a miss costs; nothing where every object counts one, so that the common case counts misses alone.
pub(super) trait Cost: Sizes {
    fn missed_bytes(&self, node: u32) -> u64;
}

impl Cost for Units {
    #[inline(always)]
    fn missed_bytes(&self, _: u32) -> u64 {
        0
    }
}

impl Cost for Bytes<'_> {
    #[inline(always)]
    fn missed_bytes(&self, node: u32) -> u64 {
        self.size(node)
    }
}

/// Simulates all of `nodes`; `None` where it was stopped.
pub(super) fn simulate<P: Policy>(
    load: Load,
    bounds: Bounds,
    sizes: &impl Cost,
    stop: &AtomicBool,
    watch: &Watch,
) -> Option<Tally> {
    let mut policy = P::new(bounds);
    let (mut misses, mut missed_bytes) = (0, 0);
    for block in load.nodes.chunks(BLOCK_REQUESTS) {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        for &node in block {
            // A look-up that cannot fail: where the policy does not ask for the hash, the compiler drops it.
            let hash = load.hashes.get(node as usize).copied().unwrap_or(0);
            if !policy.request(node, hash, sizes, &mut Unheard) {
                misses += 1;
                missed_bytes += sizes.missed_bytes(node);
            }
        }
        watch
            .requests
            .fetch_add(block.len() as u64, Ordering::Relaxed);
    }
    Some(Tally {
        misses,
        missed_bytes,
        metadata_bytes: policy.metadata_bytes(),
    })
}
