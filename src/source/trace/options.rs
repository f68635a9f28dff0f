//! What a user may say about a trace. Everything has a default, and the default is to look.
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An enum of named choices: its names, `FromStr` with the nearest name, `Display`, serde by name.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident ($noun:literal) { $($(#[$doc:meta])* $variant:ident = $text:literal $(or $alias:literal)?,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every choice, as it is written.
            pub const NAMES: &'static [&'static str] = &[$($text,)+];

            /// As it is written in options.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text $(| $alias)? => Ok($name::$variant),)+
                    _ => Err(unknown($noun, text, Self::NAMES)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> { text.parse() }
        }

        impl From<$name> for String {
            fn from(choice: $name) -> String { choice.name().to_string() }
        }
    };
}

choices! {
    /// How the bytes of a trace are to be read.
    Format ("format") {
        /// By extension and content; refused where that leaves more than one reading.
        #[default] Auto = "auto",
        /// Delimited by commas, or what `delimiter` says; quoting as in RFC 4180.
        Csv = "csv",
        /// Delimited by tabs.
        Tsv = "tsv",
        /// One JSON object a line.
        JsonLines = "jsonl",
        /// Millstream's own mapped format (`.mill`).
        Native = "native",
        /// libCacheSim's: packed little-endian u32 time (s), u64 id, u32 size, i64 next.
        OracleGeneral = "oracle-general",
        /// The ARC paper's: "start count ignore seq" a line, expanded to start … start+count−1.
        ArcLis = "lis" or "arc",
        /// One key a line.
        Lines = "lines" or "text",
        /// Bare keys, 32 bits, little-endian.
        U32Le = "u32le",
        /// Bare keys, 32 bits, big-endian.
        U32Be = "u32be",
        /// Bare keys, 64 bits, little-endian.
        U64Le = "u64le",
        /// Bare keys, 64 bits, big-endian.
        U64Be = "u64be",
    }
}

choices! {
    /// Whether the first row names the columns.
    Header ("header") {
        /// By looking at the first rows.
        #[default] Auto = "auto",
        /// It does.
        Yes = "yes",
        /// It is a record.
        No = "no",
    }
}

choices! {
    /// What a key or item column holds.
    FieldType ("type") {
        /// Numbers if the first rows are all numbers, else text.
        #[default] Auto = "auto",
        /// Unsigned 64-bit numbers; anything else is a bad record.
        U64 = "u64",
        /// Text, also where it looks like a number.
        Text = "text",
    }
}

choices! {
    /// The unit of the stamps.
    TimeUnit ("time_unit") {
        /// By the magnitude of the first stamps, as Unix time between 1990 and 2100.
        #[default] Auto = "auto",
        /// Seconds; decimals keep their fraction.
        S = "s",
        /// Milliseconds.
        Ms = "ms",
        /// Microseconds.
        Us = "us",
        /// Nanoseconds.
        Ns = "ns",
    }
}

impl TimeUnit {
    /// How many ns one unit is; `None` for `Auto`.
    pub fn ns(self) -> Option<u64> {
        match self {
            TimeUnit::Auto => None,
            TimeUnit::S => Some(1_000_000_000),
            TimeUnit::Ms => Some(1_000_000),
            TimeUnit::Us => Some(1_000),
            TimeUnit::Ns => Some(1),
        }
    }
}

choices! {
    /// What happens at a bad record.
    OnBadRecord ("on_bad_record") {
        /// It is counted, and written to the dead-letter file where one is named.
        #[default] DeadLetter = "dead-letter",
        /// It ends the run.
        Fail = "fail",
    }
}

/// What happens to a stamp that is earlier than one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Disorder {
    /// It is raised to the latest stamp so far, and counted as clamped.
    #[default]
    Clamp,
    /// Records are put in order within a bound; those that come later than it are counted as late and not delivered.
    Sort {
        /// How far back a stamp may lie behind the latest so far, in ns.
        bound_ns: u64,
    },
    /// It ends the run.
    Fail,
    /// It is handed on as it is (for looking at a trace; an engine wants one of the others).
    Keep,
}

impl FromStr for Disorder {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "clamp" => Ok(Disorder::Clamp),
            "fail" => Ok(Disorder::Fail),
            "keep" => Ok(Disorder::Keep),
            _ => match text.strip_prefix("sort:") {
                Some(bound) => {
                    let bound = humantime::parse_duration(bound).map_err(|error| {
                        format!(
                            "sort bound {bound:?}: {error}; expected a time such as \"sort:5s\""
                        )
                    })?;
                    let bound_ns = u64::try_from(bound.as_nanos()).map_err(|_| {
                        format!("sort bound {bound:?} is too long; expected at most 584 years")
                    })?;
                    Ok(Disorder::Sort { bound_ns })
                }
                None => Err(unknown(
                    "disorder",
                    text,
                    &["clamp", "sort:5s", "fail", "keep"],
                )),
            },
        }
    }
}

impl TryFrom<String> for Disorder {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Disorder> for String {
    fn from(disorder: Disorder) -> String {
        match disorder {
            Disorder::Clamp => "clamp".into(),
            Disorder::Sort { bound_ns } => format!("sort:{bound_ns}ns"),
            Disorder::Fail => "fail".into(),
            Disorder::Keep => "keep".into(),
        }
    }
}

/// Which column (or JSON field) plays a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ColumnText", into = "ColumnText")]
pub enum Column {
    /// Guessed from the usual names; the guess is in the description.
    #[default]
    Auto,
    /// None plays it (not for the key).
    None,
    /// By its name in the header.
    Name(String),
    /// By its place, counted from 0.
    Index(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ColumnText {
    Index(usize),
    Name(String),
}

impl From<&str> for Column {
    /// "auto", "none", digits (an index), or a name.
    fn from(text: &str) -> Column {
        match text {
            "" | "auto" => Column::Auto,
            "none" => Column::None,
            _ => text
                .parse()
                .map_or_else(|_| Column::Name(text.to_string()), Column::Index),
        }
    }
}

impl FromStr for Column {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl From<ColumnText> for Column {
    fn from(text: ColumnText) -> Column {
        match text {
            ColumnText::Index(index) => Column::Index(index),
            ColumnText::Name(name) => name.as_str().into(),
        }
    }
}

impl From<Column> for ColumnText {
    fn from(column: Column) -> ColumnText {
        match column {
            Column::Auto => ColumnText::Name("auto".into()),
            Column::None => ColumnText::Name("none".into()),
            Column::Name(name) => ColumnText::Name(name),
            Column::Index(index) => ColumnText::Index(index),
        }
    }
}

/// What a user may say about a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceOptions {
    /// The format.
    pub format: Format,
    /// The delimiter of delimited text: one ASCII character; `None` means by extension or content.
    pub delimiter: Option<char>,
    /// Whether the first row of delimited text names the columns.
    pub header: Header,
    /// Turns quoting of delimited text off: a quote is then a character like any other.
    pub no_quotes: bool,
    /// The key.
    pub key: Column,
    /// The item.
    pub item: Column,
    /// The value.
    pub value: Column,
    /// The stamp.
    pub ts: Column,
    /// The weight.
    pub weight: Column,
    /// What the key column holds.
    pub key_type: FieldType,
    /// What the item column holds.
    pub item_type: FieldType,
    /// Decimals of the value column become `round(value × value_scale)`; without it they are bad records.
    pub value_scale: Option<f64>,
    /// The unit of the stamps.
    pub time_unit: TimeUnit,
    /// What happens to stamps out of order.
    pub disorder: Disorder,
    /// What happens at a bad record.
    pub on_bad_record: OnBadRecord,
    /// Where bad records go (JSON lines; created with the first one). `None`: they are counted only.
    pub dead_letter: Option<PathBuf>,
}

/// "unknown format "cvs"; expected one of …; did you mean "csv"?"
fn unknown(noun: &str, text: &str, names: &[&str]) -> String {
    let mut message = format!(
        "unknown {noun} {text:?}; expected one of {}",
        names.join(", ")
    );
    if let Some(near) = nearest(text, names.iter().copied()) {
        message.push_str(&format!("; did you mean {near:?}?"));
    }
    message
}

/// The name closest to `text`, if any is close.
pub(super) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    // One measure is good at prefixes ("userid", "user_id"), the other at swapped letters ("cvs", "csv").
    let closeness = |name: &str| {
        let name = name.to_lowercase();
        strsim::jaro_winkler(&text, &name).max(strsim::normalized_damerau_levenshtein(&text, &name))
    };
    names
        .map(|name| (closeness(name), name))
        .filter(|(closeness, _)| *closeness > 0.65)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_get_the_nearest() {
        let error = "cvs".parse::<Format>().unwrap_err();
        assert!(error.contains("did you mean \"csv\"?"), "{error}");
        assert!(
            "sort:banana"
                .parse::<Disorder>()
                .unwrap_err()
                .contains("sort:5s")
        );
        assert_eq!(
            "sort:5s".parse(),
            Ok(Disorder::Sort {
                bound_ns: 5_000_000_000
            })
        );
    }

    #[test]
    fn options_round_trip_through_toml() {
        let options = TraceOptions {
            format: Format::Csv,
            key: "2".into(),
            item: "url".into(),
            ts: "none".into(),
            disorder: Disorder::Sort { bound_ns: 7 },
            value_scale: Some(100.0),
            delimiter: Some(';'),
            ..TraceOptions::default()
        };
        assert_eq!(options.key, Column::Index(2));
        let text = toml::to_string(&options).unwrap();
        assert_eq!(toml::from_str::<TraceOptions>(&text).unwrap(), options);
        assert!(toml::from_str::<TraceOptions>("kye = 1").is_err());
    }
}
