//! The policies that are compared, by name; each compiled into a simulation of its own.

use super::simulate::{Cost, Load, Tally, Watch, simulate};
use crate::cache::{self, Bounds, Policy};
use std::sync::atomic::AtomicBool;

/// Makes the enum of the policies and everything that needs their types.
macro_rules! lineup {
    ($($(#[$doc:meta])* $Name:ident),+ $(,)?) => {
        /// A policy that can be simulated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Contender { $($(#[$doc])* $Name),+ }

        impl Contender {
            /// All of them, in the order of tables.
            pub const ALL: &[Contender] = &[$(Contender::$Name),+];
            /// Their names, in the same order.
            pub const NAMES: &[&str] = &[$(<cache::$Name as Policy>::NAME),+];

            /// As the command line and the files call it.
            pub fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            pub(super) fn simulate(
                self,
                load: Load,
                bounds: Bounds,
                sizes: &impl Cost,
                stop: &AtomicBool,
                watch: &Watch,
            ) -> Option<Tally> {
                match self {
                    $(Contender::$Name => simulate::<cache::$Name>(load, bounds, sizes, stop, watch)),+
                }
            }

            fn metadata_bytes(self, bounds: Bounds) -> u64 {
                match self {
                    $(Contender::$Name => <cache::$Name as Policy>::new(bounds).metadata_bytes()),+
                }
            }
        }
    };
}

lineup! {
    /// First in, first out.
    Fifo,
    /// Least recently used.
    Lru,
    /// Least frequently used.
    Lfu,
    /// Second chance.
    Clock,
    /// A hand that leaves survivors where they are.
    Sieve,
    /// Small, main and ghost queues.
    S3Fifo,
    /// A window, and admission by a sketch of frequencies.
    WTinyLfu,
    /// Two lists that learn from their ghosts.
    Arc,
}

/// One policy in so many is built to know what it takes.
const PROBE: u64 = 64;

impl Contender {
    /// The policy of that name.
    pub fn of_name(name: &str) -> Option<Contender> {
        let at = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self::ALL[at])
    }

    /// About what a simulation within `bounds` takes, bytes: arrays grow in proportion to nodes and capacity, so one
    /// of a 64th is built and asked.
    pub(super) fn memory_bytes(self, bounds: Bounds) -> u64 {
        let probe = Bounds {
            capacity: bounds.capacity.div_ceil(PROBE),
            nodes: bounds.nodes.div_ceil(PROBE as u32),
        };
        self.metadata_bytes(probe) * PROBE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_policies() {
        for contender in Contender::ALL {
            assert_eq!(Contender::of_name(contender.name()), Some(*contender));
        }
        assert_eq!(Contender::of_name("lruu"), None);
    }

    #[test]
    fn the_memory_of_a_simulation_is_known_before_it_starts() {
        let bounds = Bounds {
            capacity: 100_000,
            nodes: 400_000,
        };
        for contender in Contender::ALL {
            let (guess, real) = (
                contender.memory_bytes(bounds),
                contender.metadata_bytes(bounds),
            );
            // Sketches and tables round up to powers of two.
            let name = contender.name();
            assert!(
                guess * 2 >= real && guess <= real * 2,
                "{name}: {guess} for {real}"
            );
        }
    }
}
