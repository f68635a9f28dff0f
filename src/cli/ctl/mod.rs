//! `ctl`: asks a run through its control socket. One JSON line there, one back.
//!
//! ```text
//!   {"version":1,"ask":"move","task":"aggregate 3","core":1}
//!   {"version":1,"pid":4711,"checkpoint_dir":null,"answer":"moves","moves":["aggregate 3: core 0 → 1"]}
//!   {"version":1,"pid":4711,"checkpoint_dir":null,"error":"there is no task …"}
//! ```

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
    /// The process of the run.
    pid: u32,
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
        print(&in_words(answer))?;
    }
    Ok(Exit::Ok)
}

fn in_words(answer: &Answer) -> String {
    match answer {
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
    let stream = socket::connect(path).map_err(|error| {
        let at = path.display().to_string();
        let failed = |what: &str| CliError::failed(what).at(at.clone());
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
    })?;
    let failed = |error: std::io::Error| no_answer(path, &error.to_string());
    stream.set_read_timeout(Some(WAIT)).map_err(failed)?;
    stream.set_write_timeout(Some(WAIT)).map_err(failed)?;
    let asked = Asked {
        version: VERSION,
        request,
    };
    let mut line = serde_json::to_string(&asked).map_err(|error| failed(error.into()))?;
    line.push('\n');
    (&stream).write_all(line.as_bytes()).map_err(failed)?;
    let mut text = String::new();
    BufReader::new(&stream)
        .read_line(&mut text)
        .map_err(failed)?;
    if text.is_empty() {
        return Err(no_answer(path, "it ended meanwhile"));
    }
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

fn no_answer(path: &Path, why: &str) -> CliError {
    CliError::failed(format!("the run gave no answer: {why}"))
        .at(path.display().to_string())
        .help("ask again; if it ended meanwhile, its report says how")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            pid: 4711,
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
}
