//! OPT: what will be used again last goes first. Needs the future, so it works on a whole trace, and shows
//! how few misses are possible.
//!
//! ```text
//!   request i of x:    x held (bit i is set)? clear bit i, hit
//!                      else, while no room: evict one that is never used again, if there is one,
//!                                           else clear the highest bit
//!                      set the bit of the next request of x
//!
//!   bits:   one for each request of the trace, set when the object asked for there is held until then;
//!           above each 64 of them one bit "not all clear", above each 64 of those another … : the highest
//!           bit of 16 million is four words away
//! ```
//!
//! Source: L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
//! Journal 5(2), 1966. Every missed object is taken in (no bypass), as with the other policies. Fewest
//! misses for objects of size 1; with other sizes it is a good policy, but not the least possible.
//! Memory: 4 bytes a request for its next use, and an eighth of a byte.

use super::Sizes;

/// The next use of what is not used again.
pub const NEVER: u32 = u32::MAX;

/// For each request the index of the next one for the same node, or [`NEVER`]. Nodes are below `nodes`.
///
/// # Panics
/// When there are 2^32 - 1 requests or more.
pub fn next_uses(requests: &[u32], nodes: u32) -> Vec<u32> {
    let count = u32::try_from(requests.len()).unwrap_or(NEVER);
    assert!(count < NEVER, "a trace of 2^32 - 1 requests or more");
    let mut next = vec![NEVER; requests.len()];
    let mut seen = vec![NEVER; nodes as usize];
    for index in (0..count).rev() {
        let node = requests[index as usize] as usize;
        next[index as usize] = std::mem::replace(&mut seen[node], index);
    }
    next
}

/// Misses of OPT on `requests`, whose next uses are `next` (see [`next_uses`]), in a cache of `capacity`.
/// What is larger than the cache is not taken in.
pub fn opt_misses(requests: &[u32], next: &[u32], capacity: u64, sizes: &impl Sizes) -> u64 {
    let mut awaited = Bits::new(requests.len());
    let mut done: Vec<u64> = Vec::new();
    let (mut used, mut misses) = (0, 0);
    for (index, (&node, &again)) in requests.iter().zip(next).enumerate() {
        let size = sizes.size(node);
        if !awaited.clear(index) {
            misses += 1;
            if size > capacity {
                continue;
            }
            while used + size > capacity {
                used -= done.pop().unwrap_or_else(|| {
                    let last = awaited.highest();
                    awaited.clear(last);
                    sizes.size(requests[last])
                });
            }
            used += size;
        }
        if again == NEVER {
            done.push(size);
        } else {
            awaited.set(again as usize);
        }
    }
    misses
}

/// A set of numbers that knows its highest: bit `i` of level `l + 1` says whether word `i` of level `l` has
/// a bit. The last level is one word.
struct Bits {
    levels: Vec<Box<[u64]>>,
}

impl Bits {
    fn new(count: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = count;
        while words > 1 || levels.is_empty() {
            words = words.div_ceil(64).max(1);
            levels.push(vec![0; words].into());
        }
        Bits { levels }
    }

    #[inline(always)]
    fn set(&mut self, mut number: usize) {
        for level in &mut self.levels {
            let word = &mut level[number / 64];
            let was_empty = *word == 0;
            *word |= 1 << (number % 64);
            if !was_empty {
                break;
            }
            number /= 64;
        }
    }

    /// Takes `number` out; whether it was in.
    #[inline(always)]
    fn clear(&mut self, mut number: usize) -> bool {
        let found = self.levels[0][number / 64] & (1 << (number % 64)) != 0;
        if found {
            for level in &mut self.levels {
                let word = &mut level[number / 64];
                *word &= !(1 << (number % 64));
                if *word != 0 {
                    break;
                }
                number /= 64;
            }
        }
        found
    }

    /// The highest. There is one.
    #[inline(always)]
    fn highest(&self) -> usize {
        self.levels
            .iter()
            .rev()
            .fold(0, |word, level| word * 64 + level[word].ilog2() as usize)
    }
}
