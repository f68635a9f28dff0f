//! The pattern in which events arrive, as text: the schedule that follows it is in `schedule.rs`.

use super::call::{self, ParseError};
use crate::sys::quantity::{exact_duration, parse_duration_ns};
use crate::sys::rate::Rate;
use std::fmt;
use std::str::FromStr;

const EXPECTED: &str = "constant, poisson, bursts(on,off), ramp(from,to,over) or trace, \
     such as bursts(10ms,90ms) or ramp(100k,2M,30s)";
const NAMES: &[&str] = &["constant", "poisson", "bursts", "ramp", "trace"];

/// How due times follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Evenly spaced.
    #[default]
    Constant,
    /// Independent of each other: exponentially distributed gaps.
    Poisson,
    /// Evenly spaced while "on", nothing while "off", so much denser that the average rate is kept.
    Bursts {
        /// Length of a burst, ns; not 0.
        on_ns: u64,
        /// Silence behind it, ns.
        off_ns: u64,
    },
    /// The rate goes in a straight line from one to the other, and stays there. The rates are its own;
    /// the rate asked for elsewhere is not used.
    Ramp {
        /// Rate at the start; not full speed.
        from: Rate,
        /// Rate at the end and from then on; not full speed.
        to: Rate,
        /// How long the change takes, ns; not 0.
        over_ns: u64,
    },
    /// As the stamps of a trace say, which are handed over when the schedule is made.
    Trace,
}

impl Arrivals {
    /// What is wrong with values that `FromStr` would not have let through.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Arrivals::Bursts { on_ns: 0, .. } => Some("a burst of length 0 holds no event"),
            Arrivals::Ramp { over_ns: 0, .. } => {
                Some("a ramp needs time to rise; for one rate use constant")
            }
            Arrivals::Ramp { from, to, .. } if from.is_max() || to.is_max() => {
                Some("a ramp runs between two numbers, not to `max`")
            }
            _ => None,
        }
    }

    /// The error for values that cannot be followed.
    pub(super) fn error(value: String, problem: String) -> ParseError {
        ParseError {
            value,
            what: "an arrival pattern",
            problem,
            expected: EXPECTED,
        }
    }
}

impl FromStr for Arrivals {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let arrivals = parse(text).map_err(|p| Arrivals::error(text.to_string(), p))?;
        match arrivals.problem() {
            None => Ok(arrivals),
            Some(p) => Err(Arrivals::error(text.to_string(), p.to_string())),
        }
    }
}

fn parse(text: &str) -> Result<Arrivals, String> {
    let call = call::parse(text)?;
    let duration =
        |name: &str, text: &str| parse_duration_ns(text).map_err(|e| format!("{name}: {e}"));
    let rate = |name: &str, text: &str| text.parse::<Rate>().map_err(|e| format!("{name}: {e}"));
    Ok(match call.name {
        "constant" => {
            let [] = call.exactly([])?;
            Arrivals::Constant
        }
        "poisson" => {
            let [] = call.exactly([])?;
            Arrivals::Poisson
        }
        "trace" => {
            let [] = call.exactly([])?;
            Arrivals::Trace
        }
        "bursts" => {
            let [on, off] = call.exactly(["on", "off"])?;
            Arrivals::Bursts {
                on_ns: duration("on", on)?,
                off_ns: duration("off", off)?,
            }
        }
        "ramp" => {
            let [from, to, over] = call.exactly(["from", "to", "over"])?;
            Arrivals::Ramp {
                from: rate("from", from)?,
                to: rate("to", to)?,
                over_ns: duration("over", over)?,
            }
        }
        name => return Err(call::unknown(name, NAMES)),
    })
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrivals::Constant => f.write_str("constant"),
            Arrivals::Poisson => f.write_str("poisson"),
            Arrivals::Trace => f.write_str("trace"),
            Arrivals::Bursts { on_ns, off_ns } => write!(
                f,
                "bursts({},{})",
                exact_duration(*on_ns),
                exact_duration(*off_ns)
            ),
            Arrivals::Ramp { from, to, over_ns } => {
                write!(f, "ramp({from},{to},{})", exact_duration(*over_ns))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_patterns_read_back() {
        for text in [
            "constant",
            "poisson",
            "trace",
            "bursts(10ms,90ms)",
            "bursts(1s, 0ns)",
            "ramp(100k,2M,30s)",
            "ramp( 0.5 , 10 , 1min 30s )",
        ] {
            let arrivals: Arrivals = text.parse().unwrap();
            assert_eq!(arrivals.to_string().parse(), Ok(arrivals), "{text}");
        }
        let ramp: Arrivals = "ramp(100k,2M,30s)".parse().unwrap();
        assert_eq!(ramp.to_string(), "ramp(100000/s,2000000/s,30s)");
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (text, problem) in [
            ("poison", "did you mean `poisson`"),
            ("constant(5)", "takes none in brackets, not 1"),
            ("bursts(10ms)", "takes 2 (on, off)"),
            (
                "bursts(10,90)",
                "on: `10` is not a duration: the unit is missing",
            ),
            ("bursts(0ms,90ms)", "holds no event"),
            ("ramp(0,1M,1s)", "from: `0` is not a rate"),
            ("ramp(1,max,1s)", "not to `max`"),
            ("ramp(1,2,0s)", "needs time"),
            ("", "there is no ``"),
        ] {
            let error = text.parse::<Arrivals>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains("bursts(10ms,90ms)"), "{error}");
        }
    }
}
