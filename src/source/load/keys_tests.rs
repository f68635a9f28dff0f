//! Key distributions against what their formulas say.

use super::*;
use rand_distr::Distribution;

fn distribution(text: &str) -> KeyDistribution {
    text.parse().unwrap()
}

/// Draws and counts; keys beyond the last cell land in the last cell.
fn counts(text: &str, seed: u64, draws: u64, cells: usize) -> Vec<u64> {
    let mut sampler = KeySampler::new(&distribution(text), seed).unwrap();
    let mut counts = vec![0; cells];
    for _ in 0..draws {
        let key = usize::try_from(sampler.next_key()).unwrap();
        counts[key.min(cells - 1)] += 1;
    }
    counts
}

/// Pearson's statistic against `shares`, which sum to 1, as standard deviations above its mean.
fn excess(counts: &[u64], shares: &[f64]) -> f64 {
    let draws = counts.iter().sum::<u64>() as f64;
    let chi_square: f64 = counts
        .iter()
        .zip(shares)
        .map(|(&n, p)| (n as f64 - p * draws).powi(2) / (p * draws))
        .sum();
    let freedom = (counts.len() - 1) as f64;
    (chi_square - freedom) / (2.0 * freedom).sqrt()
}

/// Shares of the first `cells - 1` keys and of all the others.
fn zipf_shares(s: f64, n: u64, cells: usize) -> Vec<f64> {
    let p = |k: u64| ((k + 1) as f64).powf(-s);
    // From the small ones up, so that no share is lost in rounding.
    let sum: f64 = (0..n).rev().map(p).sum();
    let mut shares: Vec<f64> = (0..cells as u64 - 1).map(|k| p(k) / sum).collect();
    shares.push(1.0 - shares.iter().sum::<f64>());
    shares
}

#[test]
fn written_distributions_read_back() {
    for text in [
        "uniform(16000000)",
        "zipf(0.99,1000000)",
        "zipf(0,1)",
        "hot(0.9,100,1000000)",
        "sequential(7)",
    ] {
        assert_eq!(distribution(text).to_string(), text);
    }
    assert_eq!(
        distribution("uniform(16M)"),
        distribution("uniform( 16_000_000 )")
    );
    assert_eq!(distribution("zipf(0.99, 1M)").keys(), 1_000_000);
}

#[test]
fn bad_distributions_say_what_is_wrong() {
    for (text, problem) in [
        ("zpf(1,2)", "did you mean `zipf`?"),
        ("gauss(1,2)", "there is no `gauss`"),
        ("zipf(0.99)", "takes 2 (s, n) in brackets, not 1"),
        ("zipf(x,10)", "s `x` is not a number"),
        ("zipf(NaN,10)", "s `NaN` is not a number"),
        (
            "zipf(-1,10)",
            "the exponent s is -1, and must be from 0 to 20",
        ),
        ("zipf(21,10)", "the exponent s is 21"),
        ("zipf(1,1e18)", "at most 2^53"),
        ("uniform(0)", "n is 0"),
        ("uniform(-1)", "n: it is negative"),
        ("uniform(1.5)", "n: it is not a whole number"),
        ("hot(1.5,1,10)", "the share is 1.5"),
        ("hot(0.5,10,10)", "less than n = 10"),
        ("hot(0.5,0,10)", "at least 1"),
        ("sequential", "takes 1 (n) in brackets, not 0"),
        ("uniform(1", "`)` is missing"),
        ("", "there is no ``"),
    ] {
        let error = text.parse::<KeyDistribution>().unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        assert!(error.contains("zipf(0.99,1000000)"), "{error}");
        assert!(error.starts_with(&format!("`{text}`")), "{error}");
    }
    let built = KeyDistribution::Zipf { s: f64::NAN, n: 5 };
    assert!(KeySampler::new(&built, 1).is_err());
}

#[test]
fn uniform_is_even() {
    let counts = counts("uniform(100)", 1, 200_000, 100);
    let excess = excess(&counts, &[0.01; 100]);
    assert!(excess.abs() < 4.0, "{excess}");
}

#[test]
fn zipf_has_the_shares_of_its_definition() {
    // Below, at and above s = 1, where the textbook integrals change form; few and many blocks.
    for (s, n, cells) in [
        (0.0, 500, 500),
        (0.5, 1_000, 1_000),
        (0.99, 100, 100),
        (0.99, 1_000_000, 2_000),
        (1.0, 1_000, 1_000),
        (1.5, 100_000, 300),
        (3.0, 1_000, 10),
        (0.99, 33, 33),
        (0.99, 2, 2),
    ] {
        let counts = counts(&format!("zipf({s},{n})"), 11, 1_000_000, cells);
        let excess = excess(&counts, &zipf_shares(s, n, cells));
        assert!(excess.abs() < 4.0, "zipf({s},{n}): {excess}");
    }
}

#[test]
fn the_tail_of_zipf_is_right_within_its_blocks() {
    // Every 4,096th part of the ranks of a large n, which all lie in blocks of many ranks.
    let (s, n, cells) = (0.8, 1u64 << 20, 4_096);
    let mut sampler = KeySampler::new(&KeyDistribution::Zipf { s, n }, 5).unwrap();
    let mut counts = vec![0; cells];
    for _ in 0..4_000_000 {
        counts[(sampler.next_key() >> 8) as usize] += 1;
    }
    let p = |k: u64| ((k + 1) as f64).powf(-s);
    let mut shares: Vec<f64> = (0..cells as u64)
        .map(|cell| (cell << 8..(cell + 1) << 8).map(p).sum())
        .collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    let excess = excess(&counts, &shares);
    assert!(excess.abs() < 4.0, "{excess}");
}

#[test]
fn zipf_agrees_with_rejection_inversion() {
    use rand::SeedableRng;
    let (s, n, cells, draws) = (0.99, 10_000_000u64, 64, 500_000);
    let reference = rand_distr::Zipf::new(n as f64, s).unwrap();
    let mut random = rand::rngs::SmallRng::seed_from_u64(3);
    let mut sampler = KeySampler::new(&KeyDistribution::Zipf { s, n }, 3).unwrap();
    // Cells by the logarithm of the rank, from the most frequent key to the last.
    let cell = |rank: f64| ((rank.ln() / (n as f64).ln() * cells as f64) as usize).min(cells - 1);
    let (mut ours, mut theirs) = (vec![0f64; cells], vec![0f64; cells]);
    for _ in 0..draws {
        ours[cell((sampler.next_key() + 1) as f64)] += 1.0;
        theirs[cell(reference.sample(&mut random))] += 1.0;
    }
    for (cell, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!(
            (a - b).abs() <= 5.0 * (a + b).sqrt() + 1.0,
            "cell {cell}: {a} {b}"
        );
    }
}

#[test]
fn zipf_keeps_to_its_range_at_the_extremes() {
    for text in [
        "zipf(20,9007199254740992)",
        "zipf(0,9007199254740992)",
        "zipf(0.5,1)",
    ] {
        let mut sampler = KeySampler::new(&distribution(text), 1).unwrap();
        let n = distribution(text).keys();
        assert!((0..10_000).all(|_| sampler.next_key() < n), "{text}");
    }
}

#[test]
fn the_hot_set_gets_its_share() {
    let counts = counts("hot(0.9,10,1000)", 2, 500_000, 1_000);
    let shares: Vec<f64> = (0..1_000)
        .map(|k| if k < 10 { 0.9 / 10.0 } else { 0.1 / 990.0 })
        .collect();
    let excess = excess(&counts, &shares);
    assert!(excess.abs() < 4.0, "{excess}");
    let all = super::tests::counts("hot(1,1,2)", 2, 1_000, 2);
    assert_eq!(all, [1_000, 0]);
    let none = super::tests::counts("hot(0,1,2)", 2, 1_000, 2);
    assert_eq!(none, [0, 1_000]);
}

#[test]
fn sequential_goes_round() {
    let mut sampler = KeySampler::new(&distribution("sequential(3)"), 9).unwrap();
    let keys: Vec<u64> = (0..7).map(|_| sampler.next_key()).collect();
    assert_eq!(keys, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn a_seed_repeats_its_keys() {
    for text in ["uniform(1000)", "zipf(0.99,1000)", "hot(0.5,10,1000)"] {
        let draw = |seed| {
            let mut sampler = KeySampler::new(&distribution(text), seed).unwrap();
            (0..100).map(|_| sampler.next_key()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1), "{text}");
        assert_ne!(draw(1), draw(2), "{text}");
    }
}
