//! Heavy hitters: what Space-Saving found, with its bounds, and how the findings of several are put together.
//!
//! Invariant: for each listed key `count - error <= true <= count`; a key not listed has at most
//! `unlisted_max`.

/// A key and how much of it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hitter {
    /// The key.
    pub key: u64,
    /// Upper bound of its weight.
    pub count: u64,
    /// The true weight is at least `count - error`.
    pub error: u64,
}

impl Hitter {
    /// Lower bound of its weight.
    pub fn least(&self) -> u64 {
        self.count - self.error
    }
}

/// The most frequent keys of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeavyHitters {
    hitters: Vec<Hitter>,
    weight: u64,
    unlisted_max: u64,
}

impl HeavyHitters {
    /// Those of a stream of this weight, in which no other key has more than `unlisted_max`.
    pub fn new(mut hitters: Vec<Hitter>, weight: u64, unlisted_max: u64) -> Self {
        // Equal counts by key, so that equal streams are told alike.
        hitters.sort_by_key(|hitter| (std::cmp::Reverse(hitter.count), hitter.key));
        HeavyHitters {
            hitters,
            weight,
            unlisted_max,
        }
    }

    /// The keys, the largest count first.
    pub fn hitters(&self) -> &[Hitter] {
        &self.hitters
    }

    /// Weight of the whole stream.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Upper bound of the weight of any key that is not listed.
    pub fn unlisted_max(&self) -> u64 {
        self.unlisted_max
    }

    /// Those of this stream and of another together, as if one had counted both: a key that one of them does
    /// not list may have had as much there as an unlisted key can (P. Agarwal et al., "Mergeable summaries",
    /// PODS 2012). All keys are kept; [`HeavyHitters::shorten`] drops the least.
    pub fn merged(&self, other: &Self) -> Self {
        let mut hitters = Vec::with_capacity(self.hitters.len() + other.hitters.len());
        for hitter in &self.hitters {
            let also = other.hitters.iter().find(|also| also.key == hitter.key);
            let (count, error) = also.map_or((other.unlisted_max, other.unlisted_max), |also| {
                (also.count, also.error)
            });
            hitters.push(Hitter {
                key: hitter.key,
                count: hitter.count + count,
                error: hitter.error + error,
            });
        }
        for hitter in &other.hitters {
            if !self.hitters.iter().any(|known| known.key == hitter.key) {
                hitters.push(Hitter {
                    key: hitter.key,
                    count: hitter.count + self.unlisted_max,
                    error: hitter.error + self.unlisted_max,
                });
            }
        }
        HeavyHitters::new(
            hitters,
            self.weight + other.weight,
            self.unlisted_max + other.unlisted_max,
        )
    }

    /// Keeps the `most` keys with the largest counts.
    pub fn shorten(&mut self, most: usize) {
        if let Some(dropped) = self.hitters.get(most) {
            self.unlisted_max = self.unlisted_max.max(dropped.count);
        }
        self.hitters.truncate(most);
    }
}
