//! `compare DIR DIR`: two reports side by side, with ratios.

use super::args::{CompareArgs, GlobalArgs};
use super::error::{CliError, Exit, print};
use super::report::print_json;
use crate::latency::compare_directories;
use std::io::stdout;

pub(super) fn compare(args: &CompareArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let comparison = compare_directories(&args.base, &args.other)?;
    if global.json {
        print_json(&comparison)?;
    } else if !global.quiet {
        print(&comparison.text(global.color.wanted(&stdout())))?;
    }
    Ok(Exit::Ok)
}
