//! The page: what each task is at, in a file that outlives the process.
//!
//! ```text
//!   word 0      8          16         24
//!        ├──────┼──────────┼──────────┼── …      header: magic, version; then a line of 64 bytes for each task
//!        │header│ task 0   │ task 1   │
//!        └──────┴──────────┴──────────┴── …
//!   a task:  stage (hash of its name) │ partition │ phase │ key │ fingerprint │ 3 × 0
//!   phase:   0 between events │ 1 at an event of `key` │ 2 at the event of that fingerprint
//! ```
//!
//! A task writes its own line and nobody reads it while the process lives: two plain stores an event, in the
//! order of the program, which is all that the death of a process can interrupt. Most events have no
//! fingerprint, since telling one takes longer than processing it; only a key at which a process has died
//! before gets it. The kernel writes the page back now and then, for which it makes the next store take a
//! fault (about a microsecond, every few seconds).
//!
//! Invariant: a line whose phase is not 0 names the event at which the process ended, if it ended there.

use super::letter::Site;
use crate::sys::mapping::SharedWords;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: u64 = u64::from_le_bytes(*b"MILLPAGE");
const VERSION: u64 = 1;
const LINE_WORDS: usize = 8;
/// Lines of a page: three stages of the most partitions there can be, and a header.
const LINES: usize = 4096;

const IDLE: u64 = 0;
const AT_KEY: u64 = 1;
const AT_EVENT: u64 = 2;

/// What the page says of a stage: its name's XXH3-64.
pub(super) fn stage_hash(stage: &str) -> u64 {
    xxh3_64(stage.as_bytes())
}

/// Where a task of the process before was when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) stage: u64,
    pub(super) key: u64,
    pub(super) fingerprint: Option<u64>,
}

/// The mapped page.
#[derive(Debug)]
pub struct Page {
    words: Arc<SharedWords>,
    taken: usize,
}

/// One task's line.
#[derive(Debug)]
pub struct At {
    words: Arc<SharedWords>,
    line: usize,
}

impl Page {
    /// Maps `file`; says where the tasks of the process before were, and wipes the page.
    pub(super) fn open(file: &File) -> io::Result<(Page, Vec<Found>)> {
        let words = Arc::new(SharedWords::map(file, LINES * LINE_WORDS)?);
        let found = found(words.words());
        let all = words.words();
        all.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        all[0].store(MAGIC, Ordering::Relaxed);
        all[1].store(VERSION, Ordering::Relaxed);
        Ok((Page { words, taken: 1 }, found))
    }

    /// A line for the task of `site`; `None` when all are taken.
    pub(super) fn at(&mut self, site: &Site) -> Option<At> {
        let line = self.taken * LINE_WORDS;
        let words = self.words.words().get(line..line + LINE_WORDS)?;
        words[0].store(stage_hash(&site.stage), Ordering::Relaxed);
        words[1].store(site.partition as u64, Ordering::Relaxed);
        self.taken += 1;
        Some(At {
            words: self.words.clone(),
            line,
        })
    }

    /// The process ends in order: no task is at anything.
    pub(super) fn wipe(&self) {
        let lines = self.words.words().chunks_exact(LINE_WORDS).skip(1);
        lines.for_each(|line| line[2].store(IDLE, Ordering::Relaxed));
    }
}

fn found(words: &[AtomicU64]) -> Vec<Found> {
    let word = |word: &AtomicU64| word.load(Ordering::Relaxed);
    if word(&words[0]) != MAGIC || word(&words[1]) != VERSION {
        return Vec::new();
    }
    let lines = words.chunks_exact(LINE_WORDS).skip(1);
    let at = lines
        .filter(|line| word(&line[2]) != IDLE)
        .map(|line| Found {
            stage: word(&line[0]),
            key: word(&line[3]),
            fingerprint: (word(&line[2]) == AT_EVENT).then(|| word(&line[4])),
        });
    at.collect()
}

impl At {
    #[inline(always)]
    fn line(&self) -> &[AtomicU64] {
        &self.words.words()[self.line..self.line + LINE_WORDS]
    }

    /// An event of `key` comes next.
    #[inline(always)]
    pub(super) fn key(&self, key: u64) {
        let line = self.line();
        line[3].store(key, Ordering::Relaxed);
        // Release: after the key for the compiler too; no thread pairs with it.
        line[2].store(AT_KEY, Ordering::Release);
    }

    /// The event of this fingerprint comes next.
    #[cold]
    pub(super) fn event(&self, key: u64, fingerprint: u64) {
        let line = self.line();
        line[3].store(key, Ordering::Relaxed);
        line[4].store(fingerprint, Ordering::Relaxed);
        line[2].store(AT_EVENT, Ordering::Release);
    }

    /// No event is being processed.
    #[inline(always)]
    pub(super) fn leave(&self) {
        self.line()[2].store(IDLE, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_being_done_is_found_by_the_next_and_wiped() {
        let file = tempfile::tempfile().expect("a file");
        let site = |stage: &str, partition| Site {
            stage: stage.into(),
            stage_index: 1,
            partition,
        };
        let (mut page, found) = Page::open(&file).expect("a page");
        assert_eq!(found, []);
        let [a, b, c] =
            [site("a", 0), site("a", 1), site("b", 0)].map(|site| page.at(&site).expect("room"));
        a.key(7);
        a.key(8);
        b.key(1);
        b.leave();
        c.event(9, 99);
        drop((page, a, b, c));
        let (page, found) = Page::open(&file).expect("a page");
        let expected = [
            Found {
                stage: stage_hash("a"),
                key: 8,
                fingerprint: None,
            },
            Found {
                stage: stage_hash("b"),
                key: 9,
                fingerprint: Some(99),
            },
        ];
        assert_eq!(found, expected);
        page.wipe();
        drop(page);
        assert_eq!(Page::open(&file).expect("a page").1, []);
    }

    #[test]
    fn another_file_is_not_read_as_a_page() {
        use std::io::Write;
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[0xff; 100_000]).expect("written");
        assert_eq!(Page::open(&file).expect("a page").1, []);
    }
}
