//! `loadgen`: writes the events of Millstream's load generator to a file, one record an event.
//!
//! The same parts as `millstream bench` uses, so that a trace written here holds the events that a
//! bench with the same keys, arrivals, rate and seed runs on. The file appears whole or not at all.

use clap::{CommandFactory, Parser, ValueEnum, error::ErrorKind};
use millstream::source::load::{
    Arrivals, KeyDistribution, KeySampler, Load, LoadEvent, Schedule, ValuePattern,
};
use millstream::source::trace::native::{Contents, KeyedRecord, Writer};
use millstream::source::trace::{BLOCK_RECORDS, TraceError};
use millstream::sys::quantity::{format_count, format_duration_ns, parse_count};
use millstream::sys::rate::Rate;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write a seeded, synthetic trace.
#[derive(Parser)]
#[command(
    name = "loadgen",
    version,
    after_help = "Examples:\n  \
    loadgen --keys 'zipf(0.99,1M)' --events 1M --rate 1M --arrivals poisson --out events.csv\n  \
    loadgen --keys 'hot(0.9,100,1M)' --events 10k --arrivals 'bursts(10ms,90ms)' --format jsonl\n  \
    loadgen --events 100M --format native --out events.mill    replays at memory speed"
)]
struct Options {
    /// Keys: uniform(n), zipf(s,n), hot(share,hot_keys,n) or sequential(n)
    #[arg(long, default_value = "zipf(0.99,1000000)")]
    keys: KeyDistribution,
    /// Values: uniform(low,high) or constant(value)
    #[arg(long, default_value_t = ValuePattern::default())]
    values: ValuePattern,
    /// How many events, such as 1000000 or 1M
    #[arg(long, default_value = "1M", value_parser = parse_count)]
    events: u64,
    /// Arrivals: constant, poisson, bursts(on,off) or ramp(from,to,over)
    #[arg(long, default_value_t = Arrivals::Constant)]
    arrivals: Arrivals,
    /// Events a second; with `max` the stamps count events, 1 ns apart
    #[arg(long, default_value = "1M")]
    rate: Rate,
    /// Seed of keys, values and arrivals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How records are written: columns or fields `ts_ns`, `key`, `value`; native needs --out
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file to write; standard output if absent
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Comma-separated, with a header line
    Csv,
    /// One JSON object a line
    Jsonl,
    /// Millstream's mapped binary format, .mill
    Native,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.out.is_none() && matches!(options.format, Format::Native) {
        // Its header is written over the start at the end, which a pipe cannot do.
        let message = "a native trace needs a file: --out NAME.mill";
        let mut command = Options::command();
        command
            .error(ErrorKind::MissingRequiredArgument, message)
            .exit()
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadgen: {error}");
            let trace = error.downcast_ref::<TraceError>();
            ExitCode::from(trace.map_or(1, TraceError::exit_code))
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let keys = KeySampler::new(&options.keys, options.seed)?;
    let schedule = Schedule::new(&options.arrivals, options.rate, options.seed)?;
    let mut load = Load::new(keys, options.values, schedule, options.seed);
    let Some(path) = &options.out else {
        let mut out = BufWriter::new(io::stdout().lock());
        return match write(&mut load, options, &mut out).and_then(|_| out.flush()) {
            // `loadgen | head` closes the pipe when it has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        };
    };
    let last_ns = match options.format {
        Format::Native => write_native(&mut load, options.events, path)?,
        Format::Csv | Format::Jsonl => write_file(&mut load, options, path)
            .map_err(|error| format!("{}: {error}; nothing was written", path.display()))?,
    };
    eprintln!(
        "{} events over {}, {}, {} → {}",
        format_count(options.events),
        format_duration_ns(last_ns),
        options.keys,
        load.schedule().words(),
        path.display()
    );
    Ok(())
}

/// Writes a native trace; the last stamp, ns.
fn write_native(load: &mut Load, events: u64, path: &Path) -> Result<u64, TraceError> {
    let contents = Contents {
        has_time: true,
        has_value: true,
        ..Contents::default()
    };
    let mut writer = Writer::<KeyedRecord>::create(path, contents)?;
    let (mut block, mut left, mut last_ns) = (Vec::with_capacity(BLOCK_RECORDS), events, 0);
    while left > 0 {
        block.clear();
        let size = left.min(BLOCK_RECORDS as u64);
        block.extend((0..size).map(|_| KeyedRecord::from(load.next_event().1)));
        last_ns = block.last().map_or(last_ns, |record| record.ts_ns);
        writer.push_native(&block)?;
        left -= size;
    }
    writer.finish(None)?;
    Ok(last_ns)
}

/// Writes beside `path` and renames at the end, so that nobody ever reads half a trace.
fn write_file(load: &mut Load, options: &Options, path: &Path) -> io::Result<u64> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".loadgen")
        .suffix(".tmp")
        .permissions(permissions())
        .tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    let last_ns = write(load, options, &mut out)?;
    out.flush()?;
    drop(out);
    file.persist(path).map_err(|error| error.error)?;
    Ok(last_ns)
}

/// As for any new file: the process's mask decides, not a temporary file's 0600.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    std::fs::Permissions::from_mode(0o666)
}

/// Writes all events as text, JSON lines or CSV; the last stamp, ns.
fn write(load: &mut Load, options: &Options, out: &mut impl Write) -> io::Result<u64> {
    if let Format::Csv = options.format {
        writeln!(out, "ts_ns,key,value")?;
    }
    let mut last_ns = 0;
    for _ in 0..options.events {
        let (_, LoadEvent { key, value, ts_ns }) = load.next_event();
        match options.format {
            Format::Jsonl => {
                writeln!(out, r#"{{"ts_ns":{ts_ns},"key":{key},"value":{value}}}"#)?;
            }
            _ => writeln!(out, "{ts_ns},{key},{value}")?,
        }
        last_ns = ts_ns;
    }
    Ok(last_ns)
}
