//! The parts of an event's path, and which source files make up each.

use serde::Serialize;
use std::fmt;

/// A part, in the order in which an event meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Reading the event: `src/source`.
    Read,
    /// Hash of the key and the partition it belongs to, at both sides: `src/partition`.
    Hash,
    /// Choosing the ring, counting what is sent: `src/exchange`, `src/flow`.
    Route,
    /// Writing into a ring and reading from it: `src/ring`, `src/event.rs`, `rtrb`.
    Ring,
    /// The pipeline of blocks around the operator: `src/operator`.
    Stage,
    /// The state table: `src/state`.
    Table,
    /// What the user wrote: `src/app`.
    Operator,
    /// What becomes of a result, here its digest: `src/sink`.
    Output,
    /// Latencies: `src/latency`, `hdrhistogram`.
    Histogram,
    /// Rounds, steps, the clock: `src/runtime`, `src/task.rs`, `src/sys`.
    Runtime,
    /// The C library, the allocator, the standard library where it was not inlined, other code.
    Rest,
    /// The operating system; in samples of time only.
    Kernel,
}

impl Part {
    /// The part of a file of the engine, by its path below `src`.
    pub fn of_engine_file(below_src: &str) -> Part {
        let end = below_src.find(['/', '.']).unwrap_or(below_src.len());
        match &below_src[..end] {
            "source" => Part::Read,
            "partition" => Part::Hash,
            "exchange" | "flow" => Part::Route,
            "ring" | "event" => Part::Ring,
            "operator" => Part::Stage,
            "state" => Part::Table,
            "app" => Part::Operator,
            "sink" => Part::Output,
            "latency" => Part::Histogram,
            "runtime" | "task" | "sys" => Part::Runtime,
            _ => Part::Rest,
        }
    }

    /// The part of a file outside the engine: of the two crates that are part of the path.
    pub fn of_other_file(path: &str) -> Part {
        if path.contains("/rtrb-") {
            Part::Ring
        } else if path.contains("/hdrhistogram-") {
            Part::Histogram
        } else {
            Part::Rest
        }
    }

    /// What it is, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Part::Read => "the source reads the event (src/source)",
            Part::Hash => "hash and partition of the key, at both ends (src/partition)",
            Part::Route => "choosing the ring (src/exchange, src/flow)",
            Part::Ring => "into the ring and out of it (src/ring, src/event.rs, rtrb)",
            Part::Stage => "the pipeline around table and operator (src/operator)",
            Part::Table => "finding the state of the key (src/state)",
            Part::Operator => "the operator itself (src/app)",
            Part::Output => "the sink: XXH3 of each result (src/sink)",
            Part::Histogram => "latencies (src/latency, hdrhistogram)",
            Part::Runtime => "rounds, steps, clock (src/runtime, src/task.rs, src/sys)",
            Part::Rest => "C library, allocator, what is not the engine's",
            Part::Kernel => "the operating system",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = format!("{self:?}").to_lowercase();
        f.pad(&word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_the_path_has_its_part() {
        for (file, part) in [
            ("source/memory.rs", Part::Read),
            ("partition/hash.rs", Part::Hash),
            ("exchange/mod.rs", Part::Route),
            ("ring/outlet.rs", Part::Ring),
            ("event.rs", Part::Ring),
            ("operator/keyed.rs", Part::Stage),
            ("state/table/mod.rs", Part::Table),
            ("app/aggregate.rs", Part::Operator),
            ("sink/xxh3_48.rs", Part::Output),
            ("latency/histogram.rs", Part::Histogram),
            ("task.rs", Part::Runtime),
            ("cli/mod.rs", Part::Rest),
        ] {
            assert_eq!(Part::of_engine_file(file), part, "{file}");
        }
        assert_eq!(
            Part::of_other_file("/x/rtrb-0.4.0/src/chunks.rs"),
            Part::Ring
        );
        assert_eq!(
            Part::of_other_file("/rustc/1/library/core/src/ptr/mod.rs"),
            Part::Rest
        );
    }

    #[test]
    fn a_module_of_the_engine_that_is_new_is_noticed() {
        // Those of the path are listed above; these are known to be none of it.
        let off_the_path = [
            "cache",
            "checkpoint",
            "cli",
            "failure",
            "journal",
            "laboratory",
            "lib",
            "main",
            "prelude",
            "schedule",
        ];
        let src = concat!(env!("CARGO_MANIFEST_DIR"), "/../src");
        for entry in std::fs::read_dir(src).expect("the engine is beside the tools") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            let module = name.trim_end_matches(".rs");
            assert!(
                off_the_path.contains(&module) || Part::of_engine_file(&name) != Part::Rest,
                "src/{name} belongs to no part: give it one in tools/src/bin/instructions/part.rs"
            );
        }
    }
}
