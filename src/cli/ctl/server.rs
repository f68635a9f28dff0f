//! The run's end of the control socket: a thread that reads a line, asks the run, and writes a line.
//!
//! It starts to listen when the run begins, and serves one connection after the other. The cores know nothing of it.

use super::super::config::Config;
use super::super::error::note;
use super::socket::{Bound, bind, connect};
use super::{Asked, Reply, VERSION, Versioned};
use crate::runtime::Control;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest request.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Who has not said what he wants by then is left, so that others are served.
const PATIENCE: Duration = Duration::from_secs(2);

/// The socket of this process, so that a second Ctrl-C removes it too.
static BOUND: Mutex<Option<Bound>> = Mutex::new(None);

fn bound() -> MutexGuard<'static, Option<Bound>> {
    BOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the socket, if there is one: the process ends.
pub(in crate::cli) fn remove_bound() {
    if let Ok(mut bound) = BOUND.try_lock() {
        bound.take();
    }
}

/// A run that can be controlled, until this is dropped.
pub(in crate::cli) struct Served {
    control: Arc<Control>,
    path: PathBuf,
}

/// Has a thread listen at the socket that the configuration asks for, once the run begins; `config` then leads
/// to it. `None`: none is asked for. Where it cannot be had, the run says so and goes on without.
pub(in crate::cli) fn serve(config: &mut Config, quiet: bool) -> Option<Served> {
    let path = config.ctl.path(&config.report)?;
    let control = Arc::<Control>::default();
    config.control = Some(control.clone());
    let dir = config.checkpoint.dir.as_ref();
    let checkpoint_dir = dir.map(|dir| std::path::absolute(dir).unwrap_or_else(|_| dir.clone()));
    let (asked, at) = (control.clone(), path.clone());
    let listen = move || listen(&asked, &at, checkpoint_dir.as_deref(), quiet);
    if let Err(error) = std::thread::Builder::new().name("ctl".into()).spawn(listen) {
        note(&format!(
            "warning: no control socket: no thread for it: {error}"
        ));
        return None;
    }
    Some(Served { control, path })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.control.close();
        // The thread waits for a connection: this one tells it to end.
        let mine = bound().take();
        if mine.is_some() {
            let _ = connect(&self.path);
        }
    }
}

fn listen(control: &Control, path: &Path, checkpoint_dir: Option<&Path>, quiet: bool) {
    if !control.wait_for_start() {
        return;
    }
    let listener = {
        let mut bound = bound();
        // Under the lock: a run that has ended meanwhile would leave the file.
        if control.is_over() {
            return;
        }
        match bind(path) {
            Ok((listener, mine)) => {
                *bound = Some(mine);
                listener
            }
            Err(error) => {
                let at = path.display();
                note(&format!(
                    "warning: no control socket at {at}: {error}; give another with -C ctl.socket=PATH"
                ));
                return;
            }
        }
    };
    if !quiet {
        note(&format!(
            "control: millstream ctl status --socket {}",
            path.display()
        ));
    }
    for stream in listener.incoming().flatten() {
        if control.is_over() {
            return;
        }
        // Who goes away in the middle of a line has his reasons.
        let _ = answer(&stream, control, checkpoint_dir);
    }
}

fn answer(
    stream: &UnixStream,
    control: &Control,
    checkpoint_dir: Option<&Path>,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    let mut reply = Reply {
        version: VERSION,
        pid: std::process::id(),
        checkpoint_dir: checkpoint_dir.map(Path::to_path_buf),
        ..Reply::default()
    };
    match asked(&line).and_then(|asked| {
        let answer = control.ask(asked.request);
        answer.map_err(|refusal| refusal.to_string())
    }) {
        Ok(answer) => reply.answer = Some(answer),
        Err(error) => reply.error = Some(error),
    }
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    (&*stream).write_all(text.as_bytes())
}

/// Reads a request.
fn asked(line: &str) -> Result<Asked, String> {
    let versioned: Versioned = serde_json::from_str(line)
        .map_err(|error| format!("the request is not a line of JSON with a version: {error}"))?;
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
            let error = asked(line).expect_err(line);
            assert!(error.contains(part), "{line:?}: {error}");
        }
        assert!(asked(r#"{"version":1,"ask":"status"}"#).is_ok());
    }
}
