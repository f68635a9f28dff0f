//! What is done about an event that all alternates failed at.

use std::time::Duration;

/// A wait is doubled with each failure, up to this often.
const DOUBLINGS_MAX: u32 = 10;
/// Nothing waits longer between two tries, ns.
const WAIT_NS_MAX: u64 = 60_000_000_000;

/// What is done when no try is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// The run ends with an error that names the event.
    Stop,
    /// The event is counted and forgotten.
    Skip,
    /// The event goes to the dead-letter file.
    DeadLetter,
}

/// What is done about a failed event: how often it is tried again, how long its key waits in between, and
/// what happens at last.
///
/// ```
/// use millstream::failure::Policy;
/// use std::time::Duration;
///
/// // Tried again after 10 ms, 20 ms and 40 ms; then set aside.
/// let policy = Policy::dead_letter().retry(3, Duration::from_millis(10));
/// assert_eq!(policy.wait_ns(2), Some(20_000_000));
/// assert_eq!(policy.wait_ns(4), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    retries: u32,
    back_off_ns: u64,
    last: Last,
}

impl Policy {
    const fn at_last(last: Last) -> Self {
        Policy {
            retries: 0,
            back_off_ns: 0,
            last,
        }
    }

    /// The run ends with an error that names the event.
    pub const fn stop() -> Self {
        Policy::at_last(Last::Stop)
    }

    /// The event is counted and forgotten.
    pub const fn skip() -> Self {
        Policy::at_last(Last::Skip)
    }

    /// The event goes to the dead-letter file.
    pub const fn dead_letter() -> Self {
        Policy::at_last(Last::DeadLetter)
    }

    /// First tries again, `retries` times: after `back_off`, then after twice that, and so on, up to a
    /// minute. The later events of its key wait behind it; other keys go on.
    pub fn retry(self, retries: u32, back_off: Duration) -> Self {
        Policy {
            retries,
            back_off_ns: back_off.as_nanos().min(u128::from(WAIT_NS_MAX)) as u64,
            ..self
        }
    }

    /// What happens at last.
    pub const fn last(self) -> Last {
        self.last
    }

    /// How often it is tried again.
    pub const fn retries(self) -> u32 {
        self.retries
    }

    /// How long to wait after the failure of that number, from 1, ns; `None`: no try is left.
    pub fn wait_ns(self, failures: u32) -> Option<u64> {
        let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
        let wait_ns = self.back_off_ns.saturating_mul(1 << doublings);
        (failures <= self.retries).then_some(wait_ns.min(WAIT_NS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = Policy::skip().retry(20, Duration::from_millis(1));
        let waits: Vec<_> = (1..=3).map(|failures| policy.wait_ns(failures)).collect();
        assert_eq!(waits, [Some(1_000_000), Some(2_000_000), Some(4_000_000)]);
        assert_eq!(policy.wait_ns(20), Some(1_024_000_000));
        assert_eq!(policy.wait_ns(21), None);
        assert_eq!(Policy::stop().wait_ns(1), None);
        let long = Policy::stop().retry(9, Duration::from_secs(50));
        assert_eq!(long.wait_ns(5), Some(WAIT_NS_MAX));
    }
}
