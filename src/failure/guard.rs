//! The guard: what the recovery block of one partition knows and has beside its operators.
//!
//! Owned by the task. It says whether an event may be processed at all, and what becomes of one that failed;
//! undoing what the event did to its key is the work of the stage.

use super::desk::Desk;
use super::drill::{Drill, fingerprint};
use super::killers::{DEATHS_MAX, Suspect};
use super::letter::{RawEvent, Site};
use super::page::At;
use super::policy::{Last, Policy};
use crate::event::{Due, Event};
use crate::task::TaskError;

/// What is known of the event whose turn it is.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// When it was due.
    pub due: Due,
    /// Its key.
    pub key: u64,
    /// How often it has failed before.
    pub failures: u32,
}

/// What is to become of the key's state after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Keep,
    /// The key is forgotten.
    Remove,
    /// It is as it was before the event, which is done with.
    Undone,
    /// It is as it was before the event, which is tried again, not before this time (ns of the run's clock).
    Again(u64),
}

/// What a guard counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardCounts {
    /// Tries of an operator that failed.
    pub failures: u64,
    /// Events that an alternate got through.
    pub alternates: u64,
    /// Tries after a wait.
    pub retries: u64,
    /// Events that were counted and forgotten.
    pub skipped: u64,
    /// Events that became dead letters.
    pub dead_letters: u64,
    /// Of these, those that had killed the process.
    pub killers: u64,
}

/// What guards the events of one partition.
pub struct Guard<E: Event> {
    site: Site,
    policy: Policy,
    /// Whether the policy is its own, rather than that of the flow.
    own_policy: bool,
    /// How the bytes of an event are found, where it was told.
    pub raw: Option<fn(&E) -> RawEvent>,
    drill: Option<Drill>,
    desk: Option<Desk<E>>,
    at: Option<At>,
    suspects: Vec<Suspect>,
    failure: Option<TaskError>,
    /// Time of this step, ns.
    now_ns: u64,
    /// What happened so far.
    pub counts: GuardCounts,
}

/// For a partition that nobody has told where it is: without letters, page and drill; an event that fails
/// ends the run.
impl<E: Event> Default for Guard<E> {
    fn default() -> Self {
        Guard {
            site: Site::default(),
            policy: Policy::stop(),
            own_policy: false,
            raw: None,
            drill: None,
            desk: None,
            at: None,
            suspects: Vec::new(),
            failure: None,
            now_ns: 0,
            counts: GuardCounts::default(),
        }
    }
}

impl<E: Event> Guard<E> {
    /// Does this about a failed event, whatever the options of the flow say.
    pub fn own_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.own_policy = true;
    }

    /// Does this about a failed event, unless it has a policy of its own.
    pub fn default_policy(&mut self, policy: Policy) {
        if !self.own_policy {
            self.policy = policy;
        }
    }

    /// Says where it stands, and gives it what the run has for it.
    pub fn equip(
        &mut self,
        site: Site,
        desk: Option<Desk<E>>,
        (at, suspects): (Option<At>, Vec<Suspect>),
        drill: Option<Drill>,
    ) {
        super::hush();
        (self.site, self.desk, self.at) = (site, desk, at);
        (self.suspects, self.drill) = (suspects, drill);
    }

    /// What is done about a failed event.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The drill that strikes here, if one does.
    #[inline(always)]
    pub fn drill(&self) -> Option<&Drill> {
        self.drill.as_ref()
    }

    /// A step begins at `now_ns`.
    pub fn begin(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        if let Some(desk) = &mut self.desk {
            desk.flush();
            if desk.has_failed() {
                self.fail("a dead letter cannot be written".into());
            }
        }
    }

    /// All events before the barrier of checkpoint `epoch` are through, and none behind it has come.
    pub fn barrier(&mut self, epoch: u64) {
        if let Some(desk) = &mut self.desk {
            desk.barrier(epoch);
        }
    }

    /// Whether no event can be taken now: a letter waits for room, or the run has failed.
    #[inline(always)]
    pub fn is_stuck(&self) -> bool {
        self.failure.is_some() || self.desk.as_ref().is_some_and(Desk::is_full)
    }

    /// Why the run must end.
    ///
    /// # Errors
    /// An event failed and the policy is to stop; or its letter cannot be written.
    pub fn check(&mut self) -> Result<(), TaskError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Puts the event on the page. False: it has killed the process too often, and is done with.
    #[inline(always)]
    pub fn admit(&mut self, turn: Turn, event: &E) -> bool {
        let Some(at) = &self.at else {
            return true;
        };
        if self.suspects.is_empty() {
            at.key(turn.key);
            return true;
        }
        self.admit_suspect(turn, event)
    }

    #[cold]
    #[inline(never)]
    fn admit_suspect(&mut self, turn: Turn, event: &E) -> bool {
        let Some(at) = &self.at else {
            return true;
        };
        if !self.suspects.iter().any(|suspect| suspect.key == turn.key) {
            at.key(turn.key);
            return true;
        }
        // An event whose Debug kills is caught at its key.
        at.key(turn.key);
        let found = fingerprint(event);
        let killer = self.suspects.iter().find(|suspect| {
            let known = suspect.key == turn.key && suspect.fingerprint == Some(found);
            known && suspect.deaths >= DEATHS_MAX
        });
        let Some(deaths) = killer.map(|killer| killer.deaths) else {
            at.event(turn.key, found);
            return true;
        };
        at.leave();
        self.counts.killers += 1;
        self.counts.dead_letters += 1;
        let reason =
            format!("the process died {deaths} times at this event; it was not tried again");
        self.send(turn, event, turn.failures, reason.into());
        false
    }

    /// No event is being processed until the next is admitted.
    #[inline(always)]
    pub fn leave(&self) {
        if let Some(at) = &self.at {
            at.leave();
        }
    }

    /// All alternates have failed at `event`, for the last time because of `reason`: what becomes of it.
    #[cold]
    #[inline(never)]
    pub fn failed(&mut self, turn: Turn, event: &E, reason: Box<str>) -> Verdict {
        let failures = turn.failures + 1;
        if let Some(wait_ns) = self.policy.wait_ns(failures) {
            self.counts.retries += 1;
            return Verdict::Again(self.now_ns.saturating_add(wait_ns));
        }
        match self.policy.last() {
            Last::Skip => self.counts.skipped += 1,
            Last::DeadLetter => {
                self.counts.dead_letters += 1;
                self.send(turn, event, failures, reason);
            }
            Last::Stop => {
                let Site {
                    stage, partition, ..
                } = &self.site;
                let tries = if failures == 1 { "time" } else { "times" };
                self.fail(format!(
                    "stage {stage}, partition {partition}: event {event:?} failed {failures} {tries}, at last: {reason}; \
                     failure.policy = \"dead-letter\" or \"skip\" goes on without such events"
                ));
            }
        }
        Verdict::Undone
    }

    fn send(&mut self, turn: Turn, event: &E, tries: u32, reason: Box<str>) {
        let Some(desk) = &mut self.desk else {
            return;
        };
        desk.send(turn.due, turn.key, *event, tries, reason);
        if desk.has_failed() {
            self.fail("a dead letter cannot be written".into());
        }
    }

    fn fail(&mut self, message: String) {
        self.failure.get_or_insert(TaskError {
            message,
            cause: None,
        });
    }

    /// What happened, for people; nothing if nothing did.
    pub fn notes(&self) -> Option<String> {
        let GuardCounts {
            failures,
            alternates,
            retries,
            skipped,
            dead_letters,
            killers,
        } = self.counts;
        if failures + dead_letters == 0 {
            return None;
        }
        let Site {
            stage, partition, ..
        } = &self.site;
        let mut told = format!("{stage} {partition}: {failures} tries failed");
        for (count, what) in [
            (alternates, "got through by an alternate"),
            (retries, "tried again"),
            (skipped, "skipped"),
            (dead_letters, "set aside as dead letters"),
            (killers, "of these for having killed the process"),
        ] {
            if count > 0 {
                told += &format!(", {count} {what}");
            }
        }
        Some(told)
    }
}
