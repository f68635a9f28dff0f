//! `dead-letter ls|show|replay`: what was set aside.

use super::args::{DeadLetterCommand, DeadLetterReplayArgs, GlobalArgs, LettersArgs, ShowArgs};
use super::config::{BAD_RECORDS_FILE, FAILED_EVENTS_FILE};
use super::error::{CliError, Exit, note, print};
use super::report::print_json;
use super::second_try;
use crate::failure::{Mail, MailError, read_letters};
use crate::sys::quantity::format_count;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Characters of a reason in a list.
const REASON_CHARS: usize = 80;

pub(super) fn dead_letter(
    command: &DeadLetterCommand,
    global: &GlobalArgs,
) -> Result<Exit, CliError> {
    match command {
        DeadLetterCommand::Ls(args) => ls(args, global),
        DeadLetterCommand::Show(args) => show(args, global),
        DeadLetterCommand::Replay(args) => replay(args, global),
    }
}

/// A letter as it is shown: with its number.
#[derive(Serialize)]
struct Numbered<'a> {
    number: usize,
    #[serde(flatten)]
    mail: &'a Mail,
}

/// The dead-letter files that `from` stands for.
fn files(from: &Path) -> Vec<PathBuf> {
    if !from.is_dir() {
        return vec![from.to_path_buf()];
    }
    let names = [BAD_RECORDS_FILE, FAILED_EVENTS_FILE];
    let paths = names.iter().map(|name| from.join(name));
    paths.filter(|path| path.exists()).collect()
}

fn letters(from: &Path) -> Result<Vec<Mail>, CliError> {
    let mut letters = Vec::new();
    for file in files(from) {
        let bag = read_letters(&file)?;
        if !bag.torn_lines.is_empty() {
            note(&format!(
                "warning: {}: cut off by a crash and left out: lines {:?}",
                file.display(),
                bag.torn_lines
            ));
        }
        letters.extend(bag.letters);
    }
    Ok(letters)
}

fn ls(args: &LettersArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let letters = letters(&args.from)?;
    if global.json {
        let all = letters.iter().zip(1..);
        let all: Vec<_> = all
            .map(|(mail, number)| Numbered { number, mail })
            .collect();
        print_json(&all)?;
        return Ok(Exit::Ok);
    }
    let mut text = String::new();
    for (mail, number) in letters.iter().zip(1..) {
        text += &line(number, mail);
    }
    let events = letters
        .iter()
        .filter(|mail| matches!(mail, Mail::Event(_)))
        .count();
    let records = letters.len() - events;
    let (events, records) = (format_count(events as u64), format_count(records as u64));
    text += &format!("{events} failed events, {records} bad records\n");
    print(&text)?;
    Ok(Exit::Ok)
}

fn line(number: usize, mail: &Mail) -> String {
    let (kind, place, reason) = match mail {
        Mail::Event(event) => {
            let place = format!("{} {} key {}", event.stage, event.partition, event.key);
            (kind(mail), place, &event.reason)
        }
        Mail::BadRecord(record) => {
            let at = record.line.map(|line| format!(":{line}"));
            let at = at.or_else(|| record.offset.map(|offset| format!(" byte {offset}")));
            (
                kind(mail),
                record.file.clone() + &at.unwrap_or_default(),
                &record.reason,
            )
        }
    };
    let mut short: String = reason.chars().take(REASON_CHARS).collect();
    if short.len() < reason.len() {
        short.push('…');
    }
    format!(
        "{number:>6}  {kind}  {place:<32}  {}\n",
        short.replace('\n', " ")
    )
}

fn kind(mail: &Mail) -> &'static str {
    match mail {
        Mail::Event(_) => "event ",
        Mail::BadRecord(_) => "record",
    }
}

fn show(args: &ShowArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let letters = letters(&args.from)?;
    let mail = args
        .number
        .checked_sub(1)
        .and_then(|index| letters.get(index));
    let Some(mail) = mail else {
        return Err(
            CliError::usage(format!("there is no letter {}", args.number))
                .at(args.from.display().to_string())
                .expected(format!("a number from 1 to {}", letters.len()))
                .help("`millstream dead-letter ls` lists them"),
        );
    };
    let number = args.number;
    if global.json {
        print_json(&Numbered { number, mail })?;
        return Ok(Exit::Ok);
    }
    let fields = serde_json::to_value(mail).unwrap_or_default();
    let mut text = String::new();
    for (name, value) in fields.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text += &format!("{name:>14}  {}\n", value.trim_end());
    }
    print(&text)?;
    Ok(Exit::Ok)
}

fn replay(args: &DeadLetterReplayArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let letters = letters(&args.from)?;
    let config = args.from.join("config.toml");
    let home = if args.from.is_dir() {
        args.from.clone()
    } else {
        args.from.parent().unwrap_or(Path::new("")).to_path_buf()
    };
    let (mut events, mut records) = (Vec::new(), Vec::new());
    for mail in letters {
        match mail {
            Mail::Event(event) => events.push(event),
            Mail::BadRecord(record) => records.push(record),
        }
    }
    let played = second_try::Played {
        home: &home,
        config: config.exists().then_some(&config),
        to: args.write_only.as_deref(),
        quiet: global.quiet || global.json,
    };
    if args.records {
        played.records(&records, global)
    } else {
        played.events(&events, global)
    }
}

impl From<MailError> for CliError {
    fn from(error: MailError) -> CliError {
        match error {
            MailError::Foreign { .. } => CliError::usage(error.to_string()),
            MailError::Io { .. } => CliError::failed(error.to_string())
                .help("a run without failures leaves no dead-letter file"),
        }
    }
}
