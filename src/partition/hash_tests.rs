//! The hash: its values never change, and no pattern of keys shows.

use super::*;

const KEYS: u64 = 1 << 17;

/// Keys as real streams have them: counted, strided, packed from two ids, floats, text, bit patterns.
fn key_sets() -> Vec<(String, Vec<u64>)> {
    let set = |name: &str, key: fn(u64) -> u64| (name.to_string(), (0..KEYS).map(key).collect());
    let mut sets = vec![
        set("high base", |k| 1_000_000_000_000_000_000 + k),
        set("negative", |k| 0u64.wrapping_sub(k)),
        set("reversed bits", u64::reverse_bits),
        set("swapped bytes", u64::swap_bytes),
        set("gray code", |k| k ^ (k >> 1)),
        set("every third bit", |k| {
            (0..17).fold(0, |key, bit| key | (k >> bit & 1) << (bit * 3))
        }),
        set("floats", |k| (k as f64).to_bits()),
        set("tenths", |k| (k as f64 / 10.0).to_bits()),
        set("user and item, 32 bits", |k| (k >> 8) << 32 | (k & 255)),
        set("user and item, 16 bits", |k| (k >> 8) << 16 | (k & 255)),
        set("network addresses", |k| {
            (k & 63) << 24 | (k >> 6 & 63) << 16 | (k >> 12) << 8
        }),
        set("digits", |k| digits(k, u64::from_le_bytes)),
        set("digits, big-endian", |k| digits(k, u64::from_be_bytes)),
    ];
    for shift in (0..=44).step_by(4).chain([46]) {
        let keys = (0..KEYS).map(|k| k << shift).collect();
        sets.push((format!("stride 2^{shift}"), keys));
    }
    for stride in [3, 7, 10, 24, 100, 1_000, 1_000_000, 1_000_003, SALT, FIRST] {
        let keys = (0..KEYS).map(|k| k.wrapping_mul(stride)).collect();
        sets.push((format!("stride {stride}"), keys));
    }
    let mut bits = Vec::new();
    for (a, b, c) in (0..64).flat_map(|a| (0..a).flat_map(move |b| (0..b).map(move |c| (a, b, c))))
    {
        bits.push(1u64 << a | 1 << b | 1 << c);
    }
    sets.push(("three bits".into(), bits));
    sets
}

fn digits(k: u64, word: fn([u8; 8]) -> u64) -> u64 {
    let text = format!("{k:08}");
    word(text.as_bytes().try_into().unwrap())
}

/// Pearson's statistic against an even spread, in standard deviations above its mean.
fn unevenness(keys: &[u64], cells: usize, cell: impl Fn(u64) -> usize) -> f64 {
    let mut counts = vec![0u32; cells];
    for key in keys {
        counts[cell(mum64(*key))] += 1;
    }
    let expected = keys.len() as f64 / cells as f64;
    let chi_square: f64 = counts
        .iter()
        .map(|n| (f64::from(*n) - expected).powi(2) / expected)
        .sum();
    let freedom = (cells - 1) as f64;
    (chi_square - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn golden_values() {
    // Formats and digests hold these: a change of any one is a new hash and needs a new name.
    for (key, hash) in GOLDEN {
        assert_eq!(mum64(key), hash, "{key:#x}: {:#018x}", mum64(key));
    }
}

// Computed apart from this code, with integers of any size.
const GOLDEN: [(u64, u64); 6] = [
    (0, 0xE715_7C6B_D149_3C30),
    (1, 0x81A6_EBA9_9211_85E0),
    (2, 0x5A65_4C8A_B72A_6D2B),
    (0x0123_4567_89AB_CDEF, 0x2BBE_DCCA_888B_0F2A),
    (u64::MAX, 0xE3B9_B298_0F19_9E0C),
    (SALT, 0),
];

#[test]
fn every_pattern_of_keys_spreads_as_chance_would() {
    for (name, keys) in key_sets() {
        for (part, unevenness) in [
            ("slots", unevenness(&keys, 1 << 14, |h| (h >> 50) as usize)),
            (
                "64 partitions",
                unevenness(&keys, 64, |h| partition_of(h, 64) as usize),
            ),
            (
                "1000 partitions",
                unevenness(&keys, 1_000, |h| partition_of(h, 1_000) as usize),
            ),
            (
                "slots within 16 partitions",
                unevenness(&keys, 1 << 14, |h| {
                    (partition_of(h, 16) as usize) << 10 | (h >> 54) as usize
                }),
            ),
        ] {
            assert!(unevenness < 5.0, "{name}, {part}: {unevenness:.1}");
        }
    }
}

#[test]
fn the_patterns_tell_a_weaker_hash_from_this_one() {
    // One fold, which is what was tried first: the test above must be able to fail.
    let keys: Vec<u64> = (0..KEYS).map(|k| k << 4).collect();
    let mut counts = vec![0u32; 1 << 14];
    for key in &keys {
        let hash = fold(key ^ SALT, FIRST);
        counts[(partition_of(hash, 16) as usize) << 10 | (hash >> 54) as usize] += 1;
    }
    let expected = KEYS as f64 / counts.len() as f64;
    let chi_square: f64 = counts
        .iter()
        .map(|n| (f64::from(*n) - expected).powi(2) / expected)
        .sum();
    assert!(chi_square > 2.0 * counts.len() as f64, "{chi_square}");
}

#[test]
fn every_bit_of_the_key_reaches_every_bit_of_the_hash() {
    const ROUNDS: u64 = 4_096;
    let mut flips = vec![0u32; 64 * 64];
    for round in 0..ROUNDS {
        // Half the keys small, half spread over all bits.
        let key = if round % 2 == 0 { round } else { mum64(round) };
        for bit in 0..64 {
            let change = mum64(key) ^ mum64(key ^ 1 << bit);
            for (out, n) in flips[bit * 64..][..64].iter_mut().enumerate() {
                *n += (change >> out & 1) as u32;
            }
        }
    }
    // Half of the rounds, within six standard deviations (0.5 / √4096 of a share each).
    let (low, high) = (2_048 - 192, 2_048 + 192);
    for (pair, n) in flips.iter().enumerate() {
        assert!(
            (low..=high).contains(n),
            "key bit {} → {}: {n}",
            pair / 64,
            pair % 64
        );
    }
}

#[test]
fn a_million_keys_do_not_collide() {
    for stride in [1u64, 1 << 20] {
        let mut hashes: Vec<u64> = (0..1_000_000).map(|k| mum64(k * stride)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 1_000_000);
    }
}
