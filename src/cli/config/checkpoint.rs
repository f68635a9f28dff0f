//! `[checkpoint]`: whether state outlives the process, and where a run goes on from.

use super::choice::CheckpointWriter;
use super::error::ConfigError;
use super::settings::Settings;
use super::value::{Auto, Bytes, DurationNs};
use crate::flow::Restore;
use std::path::PathBuf;

/// Shorter intervals leave a disk no time to write.
const INTERVAL_MIN_NS: u64 = 1_000_000;
/// Frames for the words of an epoch, for some hundred parts.
const STAGING_MIN_BYTES: u64 = 1 << 20;

/// `[checkpoint]`.
#[derive(Clone, Debug)]
pub struct CheckpointSection {
    /// The directory; `None`: no checkpoints.
    pub dir: Option<PathBuf>,
    /// Time between two, ns; 0: on request and at the end only.
    pub interval_ns: u64,
    /// Who writes them.
    pub writer: CheckpointWriter,
    /// Memory for state on its way to the writer, bytes.
    pub staging_bytes: Auto<Bytes>,
    /// Where the run starts.
    pub restore: Restore,
}

impl CheckpointSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let dir = settings.get::<String>("checkpoint.dir")?;
        let interval = settings.get::<Option<DurationNs>>("checkpoint.interval")?;
        let section = CheckpointSection {
            dir: (dir != "none").then(|| PathBuf::from(&dir)),
            interval_ns: interval.map_or(0, |interval| interval.0),
            writer: settings.get("checkpoint.writer")?,
            staging_bytes: settings.get("checkpoint.staging")?,
            restore: restore(settings)?,
        };
        if dir.is_empty() {
            return Err(settings.refuse(
                "checkpoint.dir",
                "the path of a directory, or \"none\"",
                "it is made if it is not there; one run at a time may use it",
            ));
        }
        if section.restore != Restore::None && section.dir.is_none() {
            return Err(settings.needs(
                "checkpoint.restore",
                "checkpoint.dir",
                "the directory that holds the checkpoint",
                "name it with --checkpoint DIR",
            ));
        }
        if interval.is_some() && section.interval_ns < INTERVAL_MIN_NS {
            return Err(settings.refuse(
                "checkpoint.interval",
                "1ms or more, or \"none\"",
                "\"none\" makes checkpoints on request (SIGUSR1) and at the end only",
            ));
        }
        if let Auto::Given(staging) = section.staging_bytes
            && staging.0 < STAGING_MIN_BYTES
        {
            return Err(settings.refuse(
                "checkpoint.staging",
                "1 MiB or more, or \"auto\"",
                "an epoch whose changed state finds no room here is given up",
            ));
        }
        Ok(section)
    }
}

fn restore(settings: &Settings) -> Result<Restore, ConfigError> {
    let text = settings.get::<String>("checkpoint.restore")?;
    match text.as_str() {
        "none" => Ok(Restore::None),
        "latest" => Ok(Restore::Latest),
        epoch => epoch.parse().map(Restore::Epoch).map_err(|_| {
            settings.refuse(
                "checkpoint.restore",
                "\"latest\", the number of an epoch, or \"none\"",
                "`millstream checkpoint ls DIR` lists the epochs",
            )
        }),
    }
}
