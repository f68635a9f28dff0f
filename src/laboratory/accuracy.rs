//! How far the miss ratios of a sample may be off.
//!
//! A sample of n keys is off by about c / √n: which of the frequent keys it catches is chance. Spatial sampling has no
//! other error of that size (Waldspurger et al., FAST'15, figure 5: the mean error falls with the root of the keys).
//! The constant is measured, not derived: it depends on how unevenly keys are asked for.

/// Mean error of a miss ratio times the root of the keys sampled. Over the five traces of the reference, sizes from
/// 1 % to 25 %, 500 to 32,000 keys, eight samples each: 0.6 to 1.7.
const ERROR_TIMES_ROOT: f64 = 1.2;

/// The mean error to be expected of a miss ratio from `keys` sampled keys: 0.01 is one percentage point. Twice as
/// much is rare, four times as much should not be seen.
pub fn expected_error(keys: u32) -> f64 {
    (ERROR_TIMES_ROOT / f64::from(keys.max(1)).sqrt()).min(1.0)
}
