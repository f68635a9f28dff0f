//! The hot path allocates nothing and asks the system for nothing: counted, on the threads of the cores.
//!
//! ```text
//!   events    0 ────────── N/4 ─────────────────────────────────── N
//!             warm up      │  steady state: allocations, system calls │
//!                          └── counted from here ──── to here ────────┘
//! ```
//!
//! Allocations are counted by the global allocator of this test program. System calls are counted by
//! the kernel: each core thread asks for a seccomp filter that reports every call to a supervisor thread,
//! which counts it and lets it go on. Where the kernel refuses (before Linux 5.5, or in some sandboxes),
//! that part says so and is skipped.
#![allow(unsafe_code)]

use millstream::app::aggregate::{Aggregate, Aggregated};
use millstream::prelude::*;
use millstream::source::trace::native::KeyedRecord;
use millstream::source::{Generate, load};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

const EVENTS: u64 = 1_000_000;
const KEYS: u64 = 10_000;
/// What may happen now and then however long the run is: a buffer that meets its largest step late.
const STRAY_MAX: u64 = 16;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static SYSTEM_CALLS: AtomicU64 = AtomicU64::new(0);
/// Counters are the program's: one run at a time.
static ONE_RUN: Mutex<()> = Mutex::new(());

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
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

/// Counts the system calls of the thread that asks for it.
mod supervisor {
    use super::{Relaxed, SYSTEM_CALLS};
    use std::io::Error;
    use std::mem::zeroed;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread::{JoinHandle, spawn};

    // From linux/seccomp.h: _IOWR('!', 0, struct seccomp_notif), _IOWR('!', 1, struct seccomp_notif_resp).
    const RECEIVE: u64 = 0xc050_2100;
    const ANSWER: u64 = 0xc018_2101;
    const _: () = assert!(size_of::<libc::seccomp_notif>() == 0x50);
    const _: () = assert!(size_of::<libc::seccomp_notif_resp>() == 0x18);

    /// Puts the calling thread under supervision; `None` where the kernel refuses. Cannot be undone.
    fn listen() -> Result<OwnedFd, Error> {
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
        // SAFETY: both calls read what they are given and change only the calling thread.
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
            return Err(Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(unsafe { OwnedFd::from_raw_fd(listener as i32) })
    }

    /// Counts and lets go on, until the thread behind `listener` has ended.
    fn serve(listener: &OwnedFd) {
        loop {
            let mut ready = libc::pollfd {
                fd: listener.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: plain structs of this frame, of the sizes asserted above.
            unsafe {
                libc::poll(&raw mut ready, 1, -1);
                if ready.revents & libc::POLLIN == 0 {
                    return;
                }
                let mut call: libc::seccomp_notif = zeroed();
                if libc::ioctl(listener.as_raw_fd(), RECEIVE as _, &raw mut call) != 0 {
                    continue;
                }
                SYSTEM_CALLS.fetch_add(1, Relaxed);
                let mut answer: libc::seccomp_notif_resp = zeroed();
                answer.id = call.id;
                answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
                libc::ioctl(listener.as_raw_fd(), ANSWER as _, &raw mut answer);
            }
        }
    }

    /// What a core thread hands its listener to.
    #[derive(Clone)]
    pub(super) struct Supervisor(Sender<Option<OwnedFd>>);

    impl Supervisor {
        pub(super) fn start() -> (Self, JoinHandle<()>) {
            let (sender, listeners): (_, Receiver<Option<OwnedFd>>) = channel();
            let thread = spawn(move || {
                let serving: Vec<_> = std::iter::from_fn(|| listeners.recv().ok().flatten())
                    .map(|listener| spawn(move || serve(&listener)))
                    .collect();
                serving.into_iter().for_each(|thread| thread.join().expect("serves"));
            });
            (Supervisor(sender), thread)
        }

        /// Whether the calling thread is under supervision from now on.
        pub(super) fn watch(&self) -> bool {
            match listen() {
                Ok(listener) => self.0.send(Some(listener)).is_ok(),
                Err(_) => false,
            }
        }

        pub(super) fn stop(&self) {
            let _ = self.0.send(None);
        }
    }
}
