//! Averages each sensor's readings over windows of one minute of event time. A window is answered when
//! the watermark passes its end: the source's promise that no earlier reading follows.
//!
//! ```text
//!   readings ──[hash(sensor, minute)]──► windows ──watermark ≥ end──► averages
//! ```
//!
//! `cargo run --example sensor_windows`

use millstream::bytemuck::{Pod, Zeroable};
use millstream::prelude::*;
use std::collections::BTreeMap;

const MINUTE_NS: u64 = 60_000_000_000;
const SENSORS: [&str; 4] = ["boiler", "supply", "return", "hall"];

/// One measurement and when it was made (event time, not the time of its arrival).
#[derive(Clone, Copy, Debug)]
struct Reading {
    sensor: u32,
    milli_celsius: i64,
    at_ns: u64,
}

/// A window is a key of its own: sensor and minute in one number.
fn window(reading: &Reading) -> u64 {
    (u64::from(reading.sensor) << 32) | (reading.at_ns / MINUTE_NS)
}

/// The state of an open window: plain bytes, all zero when it is new.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Sum {
    milli_celsius: i64,
    readings: i64,
}

/// A closed window.
#[derive(Clone, Copy, Debug)]
struct Average {
    sensor: u32,
    minute: u64,
    celsius: f64,
}

/// One of these in each partition; the state of its keys is handed to it.
#[derive(Default)]
struct Windows {
    /// No open window ends before this minute does.
    first_open: u64,
}

impl Windows {
    fn close_before(
        &mut self,
        minute: u64,
        states: &mut dyn States<Sum>,
        out: &mut impl Emit<Average>,
    ) {
        self.first_open = minute;
        states.retain(&mut |window, sum| {
            let open = (window & u64::from(u32::MAX)) >= minute;
            if !open {
                out.emit(Average {
                    sensor: (window >> 32) as u32,
                    minute: window & u64::from(u32::MAX),
                    celsius: sum.milli_celsius as f64 / 1e3 / sum.readings as f64,
                });
            }
            open
        });
    }
}

impl Operator for Windows {
    type In = Reading;
    type State = Sum;
    type Out = Average;

    fn process(
        &mut self,
        _window: u64,
        reading: &Reading,
        sum: &mut Sum,
        _: &mut impl Emit<Average>,
    ) -> Retain {
        sum.milli_celsius += reading.milli_celsius;
        sum.readings += 1;
        Retain::Keep
    }

    fn watermark(
        &mut self,
        watermark_ns: u64,
        states: &mut dyn States<Sum>,
        out: &mut impl Emit<Average>,
    ) {
        let minute = watermark_ns / MINUTE_NS;
        if minute > self.first_open {
            self.close_before(minute, states, out);
        }
    }

    fn end(&mut self, states: &mut dyn States<Sum>, out: &mut impl Emit<Average>) {
        self.close_before(u64::MAX, states, out);
    }
}

fn main() -> Result<(), FlowError> {
    let outcome = Flow::new(Options::default())
        .source(
            "readings",
            Slice::new(readings(), |reading: &Reading| reading.at_ns),
        )
        .partition_by(window)
        .keyed("windows", |_partition| Windows::default())
        .sink(|_partition| Collect::<Average>::default())
        .run()?;

    let mut minutes = BTreeMap::<u64, [f64; SENSORS.len()]>::new();
    for average in outcome.sinks.iter().flat_map(|sink| &sink.results) {
        minutes.entry(average.minute).or_default()[average.sensor as usize] = average.celsius;
    }
    println!(
        "average of each minute, °C\n\n minute {}",
        SENSORS.map(|name| format!("{name:>9}")).concat()
    );
    for (minute, celsius) in minutes {
        println!(
            "{minute:>7} {}",
            celsius.map(|celsius| format!("{celsius:>9.2}")).concat()
        );
    }
    Ok(())
}

/// Ten minutes of a heating system, each sensor read ten times a second: the boiler swings, the rest follows.
fn readings() -> Vec<Reading> {
    let tenths = 0..6_000u64;
    let readings = tenths.flat_map(|tenth| {
        let swing = (tenth as f64 / 800.0).sin();
        let celsius = [
            70.0 + 8.0 * swing,
            62.0 + 6.0 * swing,
            48.0 + 3.0 * swing,
            20.5 + 0.4 * swing,
        ];
        let reading = move |(sensor, celsius): (usize, f64)| Reading {
            sensor: sensor as u32,
            milli_celsius: (celsius * 1e3) as i64,
            at_ns: tenth * 100_000_000 + sensor as u64,
        };
        celsius.into_iter().enumerate().map(reading)
    });
    readings.collect()
}
