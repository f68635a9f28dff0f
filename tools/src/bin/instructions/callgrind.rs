//! What callgrind wrote: instructions by object and address.
//!
//! ```text
//!   positions: instr               an address a line, absolute or as the step from the last one
//!   ob=(3) path                    object of what follows; the name only where the number is new
//!   fn=(7) name
//!   0x128d80 4200                  instructions executed at this address
//!   +3 4200
//!   calls=600 0x3df40              the next line is what the called function took: counted where it stands
//!   * 91000
//! ```

use super::error::ProfileError;
use std::collections::{BTreeMap, HashMap};

/// Instructions by object and address within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Object, then address.
    pub by_object: BTreeMap<String, BTreeMap<u64, i64>>,
}

impl Counted {
    /// All of them.
    pub fn total(&self) -> i64 {
        let objects = self.by_object.values();
        objects.flat_map(BTreeMap::values).sum()
    }

    /// What this has more than `fewer`. Both are of one program, so what start and end took drops out.
    pub fn minus(mut self, fewer: &Counted) -> Counted {
        for (object, addresses) in &fewer.by_object {
            let mine = self.by_object.entry(object.clone()).or_default();
            for (address, count) in addresses {
                *mine.entry(*address).or_default() -= count;
            }
        }
        self
    }

    /// Reads the file that callgrind wrote with `--dump-instr=yes`.
    ///
    /// # Errors
    /// Anything that is not of this format, and costs that do not come to the total which the file states.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            reader.line(line).map_err(|expected| ProfileError::Format {
                from: "callgrind",
                line: index + 1,
                text: line.into(),
                expected,
            })?;
        }
        let total = reader.counted.total();
        if reader.stated != Some(total) {
            return Err(ProfileError::Format {
                from: "callgrind",
                line: 0,
                text: format!("{total} instructions by address"),
                expected: "as many as its line `summary:` or `totals:` states",
            });
        }
        Ok(reader.counted)
    }
}

/// Where reading has come to.
#[derive(Default)]
struct Reader {
    counted: Counted,
    /// Names of objects by number.
    objects: HashMap<String, String>,
    object: String,
    address: u64,
    /// Columns before the first cost.
    positions: usize,
    /// The next cost is that of a call.
    call: bool,
    stated: Option<i64>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(rest) = line.strip_prefix("positions:") {
            self.positions = rest.split_whitespace().count();
            if rest.split_whitespace().next() != Some("instr") {
                return Err("addresses first (callgrind's option --dump-instr=yes)");
            }
        } else if let Some(rest) = line
            .strip_prefix("summary:")
            .or_else(|| line.strip_prefix("totals:"))
        {
            let first = rest.split_whitespace().next();
            self.stated = first.and_then(|count| count.parse().ok());
        } else if let Some(rest) = line.strip_prefix("ob=") {
            self.object = self.name(rest)?;
        } else if let Some(rest) = line.strip_prefix("cob=") {
            self.name(rest)?;
        } else if line.starts_with("calls=") {
            self.call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            self.cost(line)?;
        }
        Ok(())
    }

    /// `(3) name` gives the name and keeps it; `(3)` the one that was kept.
    fn name(&mut self, text: &str) -> Result<String, &'static str> {
        let expected = "an object: `(number) name`, or the number of one before";
        let (number, name) = text.split_once(')').ok_or(expected)?;
        if !name.trim().is_empty() {
            let name = name.trim().to_string();
            self.objects.insert(number.into(), name.clone());
            return Ok(name);
        }
        self.objects.get(number).cloned().ok_or(expected)
    }

    fn cost(&mut self, line: &str) -> Result<(), &'static str> {
        let expected = "an address and a count";
        let mut columns = line.split_whitespace();
        let position = columns.next().ok_or(expected)?;
        let step = |text: &str| text.parse::<u64>().map_err(|_| expected);
        self.address = match position.as_bytes() {
            b"*" => self.address,
            [b'+', ..] => self.address.wrapping_add(step(&position[1..])?),
            [b'-', ..] => self.address.wrapping_sub(step(&position[1..])?),
            _ => {
                let hex = position.strip_prefix("0x").ok_or(expected)?;
                u64::from_str_radix(hex, 16).map_err(|_| expected)?
            }
        };
        let cost = columns.nth(self.positions.saturating_sub(1));
        let cost: i64 = cost.unwrap_or("0").parse().map_err(|_| expected)?;
        if !std::mem::take(&mut self.call) {
            let addresses = self.counted.by_object.entry(self.object.clone());
            *addresses.or_default().entry(self.address).or_default() += cost;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small file of the real format.
    pub(crate) const SAMPLE: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
cmd:  instructions --flow 1000
positions: instr
events: Ir
summary: 1212

ob=(1) /a/instructions
fl=(1) ./src/state/table/mod.rs
fn=(1) step
0x100 1000
+4 100
cob=(2) /lib/libc.so.6
cfn=(2) memcpy
calls=10 0x3df40
* 100
+4 10

ob=(2)
fn=(2)
0x3df40 100
-16 2

totals: 1212
";

    #[test]
    fn costs_stand_where_they_were_executed_and_calls_are_not_counted_twice() {
        let counted = Counted::parse(SAMPLE).expect("a real file");
        assert_eq!(counted.total(), 1212);
        let own = &counted.by_object["/a/instructions"];
        let own: Vec<(u64, i64)> = own.iter().map(|(at, count)| (*at, *count)).collect();
        assert_eq!(own, [(0x100, 1000), (0x104, 100), (0x108, 10)]);
        let libc = &counted.by_object["/lib/libc.so.6"];
        assert_eq!((libc[&0x3df40], libc[&0x3df30]), (100, 2));
    }

    #[test]
    fn what_both_runs_took_drops_out() {
        let fewer = Counted::parse(SAMPLE).expect("a real file");
        let more = SAMPLE
            .replace("0x100 1000", "0x100 4000")
            .replace("1212", "4212");
        let more = Counted::parse(&more).expect("a real file");
        let difference = more.minus(&fewer);
        assert_eq!(difference.total(), 3000);
        assert_eq!(difference.by_object["/a/instructions"][&0x100], 3000);
        assert_eq!(difference.by_object["/lib/libc.so.6"][&0x3df40], 0);
    }

    #[test]
    fn a_file_that_lost_a_line_is_refused() {
        let cut = SAMPLE.replace("+4 100\n", "");
        let error = Counted::parse(&cut).expect_err("a line is missing");
        assert!(error.to_string().contains("1112 instructions"), "{error}");
    }

    #[test]
    fn lines_instead_of_addresses_are_refused_with_the_option_that_is_missing() {
        let lines = SAMPLE.replace("positions: instr", "positions: line");
        let error = Counted::parse(&lines).expect_err("no addresses");
        let text = error.to_string();
        assert!(
            text.contains("line 5") && text.contains("--dump-instr=yes"),
            "{text}"
        );
    }
}
