//! Settings that are one of a few words.

/// Defines an enum whose variants are spelled as words in the configuration and on the command line.
macro_rules! choice {
    ($(#[$about:meta])* pub enum $Name:ident { $($(#[$doc:meta])* $Variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Name { $($(#[$doc])* $Variant),+ }

        impl $Name {
            /// The words, in the order of the variants.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word of this choice.
            pub fn word(self) -> &'static str {
                match self { $($Name::$Variant => $word),+ }
            }
        }

        impl crate::cli::config::value::Setting for $Name {
            const EXPECTED: &'static str = concat!("one of" $(, " \"", $word, "\"")+);

            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($Name::$Variant),)+
                    _ => Err(crate::cli::config::nearest::did_you_mean(text, Self::WORDS)),
                }
            }
        }
    };
}

choice! {
    /// The application that runs.
    pub enum App {
        /// Recommendations for the acting user, from co-visits of items.
        Recommend = "recommend",
        /// Count, sum, min, max and last time of each key.
        Aggregate = "aggregate",
    }
}

choice! {
    /// Where events come from.
    pub enum SourceKind {
        /// A trace file.
        Trace = "trace",
        /// The load generator.
        Load = "load",
    }
}

choice! {
    /// What happens to a record whose stamp runs backwards.
    pub enum Disorder {
        /// It gets its predecessor's stamp.
        Clamp = "clamp",
        /// It is put in order, within a bound.
        Sort = "sort",
        /// It ends the run.
        Fail = "fail",
    }
}

choice! {
    /// What a core does when there is nothing to do.
    pub enum Idle {
        /// Spins.
        Busy = "busy",
        /// Spins, then yields, then parks.
        Adaptive = "adaptive",
        /// Parks at once.
        Park = "park",
    }
}

choice! {
    /// Whether something is done.
    pub enum Switch {
        /// It is.
        On = "on",
        /// It is not.
        Off = "off",
    }
}

choice! {
    /// Whether the events of a hot key go to several partitions.
    pub enum SplitHot {
        /// Never.
        Off = "off",
        /// Always.
        On = "on",
        /// Where nobody can tell.
        Auto = "auto",
    }
}

choice! {
    /// In which order a task with several inputs takes its events.
    pub enum Order {
        /// As they arrive.
        Arrival = "arrival",
        /// As the source offered them.
        Deterministic = "deterministic",
    }
}

choice! {
    /// Who writes checkpoints.
    pub enum CheckpointWriter {
        /// A process of this program, with mapped files.
        Process = "process",
        /// A thread of the engine.
        Thread = "thread",
    }
}

choice! {
    /// Where results go.
    pub enum SinkKind {
        /// Nowhere: they are counted and digested.
        Discard = "discard",
        /// A CSV file.
        Csv = "csv",
        /// A file of JSON lines.
        Jsonl = "jsonl",
        /// The native binary format.
        Native = "native",
    }
}

choice! {
    /// Which entry of bounded state makes room.
    pub enum StatePolicy {
        /// S3-FIFO within sets of sixteen.
        S3Fifo = "s3-fifo",
        /// CLOCK within sets of sixteen.
        Clock = "clock",
    }
}

choice! {
    /// What becomes of an event at which an operator fails.
    pub enum FailurePolicy {
        /// The run ends.
        Stop = "stop",
        /// It is counted.
        Skip = "skip",
        /// It is set aside in a file.
        DeadLetter = "dead-letter",
    }
}

choice! {
    /// Whether it is kept, across restarts, what each task is at.
    pub enum KillerPage {
        /// Where events are set aside.
        Auto = "auto",
        /// It is.
        On = "on",
        /// It is not.
        Off = "off",
    }
}

choice! {
    /// How an event of a drill fails.
    pub enum Strike {
        /// The operator panics.
        Panic = "panic",
        /// The process is aborted.
        Abort = "abort",
        /// The step never ends.
        Hang = "hang",
    }
}
