//! The run's end of the control socket: a thread that listens from when the run begins until it ends.
//!
//! Each connection has a thread of its own (`connection.rs`). The cores know nothing of them.

use super::super::config::Config;
use super::super::error::note;
use super::connection::Service;
use super::socket::{Bound, bind, connect};
use crate::runtime::Control;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who has not said what he wants by then is let go.
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
    /// Tells the thread that listens to end.
    ended: Arc<AtomicBool>,
}

/// Has a thread listen at the socket that the configuration asks for, once the run begins; `config` then leads
/// to it. `None`: none is asked for. Where it cannot be had, the run says so and goes on without.
pub(in crate::cli) fn serve(config: &mut Config, quiet: bool) -> Option<Served> {
    let path = config.ctl.path(&config.report)?;
    let control = Arc::<Control>::default();
    config.control = Some(control.clone());
    let dir = config.checkpoint.dir.as_ref();
    let checkpoint_dir = dir.map(|dir| std::path::absolute(dir).unwrap_or_else(|_| dir.clone()));
    let (ended, at) = (Arc::<AtomicBool>::default(), path.clone());
    let (asked, until) = (control.clone(), ended.clone());
    let listen = move || listen(asked, &at, checkpoint_dir, (quiet, &until));
    if let Err(error) = std::thread::Builder::new().name("ctl".into()).spawn(listen) {
        note(&format!(
            "warning: no control socket: no thread for it: {error}"
        ));
        return None;
    }
    Some(Served {
        control,
        path,
        ended,
    })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.control.close();
        // Relaxed: what is seen through the connection below comes after it.
        self.ended.store(true, Ordering::Relaxed);
        // The thread waits for a connection: this one has it look.
        let mine = bound().take();
        if mine.is_some() {
            let _ = connect(&self.path);
        }
    }
}

fn listen(
    control: Arc<Control>,
    path: &Path,
    checkpoint_dir: Option<PathBuf>,
    (quiet, ended): (bool, &AtomicBool),
) {
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
    let service = Service::new(control, checkpoint_dir, PATIENCE);
    admit_all(&listener, &service, ended);
}

/// Admits clients as long as the socket is there: also those who come while the run, which is over, is accounted for.
fn admit_all(listener: &UnixListener, service: &Arc<Service>, ended: &AtomicBool) {
    for stream in listener.incoming().flatten() {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        service.admit(stream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn who_comes_while_a_run_ends_is_answered_until_the_socket_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        let (listener, _bound) = bind(&path).expect("it is free");
        let control = Arc::<Control>::default();
        control.close();
        let service = Service::new(control, None, Duration::from_secs(600));
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| admit_all(&listener, &service, &ended));
            for (ask, part) in [
                ("stop", "stopping"),
                ("stop", "stopping"),
                ("status", "has ended"),
            ] {
                let mut client = connect(&path).expect("it listens");
                let line = format!("{{\"version\":1,\"ask\":\"{ask}\"}}\n");
                client.write_all(line.as_bytes()).expect("sent");
                let mut said = String::new();
                client.read_to_string(&mut said).expect("answered");
                assert!(said.contains(part), "{ask}: {said}");
            }
            ended.store(true, Ordering::Relaxed);
            connect(&path).expect("it listens");
        });
    }
}
