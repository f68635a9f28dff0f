//! The bare loop at an open-loop rate: each event is taken up when it is due and answered as soon as it can
//! be, with nothing between but one ring, or not even that.
//!
//! ```text
//!   one thread    due? ─► fold ─► stamp                                  on one CPU
//!
//!   two threads   due? ─► ring ┊ ring ─► fold ─► stamp                   one CPU each, both spinning
//! ```
//!
//! Events, due times, clock, table lines, digest and histogram are those of the engine. What there is not:
//! partitions, several rings, markers, growth, interruption, any way to wait but spinning.
//!
//! Invariant: a due time comes from the events alone; a loop that is late never moves it.

use crate::bare::{BareTable, GROUP};
use hdrhistogram::Histogram;
use millstream::event::Due;
use millstream::latency::{Percentiles, new_histogram, percentiles, record};
use millstream::source::load::Load;
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::clock::Origin;
use millstream::sys::topology::{cpus_allowed, pin_current_thread};
use std::hint::spin_loop;
use std::sync::mpsc;
use std::thread;

/// Slots of the ring: the engine's between two cores.
const RING_SLOTS: usize = 4096;

/// What a loop answered, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// Events answered.
    pub events: u64,
    /// Wrapping sum of the results' digests.
    pub digest: u64,
    /// From the moment an event was due to the stamp behind its group.
    pub latency_ns: Percentiles,
    /// From the start to the last stamp, ns.
    pub elapsed_ns: u64,
    /// Whether every thread had a CPU to itself.
    pub pinned: bool,
}

/// An event and when it is due, by the run's clock: 32 bytes, as in the engine's rings.
#[derive(Clone, Copy)]
struct Timed {
    due: Due,
    event: KeyedRecord,
}

/// Events, and when each is due, ns after the start; one drawn ahead, so that the draw is done before the event is due.
struct Schedule<I> {
    events: I,
    start_ns: u64,
    left: u64,
    next: Option<Timed>,
}

impl<I: Iterator<Item = (u64, KeyedRecord)>> Schedule<I> {
    fn new(mut events: I, left: u64, start_ns: u64) -> Self {
        let next = draw(&mut events, start_ns);
        Schedule {
            events,
            start_ns,
            left,
            next,
        }
    }

    /// The next event, if it is due at `now_ns`.
    #[inline(always)]
    fn due(&mut self, now_ns: u64) -> Option<Timed> {
        let next = self.next.filter(|next| next.due.ns() <= now_ns)?;
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.next = draw(&mut self.events, self.start_ns);
        Some(next)
    }
}

#[inline(always)]
fn draw(events: &mut impl Iterator<Item = (u64, KeyedRecord)>, start_ns: u64) -> Option<Timed> {
    let (due_ns, event) = events.next()?;
    Some(Timed {
        due: Due::new(start_ns + due_ns),
        event,
    })
}

/// The events of a load, made when they are drawn.
pub fn drawn(mut load: Load) -> impl Iterator<Item = (u64, KeyedRecord)> + Send + 'static {
    std::iter::repeat_with(move || {
        let (due_ns, event) = load.next_event();
        (due_ns, KeyedRecord::from(event))
    })
}

/// Folds groups into a table and stamps them.
struct Answerer {
    table: BareTable,
    origin: Origin,
    latency: Histogram<u64>,
    digest: u64,
    events: u64,
    done_ns: u64,
}

impl Answerer {
    /// For `distinct` keys; all of its memory is there when this returns.
    fn new(distinct: usize, origin: Origin) -> Self {
        Answerer {
            table: BareTable::new(distinct),
            origin,
            latency: new_histogram(),
            digest: 0,
            events: 0,
            done_ns: 0,
        }
    }

    /// Answers `group`, then reads the clock once for all of it.
    #[inline(always)]
    fn answer(&mut self, group: &[Timed]) {
        let digest = self.table.fold(group, |timed| &timed.event);
        self.digest = self.digest.wrapping_add(digest);
        self.done_ns = self.origin.now_ns();
        for timed in group {
            let latency_ns = self.done_ns.saturating_sub(timed.due.ns());
            record(&mut self.latency, latency_ns, 1);
        }
        self.events += group.len() as u64;
    }

    fn answered(self, start_ns: u64, pinned: bool) -> Answered {
        Answered {
            events: self.events,
            digest: self.digest,
            latency_ns: percentiles(&self.latency),
            elapsed_ns: self.done_ns.saturating_sub(start_ns),
            pinned,
        }
    }
}

/// Answers the first `count` of `events`, each with when it is due after the start (ns), of at most `distinct` keys, on one
/// thread.
pub fn one_thread(
    events: impl Iterator<Item = (u64, KeyedRecord)> + Send + 'static,
    count: u64,
    distinct: usize,
) -> Answered {
    let origin = Origin::start();
    let cpu = cpus().first().copied();
    let loop_thread = thread::spawn(move || {
        let pinned = cpu.is_some_and(pin_current_thread);
        let mut answerer = Answerer::new(distinct, origin);
        let mut group = Vec::with_capacity(GROUP);
        let start_ns = origin.now_ns();
        let mut schedule = Schedule::new(events, count, start_ns);
        while answerer.events < count {
            let now_ns = origin.now_ns();
            group.clear();
            group.extend(std::iter::from_fn(|| schedule.due(now_ns)).take(GROUP));
            if group.is_empty() {
                spin_loop();
            } else {
                answerer.answer(&group);
            }
        }
        answerer.answered(start_ns, pinned)
    });
    loop_thread.join().expect("the bare loop")
}

/// The same on two: one takes events up when they are due, the other answers them.
pub fn two_threads(
    events: impl Iterator<Item = (u64, KeyedRecord)> + Send + 'static,
    count: u64,
    distinct: usize,
) -> Answered {
    let origin = Origin::start();
    let cpus = cpus();
    let (offer_cpu, answer_cpu) = (cpus.first().copied(), cpus.get(1).copied());
    let (mut producer, mut consumer) = rtrb::RingBuffer::<Timed>::new(RING_SLOTS);
    // The first event is due only once the answering thread has its memory.
    let (ready, is_ready) = mpsc::channel::<()>();
    let answer_thread = thread::spawn(move || {
        let pinned = answer_cpu.is_some_and(pin_current_thread);
        let mut answerer = Answerer::new(distinct, origin);
        let _ = ready.send(());
        while answerer.events < count {
            let waiting = consumer.slots().min(GROUP);
            match consumer.read_chunk(waiting) {
                Ok(chunk) if waiting > 0 => {
                    let (first, second) = chunk.as_slices();
                    answerer.answer(first);
                    if !second.is_empty() {
                        answerer.answer(second);
                    }
                    chunk.commit_all();
                }
                _ => {
                    assert!(
                        !consumer.is_abandoned() || consumer.slots() > 0,
                        "the offering thread ended early"
                    );
                    spin_loop();
                }
            }
        }
        (answerer, pinned)
    });
    let offer_thread = thread::spawn(move || {
        let pinned = offer_cpu.is_some_and(pin_current_thread);
        is_ready.recv().expect("the answering thread");
        let start_ns = origin.now_ns();
        let mut schedule = Schedule::new(events, count, start_ns);
        while schedule.left > 0 && !producer.is_abandoned() {
            let now_ns = origin.now_ns();
            // What is due is committed at once; a full ring is tried again, and the due times stay.
            let free = producer.slots().min(GROUP);
            let offered = match producer.write_chunk_uninit(free) {
                Ok(chunk) => chunk.fill_from_iter(std::iter::from_fn(|| schedule.due(now_ns))),
                Err(_) => 0,
            };
            if offered == 0 {
                spin_loop();
            }
        }
        (start_ns, pinned)
    });
    let (start_ns, offer_pinned) = offer_thread.join().expect("the offering thread");
    let (answerer, answer_pinned) = answer_thread.join().expect("the answering thread");
    answerer.answered(start_ns, offer_pinned && answer_pinned)
}

/// Allowed CPUs from the highest down, as the engine takes them.
fn cpus() -> Vec<u32> {
    let mut cpus = cpus_allowed();
    cpus.reverse();
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream::source::load::{Arrivals, KeySampler, Schedule as Course, ValuePattern};

    const EVENTS: u64 = 20_011;
    const DISTINCT: usize = 1_000;

    fn load() -> Load {
        let keys = "zipf(0.99,1000)".parse().expect("keys");
        let keys = KeySampler::new(&keys, 7).expect("a sampler");
        let rate = "1M".parse().expect("a rate");
        let course = Course::new(&Arrivals::Poisson, rate, 7).expect("a schedule");
        Load::new(keys, ValuePattern::default(), course, 7)
    }

    #[test]
    fn both_loops_answer_every_event_as_the_table_alone_does() {
        let mut all = load();
        let events: Vec<_> = (0..EVENTS).map(|_| all.next_event().1.into()).collect();
        let expected = BareTable::new(DISTINCT).fold(&events, |event| event);
        for answered in [
            one_thread(drawn(load()), EVENTS, DISTINCT),
            two_threads(drawn(load()), EVENTS, DISTINCT),
        ] {
            assert_eq!(
                (answered.events, answered.digest),
                (EVENTS, expected),
                "{answered:?}"
            );
            assert_eq!(answered.latency_ns.count, EVENTS);
        }
    }
}
