//! The thread that keeps frames ready: their pages are brought in before a core writes to them.
//!
//! Owns nothing: parts say how many blocks they may have to send at once ([`Expected`]), and it asks the system
//! for the pages of as many frames. It ends with the run.

use super::port::Expected;
use super::region::Region;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked whether parts have grown.
const READY_EVERY: Duration = Duration::from_millis(5);
/// Frames whose pages are brought in at once.
const READY_FRAMES: u64 = 1024;

/// A thread that brings in the pages of the frames that parts may need: a core that touched them first would
/// wait for each to be zeroed.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn make_ready(
    region: Arc<Region>,
    expected: Vec<Expected>,
) -> io::Result<JoinHandle<()>> {
    let mut ready = vec![0; expected.len()];
    let run = move || {
        while !region.is_finished() {
            for (lane, (expected, ready)) in expected.iter().zip(&mut ready).enumerate() {
                let wanted = expected.load(Ordering::Relaxed);
                while *ready < wanted && !region.is_finished() {
                    region.populate(lane, *ready, READY_FRAMES);
                    *ready += READY_FRAMES;
                }
            }
            std::thread::sleep(READY_EVERY);
        }
    };
    std::thread::Builder::new()
        .name("staging".into())
        .spawn(run)
}
