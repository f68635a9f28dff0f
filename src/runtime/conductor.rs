//! The conductor: watches what tasks cost, and says which core has which.
//!
//! Lives on the calling thread, beside the cores. Reads the meters each time it wakes, smooths them, asks the
//! balancer, and lays letters on desks. It knows where each task *should* be; the meter's `home` says where it is.
//!
//! Invariant: a task has at most one order that is not carried out: nothing is planned while one is under way.

use super::balance::{BalanceOptions, Balancer, Move, TaskLoad, plan_moves};
use super::chronicle::Chronicle;
use super::control::{Answer, CoreStatus, Refusal, Request, Status, TaskStatus, in_words};
use super::core::Shared;
use super::meter::ENDED;
use super::reading::{Reading, even_out, weight};
use super::transfer::Letter;
use crate::sys::nearest::nearest;
use std::sync::atomic::{AtomicBool, Ordering};

/// Readings closer together than this are left to the next, ns.
const READ_EVERY_NS: u64 = 20_000_000;

/// Why a task was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveReason {
    /// The load was uneven.
    Balance,
    /// Somebody asked for it.
    Asked,
    /// Its core was taken away, or another added.
    Cores,
}

impl MoveReason {
    /// As reports call it.
    pub fn word(self) -> &'static str {
        match self {
            MoveReason::Balance => "balance",
            MoveReason::Asked => "asked",
            MoveReason::Cores => "cores",
        }
    }
}

/// A move that was ordered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ordered {
    pub(super) step: Move,
    pub(super) reason: MoveReason,
}

/// See the file's header.
pub(super) struct Conductor<'a> {
    shared: &'a Shared,
    names: &'a [String],
    options: BalanceOptions,
    balancer: Balancer,
    /// Cores in use: the first so many.
    cores: usize,
    tasks: Vec<Reading>,
    busy: Vec<Reading>,
    /// Where each task should be.
    wanted: Vec<usize>,
    start_ns: u64,
    read_ns: Option<u64>,
    pub(super) ordered: Vec<Ordered>,
    pub(super) chronicle: Chronicle,
}

impl<'a> Conductor<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        names: &'a [String],
        cores: usize,
        options: BalanceOptions,
        now_ns: u64,
    ) -> Self {
        Conductor {
            shared,
            names,
            options,
            balancer: Balancer::new(options),
            cores,
            tasks: vec![Reading::default(); names.len()],
            busy: vec![Reading::default(); shared.cores.len()],
            wanted: shared.tasks.iter().map(|meter| meter.home()).collect(),
            start_ns: now_ns,
            read_ns: None,
            ordered: Vec::new(),
            chronicle: Chronicle::new(now_ns, &shared.tasks, shared.cores.len()),
        }
    }

    /// Reads the meters, and moves tasks if it is time.
    pub(super) fn look(&mut self, now_ns: u64) {
        let spent_ns = now_ns - self.read_ns.unwrap_or(self.start_ns);
        if spent_ns < READ_EVERY_NS {
            return;
        }
        let weight = match self.read_ns {
            None => 1.0,
            Some(_) => weight(spent_ns as f64),
        };
        self.read_ns = Some(now_ns);
        for (reading, meter) in self.tasks.iter_mut().zip(&self.shared.tasks) {
            let gauge = meter.gauge();
            reading.waiting = gauge.waiting;
            reading.take(meter.busy_ns(), gauge.events, spent_ns as f64, weight);
        }
        for (reading, meter) in self.busy.iter_mut().zip(&self.shared.cores) {
            reading.take(meter.busy_ns(), 0, spent_ns as f64, weight);
        }
        let homes: Vec<usize> = self.shared.tasks.iter().map(|meter| meter.home()).collect();
        even_out(&mut self.tasks, homes.into_iter(), &self.busy);
        self.chronicle
            .take(now_ns, &self.shared.tasks, &self.shared.cores);
        if self.is_moving() {
            return;
        }
        let moves = self.balancer.look(now_ns, &self.loads(), self.cores);
        self.order(&moves, MoveReason::Balance);
    }

    /// Whether an order is under way.
    fn is_moving(&self) -> bool {
        let meters = self.shared.tasks.iter().zip(&self.wanted);
        let mut homes = meters.map(|(meter, wanted)| (meter.home(), *wanted));
        homes.any(|(home, wanted)| home != wanted && home != ENDED)
    }

    /// Of the tasks that go on, where they should be.
    fn loads(&self) -> Vec<TaskLoad> {
        let all = self.tasks.iter().zip(&self.wanted).enumerate();
        all.filter(|(task, _)| self.shared.tasks[*task].home() != ENDED)
            .map(|(task, (reading, &core))| TaskLoad {
                task,
                core,
                load: reading.load,
            })
            .collect()
    }

    fn order(&mut self, moves: &[Move], reason: MoveReason) {
        for step in moves {
            self.wanted[step.task] = step.to;
            self.ordered.push(Ordered {
                step: *step,
                reason,
            });
            let give = Letter::Give {
                task: step.task,
                to: step.to,
            };
            self.shared.send(step.from, give);
        }
    }

    /// Whether `request` can be answered now: what moves tasks waits while one is on its way.
    pub(super) fn is_ready_for(&self, request: &Request) -> bool {
        matches!(request, Request::Status | Request::Stop) || !self.is_moving()
    }

    /// Answers what the run was asked, which it is ready for; `start` starts the cores up to a number.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        stop: &AtomicBool,
        start: &mut dyn FnMut(usize) -> Result<(), String>,
        now_ns: u64,
    ) -> Result<Answer, Refusal> {
        match request {
            Request::Status => Ok(Answer::Status(self.status(now_ns))),
            Request::Stop => {
                stop.store(true, Ordering::Relaxed);
                Ok(Answer::Stopping)
            }
            Request::Rebalance => {
                let moves = plan_moves(&self.loads(), self.cores, self.options.threshold);
                Ok(self.carry_out(&moves, MoveReason::Asked))
            }
            Request::Cores { cores } => {
                let most = self.shared.cores.len();
                if !(1..=most).contains(cores) {
                    return Err(Refusal(format!(
                        "{cores} cores cannot be had: 1 to {most}, one for each CPU that the process may use"
                    )));
                }
                start(*cores).map_err(Refusal)?;
                self.cores = *cores;
                let moves = plan_moves(&self.loads(), *cores, self.options.threshold);
                Ok(self.carry_out(&moves, MoveReason::Cores))
            }
            Request::Move { task, core } => {
                let step = self.step(task, *core)?;
                let moves: Vec<Move> = step.into_iter().collect();
                Ok(self.carry_out(&moves, MoveReason::Asked))
            }
        }
    }

    fn carry_out(&mut self, moves: &[Move], reason: MoveReason) -> Answer {
        self.order(moves, reason);
        let words = moves
            .iter()
            .map(|step| in_words(step, &self.names[step.task]));
        Answer::Moves {
            moves: words.collect(),
        }
    }

    /// The move of the task of that name; `None` where it is there already.
    fn step(&self, name: &str, to: usize) -> Result<Option<Move>, Refusal> {
        let Some(task) = self.names.iter().position(|other| other == name) else {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let meant = nearest(name, &known).map_or_else(
                || "`status` lists all".to_owned(),
                |near| format!("did you mean {near:?}?"),
            );
            return Err(Refusal(format!("there is no task {name:?}; {meant}")));
        };
        if to >= self.cores {
            return Err(Refusal(format!(
                "core {to} is not in use: 0 to {}, and `cores N` changes how many there are",
                self.cores - 1
            )));
        }
        let from = self.shared.tasks[task].home();
        if from == ENDED {
            return Err(Refusal(format!("task {name:?} has ended")));
        }
        Ok((from != to).then_some(Move { task, from, to }))
    }

    fn status(&self, now_ns: u64) -> Status {
        let homes: Vec<usize> = self.shared.tasks.iter().map(|task| task.home()).collect();
        let on = |core: usize| homes.iter().enumerate().filter(move |home| *home.1 == core);
        let started = self.shared.sleepers.started();
        let cores: Vec<CoreStatus> = (0..started)
            .map(|core| CoreStatus {
                core,
                in_use: core < self.cores,
                tasks: on(core).count(),
                busy_share: self.busy[core].load,
                load: on(core).fold(0.0, |sum, (task, _)| sum + self.tasks[task].load),
            })
            .collect();
        let most = cores.iter().map(|core| core.load).fold(0.0, f64::max);
        let mean = cores.iter().map(|core| core.load).sum::<f64>() / self.cores as f64;
        let tasks = self.names.iter().zip(&self.tasks).zip(&homes);
        let tasks = tasks.map(|((name, reading), &home)| TaskStatus {
            task: name.clone(),
            core: (home != ENDED).then_some(home),
            load: reading.load,
            event_ns: (reading.events_per_s > 0.0)
                .then(|| reading.load * 1e9 / reading.events_per_s),
            events_per_s: reading.events_per_s,
            events: reading.events,
            waiting: reading.waiting,
        });
        Status {
            elapsed_ns: now_ns - self.start_ns,
            rebalance: self.options.on,
            imbalance: if mean > 0.0 { most / mean } else { 1.0 },
            moves: self.ordered.len() as u64,
            tasks: tasks.collect(),
            cores,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::idle::Sleepers;
    use super::super::meter::{CoreMeter, TaskMeter};
    use super::super::transfer::Desk;
    use super::*;
    use crate::task::Gauge;
    use std::sync::atomic::AtomicUsize;

    const MS: u64 = 1_000_000;

    fn shared(homes: &[usize], cores: usize) -> Shared {
        let (sleepers, _) = Sleepers::new(cores);
        Shared {
            failed: AtomicBool::new(false),
            alive: AtomicUsize::new(homes.len()),
            sleepers,
            desks: (0..cores).map(|_| Desk::new()).collect(),
            cores: (0..cores).map(|_| CoreMeter::default()).collect(),
            tasks: homes.iter().map(|home| TaskMeter::new(*home)).collect(),
        }
    }

    /// Lets 50 ms pass in which each task is busy for so many ms and takes a thousand events.
    fn pass(shared: &Shared, busy_ms: &[u64], now_ns: &mut u64) {
        *now_ns += 50 * MS;
        for (meter, busy_ms) in shared.tasks.iter().zip(busy_ms) {
            meter.add(busy_ms * MS);
            let events = meter.gauge().events + 1_000;
            meter.show(Gauge { events, waiting: 3 });
            if let Some(core) = shared.cores.get(meter.home()) {
                core.show(core.busy_ns() + busy_ms * MS);
            }
        }
    }

    /// Carries out what lies on the desks, as cores would.
    fn carry_out(shared: &Shared) -> usize {
        let letters = shared.desks.iter().flat_map(Desk::take);
        let moves = letters.map(|letter| match letter {
            Letter::Give { task, to } => shared.tasks[task].set_home(to),
            Letter::Take(_) => panic!("only cores hand tasks over"),
        });
        moves.count()
    }

    #[test]
    fn an_uneven_load_is_evened_out_once_and_told() {
        let shared = shared(&[0, 0, 0, 0], 2);
        let names: Vec<String> = (0..4).map(|task| format!("task {task}")).collect();
        let mut now_ns = 0;
        let options = BalanceOptions::default();
        let mut conductor = Conductor::new(&shared, &names, 2, options, now_ns);
        let busy_ms = [12, 12, 12, 12];
        let mut moved = Vec::new();
        for look in 0..400 {
            pass(&shared, &busy_ms, &mut now_ns);
            conductor.look(now_ns);
            let moves = carry_out(&shared);
            if moves > 0 {
                moved.push((look, moves));
            }
        }
        assert_eq!(
            moved,
            [(2, 2)],
            "after a fifth of patience, two of four tasks"
        );
        let status = conductor.status(now_ns);
        assert_eq!(status.moves, 2);
        assert!((status.imbalance - 1.0).abs() < 0.01, "{status:?}");
        for task in &status.tasks {
            assert!((task.load - 0.24).abs() < 0.001, "{task:?}");
            assert!((task.event_ns.unwrap_or_default() - 12_000.0).abs() < 10.0);
            assert!((task.events_per_s - 20_000.0).abs() < 10.0);
            assert_eq!(task.waiting, 3);
        }
    }

    #[test]
    fn orders_wait_while_a_move_is_under_way_and_none_is_for_a_task_that_has_ended() {
        let shared = shared(&[0, 0], 2);
        let names = ["a".to_owned(), "b".to_owned()];
        let mut conductor = Conductor::new(&shared, &names, 2, BalanceOptions::default(), 0);
        let stop = AtomicBool::new(false);
        let to_1 = |task: &str| Request::Move {
            task: task.into(),
            core: 1,
        };
        assert!(conductor.is_ready_for(&to_1("a")));
        let answer = conductor.answer(&to_1("a"), &stop, &mut |_| Ok(()), 0);
        assert!(answer.is_ok());
        assert!(
            !conductor.is_ready_for(&to_1("b")),
            "the first is under way"
        );
        assert!(conductor.is_ready_for(&Request::Status));
        shared.tasks[0].set_home(ENDED);
        assert!(conductor.is_ready_for(&to_1("b")), "it never arrives");
        let mut ask = |request: Request| conductor.answer(&request, &stop, &mut |_| Ok(()), 0);
        let refused = ask(to_1("a")).expect_err("it has ended");
        assert!(refused.0.contains("has ended"), "{refused}");
        assert!(ask(to_1("b")).is_ok());
        assert!(ask(Request::Stop).is_ok() && stop.load(Ordering::Relaxed));
    }

    #[test]
    fn a_core_that_is_taken_away_is_emptied() {
        let shared = shared(&[0, 1, 1], 2);
        let names: Vec<String> = (0..3).map(|task| format!("task {task}")).collect();
        let mut conductor = Conductor::new(&shared, &names, 2, BalanceOptions::default(), 0);
        let stop = AtomicBool::new(false);
        let cores = Request::Cores { cores: 1 };
        let answer = conductor.answer(&cores, &stop, &mut |_| Ok(()), 0);
        assert!(matches!(answer, Ok(Answer::Moves { moves }) if moves.len() == 2));
        assert_eq!(carry_out(&shared), 2);
        let status = conductor.status(0);
        assert!(status.tasks.iter().all(|task| task.core == Some(0)));
        assert!(!status.cores[1].in_use && status.cores[0].in_use);
    }
}
