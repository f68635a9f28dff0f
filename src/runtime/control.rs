//! Control of a run from outside: questions and orders, answered by the thread that runs the flow.
//!
//! ```text
//!   any thread: ask ─► queue ─► the calling thread, each time it wakes (50 ms at the latest) ─► answer
//! ```
//!
//! The cores see nothing of it but letters and flags. `cli/ctl` puts a socket in front.

use super::balance::Move;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An answer takes 50 ms at the most and the time of a move, or the calling thread is held up by a machine without time for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Request {
    /// How it is.
    Status,
    /// Plan and move now, whatever the patience; also where moving is off.
    Rebalance,
    /// To go on with so many cores.
    Cores {
        /// How many; the first ones.
        cores: usize,
    },
    /// To move one task.
    Move {
        /// Its name.
        task: String,
        /// The core.
        core: usize,
    },
    /// To end as if Ctrl-C had been pressed: what is in flight is answered.
    Stop,
}

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// How it is.
    Status(Status),
    /// Moves that have been ordered; the next status tells where the tasks are.
    Moves {
        /// In words: `aggregate 3: 0 → 1`.
        moves: Vec<String>,
    },
    /// It stops.
    Stopping,
}

/// How a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Since it began, ns.
    pub elapsed_ns: u64,
    /// Whether tasks are moved by themselves.
    pub rebalance: bool,
    /// Largest load of a core over the mean; 1.0 is even.
    pub imbalance: f64,
    /// Moves so far.
    pub moves: u64,
    /// Each core that has been started.
    pub cores: Vec<CoreStatus>,
    /// Each task, in the order of the flow.
    pub tasks: Vec<TaskStatus>,
}

/// How a core is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CoreStatus {
    /// Index.
    pub core: usize,
    /// Whether tasks are placed on it; a core that was taken away sleeps.
    pub in_use: bool,
    /// Tasks on it.
    pub tasks: usize,
    /// Share of its time in rounds that moved something, smoothed.
    pub busy_share: f64,
    /// Sum of the loads of its tasks, smoothed.
    pub load: f64,
}

/// How a task is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// Name.
    pub task: String,
    /// The core that has it; `None`: it has ended.
    pub core: Option<usize>,
    /// Share of a core's time that it takes, smoothed.
    pub load: f64,
    /// Time an event, smoothed, ns; `None` before there was one.
    pub event_ns: Option<f64>,
    /// Events a second, smoothed.
    pub events_per_s: f64,
    /// Events so far.
    pub events: u64,
    /// Messages that wait in its rings.
    pub waiting: u64,
}

/// Why a run does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

type Reply = Sender<Result<Answer, Refusal>>;

/// The way to a run; shared with it through the options.
#[derive(Debug, Default)]
pub struct Control {
    asked: Mutex<Asked>,
    /// Said when the run begins or ends.
    changed: Condvar,
}

/// What is asked, and whether anybody listens.
#[derive(Debug, Default)]
struct Asked {
    queue: VecDeque<(Request, Reply)>,
    phase: Phase,
}

/// Of a run, in the order in which they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// It is being built.
    #[default]
    Before,
    Running,
    Over,
}

impl Control {
    /// Asks the run, and waits for its answer.
    ///
    /// # Errors
    /// It refuses, has not begun, or has ended.
    pub fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        let (reply, answer) = channel();
        {
            let mut asked = self.lock();
            match asked.phase {
                Phase::Before => return Err(Refusal("the run has not begun yet".into())),
                Phase::Over => return Err(Refusal("the run has ended".into())),
                Phase::Running => asked.queue.push_back((request, reply)),
            }
        }
        answer.recv_timeout(ANSWER_WITHIN).unwrap_or_else(|error| {
            Err(Refusal(match error {
                RecvTimeoutError::Disconnected => "the run ended before it answered".into(),
                RecvTimeoutError::Timeout => format!(
                    "no answer within {} s: a move is under way that does not end, or the machine has no time for the run",
                    ANSWER_WITHIN.as_secs()
                ),
            }))
        })
    }

    /// Waits until the run begins; false if it never will.
    pub fn wait_for_start(&self) -> bool {
        let mut asked = self.lock();
        while asked.phase == Phase::Before {
            asked = self
                .changed
                .wait(asked)
                .unwrap_or_else(PoisonError::into_inner);
        }
        asked.phase == Phase::Running
    }

    /// There is no run, or no longer: who waits gets no answer.
    pub fn close(&self) {
        let mut asked = self.lock();
        asked.phase = Phase::Over;
        asked.queue.clear();
        self.changed.notify_all();
    }

    /// Whether there is no run any more.
    pub fn is_over(&self) -> bool {
        self.lock().phase == Phase::Over
    }

    /// The run's thread: it begins.
    pub(super) fn open(&self) {
        self.lock().phase = Phase::Running;
        self.changed.notify_all();
    }

    /// The run's thread: the next that was asked, if the run is `ready` for it. What comes behind it waits as well.
    pub(super) fn next(&self, ready: impl Fn(&Request) -> bool) -> Option<(Request, Reply)> {
        let mut asked = self.lock();
        let is_ready = asked
            .queue
            .front()
            .is_some_and(|(request, _)| ready(request));
        is_ready.then(|| asked.queue.pop_front()).flatten()
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A move for people.
pub(super) fn in_words(step: &Move, name: &str) -> String {
    format!("{name}: core {} → {}", step.from, step.to)
}
