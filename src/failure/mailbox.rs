//! The mailbox: the thread's end of one desk, which puts letters into words.
//!
//! It counts what it took, and notes at which barrier it stands.

use super::desk::Item;
use super::letter::{Form, Letter};
use crate::event::Event;
use rtrb::Consumer;

/// The letters of one partition, whatever its events are.
pub(super) trait Mailbox: Send {
    /// Appends the letters that are there to `lines`, as of a run that began at `run_ms` and, if it makes
    /// checkpoints, has this history and went on from this epoch; how many.
    fn empty(&mut self, run_ms: u64, history: Option<(&str, u64)>, lines: &mut Vec<u8>) -> u64;

    /// The epoch of the latest barrier, 0 before the first, and how many letters came before it.
    fn passed(&self) -> (u64, u64);
}

pub(super) struct Typed<E> {
    form: Form<E>,
    ring: Consumer<Item<E>>,
    count: u64,
    passed: (u64, u64),
}

impl<E: Event> Typed<E> {
    pub(super) fn new(form: Form<E>, ring: Consumer<Item<E>>) -> Self {
        Typed {
            form,
            ring,
            count: 0,
            passed: (0, 0),
        }
    }
}

impl<E: Event> Mailbox for Typed<E> {
    fn empty(&mut self, run_ms: u64, history: Option<(&str, u64)>, lines: &mut Vec<u8>) -> u64 {
        let before = self.count;
        while let Ok(item) = self.ring.pop() {
            let letter = match item {
                Item::Letter(letter) => letter,
                Item::Barrier(epoch) => {
                    self.passed = (epoch, self.count);
                    continue;
                }
            };
            // A user's `Debug` may panic: the letter then says so in its place.
            let filled = super::catch(|| self.form.fill(&letter, run_ms));
            let mut filled = filled.unwrap_or_else(|said| {
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
                filled
            });
            if let Some((history, started)) = history {
                filled.history = Some(history.to_owned());
                filled.epoch = Some(self.passed.0.max(started));
            }
            // Numbers and text always make JSON, and memory takes any amount.
            serde_json::to_writer(&mut *lines, &filled).expect("a letter is numbers and text");
            lines.push(b'\n');
            self.count += 1;
        }
        self.count - before
    }

    fn passed(&self) -> (u64, u64) {
        self.passed
    }
}
