//! What a curve varies, in words: for the command line, tables and plots.

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
