//! `check --machine`: what on this machine will hurt the tail, and what to do about it.
//!
//! `sys/machine` judges what the system says about itself; what only a measurement shows (the price of
//! the clock, the stops of a spinning core) is added here, in the same form.

mod measure;

use super::args::GlobalArgs;
use super::error::{CliError, Exit, note, print};
use super::report::print_json;
use crate::sys::machine::{self, Verdict};
use crate::sys::topology::{Machine, cpu_time};

pub(super) fn check(global: &GlobalArgs) -> Result<Exit, CliError> {
    if !global.json && !global.quiet {
        note(&format!(
            "measuring for {} s …",
            measure::DURATION.as_secs()
        ));
    }
    let machine = Machine::read();
    let before = cpu_time();
    let measured = measure::findings();
    let stolen = before.and_then(|before| cpu_time()?.steal_share_since(&before));
    let mut findings = machine::findings(&machine, stolen);
    findings.extend(measured);
    if global.quiet {
        findings.retain(|finding| finding.verdict != Verdict::Ok);
    }
    if global.json {
        print_json(&findings)?;
    } else {
        print(&machine::text(&findings))?;
    }
    Ok(Exit::Ok)
}
