//! The names in a checkpoint directory.
//!
//! ```text
//!   DIR/lock                      DIR/run-000001/manifest         one a run
//!   DIR/letters                   which history its dead letters belong to
//!   DIR/run-000001/               DIR/run-000001/manifest.new     being made; renamed when it is safe
//!                                 DIR/run-000001/<part>.0 .1 .2   the rotation files of a part
//!                                 DIR/run-000001/<part>.log       the log that its blocks are maps of
//! ```

use super::shape::{Kind, Shape};
use std::collections::BTreeSet;

/// Name of a run's manifest.
pub(super) const MANIFEST: &str = "manifest";
/// Its name while it is being made.
pub(super) const MANIFEST_NEW: &str = "manifest.new";
/// Where the journal of a live input lies, beside the runs; see `journal.dir`.
pub(super) const JOURNAL: &str = "journal";
/// Which history the dead letters of its runs belong to.
pub const LETTERS: &str = "letters";
/// Name of the lock.
pub(super) const LOCK: &str = "lock";

const RUN: &str = "run-";
/// Characters of a user's name that go into a file's: names of files end at 255 bytes.
const STEM_CHARS: usize = 100;

/// The directory of run `run`: `run-000001`.
pub fn run_name(run: u64) -> String {
    format!("{RUN}{run:06}")
}

/// The run whose directory has the name `name`.
pub(super) fn run_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(RUN)?;
    let run = digits.parse().ok()?;
    (run_name(run) == name).then_some(run)
}

/// For each part the name of its files up to the dot; no two are the same.
pub(super) fn stems(shape: &Shape) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let stem = |(number, part): (usize, &super::PartShape)| {
        let plain = |c: char| match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' => c,
            _ => '_',
        };
        let name: String = part.name.chars().take(STEM_CHARS).map(plain).collect();
        let cold = if part.kind == Kind::Log { "-cold" } else { "" };
        let mut stem = format!("{name}-{}{cold}", part.partition);
        while !taken.insert(stem.clone()) {
            stem = format!("{stem}-part{number}");
        }
        stem
    };
    shape.parts.iter().enumerate().map(stem).collect()
}

/// The name of the log beside the files that begin with `stem`.
pub(super) fn log_of(stem: &str) -> String {
    format!("{stem}.log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::PartShape;

    #[test]
    fn a_run_is_found_by_its_name_and_by_no_other() {
        assert_eq!(run_of(&run_name(7)), Some(7));
        assert_eq!(run_of("run-12345678"), Some(12_345_678));
        for name in ["run-1", "run-0000001", "run-", "run-00000x", "lock"] {
            assert_eq!(run_of(name), None, "{name}");
        }
    }

    #[test]
    fn every_part_has_files_of_its_own_below_the_directory() {
        let part = |name: &str, partition| PartShape {
            kind: Kind::Stage,
            name: name.into(),
            stage_index: 1,
            partition,
            partitions: 2,
            scheme: "hash".into(),
            entry_bytes: 0,
            value_bytes: 0,
            block_bytes: 4096,
        };
        let shape = Shape {
            flow: "f".into(),
            seed: 1,
            parts: vec![
                part("a", 0),
                part("a", 0),
                part("../a", 0),
                part("é/a", 0),
                part("a", 1),
            ],
        };
        assert_eq!(
            stems(&shape),
            ["a-0", "a-0-part1", "___a-0", "__a-0", "a-1"]
        );
    }
}
