//! The post: takes letters from the cores, and writes them to the dead-letter file on a thread of its own.
//!
//! ```text
//!   partition 0: Desk ──ring──┐
//!   partition 1: Desk ──ring──┼──► thread: lines ─► append, whole lines at a time
//!   …                         │            the barrier of an epoch has come from all: sync ─► part.ready
//! ```
//!
//! The file is opened with the first letter, so that a run without failures leaves none behind, and is only
//! ever appended to: letters of earlier runs stay. A line that a crash cut off is ended first, so that no
//! letter is lost in it. What was written is in the system's hands and survives the end of the process;
//! it is synced at the end, and before each checkpoint.
//!
//! A run with checkpoints takes part in them with its letters: an epoch becomes durable only once all letters
//! of events before its barrier are safe. Every letter says which history it belongs to and which epoch
//! its event follows, so that a run that goes on from an epoch finds those that will come again
//! ([`Post::go_on`]) and moves them away first. That holds whatever else is in the file: letters of other
//! runs, lines that somebody has changed or removed.
//!
//! When a ring is full the desk keeps its letter and says so; the task takes in no more. When writing
//! fails, the thread goes on emptying the rings, no further epoch becomes durable, and [`PostThread::finish`]
//! says why.

use super::desk::{Desk, Way};
use super::letter::{EventLetter, Form};
use super::letter_file::{LetterFile, Withdrawn, withdraw};
use super::mailbox::{Mailbox, Typed};
use crate::event::Event;
use rtrb::RingBuffer;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Letters on their way from one partition: what a failing partition sends while the thread sleeps once.
const RING_LETTERS: usize = 256;
/// How long the thread sleeps when there is nothing to write.
const SLEEP: Duration = Duration::from_millis(2);

const ORDER_FINISH: u8 = 1;

/// Why letters could not be written.
#[derive(Debug, thiserror::Error)]
#[error("dead letters cannot be written to {}: {source}; make room, or name another file with failure.dead_letter", file.display())]
pub struct PostError {
    /// The dead-letter file.
    pub file: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

/// The part of a checkpoint that the letters are. Used by the thread.
pub trait LettersPart: Send {
    /// All letters of events before the barrier of `epoch` are safe; `letters` of them, over all runs of the
    /// history, are in the file.
    fn ready(&mut self, epoch: u64, letters: u64);

    /// They are not, and will not be.
    fn give_up(&mut self, epoch: u64);
}

/// Which chain of runs the letters of this one continue: each goes on from a checkpoint of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Drawn by the first of these runs.
    pub id: u64,
    /// The epoch that this run goes on from, 0 if it starts anew.
    pub epoch: u64,
}

impl History {
    fn text(self) -> String {
        format!("{:016x}", self.id)
    }
}

/// The letters' part in checkpoints.
struct Checkpointed {
    history: History,
    /// Letters of the history up to its epoch.
    before: u64,
    part: Box<dyn LettersPart>,
}

/// The post before its thread runs.
pub struct Post {
    path: PathBuf,
    run_ms: u64,
    boxes: Vec<Box<dyn Mailbox>>,
    checkpointed: Option<Checkpointed>,
    memory: Option<Arc<Mutex<Vec<EventLetter>>>>,
    failed: Arc<AtomicBool>,
}

impl Post {
    /// For a dead-letter file at `path`, which is touched with the first letter only.
    pub fn to_file(path: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Post {
            path: path.to_path_buf(),
            run_ms: since.map_or(0, |since| since.as_millis() as u64),
            boxes: Vec::new(),
            checkpointed: None,
            memory: None,
            failed: Arc::default(),
        }
    }

    /// For letters that are kept in memory, in `list`.
    pub fn to_memory(list: Arc<Mutex<Vec<EventLetter>>>) -> Self {
        Post {
            memory: Some(list),
            ..Post::to_file(Path::new(""))
        }
    }

    /// The dead-letter file.
    pub fn file(&self) -> &Path {
        &self.path
    }

    /// A desk for one partition.
    pub fn desk<E: Event>(&mut self, form: Form<E>) -> Desk<E> {
        let way = match &self.memory {
            Some(list) => Way::Memory(form, list.clone()),
            None => {
                let (producer, ring) = RingBuffer::new(RING_LETTERS);
                self.boxes.push(Box::new(Typed::new(form, ring)));
                Way::Ring(producer)
            }
        };
        Desk::new(way, self.failed.clone())
    }

    /// The run makes checkpoints, in which `part` is that of the letters, and goes on where `history` says:
    /// letters that will come again are moved to [`withdrawn_path`](super::withdrawn_path).
    ///
    /// # Errors
    /// The file cannot be read, or not be written anew without them.
    pub fn go_on(
        &mut self,
        history: History,
        part: Box<dyn LettersPart>,
    ) -> Result<Withdrawn, PostError> {
        let found = withdraw(&self.path, &history.text(), history.epoch);
        let found = found.map_err(|source| PostError {
            file: self.path.clone(),
            source,
        })?;
        self.checkpointed = Some(Checkpointed {
            history,
            before: found.kept,
            part,
        });
        Ok(found)
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The system gave none.
    pub fn start(self) -> io::Result<PostThread> {
        let order = Arc::<AtomicU8>::default();
        let heard = order.clone();
        let thread = std::thread::Builder::new()
            .name("letters".into())
            .spawn(move || run(self, &heard))?;
        Ok(PostThread {
            order,
            thread: Some(thread),
        })
    }
}

/// The thread that writes letters. Dropped, it writes what is there and ends.
#[derive(Debug)]
pub struct PostThread {
    order: Arc<AtomicU8>,
    thread: Option<JoinHandle<Result<u64, PostError>>>,
}

impl PostThread {
    /// After the run, whatever its end: writes what is there, syncs the file; returns how many letters were
    /// written.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self) -> Result<u64, PostError> {
        self.end().unwrap_or(Ok(0))
    }

    fn end(&mut self) -> Option<Result<u64, PostError>> {
        let thread = self.thread.take()?;
        // Pairs with the Acquire load of the thread: what the tasks pushed before they ended is in the rings.
        self.order.store(ORDER_FINISH, Ordering::Release);
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for PostThread {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Where letters go, and the first error on the way.
struct Outbox {
    file: LetterFile,
    error: Option<io::Error>,
    failed: Arc<AtomicBool>,
}

impl Outbox {
    /// Does something with the file, unless it has failed; whether it succeeded.
    fn with(&mut self, act: impl FnOnce(&mut LetterFile) -> io::Result<()>) -> bool {
        if self.error.is_none() {
            self.error = act(&mut self.file).err();
            let failed = self.error.is_some();
            self.failed.store(failed, Ordering::Relaxed);
        }
        self.error.is_none()
    }
}

fn run(mut post: Post, heard: &AtomicU8) -> Result<u64, PostError> {
    let mut out = Outbox {
        file: LetterFile::new(&post.path),
        error: None,
        failed: post.failed.clone(),
    };
    let tag = post.checkpointed.as_ref().map(|made| made.history);
    let tag = tag.map(|history| (history.text(), history.epoch));
    let (mut lines, mut written, mut secured) = (Vec::new(), 0u64, 0);
    loop {
        // Before the rings: whoever gave the order has put everything into them.
        let order = heard.load(Ordering::Acquire);
        lines.clear();
        let tag = tag.as_ref().map(|(id, epoch)| (id.as_str(), *epoch));
        let boxes = post.boxes.iter_mut();
        let count: u64 = boxes
            .map(|mailbox| mailbox.empty(post.run_ms, tag, &mut lines))
            .sum();
        if count > 0 && out.with(|file| file.append(&lines)) {
            written += count;
        }
        if let Some(made) = &mut post.checkpointed {
            let passed = post.boxes.iter().map(|mailbox| mailbox.passed());
            // One epoch is made at a time, so the last partition to reach it is the only one awaited.
            let epoch = passed.clone().map(|(epoch, _)| epoch).min().unwrap_or(0);
            if epoch > secured {
                secured = epoch;
                let letters = passed.map(|(_, letters)| letters).sum::<u64>();
                if out.with(LetterFile::sync) {
                    made.part.ready(epoch, made.before + letters);
                } else {
                    made.part.give_up(epoch);
                }
            }
        }
        if count > 0 {
            continue;
        }
        if order == ORDER_FINISH {
            out.with(LetterFile::sync);
            return out.error.map_or(Ok(written), |source| {
                Err(PostError {
                    file: post.path,
                    source,
                })
            });
        }
        std::thread::park_timeout(SLEEP);
    }
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
