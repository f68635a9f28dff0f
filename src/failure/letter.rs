//! A letter: one failed event, with everything that is known of it.
//!
//! It leaves the core as it is, a copy of the event and the reason; the thread that writes puts it into
//! words.

use crate::event::Event;
use crate::sys::clock::START_NS;
use serde::{Deserialize, Serialize};

/// Which partition of which stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The stage, as the user named it.
    pub stage: String,
    /// Its position in the flow.
    pub stage_index: usize,
    /// Partition.
    pub partition: usize,
}

/// The bytes of an event, and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEvent {
    /// "keyed" and "clicks" are the records of native traces, which can be replayed; else the type's name.
    pub layout: &'static str,
    /// As they lie in memory.
    pub bytes: Vec<u8>,
}

/// A failed event on its way.
#[derive(Debug)]
pub(super) struct Letter<E> {
    pub(super) due_ns: u64,
    pub(super) key: u64,
    pub(super) event: E,
    pub(super) tries: u32,
    pub(super) reason: Box<str>,
}

/// Tells when an event happened, ns. Called by the thread that writes.
pub type EventTime<E> = Box<dyn Fn(&E) -> u64 + Send>;

/// How the letters of one partition are put into words.
pub struct Form<E> {
    /// Where they come from.
    pub site: Site,
    /// When an event happened, ns; where the stage knows.
    pub event_time_ns: Option<EventTime<E>>,
    /// The bytes of an event, where it has a layout.
    pub raw: Option<fn(&E) -> RawEvent>,
}

impl<E: Event> Form<E> {
    pub(super) fn fill(&self, letter: &Letter<E>, run_ms: u64) -> EventLetter {
        let event = &letter.event;
        let raw = self.raw.map(|raw| raw(event));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        EventLetter {
            run_ms,
            stage: self.site.stage.clone(),
            stage_index: self.site.stage_index,
            partition: self.site.partition,
            key: letter.key,
            due_ns: letter.due_ns.saturating_sub(START_NS),
            event_time_ns: self.event_time_ns.as_ref().map(|time| time(event)),
            tries: letter.tries,
            reason: letter.reason.to_string(),
            event: format!("{event:?}"),
            layout: raw.as_ref().map(|raw| raw.layout.to_owned()),
            raw_hex: raw.as_ref().map(|raw| hex(&raw.bytes)),
            history: None,
            epoch: None,
        }
    }
}

/// One line of a dead-letter file that tells of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLetter {
    /// When the run that wrote it began, ms since 1970: letters of one run share it.
    pub run_ms: u64,
    /// The stage.
    pub stage: String,
    /// Its position in the flow; the source is 0.
    pub stage_index: usize,
    /// Its partition.
    pub partition: usize,
    /// The event's key.
    pub key: u64,
    /// When it was due, ns after the start of the run.
    pub due_ns: u64,
    /// When it happened, ns; where the stage knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time_ns: Option<u64>,
    /// How often it was tried.
    pub tries: u32,
    /// Why it failed the last time.
    pub reason: String,
    /// The event as text.
    pub event: String,
    /// What the bytes are: "keyed", "clicks", or a type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// The event's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_hex: Option<String>,
    /// Of runs with checkpoints: 16 hex digits that a run shares with those that went on from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
    /// Of those: the last checkpoint before the event, 0 if there was none. A run that goes on from there,
    /// or from an earlier one, comes to the event again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

impl EventLetter {
    /// The bytes of the event, if it has a layout and they are whole.
    pub fn raw(&self) -> Option<Vec<u8>> {
        let hex = self.raw_hex.as_deref()?;
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_everything_and_reads_back() {
        let form = Form::<(u64, i32)> {
            site: Site {
                stage: "totals".into(),
                stage_index: 1,
                partition: 3,
            },
            event_time_ns: Some(Box::new(|event| event.0 * 10)),
            raw: Some(|event| RawEvent {
                layout: "pair",
                bytes: event.0.to_le_bytes().to_vec(),
            }),
        };
        let letter = Letter {
            due_ns: START_NS + 5,
            key: u64::MAX,
            event: (258, -1),
            tries: 2,
            reason: "a \"quoted\"\nreason".into(),
        };
        let filled = form.fill(&letter, 9);
        let line = serde_json::to_string(&filled).expect("JSON");
        assert!(!line.contains('\n'), "{line}");
        let read: EventLetter = serde_json::from_str(&line).expect("its own line");
        assert_eq!(read, filled);
        assert_eq!(read.raw(), Some(258u64.to_le_bytes().to_vec()));
        assert_eq!(
            (read.due_ns, read.event_time_ns, read.event.as_str()),
            (5, Some(2_580), "(258, -1)")
        );
    }
}
