//! One run: it recovers if there is something to recover, then changes its state, sends it at barriers as the
//! parts of a flow would, and remembers what it was told.

use crate::explore::check;
use crate::explore::known::{Known, Said};
use crate::explore::state::{self, FlowState, Sent};
use crate::explore::{Begun, Found, Subject};
use millstream::checkpoint::{Piece, Settled, Shape, next_target};
use millstream::sys::random::Random;
use millstream::sys::simulated_disk::{Fault, FaultKind, SimulatedDisk};
use std::collections::VecDeque;

/// Where a run begins.
pub(crate) struct Start<'a> {
    pub(crate) disk: SimulatedDisk,
    pub(crate) shape: &'a Shape,
    /// The runs before it on this disk.
    pub(crate) before: Vec<Known>,
    /// Whether safe bytes were harmed, or reads failed, before.
    pub(crate) harmed: bool,
}

pub(crate) struct Run<'a, S: Subject> {
    subject: &'a S,
    start: Start<'a>,
    random: Random,
    known: Known,
    state: FlowState,
    /// For each part, which of its blocks were ever sent.
    ever: Vec<Vec<bool>>,
}

impl<'a, S: Subject> Run<'a, S> {
    pub(crate) fn new(subject: &'a S, start: Start<'a>, seed: u64) -> Self {
        Run {
            subject,
            random: Random::new(seed),
            known: Known::default(),
            state: state::empty(start.shape),
            ever: vec![Vec::new(); start.shape.parts.len()],
            start,
        }
    }

    pub(crate) fn shape(&self) -> &'a Shape {
        self.start.shape
    }

    /// What is known of it, and of those before it.
    pub(crate) fn known(&self) -> (&Known, &[Known]) {
        (&self.known, &self.start.before)
    }

    /// Goes through the run. An error is a wrong recovery, or a writer that does not do what it should.
    pub(crate) fn go(&mut self) -> Result<(), String> {
        let faulty = self.inject_faults();
        if !self.start.before.is_empty() {
            let recovered = self.subject.recover(&self.start.disk);
            // A read that fails is as a byte that is harmed.
            let harmed = self.start.harmed || faulty;
            if let Ok(Found { state, .. }) = &recovered {
                self.state.clone_from(state);
            }
            let refused = recovered.is_err();
            check::check(recovered, &self.start.before, harmed)?;
            if refused && harmed {
                // Nobody would start afresh over what a failed read hides.
                return Ok(());
            }
        }
        let begun = match self.subject.begin(&self.start.disk, self.start.shape) {
            Ok(begun) => begun,
            Err(_) if faulty => return Ok(()),
            Err(why) => return Err(format!("a run could not begin on a sound disk: {why}")),
        };
        let Begun {
            mut writer,
            run,
            first_epoch,
        } = begun;
        if self.start.before.iter().any(|known| known.run >= run) {
            return Err(format!("the number {run} was given to a run before"));
        }
        self.known.run = run;
        self.known.begun_at = self.start.disk.operations();
        for epoch in first_epoch..=first_epoch + self.random.below(7) {
            self.epoch(&mut writer, epoch)?;
        }
        Ok(())
    }

    /// In one run of three something goes wrong.
    fn inject_faults(&mut self) -> bool {
        if self.random.below(3) > 0 {
            return false;
        }
        for _ in 0..=self.random.below(2) {
            let kind = FaultKind::ALL[self.random.below(FaultKind::ALL.len() as u64) as usize];
            let operation = self.start.disk.operations() + 1 + self.random.below(200);
            let times = 1 + self.random.below(3);
            self.start.disk.inject(Fault {
                kind,
                operation,
                times,
            });
        }
        true
    }

    /// Changes the state and sends it as `epoch`.
    fn epoch(&mut self, writer: &mut S::Writer, epoch: u64) -> Result<(), String> {
        let shape = self.start.shape;
        state::change(&mut self.state, shape, &mut self.random);
        let files = self.subject.files(writer);
        let target = next_target(&files);
        let since = Some(files[usize::from(target)]).filter(|epoch| *epoch > 0);
        let mut queues = self.queues(epoch, since);
        self.known.states.insert(epoch, self.state.clone());
        let operation = self.start.disk.operations();
        self.known.begun.push(Said { operation, epoch });
        let mut settled = None;
        while queues.iter().any(|queue| !queue.is_empty()) {
            let part = self.random.below(queues.len() as u64) as usize;
            let Some(sent) = queues[part].pop_front() else {
                continue;
            };
            let piece = match &sent {
                Queued::Begin => Piece::Begin {
                    epoch,
                    target,
                    since,
                },
                Queued::Sent(sent) => sent.piece(),
            };
            if let Some(now) = self.subject.take(writer, part, piece)
                && settled.replace(now).is_some()
            {
                return Err(format!("epoch {epoch} ended twice"));
            }
        }
        match settled {
            Some(Settled::Durable { epoch: said, .. }) if said == epoch => {
                if self.known.void.contains(&epoch) {
                    return Err(format!(
                        "epoch {epoch} is durable, though a part gave it up"
                    ));
                }
                let operation = self.start.disk.operations();
                self.known.durable.push(Said { operation, epoch });
                Ok(())
            }
            Some(Settled::Aborted { epoch: said, .. }) if said == epoch => {
                self.known.aborted += 1;
                Ok(())
            }
            other => Err(format!("epoch {epoch} was sent, and ended with {other:?}")),
        }
    }

    /// What each part is going to send.
    fn queues(&mut self, epoch: u64, since: Option<u64>) -> Vec<VecDeque<Queued>> {
        let states = &self.known.states;
        let old = since.and_then(|since| states.get(&since));
        let gives_up = match self.random.below(8) {
            0 => Some(self.random.below(self.state.len() as u64) as usize),
            _ => None,
        };
        let mut queues = Vec::new();
        for (part, state) in self.state.iter().enumerate() {
            let ever = &mut self.ever[part];
            ever.resize(ever.len().max(state.blocks.len()), false);
            for (ever, block) in ever.iter_mut().zip(&state.blocks) {
                *ever |= block.iter().any(|byte| *byte != 0);
            }
            let block_bytes = self.start.shape.parts[part].block_bytes;
            let old = old.map(|old| &old[part]);
            let mut sent = state::pieces(state, old, ever, block_bytes, &mut self.random);
            if gives_up == Some(part) {
                sent.truncate(self.random.below(sent.len() as u64) as usize);
                sent.push(Sent::Abort);
            }
            let sent = sent.into_iter().map(Queued::Sent);
            queues.push([Queued::Begin].into_iter().chain(sent).collect());
        }
        if gives_up.is_some() {
            self.known.void.insert(epoch);
        }
        queues
    }
}

/// What waits to be sent.
enum Queued {
    Begin,
    Sent(Sent),
}
