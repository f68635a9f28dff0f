//! Progress of a run, on a terminal only.
//!
//! Owned by the command line; the engine calls back a few times a second from its control thread, never
//! from a core.

use crate::sys::quantity::{format_count, format_duration_ns, format_rate};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProgressUpdate {
    /// Events taken in so far.
    pub events: u64,
    /// Events a second, recently; 0 where not known.
    pub events_per_s: f64,
    /// 99th percentile of recent latencies, ns, where it is known.
    pub latency_ns_p99: Option<u64>,
}

/// A line on standard error that shows how far a run has come; nothing at all when not visible.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    total: Option<u64>,
}

impl Progress {
    /// Progress towards `total` events, or of unknown length. Draws only if `visible` and standard
    /// error is a terminal.
    pub fn new(total: Option<u64>, visible: bool) -> Progress {
        let target = if visible && std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{wide_bar} {percent:>3}% {msg}",
            None => "{spinner} {msg}",
        };
        let style = ProgressStyle::with_template(template).expect("both templates are well formed");
        bar.set_style(style.progress_chars("━╸ "));
        Progress { bar, total }
    }

    /// Shows an update.
    pub fn set(&self, update: ProgressUpdate) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(message(update));
        match self.total {
            Some(total) => self.bar.set_position(update.events.min(total)),
            None => self.bar.tick(),
        }
    }

    /// Shows a position and words of one's own, which are only made where they are seen.
    pub fn tell(&self, position: u64, words: impl FnOnce() -> String) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_message(words());
        match self.total {
            Some(total) => self.bar.set_position(position.min(total)),
            None => self.bar.tick(),
        }
    }

    /// Removes the line.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What is not known is left out.
fn message(update: ProgressUpdate) -> String {
    let mut message = format!("{} events", format_count(update.events));
    if update.events_per_s > 0.0 {
        message += &format!(", {}", format_rate(update.events_per_s));
    }
    if let Some(p99) = update.latency_ns_p99 {
        message += &format!(", p99 {}", format_duration_ns(p99));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out() {
        let update = ProgressUpdate {
            events: 500,
            ..Default::default()
        };
        assert_eq!(message(update), "500 events");
        let update = ProgressUpdate {
            latency_ns_p99: Some(700),
            ..update
        };
        assert_eq!(message(update), "500 events, p99 700 ns");
    }

    #[test]
    fn invisible_progress_draws_nothing() {
        let progress = Progress::new(Some(10), false);
        progress.set(ProgressUpdate {
            events: 5,
            ..Default::default()
        });
        assert!(progress.bar.is_hidden());
        assert_eq!(progress.bar.position(), 0);
        progress.finish();
    }
}
