//! What `perf` sampled: how often each address was found on a core of the engine.
//!
//! ```text
//!   perf script -F comm,ip           core 0     55d0c8f28d80
//!                                    ──────     ────────────  minus where the program lies: its address in the file
//!                                    thread     instruction   upper half of all addresses: the kernel
//! ```

use super::error::ProfileError;
use std::collections::BTreeMap;

/// Threads of the engine's cores are called `core 0`, `core 1`, …: making the events, which the first thread does,
/// is not counted.
const CORE_THREADS: &str = "core ";
/// Where the kernel's half of the addresses begins.
const KERNEL_FROM: u64 = 1 << 63;

/// Where the program lay in memory, from its own `/proc/self/maps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mapped {
    /// First address.
    pub start: u64,
    /// Behind the last.
    pub end: u64,
}

impl Mapped {
    /// From the text of `/proc/self/maps`: all of what is mapped from the file `program`.
    pub fn parse(maps: &str, program: &str) -> Option<Self> {
        let ranges = maps.lines().filter(|line| line.ends_with(program));
        let ranges = ranges.filter_map(|line| {
            let (start, rest) = line.split_once('-')?;
            let end = rest.split_whitespace().next()?;
            let hex = |text: &str| u64::from_str_radix(text, 16).ok();
            Some((hex(start)?, hex(end)?))
        });
        let all: Vec<(u64, u64)> = ranges.collect();
        Some(Mapped {
            start: all.iter().map(|range| range.0).min()?,
            end: all.iter().map(|range| range.1).max()?,
        })
    }
}

/// Samples of the cores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// In the program, by address in its file.
    pub program: BTreeMap<u64, i64>,
    /// In libraries.
    pub libraries: i64,
    /// In the kernel.
    pub kernel: i64,
}

impl Sampled {
    /// All of them.
    pub fn total(&self) -> i64 {
        self.program.values().sum::<i64>() + self.libraries + self.kernel
    }

    /// Reads what `perf script -F comm,ip` wrote of a program mapped at `mapped`.
    ///
    /// # Errors
    /// A line that does not end in an address; no sample of a core at all.
    pub fn parse(text: &str, mapped: Mapped) -> Result<Self, ProfileError> {
        let mut sampled = Sampled::default();
        for (index, line) in text.lines().enumerate() {
            let Some((thread, address)) = line.trim().rsplit_once(char::is_whitespace) else {
                continue;
            };
            let wrong = |_| ProfileError::Format {
                from: "perf script",
                line: index + 1,
                text: line.into(),
                expected: "the name of a thread and an address",
            };
            let address = u64::from_str_radix(address, 16).map_err(wrong)?;
            if !thread.trim_start().starts_with(CORE_THREADS) {
                continue;
            }
            if address >= KERNEL_FROM {
                sampled.kernel += 1;
            } else if (mapped.start..mapped.end).contains(&address) {
                *sampled.program.entry(address - mapped.start).or_default() += 1;
            } else {
                sampled.libraries += 1;
            }
        }
        if sampled.total() == 0 {
            return Err(ProfileError::Format {
                from: "perf script",
                line: 0,
                text: format!("{} lines", text.lines().count()),
                expected: "samples of threads called `core 0`, `core 1`, …",
            });
        }
        Ok(sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55d0c8e00000-55d0c8f00000 r--p 00000000 fe:00 131 /a/instructions
55d0c8f00000-55d0c9100000 r-xp 000ff000 fe:00 131 /a/instructions
7f1200000000-7f1200400000 r-xp 00000000 fe:00 132 /lib/libc.so.6
";
    const SCRIPT: &str = "\
    instructions     55d0c8f28d80
          core 0     55d0c8f28d80
          core 0     55d0c8f28d80
          core 1     7f1200000010
          core 0 ffffffff81000010
";

    fn mapped() -> Mapped {
        Mapped::parse(MAPS, "/a/instructions").expect("it is mapped")
    }

    #[test]
    fn samples_of_the_cores_are_counted_where_they_lie_in_the_file() {
        assert_eq!(mapped().start, 0x55d0_c8e0_0000);
        let sampled = Sampled::parse(SCRIPT, mapped()).expect("samples");
        assert_eq!(sampled.program, BTreeMap::from([(0x12_8d80, 2)]));
        assert_eq!(
            (sampled.libraries, sampled.kernel, sampled.total()),
            (1, 1, 4)
        );
    }

    #[test]
    fn no_sample_of_a_core_is_an_error() {
        let error = Sampled::parse("  main  55d0c8f28d80\n", mapped()).expect_err("no core");
        assert!(error.to_string().contains("`core 0`"), "{error}");
        let error = Sampled::parse("  core 0  here\n", mapped()).expect_err("no address");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
