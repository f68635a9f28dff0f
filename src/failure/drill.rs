//! The drill: events that fail on purpose, so that what is done about them can be seen.
//!
//! Which events do is decided by the event and a seed alone: the same on any placement and after any
//! restart.

use std::fmt::{self, Debug, Write};
use std::str::FromStr;
use xxhash_rust::xxh3::Xxh3;

/// What happens at an event that is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The operator panics.
    Panic,
    /// The process is aborted.
    Abort,
    /// The step never ends.
    Hang,
}

/// One event in so many fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drill {
    one_in: u64,
    seed: u64,
    strike: Strike,
}

struct Hashing(Xxh3);

impl Write for Hashing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// What tells one event from another: XXH3-64 of its `Debug` text. A few hundred nanoseconds.
pub fn fingerprint(event: &impl Debug) -> u64 {
    seeded(event, 0)
}

fn seeded(event: &impl Debug, seed: u64) -> u64 {
    let mut hashing = Hashing(Xxh3::with_seed(seed));
    // Neither a hash nor a well-behaved `Debug` refuses text; half of one is as good to tell by.
    let _ = write!(hashing, "{event:?}");
    hashing.0.digest()
}

impl Drill {
    /// Hits those events whose `Debug` text has, under XXH3-64 with `seed`, a hash that `one_in` divides.
    pub fn new(one_in: u64, seed: u64, strike: Strike) -> Self {
        Drill {
            one_in: one_in.max(1),
            seed,
            strike,
        }
    }

    /// Whether this event is hit.
    pub fn hits(&self, event: &impl Debug) -> bool {
        seeded(event, self.seed).is_multiple_of(self.one_in)
    }

    /// Does what is to happen at `event`, if it is hit.
    pub fn strike(&self, event: &impl Debug) {
        if !self.hits(event) {
            return;
        }
        match self.strike {
            Strike::Panic => panic!("drill: one event in {} fails", self.one_in),
            Strike::Abort => std::process::abort(),
            Strike::Hang => loop {
                std::hint::spin_loop();
            },
        }
    }
}

/// "1 in N", as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneIn(pub u64);

impl FromStr for OneIn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = || "write it as \"1 in 1000\"".to_owned();
        let count = text.strip_prefix("1 in ").ok_or_else(help)?;
        let count =
            crate::sys::quantity::parse_count(count.trim()).map_err(|error| error.problem)?;
        if count == 0 {
            return Err(help());
        }
        Ok(OneIn(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_one_in_so_many_is_hit_and_always_the_same() {
        let drill = Drill::new(100, 7, Strike::Panic);
        let hits: Vec<u64> = (0..100_000).filter(|event| drill.hits(event)).collect();
        assert!((800..1_200).contains(&hits.len()), "{}", hits.len());
        assert!(hits.iter().all(|event| drill.hits(event)));
        let other = Drill::new(100, 8, Strike::Panic);
        assert!(hits.iter().filter(|event| other.hits(event)).count() < hits.len() / 10);
    }

    #[test]
    fn it_is_read_from_words() {
        assert_eq!("1 in 1000".parse(), Ok(OneIn(1_000)));
        assert_eq!("1 in 1M".parse(), Ok(OneIn(1_000_000)));
        for text in ["1000", "2 in 5", "1 in 0", "1 in", ""] {
            assert!(text.parse::<OneIn>().is_err(), "{text}");
        }
    }
}
