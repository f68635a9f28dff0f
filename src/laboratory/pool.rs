//! Threads over one list of jobs: the first that fits into memory goes to the next thread that is free.
//!
//! Owned by one call of [`run`]. Jobs come largest first, so that the last ones to end are small.
//!
//! Invariant: the weights of the jobs being worked on add up to the room at the most, or there is one job only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// Time between two calls of `tick`.
const TICK: Duration = Duration::from_millis(100);

/// What a job takes while it is worked on, bytes.
pub(super) struct Room {
    /// Threads, at least 1.
    pub(super) threads: usize,
    /// For all jobs that are worked on at a time, bytes.
    pub(super) bytes: u64,
}

#[derive(Default)]
struct Queue {
    next: usize,
    busy_bytes: u64,
}

/// Counts a worker as ended and wakes the thread that waits for it, however it ends.
struct Ending<'a> {
    ended: &'a AtomicUsize,
    waiting: &'a Thread,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // The count says nothing about other memory: what a worker did is handed over by joining it.
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.waiting.unpark();
    }
}

/// Does all `jobs`, and returns what came of each; `tick` is called on this thread while it waits.
pub(super) fn run<J: Sync, R: Send>(
    jobs: &[J],
    room: &Room,
    weight_bytes: impl Fn(&J) -> u64 + Sync,
    work: impl Fn(&J) -> R + Sync,
    tick: &mut dyn FnMut(),
) -> Vec<R> {
    let (queue, freed) = (Mutex::new(Queue::default()), Condvar::new());
    let (waiting, ended) = (std::thread::current(), AtomicUsize::new(0));
    let worker = || {
        let _ending = Ending {
            ended: &ended,
            waiting: &waiting,
        };
        let mut done = Vec::new();
        while let Some(index) = take(&queue, &freed, jobs, room, &weight_bytes) {
            done.push((index, work(&jobs[index])));
            lock(&queue).busy_bytes -= weight_bytes(&jobs[index]);
            freed.notify_all();
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        let threads = room.threads.clamp(1, jobs.len().max(1));
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        while ended.load(Ordering::Relaxed) < threads {
            std::thread::park_timeout(TICK);
            tick();
        }
        let ended = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
        let done = ended.map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.flatten().collect::<Vec<_>>()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The next job, as soon as there is room for it.
fn take<J>(
    queue: &Mutex<Queue>,
    freed: &Condvar,
    jobs: &[J],
    room: &Room,
    weight_bytes: impl Fn(&J) -> u64,
) -> Option<usize> {
    let mut queue = lock(queue);
    loop {
        let index = queue.next;
        let bytes = weight_bytes(jobs.get(index)?);
        if queue.busy_bytes == 0 || queue.busy_bytes + bytes <= room.bytes {
            queue.next += 1;
            queue.busy_bytes += bytes;
            return Some(index);
        }
        queue = freed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// The two numbers behind the lock are right after each statement, so a panic elsewhere spoils nothing.
fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn every_job_is_done_once_and_results_keep_their_order() {
        let jobs: Vec<u64> = (0..500).collect();
        let room = Room {
            threads: 3,
            bytes: 10,
        };
        let results = run(&jobs, &room, |_| 1, |job| job * 2, &mut || {});
        assert_eq!(results, jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        assert!(run(&[0u8; 0], &room, |_| 1, |_| 1, &mut || {}).is_empty());
    }

    #[test]
    fn jobs_at_a_time_fit_into_the_room_and_one_too_large_runs_alone() {
        let jobs: Vec<u64> = vec![1, 7, 3, 100, 3, 3, 3, 9, 1, 1];
        let busy = AtomicU64::new(0);
        let room = Room {
            threads: 4,
            bytes: 10,
        };
        let work = |job: &u64| {
            let others = busy.fetch_add(*job, Ordering::SeqCst);
            std::thread::yield_now();
            busy.fetch_sub(*job, Ordering::SeqCst);
            others
        };
        let others = run(&jobs, &room, |job| *job, work, &mut || {});
        for (job, others) in jobs.iter().zip(others) {
            assert!(others + job <= 10 || others == 0, "{job} beside {others}");
        }
    }
}
