//! What must come out: the same events in a plain loop over an array with a place for each key. No hash, no
//! table, no ring, no partition.

use super::error::CurveError;
use super::event::sum_of_words;
use super::point::Question;
use millstream::app::aggregate::Total;
use millstream::sink::Digestible;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// One for each event.
    pub results: u64,
    /// The wrapping sum of the results' XXH3-64, which no order between keys changes.
    pub digest: u64,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} results with digest {:016x}",
            self.results, self.digest
        )
    }
}

/// The right answer to `question`.
///
/// # Errors
/// As [`Question::distribution`].
pub fn answer(question: &Question) -> Result<Answer, CurveError> {
    // Keys are 0..n (source/load/keys.rs of the engine).
    let mut totals = vec![Total::default(); question.distribution()?.keys() as usize];
    let words = question.event_bytes.saturating_sub(16) as u64 / 8;
    let mut answer = Answer::default();
    for (number, event) in (0..).zip(question.draws()?) {
        let total = &mut totals[event.key as usize];
        total.add(event.value, sum_of_words(number, words));
        let digest = total.record(event.key).digest();
        answer.digest = answer.digest.wrapping_add(digest);
        answer.results += 1;
    }
    Ok(answer)
}
