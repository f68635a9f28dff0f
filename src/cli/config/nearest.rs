//! "Did you mean …?" for keys and words.

use crate::sys::nearest::nearest;

/// "did you mean `x`?", or nothing where no candidate is near.
pub(crate) fn did_you_mean(name: &str, candidates: &[&str]) -> String {
    nearest(name, candidates).map_or(String::new(), |found| format!("did you mean `{found}`?"))
}
