//! Which file a run read: enough to say later whether it is still the same.

use super::config::Config;
use super::config::choice::{Order, SourceKind};
use crate::latency::{Summary, TraceIdentity};
use crate::source::load::Arrivals;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::Xxh3;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;

/// Notes the trace that `config` reads, if it reads one. In deterministic order its bytes are hashed as well:
/// the run is likely to be verified, and a file that has just been read is still in memory.
pub(super) fn note(config: &Config, summary: &mut Summary) {
    let by_trace = matches!(config.load.arrivals, Arrivals::Trace);
    if config.source.kind == SourceKind::Load && !by_trace {
        return;
    }
    let path = &config.source.trace;
    let hashed = config.runtime.order == Order::Deterministic;
    match identity(path, hashed) {
        Ok(identity) => summary.trace = identity,
        Err(error) => summary.warnings.push(format!(
            "{} cannot be read any more ({error}): this run cannot be verified",
            path.display()
        )),
    }
}

/// What tells the file at `path` from another; with its hash if `hashed`. `None`: no file, but a pipe, whose
/// bytes are gone.
///
/// # Errors
/// It cannot be read.
pub(super) fn identity(path: &Path, hashed: bool) -> std::io::Result<Option<TraceIdentity>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
    let mut identity = TraceIdentity {
        path: path.display().to_string(),
        bytes: metadata.len(),
        modified_ns: modified.map_or(0, |since| since.as_nanos() as u64),
        xxh3: String::new(),
    };
    if hashed {
        let mut file = File::open(path)?;
        let (mut hash, mut block) = (Xxh3::new(), vec![0; READ_BYTES]);
        loop {
            match file.read(&mut block)? {
                0 => break,
                read => hash.update(&block[..read]),
            }
        }
        identity.xxh3 = format!("{:016x}", hash.digest());
    }
    Ok(Some(identity))
}
