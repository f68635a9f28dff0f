//! `plan RUN_DIR` and `plan --trace FILE`: what a flow would do on other cores, without running it.
//!
//! ```text
//!   run:    summary.json ─► costs, shares, hot keys ─┐              allocators × these cores
//!   trace:  keys ─► census                          ─┴► basis ─► partitions, cores 1–128 ─► text, JSON
//!   --against: where another run's tasks were, with these costs, beside what it measured
//! ```

mod basis;
mod measured;
mod stays;
mod text;
mod told;

use super::args::{GlobalArgs, PlanArgs};
use super::error::{CliError, Exit, print};
use super::report::print_json;
use crate::schedule::{AllocateError, Allocator};
use basis::Basis;
use std::io::stdout;

pub(super) fn plan(args: &PlanArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let basis = match (&args.run, &args.trace) {
        (Some(run), _) => Basis::of_run(run, args)?,
        (None, Some(trace)) => Basis::of_trace(trace, args, global)?,
        (None, None) => {
            return Err(CliError::usage("there is nothing to plan from")
                .expected("the report directory of a run, or --trace FILE")
                .help(
                    "`millstream bench --out one` makes a run, `millstream plan one` plans from it",
                ));
        }
    };
    let allocator = match &args.allocator {
        Some(word) => word.parse::<Allocator>()?,
        None => Allocator::Best,
    };
    let mut told = told::tell(&basis, allocator)?;
    let other = args.against.as_ref().or(args.run.as_ref());
    if let Some(dir) = other {
        told.measured = Some(measured::compare(dir, &basis)?);
    }
    if global.json {
        print_json(&told)?;
    } else if !global.quiet {
        print(&text::text(&told, global.color.wanted(&stdout())))?;
    }
    Ok(Exit::Ok)
}

impl From<AllocateError> for CliError {
    fn from(error: AllocateError) -> CliError {
        CliError::usage(error.to_string())
    }
}
