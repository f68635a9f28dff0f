//! Tasks that are alike: of equal load, and linked alike to all others.
//!
//! Exchanging two of them changes no core's load, so a placement is known by how many of each kind a core
//! has. What `exact.rs` goes through is then counts, and not tasks: partitions of one stage, whose loads are
//! estimated alike, are one kind however many there are.

use super::model::Problem;

/// Tasks by kind.
#[derive(Debug)]
pub(super) struct Kinds {
    /// The tasks of each kind, rising.
    pub(super) members: Vec<Vec<usize>>,
}

impl Kinds {
    /// The kinds of a problem; `None` when `too_many` says so of their sizes, asked each time a task is added.
    /// Since kinds only grow, a refusal comes before there is much to compare with.
    pub(super) fn of(
        problem: &Problem<'_>,
        crossings: &[f64],
        too_many: impl Fn(&[Vec<usize>]) -> bool,
    ) -> Option<Self> {
        let mut members: Vec<Vec<usize>> = Vec::new();
        for task in 0..problem.tasks.len() {
            let alike = |kind: &&mut Vec<usize>| are_alike(problem, crossings, kind[0], task);
            match members.iter_mut().find(alike) {
                Some(kind) => kind.push(task),
                None => members.push(vec![task]),
            }
            if too_many(&members) {
                return None;
            }
        }
        Some(Kinds { members })
    }

    /// The placement that gives each core so many of each kind.
    pub(super) fn placed(&self, tasks: usize, counts_of_cores: &[Vec<usize>]) -> Vec<usize> {
        let (mut placed, mut given) = (vec![0; tasks], vec![0; self.members.len()]);
        for (core, counts) in counts_of_cores.iter().enumerate() {
            for (kind, &count) in counts.iter().enumerate() {
                for &task in &self.members[kind][given[kind]..given[kind] + count] {
                    placed[task] = core;
                }
                given[kind] += count;
            }
        }
        placed
    }
}

/// This is an equivalence: if `a`, `b` and `b`, `c` are alike, then `a–b`, `b–c` and `a–c` cross alike too.
fn are_alike(problem: &Problem<'_>, crossings: &[f64], a: usize, b: usize) -> bool {
    let count = problem.tasks.len();
    let row = |task: usize| &crossings[task * count..(task + 1) * count];
    problem.tasks[a].load_ns == problem.tasks[b].load_ns
        && (0..count)
            .filter(|&other| other != a && other != b)
            .all(|other| row(a)[other] == row(b)[other])
}
