//! What a curve varies, in words: for the command line, tables and plots.

use std::str::FromStr;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Varied {
    /// Number of keys.
    Keys,
    /// Bytes of an event.
    Size,
    /// Partitions of the stage.
    Partitions,
    /// Cores.
    Cores,
    /// Slots of a ring.
    Ring,
    /// Messages a task takes from one ring in one step.
    Budget,
}

impl Varied {
    /// All of them, in the order of the document.
    pub const ALL: [Varied; 6] = [
        Varied::Keys,
        Varied::Size,
        Varied::Partitions,
        Varied::Cores,
        Varied::Ring,
        Varied::Budget,
    ];

    /// Its word on the command line, in file names and in documents.
    pub fn word(self) -> &'static str {
        match self {
            Varied::Keys => "keys",
            Varied::Size => "size",
            Varied::Partitions => "partitions",
            Varied::Cores => "cores",
            Varied::Ring => "ring",
            Varied::Budget => "budget",
        }
    }

    /// What its axis is called.
    pub fn axis(self) -> &'static str {
        match self {
            Varied::Keys => "keys",
            Varied::Size => "bytes an event",
            Varied::Partitions => "partitions",
            Varied::Cores => "cores",
            Varied::Ring => "slots of a ring",
            Varied::Budget => "budget, messages a ring and step",
        }
    }

    /// What all its points have in common.
    pub fn fixed(self) -> &'static str {
        match self {
            Varied::Keys => {
                "uniform keys, events of 24 bytes, one core; as many events as asked for, twice the keys at least"
            }
            Varied::Size => {
                "keys zipf(0.99), presized; the message in a ring is 8 bytes longer, and all of it is read"
            }
            Varied::Cores => {
                "presized, events of 24 bytes; partitions, rings and budget as the engine chooses"
            }
            Varied::Budget => {
                "keys zipf(0.99), presized, events of 24 bytes; rings of 4,096 slots, partitions as the engine chooses"
            }
            Varied::Partitions => {
                "keys zipf(0.99), presized, events of 24 bytes; rings and budget as the engine chooses"
            }
            Varied::Ring => {
                "keys zipf(0.99), presized, events of 24 bytes; partitions and budget as the engine chooses"
            }
        }
    }
}

/// The curves that were asked for: words with commas between them, or `all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice(Vec<Varied>);

impl Choice {
    /// In the order of the document, each once.
    pub fn curves(&self) -> impl Iterator<Item = Varied> {
        let all = Varied::ALL.into_iter();
        all.filter(|varied| self.0.contains(varied))
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Choice(Varied::ALL.to_vec()));
        }
        let of = |word: &str| {
            let found = Varied::ALL.into_iter().find(|varied| varied.word() == word);
            found.ok_or_else(|| {
                let words = Varied::ALL.map(Varied::word).join(", ");
                format!("there is no curve `{word}`; expected some of {words}, or all")
            })
        };
        Ok(Choice(text.split(',').map(of).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_asked_for_by_their_words() {
        let chosen = |text: &str| -> Result<Vec<Varied>, String> {
            Ok(text.parse::<Choice>()?.curves().collect())
        };
        assert_eq!(chosen("all"), Ok(Varied::ALL.to_vec()));
        assert_eq!(
            chosen("ring,keys,ring"),
            Ok(vec![Varied::Keys, Varied::Ring])
        );
        let error = chosen("rings").expect_err("no such curve");
        assert!(
            error.contains("`rings`; expected some of keys, size"),
            "{error}"
        );
    }
}
