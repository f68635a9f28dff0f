//! The writer of checkpoints in a simulated run: its thread's loop, as steps of a task.
//!
//! Owned by the simulator. It ends as the thread does: with the run, once no epoch is under way, or once the one that
//! is has been waited for in vain.

use crate::checkpoint::Drain;
use crate::sys::simulated_disk::SimulatedDisk;
use crate::task::{Context, Figures, Progress, Task, TaskError};

/// Steps in which nothing comes, after the tasks have ended, until a part that is late is given up. Other tasks are
/// stepped in between, so that one that will come has come by then.
const LATE_PART_STEPS: u32 = 1_000;

/// The writer, in steps.
pub(super) struct SteppedWriter {
    drain: Drain<SimulatedDisk>,
    quiet_steps: u32,
}

impl SteppedWriter {
    pub(super) fn new(drain: Drain<SimulatedDisk>) -> Self {
        SteppedWriter {
            drain,
            quiet_steps: 0,
        }
    }
}

impl Task for SteppedWriter {
    fn step(&mut self, cx: &mut Context) -> Result<Progress, TaskError> {
        let (moved, _) = self.drain.step();
        if moved {
            self.quiet_steps = 0;
            return Ok(Progress::Worked);
        }
        if cx.stopping {
            self.quiet_steps += 1;
        }
        let ends = cx.stopping && !self.drain.is_under_way();
        if ends || self.drain.is_abandoned() || self.quiet_steps > LATE_PART_STEPS {
            self.drain.leave();
            return Ok(Progress::Done);
        }
        Ok(Progress::Idle(None))
    }

    fn figures(self: Box<Self>) -> Figures {
        Figures::default()
    }
}
