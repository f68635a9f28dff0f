//! Memory near the cores: on a machine with several nodes, tables are made on the node that the run uses.
//!
//! Linux takes a page from the node of the thread that touches it first. Tables are touched by the thread that
//! builds the flow and by the helper that it starts (`state/growth.rs`), not by the cores. So while it
//! builds, that thread is confined to the node of the cores; what it starts inherits this.
//!
//! Only where all cores lie on one node, which is how CPUs are ordered as long as there is room, and that node has
//! a CPU to spare for the helper. A run over several nodes has its memory wherever it was touched.

use super::options::Options;
use crate::sys::cpus::Cpus;
use crate::sys::topology::{confine_current_thread, cpus_allowed, cpus_in_order};

/// While it lives, the thread that made it is confined; then it may go where it could before.
pub(super) struct NearMemory {
    before: Vec<usize>,
}

impl NearMemory {
    /// Confines the calling thread to the node of the run's cores, if there is a choice.
    pub(super) fn of(options: &Options) -> Option<Self> {
        let allowed = cpus_allowed();
        let mut used = cpus_in_order(&options.cpus);
        used.truncate(options.resolve().cores);
        let node = Cpus::read(&allowed).only_node_of(&used);
        let node = node.filter(|node| options.pin && node.len() > used.len())?;
        Some(NearMemory::on(&node, &allowed))
    }

    fn on(node: &[usize], allowed: &[u32]) -> Self {
        confine_current_thread(node);
        NearMemory {
            before: allowed.iter().map(|cpu| *cpu as usize).collect(),
        }
    }
}

impl Drop for NearMemory {
    fn drop(&mut self) {
        confine_current_thread(&self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_confined_while_it_builds_and_what_it_starts_for_good() {
        let thread = std::thread::spawn(|| {
            let before = cpus_allowed();
            let one = before[0];
            let near = NearMemory::on(&[one as usize], &before);
            assert_eq!(cpus_allowed(), [one]);
            let helper = std::thread::spawn(cpus_allowed);
            drop(near);
            assert_eq!(cpus_allowed(), before);
            assert_eq!(helper.join().unwrap(), [one]);
        });
        thread.join().unwrap();
    }

    #[test]
    fn a_run_that_is_not_pinned_is_left_alone() {
        let options = Options {
            pin: false,
            ..Options::default()
        };
        assert!(NearMemory::of(&options).is_none());
    }
}
