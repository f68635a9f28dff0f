//! What `summary.json` says about how tasks were allocated to cores.

use serde::{Deserialize, Serialize};

/// Stands for the allocator where whoever started the run gave the places.
pub const GIVEN: &str = "given";

/// How tasks were allocated to cores at the start, and how even that came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocationSummary {
    /// What was asked for: "auto", "greedy", "dp", "chains", "round-robin" or "random"; [`GIVEN`] where places were.
    pub asked: String,
    /// What the placement came from: as `asked`, unless that was "auto".
    pub allocator: String,
    /// What was made small, or is told of places that were given, in words.
    pub objective: String,
    /// Whether the loads were "estimated" or "measured".
    pub loads: String,
    /// Events a second that the loads speak of.
    pub events_per_s: u64,
    /// The objective's value: work of the busiest core for one second of stream, ns.
    pub busiest_ns: u64,
    /// Total load over cores, ns: no placement with these crossings has a busiest core below it.
    pub mean_ns: u64,
    /// Of it, what events cost by crossing between cores, ns over all cores.
    pub crossing_ns: u64,
}

impl AllocationSummary {
    /// In one line, for people.
    pub(super) fn in_words(&self) -> String {
        use super::figure::{duration, plain, rate};
        let asked = match &*self.asked {
            GIVEN => " (runtime.place)".into(),
            same if same == self.allocator => String::new(),
            asked => format!(" ({})", plain(asked)),
        };
        format!(
            "{}{asked}: busiest core {}, mean {}, crossings {} a second, {} at {}",
            plain(&self.allocator),
            duration(self.busiest_ns),
            duration(self.mean_ns),
            duration(self.crossing_ns),
            plain(&self.loads),
            rate(self.events_per_s as f64),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_said_where_it_is_not_what_was_taken() {
        let mut made = AllocationSummary {
            asked: "auto".into(),
            allocator: "dp".into(),
            loads: "estimated".into(),
            events_per_s: 1_000_000,
            busiest_ns: 11_500_000,
            mean_ns: 11_000_000,
            crossing_ns: 2_000_000,
            ..AllocationSummary::default()
        };
        let text = made.in_words();
        assert!(
            text.starts_with("dp (auto): busiest core 11.5 ms, mean 11.0 ms"),
            "{text}"
        );
        assert!(text.ends_with("estimated at 1,000,000/s"), "{text}");
        made.asked = "dp".into();
        assert!(made.in_words().starts_with("dp: "));
        (made.asked, made.allocator) = (GIVEN.into(), GIVEN.into());
        let text = made.in_words();
        assert!(text.starts_with("given (runtime.place): busiest"), "{text}");
    }
}
