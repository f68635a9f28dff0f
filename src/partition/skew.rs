//! How evenly a stream was spread: each partition's share, and how far the largest is above the mean.

/// The spread of a stage's events over its partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Skew {
    /// Each partition's share of the events; they sum to 1, or are all 0 where there was no event.
    pub shares: Vec<f64>,
    /// The largest share over the mean share: 1.0 is even, the number of partitions is the worst.
    /// 1.0 where there was no event.
    pub skew: f64,
    /// The partition with the largest share, the first of equals; `None` where there was no event.
    pub busiest: Option<u32>,
}

impl Skew {
    /// From the events of each partition.
    pub fn of(events: &[u64]) -> Self {
        let total: u128 = events.iter().copied().map(u128::from).sum();
        let most = events.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return Skew {
                shares: vec![0.0; events.len()],
                skew: 1.0,
                busiest: None,
            };
        }
        let total = total as f64;
        Skew {
            shares: events.iter().map(|n| *n as f64 / total).collect(),
            skew: most as f64 * events.len() as f64 / total,
            busiest: events.iter().position(|n| *n == most).map(|i| i as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_skew() {
        let even = Skew::of(&[5, 5, 5, 5]);
        assert_eq!((even.skew, even.busiest), (1.0, Some(0)));
        assert_eq!(even.shares, [0.25; 4]);
        let one = Skew::of(&[0, 8, 0, 0]);
        assert_eq!((one.skew, one.busiest), (4.0, Some(1)));
        let most = Skew::of(&[1, 2, 5]);
        assert_eq!((most.skew, most.busiest), (5.0 / 8.0 * 3.0, Some(2)));
        assert_eq!(most.shares.iter().sum::<f64>(), 1.0);
    }

    #[test]
    fn nothing_and_too_much() {
        let none = Skew::of(&[0, 0]);
        assert_eq!(
            (none.shares, none.skew, none.busiest),
            (vec![0.0; 2], 1.0, None)
        );
        assert_eq!(Skew::of(&[]).shares.len(), 0);
        assert_eq!(Skew::of(&[u64::MAX, u64::MAX]).skew, 1.0);
    }
}
