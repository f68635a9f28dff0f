//! Heat: which keys a task sends most of, from a sample of what it sends.
//!
//! ```text
//!   lane 0   ∙∙∙∙∙∙∙∙∙∙∙∙∙│∙∙∙∙∙∙∙∙s∙∙∙∙∙∙∙∙∙∙∙│           s: in the sample, standing for all since the last one
//!   lane 1   ∙∙∙s∙∙∙│∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙∙│                  │: published, step by step
//!            every one of the first    then one in 2, 4, … at last 256 of a lane, at random distances
//! ```
//!
//! Owned by the sending task of an exchange, which asks once a step, before it publishes what it wrote: an event costs
//! nothing, a step a comparison for each lane, and an event in the sample an update of the sketch
//! (`benches/hot_keys.rs` measures both). Gaps are drawn at random around their mean, so that no rhythm of a trace is
//! taken for frequency. Each sample has its gap as weight, lane by lane: the weights sum to the events seen, and a
//! lane of which little can be seen, since it is mostly full, counts for no less. An event that was published before it
//! could be looked at is replaced by the next on its lane that can be.
//!
//! The bounds of [`SpaceSaving`] hold for the sample. What the sample says of the stream is as sure as a
//! sample is: [`Heat::margin`].

use super::heavy::HeavyHitters;
use super::space_saving::SpaceSaving;
use crate::sys::random::Random;

/// Counters: a key with more than 1/128 of the sample has one. 4 KiB and 512 bytes of index.
const COUNTERS: usize = 128;
/// Samples until the gap doubles.
const DOUBLE_AFTER: u32 = 1024;
/// The largest mean gap, messages of a lane.
const GAP_MAX: u32 = 256;

/// What is known of one lane.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// Events that its samples stand for.
    weighed: u64,
    /// The next sample is the first event that can be seen from this message on.
    next: u64,
}

/// Samples the keys of a stream.
#[derive(Clone, Debug)]
pub struct Heat {
    lanes: Box<[Lane]>,
    mean: u32,
    until_double: u32,
    sampled: u64,
    random: Random,
    counted: SpaceSaving,
}

/// A key as the sample has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warm {
    /// Lower bound of its share of the events so far.
    pub share_min: f64,
    /// Samples so far, of all keys.
    pub sampled: u64,
}

impl Heat {
    /// Nothing seen on any of `lanes`; `seed` feeds the gaps.
    pub fn new(lanes: usize, seed: u64) -> Self {
        Heat {
            lanes: vec![Lane::default(); lanes].into(),
            mean: 1,
            until_double: DOUBLE_AFTER,
            sampled: 0,
            random: Random::stream(seed, "heat"),
            counted: SpaceSaving::new(COUNTERS),
        }
    }

    /// Which of the `visible` messages of `lane` that follow on `published` ones is to be in the sample next: the first
    /// event from there on. `None`: none of them.
    #[inline(always)]
    pub fn due(&self, lane: usize, published: u64, visible: usize) -> Option<usize> {
        let at = self.lanes[lane].next.saturating_sub(published);
        (at < visible as u64).then_some(at as usize)
    }

    /// Takes message `at` of `lane`, counted from its first, into the sample: an event of `key`, whose
    /// [`mum64`](super::mum64) is `hash`. It stands for the events since the last sample: of the messages so far,
    /// `markers` are none. What the sample says of the key.
    #[cold]
    #[inline(never)]
    pub fn take(&mut self, lane: usize, at: u64, markers: u64, (key, hash): (u64, u64)) -> Warm {
        let lane = &mut self.lanes[lane];
        // Some of the markers may stand behind this event: they are made up for with the next.
        let gap = (at + 1).saturating_sub(markers + lane.weighed).max(1);
        lane.weighed += gap;
        // 1 to twice the mean less 1, each as likely.
        let draw = self.random.below(u64::from(2 * self.mean - 1));
        lane.next = at + 1 + draw;
        let (count, error) = self.counted.add(key, hash, gap);
        self.sampled += 1;
        self.until_double -= 1;
        if self.until_double == 0 {
            self.until_double = DOUBLE_AFTER;
            self.mean = (2 * self.mean).min(GAP_MAX);
        }
        Warm {
            share_min: (count - error) as f64 / self.counted.weight() as f64,
            sampled: self.sampled,
        }
    }

    /// Events in the sample.
    pub fn sampled(&self) -> u64 {
        self.sampled
    }

    /// What was found; counts are in events.
    pub fn heavy(&self) -> HeavyHitters {
        self.counted.heavy()
    }

    /// How far a share found in `sampled` samples may be from that of the stream: two standard errors. Gaps
    /// differ, which makes it up to 2/√3 as wide as that of as many equal ones.
    pub fn margin(share: f64, sampled: u64) -> f64 {
        let share = share.clamp(0.0, 1.0);
        2.0 * (4.0 / 3.0 * share * (1.0 - share) / sampled.max(1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::mum64;

    /// Sends keys on one lane, `visible` at a time, of which the first `unseen` have been published already.
    fn send(heat: &mut Heat, keys: impl Iterator<Item = u64>, (visible, unseen): (usize, usize)) {
        let keys: Vec<u64> = keys.collect();
        for (step, written) in keys.chunks(visible).enumerate() {
            let unseen = unseen.min(written.len());
            let published = (step * visible + unseen) as u64;
            while let Some(at) = heat.due(0, published, written.len() - unseen) {
                let key = written[unseen + at];
                heat.take(0, published + at as u64, 0, (key, mum64(key)));
            }
        }
    }

    fn skewed(random: &mut Random) -> u64 {
        match random.below(100) {
            0..31 => 17,
            31..40 => 3,
            _ => random.below(1 << 40),
        }
    }

    #[test]
    fn weights_sum_to_the_events_and_shares_are_found_however_much_is_seen() {
        for visible in [(1, 0), (512, 0), (512, 500), (7, 3)] {
            let (mut heat, mut random) = (Heat::new(1, 7), Random::stream(7, "test"));
            let events = 3_000_000u64;
            send(&mut heat, (0..events).map(|_| skewed(&mut random)), visible);
            let heavy = heat.heavy();
            assert!(events - heavy.weight() < 1_024, "{}", heavy.weight());
            assert!(heat.sampled() < events / 64, "{} sampled", heat.sampled());
            let shares = [(17, 0.31), (3, 0.09)];
            for (hitter, (key, share)) in heavy.hitters().iter().zip(shares) {
                let (low, high) = (hitter.least() as f64, hitter.count as f64);
                let margin = 2.0 * Heat::margin(share, heat.sampled());
                assert_eq!(hitter.key, key);
                assert!(
                    low / events as f64 <= share + margin && high / events as f64 >= share - margin,
                    "{visible:?}: {hitter:?}"
                );
            }
        }
    }

    #[test]
    fn a_rhythm_is_not_taken_for_frequency() {
        let mut heat = Heat::new(1, 1);
        send(&mut heat, (0..2_000_000).map(|index| index % 256), (256, 0));
        let most = heat.heavy().hitters()[0];
        assert!((most.least() as f64) < 0.02 * 2_000_000.0, "{most:?}");
    }

    #[test]
    fn the_first_events_are_all_in_the_sample() {
        let mut heat = Heat::new(1, 1);
        send(&mut heat, [5, 5, 9, 5].into_iter(), (4, 0));
        let heavy = heat.heavy();
        assert_eq!((heavy.weight(), heat.sampled()), (4, 4));
        assert_eq!((heavy.hitters()[0].key, heavy.hitters()[0].count), (5, 3));
    }

    #[test]
    fn markers_count_for_nothing() {
        let mut heat = Heat::new(2, 3);
        let (mut sent, mut markers) = ([0u64; 2], [0u64; 2]);
        for step in 0..50_000u64 {
            // Nine steps in ten send lane 0 an event, the tenth lane 1; each step sends both three markers behind it.
            let busy = usize::from(step.is_multiple_of(10));
            for lane in 0..2 {
                let events = usize::from(lane == busy);
                markers[lane] += 3;
                if heat.due(lane, sent[lane], events + 3) == Some(0) && events == 1 {
                    let key = lane as u64;
                    heat.take(lane, sent[lane], markers[lane], (key, mum64(key)));
                }
                sent[lane] += events as u64 + 3;
            }
        }
        let heavy = heat.heavy();
        let (weight, hottest) = (heavy.weight(), heavy.hitters()[0]);
        assert!((49_000..=50_100).contains(&weight), "{weight}");
        let share = hottest.count as f64 / weight as f64;
        assert!(hottest.key == 0 && (share - 0.9).abs() < 0.01, "{share}");
    }

    #[test]
    fn a_lane_that_is_mostly_published_unseen_counts_for_no_less() {
        let mut heat = Heat::new(2, 3);
        let mut sent = [0u64; 2];
        for step in 0..20_000 {
            // Lane 0 takes 90 of 100 messages, of which one can be seen, and one step in two none.
            for (lane, messages, seen) in [(0, 90, 1 - step % 2), (1, 10, 10)] {
                sent[lane] += messages - seen;
                while let Some(at) = heat.due(lane, sent[lane], seen as usize) {
                    let key = lane as u64;
                    heat.take(lane, sent[lane] + at as u64, 0, (key, mum64(key)));
                }
                sent[lane] += seen;
            }
        }
        let heavy = heat.heavy();
        let share = heavy.hitters()[0].count as f64 / heavy.weight() as f64;
        assert!(
            heavy.hitters()[0].key == 0 && (share - 0.9).abs() < 0.001,
            "{share}"
        );
    }
}
