//! Events of a key distribution, and what the keyed aggregate must answer to them: the same events in a plain loop
//! over an array with a place for each key. No hash, no table, no ring, no partition.

use millstream::app::aggregate::Total;
use millstream::sink::Digestible;
use millstream::source::load::{
    KeyDistribution, KeySampler, Load, LoadEvent, ParseError, Schedule, ValuePattern,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Seed of keys and values.
const SEED: u64 = 7;

/// What decides the answer: points that ask the same need one answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// As the engine's load generator has it: `zipf(0.99,1M)`, `uniform(16M)`.
    pub keys: String,
    /// Events.
    pub events: usize,
    /// Bytes of an event.
    pub event_bytes: usize,
}

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

impl Question {
    /// The distribution of its keys.
    ///
    /// # Errors
    /// A value that is none.
    pub fn distribution(&self) -> Result<KeyDistribution, ParseError> {
        self.keys.parse()
    }

    /// Its events in order; always the same ones. The event time of the n-th is n.
    ///
    /// # Errors
    /// As [`Question::distribution`].
    pub fn draws(&self) -> Result<impl Iterator<Item = LoadEvent> + use<>, ParseError> {
        let sampler = KeySampler::new(&self.distribution()?, SEED)?;
        let mut load = Load::new(sampler, ValuePattern::default(), Schedule::at_once(), SEED);
        Ok((0..self.events).map(move |_| load.next_event().1))
    }

    /// The right answer.
    ///
    /// # Errors
    /// As [`Question::distribution`].
    pub fn answer(&self) -> Result<Answer, ParseError> {
        // Keys are 0..n, as `KeyDistribution` promises.
        let mut totals = vec![Total::default(); self.distribution()?.keys() as usize];
        let words = self.event_bytes.saturating_sub(16) as u64 / 8;
        let mut answer = Answer::default();
        for (number, event) in (0..).zip(self.draws()?) {
            let total = &mut totals[event.key as usize];
            total.add(event.value, sum_of_words(number, words));
            let digest = total.record(event.key).digest();
            answer.digest = answer.digest.wrapping_add(digest);
            answer.results += 1;
        }
        Ok(answer)
    }
}

/// The event time of the `number`th event, if it carries `words` words, `number` and those that follow it, and
/// their sum is its time: by the formula, without the words. A single word is the number itself.
pub fn sum_of_words(number: u64, words: u64) -> u64 {
    let first = words.wrapping_mul(number);
    first.wrapping_add(words * words.saturating_sub(1) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn question(keys: &str) -> Question {
        Question {
            keys: keys.into(),
            events: 10_007,
            event_bytes: 24,
        }
    }

    #[test]
    fn the_answer_is_that_of_a_plain_map() {
        let question = question("zipf(0.99,1000)");
        let mut totals = HashMap::<u64, Total>::new();
        let mut digest = 0u64;
        for event in question.draws().expect("keys") {
            let total = totals.entry(event.key).or_default();
            total.add(event.value, event.ts_ns);
            digest = digest.wrapping_add(total.record(event.key).digest());
        }
        let results = 10_007;
        assert_eq!(question.answer().expect("keys"), Answer { results, digest });
    }

    #[test]
    fn the_size_of_events_is_part_of_the_question() {
        let small = question("uniform(100)");
        let large = Question {
            event_bytes: 256,
            ..small.clone()
        };
        assert_ne!(small.answer().expect("keys"), large.answer().expect("keys"));
    }

    #[test]
    fn keys_that_are_none_are_refused_with_what_was_expected() {
        let error = question("even(9)").answer().expect_err("no such keys");
        let text = error.to_string();
        assert!(
            text.contains("even") && text.contains("uniform(n)"),
            "{text}"
        );
    }
}
