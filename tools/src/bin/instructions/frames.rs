//! From addresses to lines: `addr2line` names every function that an address was inlined into, innermost first.
//!
//! ```text
//!   0x128d80
//!   /rustc/…/core/src/num/mod.rs:41          inlined into
//!   …/src/partition/hash.rs:12               ◄── the innermost line of the engine: here it belongs
//!   …/src/operator/stage.rs:230
//! ```
//!
//! So an addition of the standard library counts where it was written, not as "std".

use super::error::ProfileError;
use super::part::Part;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What an address belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Part of the path.
    pub part: Part,
    /// `src/ring/outlet.rs:120` of the engine, or another file by its last two names.
    pub line: String,
}

/// The places of `addresses` in `program`.
///
/// # Errors
/// `addr2line` is missing, or failed.
pub fn places(program: &Path, addresses: &[u64]) -> Result<BTreeMap<u64, Place>, ProfileError> {
    let failed = |problem: String| ProfileError::Failed {
        program: "addr2line".into(),
        problem,
    };
    let mut child = Command::new("addr2line")
        .args(["-i", "-a", "-e"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|_| ProfileError::Missing {
            program: "addr2line",
            package: "binutils",
        })?;
    let asked: String = addresses.iter().map(|at| format!("{at:#x}\n")).collect();
    let stdin = child.stdin.take();
    // From a thread, so that a full pipe of answers does not hold up the questions.
    let asking = std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(asked.as_bytes())));
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() || asking.join().is_err() {
        return Err(failed(output.status.to_string()));
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().unwrap_or(manifest).display().to_string();
    parse(&String::from_utf8_lossy(&output.stdout), &root)
}

/// Reads what `addr2line -i -a` wrote; the engine's sources are below `root`.
fn parse(text: &str, root: &str) -> Result<BTreeMap<u64, Place>, ProfileError> {
    let mut places = BTreeMap::new();
    let mut frames: Vec<&str> = Vec::new();
    let mut address = None;
    for (index, line) in text.lines().enumerate() {
        let Some(hex) = line.strip_prefix("0x") else {
            frames.push(line);
            continue;
        };
        if let Some(address) = address {
            places.insert(address, place(&frames, root));
        }
        frames.clear();
        let next = u64::from_str_radix(hex, 16).map_err(|_| ProfileError::Format {
            from: "addr2line",
            line: index + 1,
            text: line.into(),
            expected: "an address",
        })?;
        address = Some(next);
    }
    if let Some(address) = address {
        places.insert(address, place(&frames, root));
    }
    Ok(places)
}

fn place(frames: &[&str], root: &str) -> Place {
    let engine = frames
        .iter()
        .find_map(|frame| frame.strip_prefix(root)?.strip_prefix("/src/"));
    if let Some(below_src) = engine {
        return Place {
            part: Part::of_engine_file(below_src),
            line: format!("src/{}", without_note(below_src)),
        };
    }
    let innermost = frames.first().copied().unwrap_or("??:0");
    let names: Vec<&str> = without_note(innermost).rsplit('/').take(2).collect();
    Place {
        part: Part::of_other_file(innermost),
        line: names.into_iter().rev().collect::<Vec<_>>().join("/"),
    }
}

/// A line as `addr2line` has it, without its remark on which of several visits this is.
fn without_note(line: &str) -> &str {
    line.split(" (discriminator").next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
0x0000000000000100
/rustc/5980/library/core/src/num/mod.rs:41
/engine/src/partition/hash.rs:12 (discriminator 2)
/engine/src/operator/stage.rs:230
0x0000000000000104
/crates/rtrb-0.4.0/src/chunks.rs:99
/engine/src/ring/inlet.rs:70
0x0000000000000108
/rustc/5980/library/std/src/time.rs:7
/engine/tools/src/profile/w1.rs:12
0x000000000000010c
??:0
";

    #[test]
    fn an_address_belongs_to_the_innermost_line_of_the_engine() {
        let places = parse(SAMPLE, "/engine").expect("a real answer");
        let place = |at: u64| (places[&at].part, places[&at].line.as_str());
        assert_eq!(place(0x100), (Part::Hash, "src/partition/hash.rs:12"));
        assert_eq!(place(0x104), (Part::Ring, "src/ring/inlet.rs:70"));
        assert_eq!(place(0x108), (Part::Rest, "src/time.rs:7"));
        assert_eq!(place(0x10c), (Part::Rest, "??:0"));
        assert_eq!(places.len(), 4);
    }

    #[test]
    fn this_test_finds_itself_where_there_is_addr2line() {
        let program = std::env::current_exe().expect("a test has a program");
        match places(&program, &[0x1000]) {
            Ok(places) => assert_eq!(places.len(), 1),
            Err(ProfileError::Missing { .. }) => println!("skipped: there is no addr2line"),
            Err(error) => panic!("{error}"),
        }
    }
}
