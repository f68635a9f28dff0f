//! `traceconv`: any trace that Millstream reads into a native, CSV or JSON-lines one.
//!
//! A thin tool over `source::trace::convert`: its errors and exit codes (2: asked for wrongly, 1: the file
//! or the machine failed) are the library's. The file appears whole or not at all.

use clap::{CommandFactory, Parser, ValueEnum, error::ErrorKind};
use millstream::source::trace::native::Layout;
use millstream::source::trace::{
    Column, Converted, Format, Target, TimeUnit, TraceError, TraceOptions, convert,
};
use millstream::sys::quantity::{format_bytes, format_count};
use std::path::PathBuf;
use std::process::ExitCode;

/// Convert a trace to the native format, CSV or JSON lines.
#[derive(Parser)]
#[command(
    name = "traceconv",
    version,
    after_help = "Examples:\n  \
    traceconv clicks.csv.zst clicks.mill\n  \
    traceconv clicks.csv clicks.mill --columns key=user_id,ts=when --layout keyed\n  \
    traceconv keys.bin keys.csv --format u64le"
)]
struct Args {
    /// The trace to read; .zst, .gz, .bz2 and .xz are read as they are
    from: PathBuf,
    /// The file to write; its name says the format (.mill, .csv, .jsonl)
    to: PathBuf,
    /// How FROM is read: auto, csv, tsv, jsonl, native, oracle-general, lis, lines, u32le …
    #[arg(long, default_value_t)]
    format: Format,
    /// Which column is what, by name or place from 0: key=user_id,item=2,ts=when,value=none
    #[arg(long, value_name = "FIELD=COLUMN,…", default_value = "auto", value_parser = columns)]
    columns: Columns,
    /// Unit of the time stamps: auto, s, ms, us or ns
    #[arg(long, default_value_t)]
    time_unit: TimeUnit,
    /// Records of a .mill file; by default clicks if the trace has items, else keyed
    #[arg(long, value_enum)]
    layout: Option<LayoutName>,
}

/// The two layouts of native records.
#[derive(Clone, Copy, ValueEnum)]
enum LayoutName {
    /// Key, value, time: 24 bytes
    Keyed,
    /// User, item, time, weight
    Clicks,
}

/// The options of a trace with nothing but the columns set.
#[derive(Clone)]
struct Columns(TraceOptions);

fn columns(text: &str) -> Result<Columns, String> {
    let mut options = TraceOptions::default();
    if text == "auto" {
        return Ok(Columns(options));
    }
    for assignment in text.split(',').map(str::trim) {
        let (field, column) = assignment
            .split_once('=')
            .ok_or_else(|| format!("`{assignment}` has no `=`; write key={assignment}"))?;
        let column = Column::from(column.trim());
        let place = match field.trim() {
            "key" if column == Column::None => return Err("a record needs a key".into()),
            "key" => &mut options.key,
            "item" => &mut options.item,
            "value" => &mut options.value,
            "ts" => &mut options.ts,
            "weight" => &mut options.weight,
            other => {
                return Err(format!(
                    "unknown field `{other}`; expected key, item, value, ts or weight"
                ));
            }
        };
        *place = column;
    }
    Ok(Columns(options))
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(done) => {
            tell(&args, &done);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("traceconv: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<Converted, TraceError> {
    let target = match (Target::of_path(&args.to)?, args.layout) {
        (Target::Native(_), Some(LayoutName::Keyed)) => Target::Native(Some(Layout::Keyed)),
        (Target::Native(_), Some(LayoutName::Clicks)) => Target::Native(Some(Layout::Clicks)),
        (_, Some(_)) => {
            let message = "--layout is for native traces: name TO with .mill, or leave it out";
            let mut command = Args::command();
            command.error(ErrorKind::ArgumentConflict, message).exit()
        }
        (target, None) => target,
    };
    let options = TraceOptions {
        format: args.format,
        time_unit: args.time_unit,
        ..args.columns.0.clone()
    };
    convert(&args.from, &options, &args.to, target, &mut |_| {})
}

/// What was made, and what the source was taken for; on standard error, as all words of this tool.
fn tell(args: &Args, done: &Converted) {
    let Converted {
        counts,
        bytes,
        left_behind,
        description,
        ..
    } = done;
    eprintln!("{description}");
    if !left_behind.is_empty() {
        let parts = left_behind.join(", ");
        eprintln!("warning: left behind, for the target has no place: {parts}");
    }
    if counts.bad > 0 {
        let records = format_count(counts.bad);
        eprintln!("warning: {records} records could not be read and were left out");
    }
    eprintln!(
        "{}: {} records, {}",
        args.to.display(),
        format_count(counts.delivered),
        format_bytes(*bytes)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_name_or_place_and_the_rest_is_looked_for() {
        let Columns(options) = columns("key=user id, item=2,weight=none").expect("columns");
        assert_eq!(options.key, Column::Name("user id".into()));
        assert_eq!(
            (options.item, options.weight, options.ts),
            (Column::Index(2), Column::None, Column::Auto)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for (text, said) in [
            ("itme=a", "expected key, item"),
            ("user_id", "key=user_id"),
            ("key=none", "needs a key"),
            ("", "has no `=`"),
        ] {
            let error = columns(text).err().expect(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
