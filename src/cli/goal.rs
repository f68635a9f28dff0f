//! Goals on latency, such as `p99=100us,max=5ms`, and whether a run kept them.

use super::config::value::Setting;
use crate::latency::Percentiles;
use crate::sys::quantity::{exact_duration, format_duration_ns, parse_duration_ns};
use std::fmt;

/// Takes one percentile, ns.
type Point = fn(&Percentiles) -> Option<u64>;

/// The percentiles that a goal can be set on, as they are written.
const POINTS: [(&str, Point); 6] = [
    ("p50", |found| found.p50),
    ("p90", |found| found.p90),
    ("p99", |found| found.p99),
    ("p99.9", |found| found.p99_9),
    ("p99.99", |found| found.p99_99),
    ("max", |found| found.max),
];

/// An upper limit on one percentile of latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Index into [`POINTS`].
    point: usize,
    /// The limit, ns.
    pub limit_ns: u64,
}

/// One or more goals; all are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goals(Vec<Goal>);

/// What a run made of one goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The goal.
    pub goal: Goal,
    /// What was measured, ns; `None` where too few events lie beyond the percentile to tell.
    pub measured_ns: Option<u64>,
}

impl Verdict {
    /// Whether the goal was kept. What could not be measured was not kept.
    pub fn kept(&self) -> bool {
        self.measured_ns
            .is_some_and(|measured_ns| measured_ns <= self.goal.limit_ns)
    }
}

impl Goals {
    /// Holds the goals against what a run measured; one verdict a goal, in order.
    pub fn judge(&self, found: &Percentiles) -> Vec<Verdict> {
        let measure = |goal: &Goal| Verdict {
            goal: *goal,
            measured_ns: POINTS[goal.point].1(found),
        };
        self.0.iter().map(measure).collect()
    }

    /// Whether all goals were kept.
    pub fn kept(&self, found: &Percentiles) -> bool {
        self.judge(found).iter().all(Verdict::kept)
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}={}",
            POINTS[self.point].0,
            exact_duration(self.limit_ns)
        )
    }
}

impl fmt::Display for Goals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goals: Vec<String> = self.0.iter().map(Goal::to_string).collect();
        write!(f, "{}", goals.join(","))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measured_ns {
            Some(ns) if self.kept() => write!(f, "{} kept: {}", self.goal, format_duration_ns(ns)),
            Some(ns) => write!(f, "{} missed: {}", self.goal, format_duration_ns(ns)),
            None => write!(
                f,
                "{} cannot be judged: too few events; run longer",
                self.goal
            ),
        }
    }
}

impl Setting for Goals {
    const EXPECTED: &'static str = "goals such as \"p99=100us\" or \"p99.9=1ms,max=5ms\", of p50, p90, p99, p99.9, p99.99 and max";

    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|goal| parse_goal(goal.trim()))
            .collect::<Result<_, _>>()
            .map(Goals)
    }
}

fn parse_goal(text: &str) -> Result<Goal, String> {
    let (name, limit) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` has no `=`; write p99=100us"))?;
    let point = POINTS
        .iter()
        .position(|(point, _)| *point == name.trim())
        .ok_or_else(|| format!("`{name}` is none of these percentiles"))?;
    let limit_ns = parse_duration_ns(limit.trim()).map_err(|error| error.to_string())?;
    if limit_ns == 0 {
        return Err(format!(
            "`{text}` could never be kept; give a limit above 0"
        ));
    }
    Ok(Goal { point, limit_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Percentiles {
        Percentiles {
            count: 5_000,
            p50: Some(900),
            p90: Some(2_000),
            p99: Some(100_000),
            p99_9: None,
            p99_99: None,
            max: Some(3_000_000),
        }
    }

    #[test]
    fn a_goal_is_kept_up_to_its_limit() {
        let kept = |text: &str| Goals::from_text(text).expect(text).kept(&found());
        assert!(kept("p99=100us"), "the limit itself keeps the goal");
        assert!(!kept("p99=99us"));
        assert!(kept("p50=1us, p99=1ms, max=3ms"));
        assert!(!kept("p50=1us,max=2ms"), "one missed goal is enough");
    }

    #[test]
    fn what_cannot_be_measured_is_not_kept() {
        let goals = Goals::from_text("p99.9=1s").expect("a goal");
        let verdicts = goals.judge(&found());
        assert_eq!(verdicts[0].measured_ns, None);
        assert!(!verdicts[0].kept());
        assert!(
            verdicts[0].to_string().contains("too few events"),
            "{}",
            verdicts[0]
        );
    }

    #[test]
    fn goals_print_as_they_are_read() {
        let goals = Goals::from_text("p99.9=1500us,max=2s").expect("goals");
        assert_eq!(Goals::from_text(&goals.to_string()), Ok(goals));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "p99",
            "p98=1us",
            "p99=",
            "p99=0us",
            "p99=100",
            "p99=1us;max=2s",
        ] {
            assert!(Goals::from_text(text).is_err(), "{text:?} was accepted");
        }
    }
}
