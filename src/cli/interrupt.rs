//! Ctrl-C: the first ends the run, which drains and still reports; the second ends the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

static CHECKPOINT: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Exit code of a process ended by SIGINT, as shells give it.
const INTERRUPTED: i32 = 130;

/// The flag that SIGUSR1 sets: a checkpoint is wanted now.
pub(super) fn checkpoint_flag() -> Arc<AtomicBool> {
    let flag = CHECKPOINT.get_or_init(|| {
        let asked = Arc::new(AtomicBool::new(false));
        // Where no handler can be set, checkpoints are still made by the clock.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGUSR1, asked.clone());
        asked
    });
    flag.clone()
}

/// The flag that the first Ctrl-C (or SIGTERM) sets.
pub(super) fn stop_flag() -> Arc<AtomicBool> {
    let flag = STOP.get_or_init(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        // Where no handler can be set, Ctrl-C ends the process at once, as it does everywhere.
        let _ = ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::Relaxed) {
                super::ctl::remove_bound();
                std::process::exit(INTERRUPTED);
            }
            super::error::note("stopping: draining what is in flight (again to leave at once)");
        });
        stop
    });
    flag.clone()
}
