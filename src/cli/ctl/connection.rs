//! One client of the control socket: its line is read, the run is asked, and a line goes back.
//!
//! ```text
//!   accept ─► admit ─► a thread of its own: read a line ─► ask the run ─► write a line ─► close
//!               └─ so many are there already: told so and closed, unread
//! ```
//!
//! A client has a thread, so one that says nothing is in nobody's way; it is closed, with a word, when patience ends.
//!
//! Invariant: never more than `CLIENTS_MAX` of these threads.

use super::{Asked, Reply, VERSION, Versioned};
use crate::runtime::{Answer, Control, Request};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longest request, bytes.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Clients at a time. Nobody has so many hands; it bounds the threads that a script gone wrong can start.
const CLIENTS_MAX: usize = 16;

/// What every client is served from.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) control: Arc<Control>,
    pub(super) checkpoint_dir: Option<PathBuf>,
    /// Who has not said what he wants by then is let go.
    pub(super) patience: Duration,
    clients: AtomicUsize,
    /// The run has been told to stop and has said that it does: it need not be asked again.
    stopping: AtomicBool,
}

/// The right to be served; given back when it is dropped.
struct Seat(Arc<Service>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Service {
    pub(super) fn new(
        control: Arc<Control>,
        checkpoint_dir: Option<PathBuf>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Service {
            control,
            checkpoint_dir,
            patience,
            clients: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// Serves a client beside all others, or tells it that there are too many. Called by the one thread that listens.
    pub(super) fn admit(self: &Arc<Self>, stream: UnixStream) {
        // Relaxed: the count guards nothing but itself, and only the caller makes it grow.
        if self.clients.load(Ordering::Relaxed) >= CLIENTS_MAX {
            let why = format!("{CLIENTS_MAX} others are being served: ask again");
            let _ = self.write(&stream, Err(why));
            return;
        }
        self.clients.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(self.clone());
        // Who goes away in the middle of a line has his reasons; without a thread the client finds its line closed.
        let serve = move || drop(seat.0.serve(&stream));
        let _ = std::thread::Builder::new()
            .name("ctl client".into())
            .spawn(serve);
    }

    fn serve(&self, stream: &UnixStream) -> Result<()> {
        let answer = match read_line(stream, self.patience) {
            Ok(line) => asked(&line).and_then(|asked| self.ask(asked.request)),
            Err(error) if is_timeout(&error) => {
                Err(format!("no line came within {} s", self.patience.as_secs()))
            }
            Err(error) => return Err(error),
        };
        self.write(stream, answer)
    }

    fn ask(&self, request: Request) -> std::result::Result<Answer, String> {
        let stop = request == Request::Stop;
        if stop && self.stopping.load(Ordering::Relaxed) {
            return Ok(Answer::Stopping);
        }
        match self.control.ask(request) {
            Ok(answer) => {
                self.stopping.fetch_or(stop, Ordering::Relaxed);
                Ok(answer)
            }
            // It ended before it could say so: that is what was wanted.
            Err(_) if stop && self.control.is_over() => Ok(Answer::Stopping),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    fn write(
        &self,
        mut stream: &UnixStream,
        answer: std::result::Result<Answer, String>,
    ) -> Result<()> {
        let (answer, error) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        };
        let reply = Reply {
            version: VERSION,
            pid: Some(std::process::id()),
            checkpoint_dir: self.checkpoint_dir.clone(),
            error,
            answer,
        };
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        stream.set_write_timeout(Some(self.patience))?;
        stream.write_all(text.as_bytes())
    }
}

fn is_timeout(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Reads up to a line feed, the end, or the longest request; all of it within `patience`.
fn read_line(mut stream: &UnixStream, patience: Duration) -> Result<Vec<u8>> {
    let until = Instant::now() + patience;
    let (mut line, mut block) = (Vec::new(), [0; 1024]);
    while line.len() < LINE_BYTES_MAX {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut block) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        line.extend_from_slice(&block[..read]);
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            break;
        }
        if read == 0 {
            break;
        }
    }
    Ok(line)
}

/// Reads a request.
fn asked(line: &[u8]) -> std::result::Result<Asked, String> {
    let no_line = |error: &dyn std::fmt::Display| {
        format!("the request is not a line of JSON with a version: {error}")
    };
    let line = std::str::from_utf8(line).map_err(|error| no_line(&error))?;
    let versioned: Versioned = serde_json::from_str(line).map_err(|error| no_line(&error))?;
    if versioned.version != VERSION {
        return Err(format!(
            "this run speaks version {VERSION} and was asked in version {}: use the millstream that started it",
            versioned.version
        ));
    }
    serde_json::from_str(line).map_err(|error| format!("this run does not know that: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::Shutdown;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(600);

    fn service(patience: Duration) -> Arc<Service> {
        Service::new(Arc::default(), None, patience)
    }

    fn client(service: &Arc<Service>) -> UnixStream {
        let (mine, theirs) = UnixStream::pair().expect("two ends");
        service.admit(theirs);
        mine
    }

    fn said(mut client: &UnixStream) -> String {
        let mut text = String::new();
        client.read_to_string(&mut text).expect("answered");
        text
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_the_reason() {
        for (line, part) in [
            ("status\n", "not a line of JSON"),
            ("", "not a line of JSON"),
            (r#"{"ask":"status"}"#, "version"),
            (r#"{"version":2,"ask":"status"}"#, "asked in version 2"),
            (r#"{"version":1,"ask":"dance"}"#, "does not know that"),
            (
                r#"{"version":1,"ask":"cores","cores":-1}"#,
                "does not know that",
            ),
        ] {
            let error = asked(line.as_bytes()).expect_err(line);
            assert!(error.contains(part), "{line:?}: {error}");
        }
        assert!(asked(br#"{"version":1,"ask":"status"}"#).is_ok());
    }

    #[test]
    fn who_says_nothing_is_in_nobodys_way() {
        let service = service(LONG);
        let idle: Vec<UnixStream> = (0..3).map(|_| client(&service)).collect();
        let mut asking = client(&service);
        asking
            .write_all(b"{\"version\":1,\"ask\":\"status\"}\n")
            .expect("sent");
        assert!(said(&asking).contains("has not begun"));
        for mut idle in idle {
            idle.set_nonblocking(true).expect("a socket");
            let waits = idle.read(&mut [0]).expect_err("still waited for");
            assert_eq!(waits.kind(), ErrorKind::WouldBlock);
        }
    }

    #[test]
    fn one_too_many_is_told_so_and_a_seat_that_is_left_is_free_again() {
        let service = service(LONG);
        let mut idle: Vec<UnixStream> = (0..CLIENTS_MAX).map(|_| client(&service)).collect();
        assert!(said(&client(&service)).contains("16 others are being served"));
        let leaves = idle.pop().expect("there are sixteen");
        leaves.shutdown(Shutdown::Write).expect("a socket");
        assert!(said(&leaves).contains("not a line of JSON"));
        // Its thread writes before it gives the seat back.
        while service.clients.load(Ordering::Relaxed) == CLIENTS_MAX {
            std::thread::yield_now();
        }
        let mut next = client(&service);
        next.write_all(b"\n").expect("sent");
        assert!(said(&next).contains("not a line of JSON"));
    }

    #[test]
    fn bytes_that_are_no_text_and_silence_are_answered() {
        let mut client = client(&service(LONG));
        client.write_all(b"{\"version\":1,\xff}\n").expect("sent");
        let text = said(&client);
        assert!(
            text.contains("not a line of JSON") && text.contains("utf-8"),
            "{text}"
        );
        let silent = self::client(&service(Duration::from_millis(1)));
        assert!(said(&silent).contains("no line came"));
    }

    #[test]
    fn a_stop_that_finds_the_run_over_is_no_error_and_another_question_is() {
        let service = service(LONG);
        service.control.close();
        for (ask, part) in [("stop", "\"answer\":\"stopping\""), ("status", "has ended")] {
            let mut client = client(&service);
            let line = format!("{{\"version\":1,\"ask\":\"{ask}\"}}\n");
            client.write_all(line.as_bytes()).expect("sent");
            let mut text = String::new();
            BufReader::new(&client).read_line(&mut text).expect("text");
            assert!(text.contains(part), "{ask}: {text}");
        }
    }
}
