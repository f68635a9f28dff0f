//! `replay`: a trace through an application.

use super::{EngineArgs, FlagSetting, given, words};
use crate::cli::config::choice::{App, Disorder};
use crate::source::trace::{FieldType, Format, Header, OnBadRecord, TimeUnit};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream replay clicks.csv.zst\n  \
    millstream replay clicks.csv --columns key=user_id,item=item_id,ts=ts --time-unit s\n  \
    millstream replay clicks.csv --speed 10x --max-gap 10s    ten times its own pace, pauses cut\n  \
    millstream replay trace.mill --app aggregate --rate max   at memory speed\n  \
    millstream replay reviews.csv.bz2 --disorder sort --disorder-bound 1d\n\n\
    A record that cannot be read is set aside with its line and the reason, and counted; \
    `--on-bad-record fail` ends the run instead.")]
pub struct ReplayArgs {
    /// The trace, or - for standard input; .zst, .gz, .bz2 and .xz are read as they are
    pub trace: String,
    /// Application [default: recommend]
    #[arg(long, value_parser = words(App::WORDS))]
    pub app: Option<String>,
    /// Read at most so many records
    #[arg(long, value_name = "N")]
    pub limit: Option<String>,
    /// File of texts for item ids, shown in answers [default: items.csv[.zst] beside the trace]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<String>,
    /// How the trace is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// When events are due.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Options of the engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl ReplayArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        let trace = FlagSetting {
            key: "source.trace",
            flag: "TRACE",
            // As everywhere, a dash is standard input.
            text: match self.trace.as_str() {
                "-" => "/dev/stdin".into(),
                trace => trace.to_owned(),
            },
        };
        [trace]
            .into_iter()
            .chain(given([
                ("app", "--app", &self.app),
                ("source.limit", "--limit", &self.limit),
                ("source.labels", "--labels", &self.labels),
            ]))
            .chain(self.reading.settings())
            .chain(self.pace.settings())
            .chain(self.engine.settings())
    }
}

/// How a trace is read; common to `replay` and `trace`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reading the trace")]
pub struct ReadingArgs {
    /// By the name and the first bytes, or as said here [default: auto]
    #[arg(long, value_parser = formats())]
    pub format: Option<String>,
    /// Which column is what: key=user_id,item=item_id,ts=ts [default: by the header]
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub columns: Option<String>,
    /// What separates columns: one character, tab, or auto [default: auto]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Whether the first row names the columns [default: auto]
    #[arg(long, value_parser = words(Header::NAMES))]
    pub header: Option<String>,
    /// Unit of the time stamps [default: auto]
    #[arg(long, value_parser = words(TimeUnit::NAMES))]
    pub time_unit: Option<String>,
    /// What the key column holds [default: auto]
    #[arg(long, value_parser = words(FieldType::NAMES))]
    pub key_type: Option<String>,
    /// What the item column holds [default: auto]
    #[arg(long, value_parser = words(FieldType::NAMES))]
    pub item_type: Option<String>,
    /// Multiply values by this and round to an integer [default: no decimals allowed]
    #[arg(long, value_name = "X")]
    pub value_scale: Option<String>,
    /// A stamp that runs backwards: clamp it, sort within the bound, or fail [default: clamp]
    #[arg(long, value_parser = words(Disorder::WORDS))]
    pub disorder: Option<String>,
    /// How far --disorder sort reaches, in event time [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub disorder_bound: Option<String>,
    /// A record that cannot be read [default: dead-letter]
    #[arg(long, value_parser = words(OnBadRecord::NAMES))]
    pub on_bad_record: Option<String>,
}

/// The formats; `text` and `arc` are what other tools call two of them.
fn formats() -> PossibleValuesParser {
    let format = |name: &&'static str| match *name {
        "lines" => PossibleValue::new(name).alias("text"),
        "lis" => PossibleValue::new(name).alias("arc"),
        name => PossibleValue::new(name),
    };
    PossibleValuesParser::new(Format::NAMES.iter().map(format))
}

impl ReadingArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([
            ("source.format", "--format", &self.format),
            ("source.columns", "--columns", &self.columns),
            ("source.time_unit", "--time-unit", &self.time_unit),
            ("source.key_type", "--key-type", &self.key_type),
            ("source.item_type", "--item-type", &self.item_type),
            ("source.delimiter", "--delimiter", &self.delimiter),
            ("source.header", "--header", &self.header),
            ("source.value_scale", "--value-scale", &self.value_scale),
            ("source.disorder", "--disorder", &self.disorder),
            (
                "source.disorder_bound",
                "--disorder-bound",
                &self.disorder_bound,
            ),
            (
                "source.on_bad_record",
                "--on-bad-record",
                &self.on_bad_record,
            ),
        ])
    }
}

/// When a trace's events are due.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArgs {
    /// 1x is the trace's own pace, 10x ten times faster, max as fast as taken up [default: max]
    #[arg(long, value_name = "1x|10x|max")]
    pub speed: Option<String>,
    /// Events a second, whatever the stamps say; or max
    #[arg(long, value_name = "N|max", conflicts_with = "speed")]
    pub rate: Option<String>,
    /// Play the trace so many times, one after the other [default: 1]
    #[arg(long = "loop", value_name = "N")]
    pub loops: Option<String>,
    /// Cut longer pauses between two events to this, in the trace's time
    #[arg(long, value_name = "DURATION")]
    pub max_gap: Option<String>,
}

impl PaceArgs {
    fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        given([
            ("pace.speed", "--speed", &self.speed),
            ("pace.rate", "--rate", &self.rate),
            ("pace.loop", "--loop", &self.loops),
            ("pace.max_gap", "--max-gap", &self.max_gap),
        ])
    }
}
