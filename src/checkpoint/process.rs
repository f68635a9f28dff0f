//! The writer beside the engine: on a thread of it, or in a process of its own.
//!
//! ```text
//!   engine                                         child: this binary, `checkpoint-writer --region FD`
//!   stdin  ──── WriterOrder, one line ──►
//!          ──── stays open; its end says the engine is gone ──►
//!   stdout ◄─── Told, a line an epoch ────
//!   memory of the region, lock of the directory ── inherited ──►
//! ```
//!
//! The child is in a process group of its own, so that Ctrl-C reaches the engine alone, and holds the lock
//! of the directory until it has finished the epoch that the engine left behind.

use super::drain::Drain;
use super::error::CheckpointError;
use super::lock::DirLock;
use super::piece::Settled;
use super::port::Expected;
use super::region::Region;
use super::shape::Shape;
use super::staging::make_ready;
use super::writer::Writer;
use crate::sys::real_disk::RealDisk;
use crate::sys::topology::confine_current_thread;
use rustix::io::{FdFlags, fcntl_setfd};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Who writes checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriterKind {
    /// A thread of the engine, with `pwrite`.
    #[default]
    Thread,
    /// A process of this executable, with mapped files.
    Process(PathBuf),
}

impl WriterKind {
    /// "thread" or "process".
    pub fn name(&self) -> &'static str {
        match self {
            WriterKind::Thread => "thread",
            WriterKind::Process(_) => "process",
        }
    }
}

/// What the writer is to write, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriterOrder {
    /// Directory of the run.
    pub run_dir: PathBuf,
    /// The parts.
    pub shape: Shape,
    /// Number of the first epoch.
    pub first_epoch: u64,
    /// CPUs that no core of the engine is pinned to; empty: the system decides.
    pub spare_cpus: Vec<usize>,
}

/// What a writer process says.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Told {
    Settled(Settled),
    Failed(String),
}

/// A writer at work.
#[derive(Debug)]
pub struct Running {
    region: Arc<Region>,
    told: Receiver<Told>,
    thread: Option<JoinHandle<()>>,
    child: Option<Child>,
    staging: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a writer of `kind` on `region`.
    ///
    /// # Errors
    /// The directory cannot be written, or there is no thread or process.
    pub fn start(
        kind: &WriterKind,
        order: WriterOrder,
        region: Arc<Region>,
        lock: &DirLock,
        expected: Vec<Expected>,
    ) -> Result<Running, CheckpointError> {
        let (teller, told) = channel();
        let (thread, child) = match kind {
            WriterKind::Thread => (on_thread(order, &region, teller)?, None),
            WriterKind::Process(executable) => {
                let (thread, child) = in_process(executable, &order, &region, lock, teller)?;
                (thread, Some(child))
            }
        };
        let staging = make_ready(region.clone(), expected).map_err(start_error("a thread"))?;
        Ok(Running {
            staging: Some(staging),
            region,
            told,
            thread: Some(thread),
            child,
        })
    }

    /// After the engine has sent everything: waits until the writer has written it. What has become of
    /// epochs; and how the writer died, if it did not end as it should.
    pub fn finish(mut self) -> (Vec<Settled>, Option<String>) {
        self.region.finish();
        let died = self.end();
        (self.settled().collect(), died)
    }

    /// What has become of epochs.
    fn settled(&self) -> impl Iterator<Item = Settled> {
        self.told.try_iter().map(|told| match told {
            Told::Settled(settled) => settled,
            Told::Failed(reason) => Settled::Aborted {
                epoch: self.region.settled().0 + 1,
                reason,
            },
        })
    }

    fn end(&mut self) -> Option<String> {
        let mut died = None;
        if let Some(mut child) = self.child.take() {
            // Its end would say that the engine is gone, and `wait` closes what it finds here.
            let input = child.stdin.take();
            let status = child.wait().ok().filter(|status| !status.success());
            died = status.map(|status| status.to_string());
            drop(input);
        }
        if let Some(staging) = self.staging.take() {
            let _ = staging.join();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            died = Some("its thread panicked".into());
        }
        died
    }
}

/// Tells the engine that nobody settles its epochs any more, however the writer came to its end.
struct Farewell(Arc<Region>);

impl Drop for Farewell {
    fn drop(&mut self) {
        self.0.writer_gone();
    }
}

impl Drop for Running {
    /// Without [`Running::finish`] the engine failed: only epochs that are whole already become durable.
    fn drop(&mut self) {
        if !self.region.is_finished() {
            self.region.abandon();
        }
        self.end();
    }
}

fn start_error(what: &'static str) -> impl FnOnce(io::Error) -> CheckpointError {
    move |source| CheckpointError::Start { what, source }
}

fn on_thread(
    order: WriterOrder,
    region: &Arc<Region>,
    teller: Sender<Told>,
) -> Result<JoinHandle<()>, CheckpointError> {
    let spare = order.spare_cpus.clone();
    let writer = Writer::new(
        RealDisk::plain(),
        order.run_dir,
        order.shape,
        order.first_epoch,
    )?;
    let drain = Drain::new(region.clone(), writer);
    let farewell = Farewell(region.clone());
    let run = move || {
        confine_current_thread(&spare);
        let _farewell = farewell;
        let tell = |settled: &Settled| _ = teller.send(Told::Settled(settled.clone()));
        drain.run(tell, || false);
    };
    std::thread::Builder::new()
        .name("checkpoints".into())
        .spawn(run)
        .map_err(start_error("a thread"))
}

fn in_process(
    executable: &Path,
    order: &WriterOrder,
    region: &Arc<Region>,
    lock: &DirLock,
    teller: Sender<Told>,
) -> Result<(JoinHandle<()>, Child), CheckpointError> {
    let shared = region.file();
    // The child inherits both; another process that were started just now would as well, and close them.
    let keep = |flags| {
        fcntl_setfd(shared, flags)?;
        fcntl_setfd(lock, flags).map_err(io::Error::from)
    };
    keep(FdFlags::empty()).map_err(start_error("the process"))?;
    let child = Command::new(executable)
        .args([
            "checkpoint-writer",
            "--region",
            &shared.as_raw_fd().to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn();
    keep(FdFlags::CLOEXEC).map_err(start_error("the process"))?;
    let mut child = child.map_err(start_error("the process"))?;
    let line = serde_json::to_string(order).map_err(|error| CheckpointError::Start {
        what: "the process",
        source: error.into(),
    })?;
    let (input, output) = (child.stdin.as_mut(), child.stdout.take());
    let (Some(input), Some(output)) = (input, output) else {
        unreachable!("both were asked for");
    };
    writeln!(input, "{line}").map_err(start_error("the process"))?;
    let farewell = Farewell(region.clone());
    let listen = move || {
        // The process has ended, as asked or not: the engine must not wait for an epoch to be settled.
        let _farewell = farewell;
        for line in BufReader::new(output).lines() {
            let told = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            if told.is_none_or(|told| teller.send(told).is_err()) {
                break;
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("checkpoints".into())
        .spawn(listen)
        .map_err(start_error("a thread"))?;
    Ok((thread, child))
}

/// What the writer process does, from its first to its last line. `region`: the descriptor it inherited.
///
/// # Errors
/// The order or the region cannot be read, or the directory not be written; the engine is told as well.
pub fn serve(region: i32) -> io::Result<()> {
    let memory = OpenOptions::new()
        .read(true)
        .write(true)
        .open(format!("/proc/self/fd/{region}"))?;
    let region = Region::open(memory)?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let order: WriterOrder = serde_json::from_str(&line)?;
    confine_current_thread(&order.spare_cpus);
    let gone = Arc::new(AtomicBool::new(false));
    let seen = gone.clone();
    // Ends with the process: whatever comes on standard input, its end is what counts.
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Release);
    });
    match Writer::new(
        RealDisk::mapped(),
        order.run_dir,
        order.shape,
        order.first_epoch,
    ) {
        Ok(writer) => Drain::new(region, writer).run(
            |settled| tell(&Told::Settled(settled.clone())),
            || gone.load(Ordering::Acquire),
        ),
        Err(error) => {
            region.writer_gone();
            tell(&Told::Failed(error.to_string()));
        }
    }
    Ok(())
}

/// A line to the engine; if that is gone, nobody hears it.
fn tell(told: &Told) {
    if let Ok(line) = serde_json::to_string(told) {
        let mut output = io::stdout().lock();
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    }
}
