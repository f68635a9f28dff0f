//! The hot path allocates nothing and asks the system for nothing: counted, on the threads of the cores.
//!
//! ```text
//!   events    0 ─────────── N/4 ──────────────────────────────────── N
//!              warming up    │ allocations and system calls of all    │
//!                            └─ core threads, counted from here to ───┘
//! ```
//!
//! Allocations are counted by the global allocator of this program. System calls are counted by the
//! kernel: each core thread puts itself under a seccomp filter that reports every call to a supervisor
//! thread, which counts it and lets it go on. Where the kernel refuses (Linux before 5.5, some sandboxes)
//! that half says so and is skipped. Flows that do allocate and do call show that counting works.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use millstream::app::aggregate::{Aggregate, Aggregated};
use millstream::cache::{Arc, Cache, Lfu, Policy, S3Fifo, WTinyLfu};
use millstream::failure::Policy as OnFailure;
use millstream::flow::Order;
use millstream::prelude::*;
use millstream::source::Generate;
use millstream::source::load::{Arrivals, KeySampler, Load, Schedule, ValuePattern};
use millstream::source::trace::native::KeyedRecord;
use millstream::sys::random::Random;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

const KEYS: u64 = 10_000;
/// However long the run is: the buffer behind each of eight full rings may meet its largest step late, and
/// double up to five times. An allocation a step would be more than a thousand.
const STRAY_MAX: u64 = 64;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static SYSTEM_CALLS: AtomicU64 = AtomicU64::new(0);
static SUPERVISED: AtomicBool = AtomicBool::new(true);
/// The counters belong to one run at a time.
static ONE_RUN: Mutex<()> = Mutex::new(());

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came; `realloc` goes through `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if WATCHED.get() {
            ALLOCATIONS.fetch_add(1, Relaxed);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What core threads did by some moment, or between two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    allocations: u64,
    system_calls: u64,
}

/// The moments between which is counted.
static BEFORE: Mutex<Counts> = Mutex::new(Counts {
    allocations: 0,
    system_calls: 0,
});
static AFTER: Mutex<Counts> = Mutex::new(Counts {
    allocations: 0,
    system_calls: 0,
});

/// Counts from now on what the calling thread does.
#[inline]
fn watch() {
    if !WATCHED.get() {
        if !supervisor::watch() {
            SUPERVISED.store(false, Relaxed);
        }
        WATCHED.set(true);
    }
}

/// A step to fuse behind the source: the counters at a quarter and at the end of `events`.
fn measured<E>(events: u64) -> impl FnMut(E) -> E + Clone + Send + 'static {
    let mut seen = 0;
    move |event| {
        watch();
        seen += 1;
        let moment = if seen == events / 4 {
            &BEFORE
        } else if seen == events {
            &AFTER
        } else {
            return event;
        };
        if let Ok(mut counts) = moment.lock() {
            *counts = Counts {
                allocations: ALLOCATIONS.load(Relaxed),
                system_calls: SYSTEM_CALLS.load(Relaxed),
            };
        }
        event
    }
}

/// A step to fuse elsewhere, for the other cores.
fn watched<E>(event: E) -> E {
    watch();
    event
}

/// Runs a flow under supervision; what its cores did in steady state.
fn counts_of(name: &str, flow: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Counts {
    let _alone = ONE_RUN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let supervisor = supervisor::start();
    flow().expect("the flow runs");
    supervisor.stop();
    let (before, after) = (*BEFORE.lock().expect("set"), *AFTER.lock().expect("set"));
    let counts = Counts {
        allocations: after.allocations - before.allocations,
        system_calls: after.system_calls - before.system_calls,
    };
    println!("{name}: {counts:?}");
    if !SUPERVISED.load(Relaxed) {
        println!("{name}: system calls are not counted: the kernel refuses a seccomp listener");
    }
    counts
}

fn options(cores: usize) -> Options {
    Options {
        cores,
        pin: false,
        idle: Idle::Busy,
        expected_keys: 4 * KEYS as usize,
        interval_ns: 100_000_000,
        ..Options::default()
    }
}

fn readings(count: u64) -> Vec<KeyedRecord> {
    let reading = |ts_ns: u64| KeyedRecord {
        key: ts_ns.wrapping_mul(0x9E37_79B9_7F4A_7C15) % KEYS,
        value: ts_ns as i64 % 1000,
        ts_ns,
    };
    (0..count).map(reading).collect()
}

fn aggregate_at_full_speed(cores: usize, on_failure: Option<OnFailure>) -> Counts {
    const EVENTS: u64 = 2_000_000;
    counts_of(
        &format!("aggregate at full speed, {cores} cores, {on_failure:?}"),
        || {
            let mut options = options(cores);
            options.failure.policy = on_failure;
            let outcome = Flow::new(options)
                .source(
                    "readings",
                    Slice::new(readings(EVENTS), |reading: &KeyedRecord| reading.ts_ns),
                )
                .map(measured(EVENTS))
                .partition_by(|reading: &KeyedRecord| reading.key)
                .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
                .map(watched)
                .sink(|_| Digest::default())
                .run()?;
            assert_eq!(outcome.report.summary.events_out, EVENTS);
            Ok(())
        },
    )
}

/// `process` stands for what an operator might do.
fn two_exchanges_at_a_rate(order: Order, cores: usize, process: fn(&KeyedRecord)) -> Counts {
    const EVENTS: u64 = 60_000;
    counts_of(
        &format!("two exchanges at 200,000/s, {cores} cores, order {order:?}"),
        || {
            let keys = KeySampler::new(&format!("uniform({KEYS})").parse()?, 3)?;
            let schedule = Schedule::new(&Arrivals::Poisson, "200k".parse()?, 3)?;
            let load = Load::new(keys, ValuePattern::default(), schedule, 3);
            let outcome = Flow::new(Options {
                order,
                ..options(cores)
            })
            .source("load", Generate::new(load, Some(EVENTS), None))
            .map(measured(EVENTS))
            .filter(|record: &KeyedRecord| record.value >= 0)
            .flat_map(|record: KeyedRecord, push: &mut dyn FnMut(KeyedRecord)| {
                push(record);
                push(KeyedRecord {
                    key: record.key + 1,
                    ..record
                });
            })
            .partition_by(|record: &KeyedRecord| record.key)
            .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
            .map(watched)
            .partition_by(|total: &Aggregated| total.key % 16)
            .keyed("sixteen", move |_| {
                update(move |total: &Aggregated, seen: &mut u64| {
                    *seen += 1;
                    process(&KeyedRecord {
                        key: total.key,
                        value: total.sum,
                        ts_ns: *seen,
                    });
                    *total
                })
            })
            .map(watched)
            .sink(|_| Digest::default())
            .run()?;
            assert_eq!(outcome.report.summary.events_in, EVENTS);
            Ok(())
        },
    )
}

fn assert_nothing(counts: Counts) {
    assert!(counts.allocations <= STRAY_MAX, "{counts:?}");
    assert!(counts.system_calls <= STRAY_MAX, "{counts:?}");
}

#[test]
fn aggregate_allocates_and_calls_nothing() {
    assert_nothing(aggregate_at_full_speed(1, None));
    assert_nothing(aggregate_at_full_speed(2, None));
}

#[test]
fn a_recovery_block_allocates_and_calls_nothing() {
    let on_failure = OnFailure::skip().retry(3, std::time::Duration::from_millis(1));
    assert_nothing(aggregate_at_full_speed(1, Some(on_failure)));
}

#[test]
fn fused_steps_and_two_exchanges_allocate_and_call_nothing() {
    assert_nothing(two_exchanges_at_a_rate(Order::Arrival, 1, |_| ()));
    assert_nothing(two_exchanges_at_a_rate(Order::Arrival, 2, |_| ()));
}

#[test]
fn deterministic_order_allocates_and_calls_nothing() {
    assert_nothing(two_exchanges_at_a_rate(Order::Deterministic, 1, |_| ()));
    assert_nothing(two_exchanges_at_a_rate(Order::Deterministic, 2, |_| ()));
}

/// Allocations of a cache of results under way: hits, misses, invalidations.
fn allocations_of_a_cache<P: Policy>() -> u64 {
    let mut cache: Cache<u64, P> = Cache::new(1_000);
    let mut random = Random::new(5);
    let before = ALLOCATIONS.load(Relaxed);
    WATCHED.set(true);
    for _ in 0..100_000 {
        let key = random.below(3_000);
        if random.below(10) == 0 {
            cache.invalidate(key);
        } else if cache.get(key).is_none() {
            cache.insert(key, key);
        }
    }
    WATCHED.set(false);
    assert!(cache.counts().hits > 0 && cache.counts().evictions > 0);
    ALLOCATIONS.load(Relaxed) - before
}

#[test]
fn caches_of_results_allocate_nothing() {
    let _alone = ONE_RUN.lock().expect("no other test failed");
    assert_eq!(allocations_of_a_cache::<Arc>(), 0);
    assert_eq!(allocations_of_a_cache::<Lfu>(), 0);
    assert_eq!(allocations_of_a_cache::<S3Fifo>(), 0);
    assert_eq!(allocations_of_a_cache::<WTinyLfu>(), 0);
}

#[test]
fn an_operator_that_allocates_or_calls_is_found() {
    let boxed = two_exchanges_at_a_rate(Order::Arrival, 1, |record| {
        std::hint::black_box(Box::new(*record));
    });
    assert!(boxed.allocations > 50_000, "{boxed:?}");
    // Few: a call that is counted waits for the supervisor, which on a busy machine takes its time.
    let called = two_exchanges_at_a_rate(Order::Arrival, 1, |record| {
        if record.ts_ns.is_multiple_of(1024) {
            std::thread::yield_now();
        }
    });
    let expected = if SUPERVISED.load(Relaxed) {
        STRAY_MAX
    } else {
        0
    };
    assert!(called.system_calls >= expected, "{called:?}");
}

/// Counts the system calls of the threads that ask for it.
mod supervisor {
    use super::{Relaxed, SYSTEM_CALLS};
    use std::mem::zeroed;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicI32};
    use std::thread::{JoinHandle, sleep, spawn};
    use std::time::Duration;

    /// A listener on its way to the supervisor, or `NONE`. Handed over without a system call, since the
    /// thread that makes one waits until the supervisor has the listener.
    static HANDED_OVER: AtomicI32 = AtomicI32::new(NONE);
    const NONE: i32 = -1;

    pub(super) struct Supervisor {
        stop: Arc<AtomicBool>,
        thread: JoinHandle<()>,
    }

    pub(super) fn start() -> Supervisor {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = spawn(move || {
            let mut listeners = Vec::new();
            // Whoever joins a thread may go on before the system has ended it. What it calls until then has to be
            // served as well: it may hold the allocator's lock.
            loop {
                listeners.extend(Some(HANDED_OVER.swap(NONE, Relaxed)).filter(|fd| *fd != NONE));
                listeners.retain(|fd| serve(*fd));
                if listeners.is_empty() {
                    if seen.load(Relaxed) {
                        return;
                    }
                    sleep(Duration::from_micros(100));
                }
            }
        });
        Supervisor { stop, thread }
    }

    impl Supervisor {
        /// Waits for the watched threads, which have been joined, to be gone.
        pub(super) fn stop(self) {
            self.stop.store(true, Relaxed);
            self.thread.join().expect("the supervisor ends");
        }
    }

    /// Puts the calling thread under supervision for the rest of its life; false where the kernel refuses.
    pub(super) fn watch() -> bool {
        let mut report = libc::sock_filter {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: libc::SECCOMP_RET_USER_NOTIF,
        };
        let program = libc::sock_fprog {
            len: 1,
            filter: &raw mut report,
        };
        // SAFETY: both calls read what they are given and change the calling thread only.
        let listener = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            )
        };
        if listener < 0 {
            return false;
        }
        while HANDED_OVER
            .compare_exchange(NONE, listener as i32, Relaxed, Relaxed)
            .is_err()
        {
            std::hint::spin_loop();
        }
        true
    }

    /// Counts the calls that wait at `listener` and lets them go on; false when its thread has ended.
    fn serve(listener: i32) -> bool {
        // SAFETY: plain structs of this frame, of the types the kernel expects; the descriptor is ours.
        unsafe {
            let mut ready = libc::pollfd {
                fd: listener,
                events: libc::POLLIN,
                revents: 0,
            };
            libc::poll(&raw mut ready, 1, 1);
            if ready.revents & libc::POLLHUP != 0 {
                libc::close(listener);
                return false;
            }
            let mut call: libc::seccomp_notif = zeroed();
            if ready.revents & libc::POLLIN != 0
                && libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) == 0
            {
                SYSTEM_CALLS.fetch_add(1, Relaxed);
                let mut answer: libc::seccomp_notif_resp = zeroed();
                answer.id = call.id;
                answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
                libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer);
            }
        }
        true
    }
}
