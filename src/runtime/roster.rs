//! The roster of a core: the tasks it has now, in the order of the plan, and whose turn it is.
//!
//! Owned by the core's thread; the simulator has one for each of its virtual cores. Tasks come and go between two
//! steps, in the middle of a round:
//!
//! ```text
//!   turns:   those that have just come, since they have waited; then seat by seat from where the round is
//!   leaving: marked by a letter, gone after the step that follows
//! ```
//!
//! Invariant: seats stand in the order of their index, so that one round moves an event as far as it can.

use super::transfer::{Desk, Letter};
use crate::task::Task;

/// A task on a core, and its place in the plan.
pub(super) struct Seat {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) task: Box<dyn Task>,
    /// Where it goes after its next step.
    leaving_to: Option<usize>,
    /// Where it comes from, until its first step here.
    pub(super) left: Option<Left>,
}

/// The last step of a task on the core it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) core: usize,
    /// When that step ended, ns of the run's clock.
    pub(super) at_ns: u64,
}

impl Seat {
    pub(super) fn new(index: usize, name: String, task: Box<dyn Task>) -> Self {
        Seat {
            index,
            name,
            task,
            leaving_to: None,
            left: None,
        }
    }
}

/// The tasks of a core.
#[derive(Default)]
pub(super) struct Roster {
    seats: Vec<Seat>,
    /// The next place of the round.
    next: usize,
    /// The place whose turn it is or was last.
    at: usize,
    /// Indexes of those that have come and have had no step.
    arrived: Vec<usize>,
}

impl Roster {
    pub(super) fn new(mut seats: Vec<Seat>) -> Self {
        seats.sort_by_key(|seat| seat.index);
        Roster {
            seats,
            ..Roster::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Takes what lies on the desk: tasks in, and marks those that are to go. Whether a task came.
    #[cold]
    pub(super) fn read(&mut self, desk: &Desk<Seat>) -> bool {
        let mut came = false;
        for letter in desk.take() {
            match letter {
                Letter::Give { task, to } => {
                    if let Some(place) = self.place(task) {
                        self.seats[place].leaving_to = Some(to);
                    }
                }
                Letter::Take(seat) => {
                    came = true;
                    self.arrived.push(seat.index);
                    let place = self.seats.partition_point(|other| other.index < seat.index);
                    self.next += usize::from(place < self.next);
                    self.seats.insert(place, seat);
                }
            }
        }
        came
    }

    /// Starts a round.
    pub(super) fn begin(&mut self) {
        self.next = 0;
    }

    /// Whose turn it is; `None`: the round is over.
    #[inline]
    pub(super) fn turn(&mut self) -> Option<&mut Seat> {
        if !self.arrived.is_empty() {
            let index = self.arrived.remove(0);
            self.at = self.place(index)?;
        } else {
            self.at = self.next;
            self.next += usize::from(self.next < self.seats.len());
        }
        self.seats.get_mut(self.at)
    }

    /// After the step of whose turn it was: the seat and where it goes, if it goes.
    #[inline]
    pub(super) fn leave(&mut self) -> Option<(Seat, usize)> {
        let to = self.seats.get_mut(self.at)?.leaving_to.take()?;
        Some((self.remove()?, to))
    }

    /// Takes out whose turn it was.
    pub(super) fn remove(&mut self) -> Option<Seat> {
        if self.at >= self.seats.len() {
            return None;
        }
        self.next -= usize::from(self.at < self.next);
        Some(self.seats.remove(self.at))
    }

    /// Whose turn it was last, for the report of a failure.
    pub(super) fn last(&self) -> Option<&Seat> {
        self.seats.get(self.at)
    }

    pub(super) fn into_seats(self) -> Vec<Seat> {
        self.seats
    }

    /// Makes it the turn of task `index`; `None` if it is not here.
    pub(super) fn turn_of(&mut self, index: usize) -> Option<&mut Seat> {
        self.at = self.place(index)?;
        self.arrived.retain(|arrived| *arrived != index);
        self.seats.get_mut(self.at)
    }

    fn place(&self, index: usize) -> Option<usize> {
        self.seats
            .binary_search_by_key(&index, |seat| seat.index)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Context, Figures, Progress, TaskError};

    struct Nothing;

    impl Task for Nothing {
        fn step(&mut self, _: &mut Context) -> Result<Progress, TaskError> {
            Ok(Progress::Idle(None))
        }

        fn figures(self: Box<Self>) -> Figures {
            Figures::default()
        }
    }

    fn seat(index: usize) -> Seat {
        Seat::new(index, format!("task {index}"), Box::new(Nothing))
    }

    fn roster(indexes: &[usize]) -> Roster {
        Roster::new(indexes.iter().map(|index| seat(*index)).collect())
    }

    fn turns(roster: &mut Roster) -> Vec<usize> {
        let mut turns = Vec::new();
        while let Some(seat) = roster.turn() {
            turns.push(seat.index);
        }
        turns
    }

    #[test]
    fn a_round_visits_each_task_once_in_the_order_of_the_plan() {
        let mut roster = roster(&[5, 1, 3]);
        for _ in 0..2 {
            roster.begin();
            assert_eq!(turns(&mut roster), [1, 3, 5]);
        }
    }

    #[test]
    fn who_comes_in_the_middle_of_a_round_is_next_and_nobody_is_passed_over() {
        for (newcomer, expected) in [
            (0, vec![1, 0, 3, 5]),
            (2, vec![1, 2, 2, 3, 5]),
            (9, vec![1, 9, 3, 5, 9]),
        ] {
            let (mut roster, desk) = (roster(&[1, 3, 5]), Desk::new());
            roster.begin();
            let mut seen = vec![roster.turn().expect("a task").index];
            desk.put(Letter::Take(seat(newcomer)));
            assert!(desk.has_letters() && roster.read(&desk) && !desk.has_letters());
            seen.extend(turns(&mut roster));
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn who_is_to_go_has_one_more_step_and_is_gone() {
        let (mut roster, desk) = (roster(&[1, 3, 5]), Desk::new());
        desk.put(Letter::Give { task: 3, to: 7 });
        desk.put(Letter::Give { task: 4, to: 7 }); // not here: void
        assert!(!roster.read(&desk));
        roster.begin();
        let mut seen = Vec::new();
        let mut gone = Vec::new();
        while let Some(seat) = roster.turn() {
            seen.push(seat.index);
            gone.extend(roster.leave().map(|(seat, to)| (seat.index, to)));
        }
        assert_eq!((seen, gone), (vec![1, 3, 5], vec![(3, 7)]));
        roster.begin();
        assert_eq!(turns(&mut roster), [1, 5]);
    }

    #[test]
    fn a_task_that_goes_and_comes_back_is_there_once() {
        let (mut roster, desk) = (roster(&[1, 3]), Desk::new());
        desk.put(Letter::Give { task: 1, to: 0 });
        roster.read(&desk);
        roster.begin();
        roster.turn();
        let (seat, to) = roster.leave().expect("it goes");
        assert_eq!(to, 0);
        desk.put(Letter::Take(seat));
        roster.read(&desk);
        // At once, since it has waited, and in its place as always.
        assert_eq!(turns(&mut roster), [1, 1, 3]);
        assert!(roster.leave().is_none(), "it was told to go once");
    }
}
