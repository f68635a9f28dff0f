//! What the engine takes from the machine and from people's text: clock, memory, numbers with units,
//! randomness, the shape of the machine and what on it will hurt the tail.
pub mod clock;
pub mod cpus;
pub mod disk;
pub mod kill_point;
pub mod machine;
pub mod mapping;
pub mod memory;
pub mod nearest;
pub mod procfs;
pub mod quantity;
pub mod random;
pub mod rate;
pub mod real_disk;
pub mod simulated_disk;
pub(crate) mod sync;
pub mod thread_tag;
pub mod topology;
