//! Events for the measuring tools, made outside the measured time.

use millstream::source::trace::native::KeyedRecord;
use millstream::sys::random::Random;

/// Zipf draws by inversion of the cumulative sum.
struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    fn new(s: f64, n: usize) -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=n).map(|rank| {
            sum += (rank as f64).powf(-s);
            sum
        });
        Zipf {
            cumulative: cumulative.collect(),
        }
    }

    fn draw(&self, unit: f64) -> u64 {
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        self.cumulative.partition_point(|sum| *sum < unit * total) as u64
    }
}

/// `count` events over `distinct` keys: "zipf" (0.99), anything else uniform. Always the same ones.
pub fn events(keys: &str, distinct: usize, count: usize) -> Vec<KeyedRecord> {
    let mut random = Random::stream(7, "measure");
    let zipf = (keys == "zipf").then(|| Zipf::new(0.99, distinct));
    (0..count as u64)
        .map(|ts_ns| {
            let bits = random.next_u64();
            let unit = (bits >> 11) as f64 / (1u64 << 53) as f64;
            let key = match &zipf {
                Some(zipf) => zipf.draw(unit),
                None => (unit * distinct as f64) as u64,
            };
            KeyedRecord {
                key,
                value: (bits & 1023) as i64,
                ts_ns,
            }
        })
        .collect()
}
