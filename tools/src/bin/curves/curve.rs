//! The curves there are, and the points of each.

use super::event::EVENT_BYTES;
use super::point::Point;
use super::varied::Varied;
use millstream::source::load::ParseError;
use millstream_tools::question::Question;

/// Slots of the rings of the budget's curve: no budget of it is cut short by its ring.
const BUDGET_RING_SLOTS: usize = 4096;
/// Bytes of the event of all other curves: key, value, time.
const PLAIN_BYTES: usize = 24;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Events of a point, at least.
    pub events: usize,
    /// Keys of all curves but that of keys.
    pub keys: usize,
    /// Keys of the larger series of the cores' curve.
    pub keys_large: usize,
    /// The most keys of the keys' curve.
    pub keys_max: usize,
    /// The most cores: CPUs that the process may use.
    pub cores_max: usize,
}

impl Scale {
    /// The whole of it, with `events` events a point.
    pub fn whole(events: usize, cores_max: usize) -> Self {
        Scale {
            events,
            keys: 1_000_000,
            keys_large: 16_000_000,
            keys_max: 64_000_000,
            cores_max,
        }
    }

    /// Enough to see that it works.
    pub fn quick(cores_max: usize) -> Self {
        Scale {
            events: 200_000,
            keys: 20_000,
            keys_large: 100_000,
            keys_max: 100_000,
            cores_max,
        }
    }
}

/// One line of a curve.
#[derive(Clone, Debug)]
pub struct Series {
    /// As in the legend.
    pub name: String,
    /// The varied value and the point, ascending.
    pub points: Vec<(usize, Point)>,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What is varied.
    pub varied: Varied,
    /// Its lines.
    pub series: Vec<Series>,
    /// Points left out, and why.
    pub left_out: Vec<String>,
}

impl Curve {
    /// The curve of `varied`.
    pub fn new(varied: Varied, scale: &Scale) -> Self {
        let base = |keys: String| Point {
            question: Question {
                keys,
                events: scale.events,
                event_bytes: PLAIN_BYTES,
            },
            cores: 1,
            partitions: 0,
            ring_slots: 0,
            budget: 0,
            presized: true,
        };
        let zipf = || base(format!("zipf(0.99,{})", scale.keys));
        let mut left_out = Vec::new();
        // The same varied value on each number of cores.
        let on_cores = |values: &[usize], set: fn(&mut Point, usize)| -> Vec<Series> {
            let cores = (1..=scale.cores_max.min(2)).map(|cores| {
                let point = |value: &usize| {
                    let mut point = Point { cores, ..zipf() };
                    set(&mut point, *value);
                    (*value, point)
                };
                Series {
                    name: if cores == 1 {
                        "one core".into()
                    } else {
                        "two cores".into()
                    },
                    points: values.iter().map(point).collect(),
                }
            });
            cores.collect()
        };
        let series = match varied {
            Varied::Keys => {
                let all = [1, 10, 100, 1_000, 4_000, 16_000, 64_000].map(|k| k * 1_000);
                let over = all.iter().filter(|keys| **keys > scale.keys_max);
                left_out.extend(over.map(|keys| format!("{keys} keys: not in a quick run")));
                let values = all.iter().filter(|keys| **keys <= scale.keys_max);
                let series = |presized: bool| Series {
                    name: if presized { "presized" } else { "growing" }.into(),
                    points: values
                        .clone()
                        .map(|keys| {
                            let mut point = base(format!("uniform({keys})"));
                            point.presized = presized;
                            point.question.events = scale.events.max(2 * keys);
                            (*keys, point)
                        })
                        .collect(),
                };
                vec![series(true), series(false)]
            }
            Varied::Size => on_cores(&EVENT_BYTES, |point, bytes| {
                point.question.event_bytes = bytes;
            }),
            Varied::Partitions => on_cores(&[1, 2, 4, 8, 16, 64, 256, 1_024], |point, count| {
                point.partitions = count;
            }),
            Varied::Ring => on_cores(&doubling(64, 16_384), |point, slots| {
                point.ring_slots = slots;
            }),
            Varied::Budget => on_cores(&doubling(16, 4_096), |point, budget| {
                point.budget = budget;
                point.ring_slots = BUDGET_RING_SLOTS;
            }),
            Varied::Cores => {
                let values = doubling(1, scale.cores_max.max(1));
                let kinds = [
                    format!("zipf(0.99,{})", scale.keys),
                    format!("uniform({})", scale.keys_large),
                ];
                let series = kinds.into_iter().map(|keys| {
                    let point = |cores: &usize| {
                        let mut point = base(keys.clone());
                        point.cores = *cores;
                        (*cores, point)
                    };
                    let points = values.iter().map(point).collect();
                    Series {
                        name: keys.clone(),
                        points,
                    }
                });
                series.collect()
            }
        };
        if scale.cores_max < 2 {
            left_out.push("two cores: this process may use one CPU only".into());
        }
        Curve {
            varied,
            series,
            left_out,
        }
    }

    /// Leaves out what wants more than `available_bytes` of memory, with a line for each.
    ///
    /// # Errors
    /// A distribution of keys that is none.
    pub fn keep_what_fits(&mut self, available_bytes: u64) -> Result<(), ParseError> {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        for series in &mut self.series {
            let mut kept = Vec::new();
            for (value, point) in series.points.drain(..) {
                let wanted_bytes = point.memory_bytes()?;
                if wanted_bytes <= available_bytes {
                    kept.push((value, point));
                    continue;
                }
                self.left_out.push(format!(
                    "{} {value}, {}: wants up to {:.1} GiB, and {:.1} GiB are available",
                    self.varied.axis(),
                    series.name,
                    gib(wanted_bytes),
                    gib(available_bytes)
                ));
            }
            series.points = kept;
        }
        Ok(())
    }
}

/// `from`, twice that, and so on up to `to`.
fn doubling(from: usize, to: usize) -> Vec<usize> {
    std::iter::successors(Some(from), |value| Some(value * 2))
        .take_while(|value| *value <= to)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(varied: Varied) -> Vec<usize> {
        let curve = Curve::new(varied, &Scale::whole(20_000_000, 2));
        let points = curve.series[0].points.iter();
        points.map(|(value, _)| *value).collect()
    }

    #[test]
    fn each_curve_has_the_range_it_promises() {
        for (varied, first, last, count) in [
            (Varied::Keys, 1_000, 64_000_000, 7),
            (Varied::Size, 16, 256, 9),
            (Varied::Partitions, 1, 1_024, 8),
            (Varied::Cores, 1, 2, 2),
            (Varied::Ring, 64, 16_384, 9),
            (Varied::Budget, 16, 4_096, 9),
        ] {
            let values = values(varied);
            let ends = (values.first().copied(), values.last().copied());
            assert_eq!(
                (ends, values.len()),
                ((Some(first), Some(last)), count),
                "{varied:?}"
            );
            assert!(values.is_sorted());
        }
    }

    #[test]
    fn many_keys_come_twice_on_average() {
        let curve = Curve::new(Varied::Keys, &Scale::whole(20_000_000, 2));
        let events = |index: usize| curve.series[1].points[index].1.question.events;
        assert_eq!((events(0), events(6)), (20_000_000, 128_000_000));
        assert!(curve.series[0].points[0].1.presized && !curve.series[1].points[0].1.presized);
    }

    #[test]
    fn what_does_not_fit_is_left_out_with_a_line() {
        let mut curve = Curve::new(Varied::Keys, &Scale::whole(20_000_000, 2));
        curve.keep_what_fits(8 << 30).expect("keys");
        let last = curve.series[0].points.last().map(|(keys, _)| *keys);
        assert_eq!(last, Some(16_000_000));
        assert_eq!(curve.left_out.len(), 2);
        assert!(curve.left_out[0].starts_with("keys 64000000, presized: wants up to "));
    }

    #[test]
    fn one_cpu_measures_one_core_and_says_so() {
        let curve = Curve::new(Varied::Ring, &Scale::whole(1_000, 1));
        assert_eq!(curve.series.len(), 1);
        assert_eq!(curve.left_out.len(), 1);
    }
}
