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
use crate::sys::topology::{Confined, cpus_allowed, cpus_in_order};

/// Confines the calling thread, if there is a choice, for as long as what this returns lives.
pub(super) fn near_memory(options: &Options) -> Option<Confined> {
    let allowed = cpus_allowed();
    let mut used = cpus_in_order(&options.cpus);
    used.truncate(options.resolve().cores);
    let node = Cpus::read(&allowed).only_node_of(&used);
    let node = node.filter(|node| options.pin && node.len() > used.len())?;
    Some(Confined::to(&node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_confined_while_it_builds_and_what_it_starts_for_good() {
        let thread = std::thread::spawn(|| {
            let before = cpus_allowed();
            let one = before[0];
            let near = Confined::to(&[one as usize]);
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
        assert!(near_memory(&options).is_none());
    }
}
