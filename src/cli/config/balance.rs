//! `[balance]` and `[ctl]`: how tasks move while a flow runs, and how others reach it.

use super::choice::Switch;
use super::error::ConfigError;
use super::output::ReportSection;
use super::settings::Settings;
use super::value::{DurationNs, Setting};
use crate::runtime::BalanceOptions;
use std::path::PathBuf;

/// Name of the socket in the directory of the report.
pub const SOCKET: &str = "ctl.sock";
/// Below this, what a meter is wrong by would move tasks.
const THRESHOLD_MIN: f64 = 0.02;
/// Loads are smoothed over a few tenths of a second.
const PATIENCE_MIN_NS: u64 = 100_000_000;

/// `[balance]`.
#[derive(Clone, Debug)]
pub struct BalanceSection {
    /// How tasks are moved.
    pub options: BalanceOptions,
}

impl BalanceSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let options = BalanceOptions {
            on: settings.get::<Switch>("balance.rebalance")? == Switch::On,
            threshold: settings.get("balance.threshold")?,
            patience_ns: settings.get::<DurationNs>("balance.patience")?.0,
        };
        if options.threshold < THRESHOLD_MIN {
            return Err(settings.refuse(
                "balance.threshold",
                "0.02 or more: 0.1 lets the busiest core be 10 % above the mean",
                "below that, tasks would move because of what the meters are wrong by",
            ));
        }
        if options.patience_ns < PATIENCE_MIN_NS {
            return Err(settings.refuse(
                "balance.patience",
                "100ms or more",
                "loads are smoothed over a few tenths of a second; \"500ms\" is the default",
            ));
        }
        Ok(BalanceSection { options })
    }
}

/// `[ctl]`.
#[derive(Clone, Debug)]
pub struct CtlSection {
    socket: String,
}

impl CtlSection {
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let socket: String = settings.get("ctl.socket")?;
        if socket.is_empty() {
            return Err(settings.refuse(
                "ctl.socket",
                "the path of a socket, \"auto\" or \"none\"",
                "\"auto\" is ctl.sock in report.out",
            ));
        }
        Ok(CtlSection { socket })
    }

    /// Where the socket is to be; `None`: there is to be none.
    pub fn path(&self, report: &ReportSection) -> Option<PathBuf> {
        match self.socket.as_str() {
            "none" => None,
            "auto" => Some(report.out.join(SOCKET)),
            given => Some(PathBuf::from(given)),
        }
    }
}

/// Cores of tasks, as "0,1,1" or as one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places(pub Vec<usize>);

impl Setting for Places {
    const EXPECTED: &'static str =
        "the core of each task such as \"0,1,1\", the last for all that follow, or \"auto\"";

    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|core| u64::from_text(core.trim()).map(|core| core as usize))
            .collect::<Result<_, _>>()
            .map(Places)
    }
}
