//! How far the miss ratios of a sample may be off.
//!
//! A sample of n keys is off by about c / √n: which of the frequent keys it catches is chance. Spatial sampling has no
//! other error of that size (Waldspurger et al., FAST'15, figure 5: the mean error falls with the root of the keys).
//! The constants are measured, not derived; they depend on how unevenly keys are asked for.

use super::lineup::Contender;

/// Mean error of a miss ratio times the root of the keys sampled. Over the five traces of the reference, sizes of
/// 1, 5, 10 and 25 %, 2,000 and 8,000 keys, six samples each: 0.4 to 1.3 by trace and policy.
const ERROR_TIMES_ROOT: f64 = 1.2;
/// That of LFU, 0.8 to 6.5 on the same: what it once counted high stays, so a single key makes a difference for good.
const LFU_ERROR_TIMES_ROOT: f64 = 6.5;

/// The mean error to be expected of a miss ratio from `keys` sampled keys: 0.01 is one percentage point. One in
/// twenty is off by two to three times as much.
pub fn expected_error(contender: Contender, keys: u32) -> f64 {
    let times_root = match contender {
        Contender::Lfu => LFU_ERROR_TIMES_ROOT,
        _ => ERROR_TIMES_ROOT,
    };
    (times_root / f64::from(keys.max(1)).sqrt()).min(1.0)
}
