//! One run: it recovers if there is something to recover, then changes its state, sends it at barriers as the
//! parts of a flow would, and remembers what it was told.

use crate::explore::check;
use crate::explore::known::{Known, Said};
use crate::explore::state::{self, FlowState, Sent};
use crate::explore::{Found, Subject};
use millstream::checkpoint::{Piece, ROTATION, Settled, Shape};
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
    /// The epoch in each rotation file, where it is whole.
    held: [Option<u64>; ROTATION],
}

impl<'a, S: Subject> Run<'a, S> {
    pub(crate) fn new(subject: &'a S, start: Start<'a>, seed: u64) -> Self {
        Run {
            subject,
            random: Random::new(seed),
            known: Known::default(),
            state: state::empty(start.shape),
            ever: vec![Vec::new(); start.shape.parts.len()],
            held: [None; ROTATION],
            start,
        }
    }

    pub(crate) fn shape(&self) -> &'a Shape {
        self.start.shape
    }

    /// All runs so far, this one last; without it if it did not get to begin.
    pub(crate) fn known(&self) -> Vec<Known> {
        let mut runs = self.start.before.clone();
        runs.extend((self.known.run > 0).then(|| self.known.clone()));
        runs
    }

    /// Goes through the run. An error is a wrong recovery, or a writer that does not do what it should.
    pub(crate) fn go(&mut self) -> Result<(), String> {
        let faulty = self.inject_faults();
        let mut found = None;
        if !self.start.before.is_empty() {
            let recovered = self.subject.recover(&self.start.disk);
            found = recovered.as_ref().ok().map(|found| (found.run, found.epoch));
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
        let Ok((mut writer, run)) = self.subject.begin(&self.start.disk, self.start.shape) else {
            return if faulty {
                Ok(())
            } else {
                Err("a run could not begin on a sound disk".into())
            };
        };
        if self.start.before.iter().any(|known| known.run >= run) {
            return Err(format!("the number {run} was given to a run before"));
        }
        self.known.run = run;
        let mut removed = false;
        let first = found.map_or(1, |(_, epoch)| epoch + 1);
        for epoch in first..first + 1 + self.random.below(7) {
            let settled = self.epoch(&mut writer, epoch)?;
            if settled && found.is_some() && !removed {
                self.subject.remove_older(&mut writer);
                removed = true;
            }
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

    /// Changes the state and sends it as `epoch`; whether it was durable.
    fn epoch(&mut self, writer: &mut S::Writer, epoch: u64) -> Result<bool, String> {
        let shape = self.start.shape;
        state::change(&mut self.state, shape, &mut self.random);
        let target = self.target();
        let since = self.held[target];
        let mut queues = self.queues(epoch, target as u8, since);
        self.known.states.insert(epoch, self.state.clone());
        let operation = self.start.disk.operations();
        self.known.begun.push(Said { operation, epoch });
        self.held[target] = None;
        let mut settled = None;
        while queues.iter().any(|queue| !queue.is_empty()) {
            let part = self.random.below(queues.len() as u64) as usize;
            let Some(sent) = queues[part].pop_front() else {
                continue;
            };
            let piece = match &sent {
                Queued::Begin => Piece::Begin {
                    epoch,
                    target: target as u8,
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
                    return Err(format!("epoch {epoch} is durable, though a part gave it up"));
                }
                let operation = self.start.disk.operations();
                self.known.durable.push(Said { operation, epoch });
                self.held[target] = Some(epoch);
                Ok(true)
            }
            Some(Settled::Aborted { epoch: said, .. }) if said == epoch => {
                self.known.aborted += 1;
                // The next one is written in full.
                self.held = [None; ROTATION];
                Ok(false)
            }
            other => Err(format!("epoch {epoch} was sent, and ended with {other:?}")),
        }
    }
}
