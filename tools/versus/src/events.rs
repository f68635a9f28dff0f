//! `versus events`: the events of w1 in files, and what must be answered to them, for peers that are programs of
//! their own, as those of `jvm/` are. They are the events of `versus w1`, byte for byte: one generator, one seed.
//!
//! ```text
//!   whole    event event event …      24 bytes an event, little-endian:   0      8       16      24
//!   halves   the same, split by key                                       ├──────┼───────┼───────┤
//!            (see `input.rs`)                                             │ key  │ value │ ts_ns │
//!                                                                         └──────┴───────┴───────┘
//! ```

use crate::input::{Expected, Input};
use anyhow::{Context, Result};
use millstream::source::load::KeyDistribution;
use serde::Serialize;
use std::path::Path;

/// One case, as printed.
#[derive(Debug, Serialize)]
pub struct Written {
    /// As in the tables: `w1 zipf(0.99,1000000)`.
    name: String,
    /// Keys that the events are drawn from.
    distinct: u64,
    input: Input,
    expected: Expected,
}

/// Writes `events` events of `keys` into `directory`.
pub fn write(
    name: String,
    keys: &KeyDistribution,
    events: usize,
    directory: &Path,
) -> Result<Written> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("making the directory {}", directory.display()))?;
    eprintln!("{name}: making {events} events");
    let (input, expected) = Input::make(keys, events, directory)?;
    Ok(Written {
        name,
        distinct: keys.keys(),
        input,
        expected,
    })
}
