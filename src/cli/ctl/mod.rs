//! `ctl`: asks a run through its control socket. One JSON line there, one back.
//!
//! ```text
//!   {"version":1,"ask":"move","task":"aggregate 3","core":1}
//!   {"version":1,"pid":4711,"checkpoint_dir":null,"answer":"moves","moves":["aggregate 3: core 0 → 1"]}
//!   {"version":1,"pid":4711,"checkpoint_dir":null,"error":"there is no task …"}
//! ```

mod connection;
mod server;
mod socket;
mod status;

pub(super) use server::{remove_bound, serve};

use super::args::{CheckpointNowArgs, CtlArgs, CtlCommand, GlobalArgs};
use super::checkpoint::now;
use super::config::SOCKET;
use super::error::{CliError, Exit, print};
use super::report::print_json;
use crate::runtime::{Answer, Request};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the lines; both sides must have the same.
const VERSION: u32 = 1;
/// The run answers within 50 ms, or is held up.
const WAIT: Duration = Duration::from_secs(10);

/// What goes to the run.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    version: u32,
    #[serde(flatten)]
    request: Request,
}

/// The part of a request that every version has.
#[derive(Debug, Deserialize)]
struct Versioned {
    version: u32,
}

/// What comes back.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Reply {
    version: u32,
    /// The process of the run; `None`: it ended and left no answer.
    pid: Option<u32>,
    /// Where it makes checkpoints, if it does.
    checkpoint_dir: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    answer: Option<Answer>,
}

pub(super) fn ctl(args: &CtlArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let path = args.socket.clone().unwrap_or_else(|| {
        let out = global.out.as_deref().unwrap_or("millstream-run");
        Path::new(out).join(SOCKET)
    });
    let request = match &args.command {
        CtlCommand::Status | CtlCommand::Checkpoint { .. } => Request::Status,
        CtlCommand::Rebalance => Request::Rebalance,
        CtlCommand::Cores { cores } => Request::Cores { cores: *cores },
        CtlCommand::Move { task, core } => Request::Move {
            task: task.clone(),
            core: *core,
        },
        CtlCommand::Stop => Request::Stop,
    };
    let reply = ask(&path, request)?;
    if let CtlCommand::Checkpoint { wait } = &args.command {
        return checkpoint(&path, reply, wait, global);
    }
    let Some(answer) = &reply.answer else {
        return Err(no_answer(&path, "its answer holds nothing"));
    };
    if let Answer::Status(status) = answer {
        status::show(status, &reply, global)?;
        return Ok(Exit::Ok);
    }
    if global.json {
        print_json(&reply)?;
    } else if !global.quiet {
        print(&in_words(answer, reply.pid.is_some()))?;
    }
    Ok(Exit::Ok)
}

fn in_words(answer: &Answer, by_the_run: bool) -> String {
    match answer {
        Answer::Stopping if !by_the_run => "nothing to stop: the run was ending already\n".into(),
        Answer::Moves { moves } if moves.is_empty() => "nothing to move\n".into(),
        Answer::Moves { moves } => moves.iter().map(|step| format!("{step}\n")).collect(),
        _ => "stopping: draining what is in flight\n".into(),
    }
}

/// Asks for a checkpoint by the signal that the run listens to, and waits for it.
fn checkpoint(
    path: &Path,
    reply: Reply,
    wait: &str,
    global: &GlobalArgs,
) -> Result<Exit, CliError> {
    let Some(dir) = reply.checkpoint_dir else {
        return Err(CliError::failed("this run makes no checkpoints")
            .at(path.display().to_string())
            .help("start it with --checkpoint DIR"));
    };
    let wait = wait.to_owned();
    now(&CheckpointNowArgs { dir, wait }, global)
}

/// Sends one request to the run behind `path` and gives its answer.
fn ask(path: &Path, request: Request) -> Result<Reply, CliError> {
    let stream = socket::connect(path).map_err(|error| unreachable(path, &error))?;
    let is_stop = request == Request::Stop;
    let asked = Asked {
        version: VERSION,
        request,
    };
    let text = match exchange(&stream, &asked) {
        Ok(text) if !text.is_empty() => text,
        // The run was ending while it was asked to: that is what was wanted.
        Ok(_) if is_stop => {
            return Ok(Reply {
                version: VERSION,
                answer: Some(Answer::Stopping),
                ..Reply::default()
            });
        }
        Ok(_) => return Err(no_answer(path, "it ended before it answered")),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            let why = format!("none came within {} s", WAIT.as_secs());
            return Err(no_answer(path, &why));
        }
        Err(error) => return Err(no_answer(path, &error.to_string())),
    };
    let version = serde_json::from_str::<Versioned>(&text).map(|reply| reply.version);
    if !matches!(version, Ok(VERSION)) {
        return Err(
            CliError::failed("the run speaks another version of this protocol")
                .at(path.display().to_string())
                .expected(format!("version {VERSION}"))
                .help("use the millstream that started it"),
        );
    }
    let reply: Reply =
        serde_json::from_str(&text).map_err(|error| no_answer(path, &error.to_string()))?;
    match &reply.error {
        Some(error) => Err(CliError::failed(error.clone()).at(path.display().to_string())),
        None => Ok(reply),
    }
}

/// Sends a line and gives the one that comes back; nothing where the run closed before.
fn exchange(mut stream: &UnixStream, asked: &Asked) -> std::io::Result<String> {
    let closed = |error: &std::io::Error| {
        matches!(
            error.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected
        )
    };
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let mut line = serde_json::to_string(asked)?;
    line.push('\n');
    // Who is not listened to may have been told why before the line was shut.
    stream
        .write_all(line.as_bytes())
        .or_else(|error| if closed(&error) { Ok(()) } else { Err(error) })?;
    let mut text = String::new();
    match BufReader::new(stream).read_line(&mut text) {
        Err(error) if !closed(&error) => Err(error),
        _ => Ok(text),
    }
}

/// Why `path` leads to no run.
fn unreachable(path: &Path, error: &std::io::Error) -> CliError {
    let failed = |what: &str| CliError::failed(what).at(path.display().to_string());
    let found = std::fs::metadata(path).ok();
    if let Some(kind) = found.and_then(|found| socket::no_socket(found.file_type())) {
        return failed(&format!("this is {kind}, not the socket of a run")).help(format!(
            "a run's socket is {SOCKET} in the directory of its report: name that directory with --out, or the \
             socket with --socket"
        ));
    }
    match error.kind() {
        ErrorKind::NotFound => failed("there is no run with this socket").help(
            "name the directory of its report with --out, or its socket with --socket; \
             `bench` opens one with -C ctl.socket=auto",
        ),
        ErrorKind::ConnectionRefused => {
            failed("nobody listens at this socket: its run died and left it")
                .help("the next run with this report directory removes it")
        }
        ErrorKind::PermissionDenied => {
            failed("this run belongs to another user").help("ask as the user who started it")
        }
        _ => failed(&format!("the socket cannot be opened: {error}")),
    }
}

fn no_answer(path: &Path, why: &str) -> CliError {
    CliError::failed(format!("the run gave no answer: {why}"))
        .at(path.display().to_string())
        .help("ask again; if it ended meanwhile, its report says how")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_lines_are_what_the_header_says() {
        let asked = Asked {
            version: 1,
            request: Request::Move {
                task: "aggregate 3".into(),
                core: 1,
            },
        };
        let line = serde_json::to_string(&asked).expect("JSON");
        let expected = r#"{"version":1,"ask":"move","task":"aggregate 3","core":1}"#;
        assert_eq!(line, expected);
        let back: Asked = serde_json::from_str(&line).expect("JSON");
        assert_eq!(back.request, asked.request);
        let reply = Reply {
            version: 1,
            pid: Some(4711),
            answer: Some(Answer::Moves {
                moves: vec!["aggregate 3: core 0 → 1".into()],
            }),
            ..Reply::default()
        };
        let line = serde_json::to_string(&reply).expect("JSON");
        assert_eq!(
            line,
            r#"{"version":1,"pid":4711,"checkpoint_dir":null,"answer":"moves","moves":["aggregate 3: core 0 → 1"]}"#
        );
        let refused = r#"{"version":1,"pid":1,"checkpoint_dir":null,"error":"no"}"#;
        let back: Reply = serde_json::from_str(refused).expect("JSON");
        assert_eq!((back.error.as_deref(), back.answer), (Some("no"), None));
    }
    /// Asks a listener that does `serve` with the one connection it gets.
    fn asked_of(serve: fn(UnixStream), request: Request) -> Result<Reply, CliError> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ctl.sock");
        let listener = UnixListener::bind(&path).expect("it is free");
        std::thread::scope(|scope| {
            scope.spawn(|| serve(listener.accept().expect("a client").0));
            ask(&path, request)
        })
    }

    #[test]
    fn a_run_that_ends_meanwhile_has_stopped_and_gave_no_status() {
        // A run that ends closes the line: before it reads, which breaks the client's pipe, or after.
        let before: fn(UnixStream) = drop;
        let after: fn(UnixStream) = |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
        };
        for serve in [before, after] {
            let stopped = asked_of(serve, Request::Stop).expect("it ends");
            assert_eq!(stopped.answer, Some(Answer::Stopping));
            let error = asked_of(serve, Request::Status).expect_err("no answer");
            let error = error.to_string();
            assert!(error.contains("it ended before it answered"), "{error}");
        }
    }

    #[test]
    fn what_was_said_before_the_line_was_shut_is_heard() {
        let refuse: fn(UnixStream) = |mut stream| {
            let line = "{\"version\":1,\"pid\":1,\"checkpoint_dir\":null,\"error\":\"too many\"}\n";
            stream.write_all(line.as_bytes()).expect("sent");
        };
        let error = asked_of(refuse, Request::Status).expect_err("refused");
        assert!(error.to_string().contains("too many"), "{error}");
    }

    #[test]
    fn what_is_no_socket_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "mine").expect("written");
        for (path, kind) in [(dir.path(), "a directory"), (&file, "a file")] {
            let error = ask(path, Request::Status).expect_err("no run").to_string();
            let said = format!("this is {kind}, not the socket of a run");
            assert!(
                error.contains(&said) && error.contains("ctl.sock"),
                "{error}"
            );
        }
    }
}
