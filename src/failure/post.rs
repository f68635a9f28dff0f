//! The post: takes letters from the cores, and writes them to the dead-letter file on a thread of its own.
//!
//! ```text
//!   partition 0: Desk ──ring──┐
//!   partition 1: Desk ──ring──┼──► thread: lines ─► append, whole lines at a time
//!   …                         │
//! ```
//!
//! The file is opened with the first letter, so that a run without failures leaves none behind, and is only
//! ever appended to: letters of earlier runs stay. A line that a crash cut off is ended first, so that no
//! letter is lost in it. What was written is in the system's hands and survives the end of the process;
//! it is synced at the end, and where a checkpoint asks ([`PostThread::secure`]).
//!
//! When a ring is full the desk keeps its letter and says so; the task takes in no more. When writing
//! fails, the thread goes on emptying the rings and [`PostThread::finish`] says why.

use super::letter::{EventLetter, Form, Letter};
use crate::event::{Due, Event};
use rtrb::{Consumer, Producer, PushError, RingBuffer};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
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

#[derive(Debug, Default)]
struct Shared {
    order: AtomicU8,
    failed: AtomicBool,
    /// Letters handed to a desk. Written by tasks, on their failing path only.
    sent: AtomicU64,
    /// Letters in the file; those in the file and synced. Written by the thread.
    written: AtomicU64,
    safe: AtomicU64,
    /// Up to which letter somebody wants them synced.
    wanted: AtomicU64,
}

/// One partition's way to the post.
pub struct Desk<E> {
    way: Way<E>,
    kept: VecDeque<Letter<E>>,
    shared: Arc<Shared>,
}

enum Way<E> {
    Ring(Producer<Letter<E>>),
    /// In a simulation: nobody else runs, so there is nobody to hand it to.
    Memory(Form<E>, Arc<Mutex<Vec<EventLetter>>>),
}

impl<E: Event> Desk<E> {
    #[cold]
    pub(super) fn send(&mut self, due: Due, key: u64, event: E, tries: u32, reason: Box<str>) {
        let due_ns = due.ns();
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        self.kept.push_back(Letter {
            due_ns,
            key,
            event,
            tries,
            reason,
        });
        self.flush();
    }

    /// Hands on what is kept; whether all of it is gone.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(letter) = self.kept.pop_front() {
            match &mut self.way {
                Way::Ring(ring) => {
                    if let Err(PushError::Full(letter)) = ring.push(letter) {
                        self.kept.push_front(letter);
                        return false;
                    }
                }
                Way::Memory(form, list) => {
                    if let Ok(mut list) = list.lock() {
                        list.push(form.fill(&letter, 0));
                    }
                }
            }
        }
        true
    }

    pub(super) fn is_full(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Nothing can be written any more; the end of the run says why.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }
}

/// The rings of one partition's letters, whatever its events are.
trait Mailbox: Send {
    /// Appends the letters that are there to `lines`; how many.
    fn empty(&mut self, run_ms: u64, lines: &mut Vec<u8>) -> u64;
}

struct Typed<E> {
    form: Form<E>,
    ring: Consumer<Letter<E>>,
}

impl<E: Event> Mailbox for Typed<E> {
    fn empty(&mut self, run_ms: u64, lines: &mut Vec<u8>) -> u64 {
        let mut count = 0;
        while let Ok(letter) = self.ring.pop() {
            // A user's `Debug` may panic: the letter then says so in its place.
            let filled = super::catch(|| self.form.fill(&letter, run_ms));
            let written = match &filled {
                Ok(filled) => serde_json::to_writer(&mut *lines, filled),
                Err(said) => {
                    let form = Form {
                        site: self.form.site.clone(),
                        event_time_ns: None,
                        raw: None,
                    };
                    let unsaid = Letter {
                        due_ns: letter.due_ns,
                        key: letter.key,
                        event: (),
                        tries: letter.tries,
                        reason: letter.reason.clone(),
                    };
                    let mut filled = form.fill(&unsaid, run_ms);
                    filled.event = format!("its Debug {said}");
                    serde_json::to_writer(&mut *lines, &filled)
                }
            };
            // Numbers and text always make JSON, and memory takes any amount.
            written.expect("a letter is numbers and text");
            lines.push(b'\n');
            count += 1;
        }
        count
    }
}

/// The post before its thread runs.
pub struct Post {
    path: PathBuf,
    run_ms: u64,
    boxes: Vec<Box<dyn Mailbox>>,
    memory: Option<Arc<Mutex<Vec<EventLetter>>>>,
    shared: Arc<Shared>,
}

impl Post {
    /// For a dead-letter file at `path`, which is touched with the first letter only.
    pub fn to_file(path: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Post {
            path: path.to_path_buf(),
            run_ms: since.map_or(0, |since| since.as_millis() as u64),
            boxes: Vec::new(),
            memory: None,
            shared: Arc::default(),
        }
    }

    /// For letters that are kept in memory, in `list`.
    pub fn to_memory(list: Arc<Mutex<Vec<EventLetter>>>) -> Self {
        Post {
            memory: Some(list),
            ..Post::to_file(Path::new(""))
        }
    }

    /// A desk for one partition.
    pub fn desk<E: Event>(&mut self, form: Form<E>) -> Desk<E> {
        let way = match &self.memory {
            Some(list) => Way::Memory(form, list.clone()),
            None => {
                let (producer, ring) = RingBuffer::new(RING_LETTERS);
                self.boxes.push(Box::new(Typed { form, ring }));
                Way::Ring(producer)
            }
        };
        Desk {
            way,
            kept: VecDeque::with_capacity(4),
            shared: self.shared.clone(),
        }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The system gave none.
    pub fn start(self) -> io::Result<PostThread> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new()
            .name("letters".into())
            .spawn(move || run(self))?;
        Ok(PostThread {
            shared,
            thread: Some(thread),
        })
    }
}

/// The thread that writes letters. Dropped, it writes what is there and ends.
#[derive(Debug)]
pub struct PostThread {
    shared: Arc<Shared>,
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

    /// Asks for every letter sent so far to be in the file and synced, as it must be before a checkpoint
    /// that no longer knows their events may count; returns what to ask [`PostThread::is_secure`] with.
    pub fn secure(&self) -> u64 {
        let sent = self.shared.sent.load(Ordering::Relaxed);
        self.shared.wanted.fetch_max(sent, Ordering::Relaxed);
        sent
    }

    /// Whether all letters up to `sent` are safe.
    pub fn is_secure(&self, sent: u64) -> bool {
        self.shared.safe.load(Ordering::Acquire) >= sent
    }

    fn end(&mut self) -> Option<Result<u64, PostError>> {
        let thread = self.thread.take()?;
        // Pairs with the Acquire load of the thread: what the tasks pushed before they ended is in the rings.
        self.shared.order.store(ORDER_FINISH, Ordering::Release);
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for PostThread {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn run(mut post: Post) -> Result<u64, PostError> {
    let mut file = None::<File>;
    let (mut lines, mut written, mut error) = (Vec::new(), 0u64, None::<io::Error>);
    loop {
        // Before the rings: whoever gave the order has put everything into them.
        let order = post.shared.order.load(Ordering::Acquire);
        lines.clear();
        let boxes = post.boxes.iter_mut();
        let count: u64 = boxes
            .map(|mailbox| mailbox.empty(post.run_ms, &mut lines))
            .sum();
        if count > 0 && error.is_none() {
            match append(&mut file, &post.path, &lines) {
                Ok(()) => {
                    written += count;
                    post.shared.written.store(written, Ordering::Release);
                }
                Err(found) => {
                    error = Some(found);
                    post.shared.failed.store(true, Ordering::Relaxed);
                }
            }
        }
        let wanted =
            post.shared.wanted.load(Ordering::Relaxed) > post.shared.safe.load(Ordering::Relaxed);
        if (wanted || order == ORDER_FINISH) && count == 0 && error.is_none() {
            match file.as_ref().map_or(Ok(()), File::sync_data) {
                // Pairs with the Acquire load of `is_secure`.
                Ok(()) => post.shared.safe.store(written, Ordering::Release),
                Err(found) => {
                    error = Some(found);
                    post.shared.failed.store(true, Ordering::Relaxed);
                }
            }
        }
        if count > 0 {
            continue;
        }
        if order == ORDER_FINISH {
            return error.map_or(Ok(written), |source| {
                Err(PostError {
                    file: post.path,
                    source,
                })
            });
        }
        std::thread::park_timeout(SLEEP);
    }
}

/// Appends whole lines in one write; opens the file where it is not yet.
fn append(file: &mut Option<File>, path: &Path, lines: &[u8]) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(open(path)?),
    };
    file.write_all(lines)
}

/// The file, to be appended to; a line that a crash cut off is ended, so that it spoils no other.
fn open(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

#[cfg(test)]
#[path = "post_tests.rs"]
mod tests;
