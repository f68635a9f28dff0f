//! The helper thread that steps the servers of all partitions, beside the cores.
//!
//! ```text
//!   work ──► step again at once
//!   none ──► spin ──► yield ──► nap 20 µs … 1 ms, longer the longer nothing was asked for
//! ```
//!
//! Nobody wakes it: to wake a thread costs the waker 13 µs (measured), which an event would pay. It ends
//! when the other half of every server is gone, or when this value is dropped.

use crate::sys::clock::{Clock, Origin};
use crate::task::{Context, Progress, Task};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Rounds in vain before it yields: a few µs, about the gap between two steps of a busy task.
const SPINS: u32 = 64;
/// Rounds in vain before it naps: some 100 µs of yielding (0.3 µs each, measured).
const YIELDS: u32 = 400;
const NAP_MIN: Duration = Duration::from_micros(20);
const NAP_MAX: Duration = Duration::from_millis(1);

/// The running helper. Dropping it ends the thread.
#[derive(Debug)]
pub struct ColdThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ColdThread {
    /// Starts a thread that steps `servers`. `clock` is the run's.
    ///
    /// # Errors
    /// The system's, when it gives no more threads.
    pub fn start(servers: Vec<Box<dyn Task>>, clock: Origin) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let halt = stop.clone();
        let thread = std::thread::Builder::new()
            .name("cold".into())
            .spawn(move || run(servers, clock, &halt))?;
        Ok(ColdThread {
            stop,
            thread: Some(thread),
        })
    }
}

fn run(mut servers: Vec<Box<dyn Task>>, clock: Origin, halt: &AtomicBool) {
    let mut cx = Context {
        clock: Clock::Real(clock),
        now_ns: 0,
        budget: 64,
        stopping: false,
        marker_due: None,
        checkpoint: Default::default(),
    };
    let mut in_vain = 0u32;
    let mut nap = NAP_MIN;
    // Relaxed: whoever sets it waits for the thread and shares nothing else by it.
    while !servers.is_empty() && !halt.load(Ordering::Relaxed) {
        let mut worked = false;
        // A server hands its errors to the task's half; one that returns an error has nothing more to say.
        servers.retain_mut(|server| match server.step(&mut cx) {
            Ok(Progress::Worked) => {
                worked = true;
                true
            }
            Ok(Progress::Idle(_) | Progress::Blocked) => true,
            Ok(Progress::Done) | Err(_) => false,
        });
        if worked {
            (in_vain, nap) = (0, NAP_MIN);
            continue;
        }
        in_vain = in_vain.saturating_add(1);
        if in_vain < SPINS {
            std::hint::spin_loop();
        } else if in_vain < YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(nap);
            nap = (nap + nap / 4).min(NAP_MAX);
        }
    }
}

impl Drop for ColdThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of it was told on the other half's next poll.
            let _ = thread.join();
        }
    }
}
