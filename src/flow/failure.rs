//! What a run has for events that fail: the post for their letters, the page of what each task is at.
//!
//! ```text
//!   operator is a recovery block        its guard is equipped
//!   options say what to do on failure   the operator is put into a recovery block, without alternates
//!   neither                             nothing: the stage has no code for it
//! ```

use super::options::Options;
use super::plan::{FlowError, Plan};
use crate::event::Event;
use crate::failure::{
    Desk, Drill, EventLetter, EventTime, Form, Killers, Last, Policy, Post, PostThread, RawEvent,
    Site,
};
use crate::operator::{Operator, StageName};
use crate::source::trace::native::{ClickRecord, KeyedRecord, NativeRecord};
use std::any::{Any, TypeId};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What is done about events at which an operator fails. By default nothing: a panic ends the run.
#[derive(Clone, Debug, Default)]
pub struct FailureOptions {
    /// For every keyed stage that is not told otherwise by a recovery block of its own; `None` leaves them
    /// as they are, without any cost.
    pub policy: Option<Policy>,
    /// The dead-letter file, appended to.
    pub dead_letter: Option<PathBuf>,
    /// Directory in which it is kept, across restarts, at which event the process died; `None`: it is not.
    pub killer_dir: Option<PathBuf>,
    /// Has events of the first keyed stage fail on purpose.
    pub drill: Option<Drill>,
    /// A step of a task that lasts longer ends the process, ns; 0: it may last.
    pub step_deadline_ns: u64,
}

impl FailureOptions {
    /// Whether stages are guarded that do not ask for it.
    fn guards(&self) -> bool {
        self.policy.is_some() || self.killer_dir.is_some() || self.drill.is_some()
    }
}

/// The post and the page of a plan.
pub(super) struct Failures {
    post: Post,
    used: bool,
    killers: Option<Killers>,
    /// The letters of a simulation.
    pub(super) letters: Arc<Mutex<Vec<EventLetter>>>,
    simulated: bool,
}

impl Failures {
    pub(super) fn new(options: &Options, simulated: bool) -> Result<Self, FlowError> {
        let letters = Arc::<Mutex<Vec<EventLetter>>>::default();
        let failure = &options.failure;
        let post = match &failure.dead_letter {
            Some(path) if !simulated => Post::to_file(path),
            _ => Post::to_memory(letters.clone()),
        };
        let killers = match &failure.killer_dir {
            Some(dir) if !simulated => {
                let opened = Killers::open(dir).map_err(|source| FlowError::KillerPage {
                    dir: dir.clone(),
                    source,
                })?;
                Some(opened)
            }
            _ => None,
        };
        Ok(Failures {
            post,
            used: false,
            killers,
            letters,
            simulated,
        })
    }

    /// The post, if it is to write letters to a file.
    pub(super) fn post(&mut self) -> Option<&mut Post> {
        (self.used && !self.simulated).then_some(&mut self.post)
    }

    /// Starts to write letters, if any can come.
    pub(super) fn start(self) -> Result<FailuresRun, FlowError> {
        let thread = if self.used && !self.simulated {
            Some(self.post.start().map_err(FlowError::Helper)?)
        } else {
            None
        };
        Ok(FailuresRun {
            thread,
            killers: self.killers,
        })
    }
}

/// The same while the run goes on.
pub(super) struct FailuresRun {
    thread: Option<PostThread>,
    killers: Option<Killers>,
}

impl FailuresRun {
    /// After the run; `complete`: the stream came to its end.
    pub(super) fn end(self, complete: bool) -> Result<(), FlowError> {
        if let Some(thread) = self.thread {
            thread.finish()?;
        }
        if let Some(mut killers) = self.killers.filter(|_| complete) {
            // What is left on the list costs a look at more events the next time, no more.
            let _ = killers.acquit();
        }
        Ok(())
    }
}

/// Whether the stage of `Op` is to be put into a recovery block.
pub(super) fn wants_block<Op: Operator>(options: &Options) -> bool {
    !Op::GUARDED && options.failure.guards()
}

/// Gives the guard of `operator` what the run has for it.
pub(super) fn equip<Op: Operator>(
    operator: &mut Op,
    name: &StageName,
    event_time_ns: Option<EventTime<Op::In>>,
    plan: &mut Plan,
) -> Result<(), FlowError> {
    let failure = plan.options.failure.clone();
    let Some(guard) = operator.guard() else {
        return Ok(());
    };
    if let Some(policy) = failure.policy {
        guard.default_policy(policy);
    }
    let site = Site {
        stage: name.name.clone(),
        stage_index: name.stage_index,
        partition: name.partition,
    };
    let failures = &mut plan.failures;
    let may_write = guard.policy().last() == Last::DeadLetter || failures.killers.is_some();
    let desk = if may_write {
        if failure.dead_letter.is_none() && !failures.simulated {
            return Err(FlowError::NoDeadLetterFile { stage: site.stage });
        }
        let form = Form {
            site: site.clone(),
            event_time_ns,
            raw: guard.raw.or_else(record_of::<Op::In>),
        };
        failures.used = true;
        Some(failures.post.desk(form)) as Option<Desk<Op::In>>
    } else {
        None
    };
    let at = failures
        .killers
        .as_mut()
        .map_or((None, Vec::new()), |killers| killers.task(&site));
    let drill = failure.drill.filter(|_| name.stage_index == 1);
    guard.equip(site, desk, at, drill);
    Ok(())
}

/// How an event that is a record of native traces is written down.
fn record_of<E: Event>() -> Option<fn(&E) -> RawEvent> {
    fn raw<E: Event>(event: &E) -> RawEvent {
        let event: &dyn Any = event;
        let keyed = event.downcast_ref::<KeyedRecord>().map(raw_record);
        let clicks = || event.downcast_ref::<ClickRecord>().map(raw_record);
        keyed.or_else(clicks).expect("asked for these types alone")
    }
    let of = TypeId::of::<E>();
    let known = of == TypeId::of::<KeyedRecord>() || of == TypeId::of::<ClickRecord>();
    known.then_some(raw::<E>)
}

/// A record of native traces, as it is written down in a letter that can be replayed.
pub fn raw_record<R: NativeRecord>(record: &R) -> RawEvent {
    RawEvent {
        layout: R::LAYOUT.name(),
        bytes: bytemuck::bytes_of(record).to_vec(),
    }
}
