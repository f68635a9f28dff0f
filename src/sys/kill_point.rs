//! Places at which a test may ask the process to die, as `kill -9` would have it.
//!
//! `MILLSTREAM_KILL_AT=manifest-written:3` kills the process with SIGKILL when it reaches the point
//! `manifest-written` for the third time; without `:3`, for the first. The variable is read once. Never on
//! the path of an event.
//!
//! ```text
//!   run-created        the directory of a run is there, with an empty manifest
//!   begun              a part has begun an epoch: its file's old contents are given up
//!   block-written      one block of entries is in its place (n counts blocks of all parts)
//!   part-written       a part is whole: extras, index and header are written, nothing is safe yet
//!   file-recreated     a file that could not be trusted has a new inode
//!   files-synced       all files of the epoch are safe; the manifest knows nothing of it
//!   manifest-written   the slot is written and not safe
//!   manifest-synced    the slot is safe; nobody was told
//!   durable            the epoch is durable; older runs, if any, are still there
//!   older-disowned     an older run has lost its manifest, its files are there
//!   older-removed      an older run is gone
//!   letters-withdrawn  dead letters that will come again are out of their file; nothing was processed
//!   letters-synced     dead letters before a barrier are safe; the checkpoint knows nothing of them
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The points of the writer, in the order of the header.
pub const NAMES: [&str; 11] = [
    "run-created",
    "begun",
    "block-written",
    "part-written",
    "file-recreated",
    "files-synced",
    "manifest-written",
    "manifest-synced",
    "durable",
    "older-disowned",
    "older-removed",
];

/// Those of dead letters, which are reached where events fail.
pub const LETTERS: [&str; 2] = ["letters-withdrawn", "letters-synced"];

/// The environment variable that names the point.
pub const VARIABLE: &str = "MILLSTREAM_KILL_AT";

/// Where to die, and at which visit.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    visit: u64,
}

fn parse(text: &str) -> Option<Wanted> {
    let (name, visit) = match text.rsplit_once(':') {
        Some((name, visit)) => (name, visit.parse().ok()?),
        None => (text, 1),
    };
    (visit > 0).then(|| Wanted {
        name: name.to_owned(),
        visit,
    })
}

/// Dies if the point `name` was asked for and this is the visit meant; else does nothing.
pub fn reach(name: &'static str) {
    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    static VISITS: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    let Some(wanted) = wanted.as_ref().filter(|wanted| wanted.name == name) else {
        return;
    };
    // Relaxed: only this point counts, and it publishes nothing.
    if VISITS.fetch_add(1, Ordering::Relaxed) + 1 == wanted.visit {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_name_and_a_visit() {
        let wanted = |name: &str, visit| {
            Some(Wanted {
                name: name.to_owned(),
                visit,
            })
        };
        assert_eq!(parse("durable"), wanted("durable", 1));
        assert_eq!(parse("durable:7"), wanted("durable", 7));
        assert_eq!(parse("durable:0"), None);
        assert_eq!(parse("durable:x"), None);
    }

    #[test]
    fn a_point_that_nobody_asked_for_does_nothing() {
        NAMES.into_iter().chain(LETTERS).for_each(reach);
    }
}
