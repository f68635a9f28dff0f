//! `cache`: policies and sizes compared on traces.

use super::replay::ReadingArgs;
use super::{FlagSetting, words};
use crate::laboratory::Contender;
use clap::Args;
use std::path::PathBuf;

/// `cache`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    millstream cache clicks.csv.zst\n  \
    millstream cache requests.u32be --policies lru,s3-fifo --sizes 1000,10k,10%\n  \
    millstream cache access.tsv --key item --sizes '16 MiB,64 MiB'    objects counted in bytes\n  \
    millstream cache clicks.csv.zst --hit-ratio 80%       which policy gets there with the least\n  \
    millstream cache huge.oracleGeneral.zst --sample auto only some of the keys, with the error stated\n  \
    millstream cache one.csv two.csv --json | jq '.[] | select(.policy == \"lru\")'\n\n\
    Every policy is simulated at every size, on all cores. Caches start empty, so first requests \
    count as misses. OPT, which knows the future, is the floor: no policy can miss less.\n\
    Written to millstream-cache/, or --out DIR: miss_ratios.html, miss_ratios.csv, miss_ratios.json.")]
pub struct CacheArgs {
    /// The traces; .zst, .gz, .bz2 and .xz are read as they are
    #[arg(required = true, value_name = "TRACE")]
    pub traces: Vec<PathBuf>,
    /// Which policies [default: all of them]
    #[arg(long, value_name = "POLICY,…", value_delimiter = ',', value_parser = words(Contender::NAMES))]
    pub policies: Vec<String>,
    /// Sizes of the cache: shares of the distinct keys, counts such as 10k, or bytes such as 64 MiB
    #[arg(
        long,
        value_name = "SIZE,…",
        value_delimiter = ',',
        default_value = "0.1%,1%,5%,10%,25%"
    )]
    pub sizes: Vec<String>,
    /// Say with which policy and size this share of the requests is found, such as 80%
    #[arg(long, value_name = "SHARE")]
    pub hit_ratio: Option<String>,
    /// What identifies an object: the key of a record, or its item
    #[arg(long, value_parser = words(&["key", "item"]), default_value = "key")]
    pub key: String,
    /// Look only at this share of the keys, such as 1%, or at as many as give an error of about half a point: auto
    #[arg(long, value_name = "SHARE|auto")]
    pub sample: Option<String>,
    /// Memory for requests and simulations; more is refused
    #[arg(long, value_name = "SIZE", default_value = "2 GiB")]
    pub memory: String,
    /// Leave out OPT, the floor
    #[arg(long)]
    pub no_floor: bool,
    /// Print the content of miss_ratios.csv on standard output, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// How the traces are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

impl CacheArgs {
    /// The settings that were given.
    pub fn settings(&self) -> impl Iterator<Item = FlagSetting> {
        self.reading.settings()
    }
}
