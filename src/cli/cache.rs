//! `cache TRACE...`: the laboratory, and what of it is shown, printed and written.
//!
//! ```text
//!   for each trace: read ─► study ─► search ─► text
//!   at the end: miss_ratios.html, .csv, .json, all or none      an interrupted study: its text, no files
//! ```

use super::args::{CacheArgs, GlobalArgs};
use super::error::{CliError, Exit, note, print};
use super::interrupt::stop_flag;
use super::progress::Progress;
use super::{Base, resolve};
use crate::laboratory::{
    Contender, Finding, Identity, LaboratoryError, Plan, Reading, Requests, Sample, Size, csv,
    html, json, parse_share, search, study, text,
};
use crate::latency::write_together;
use crate::source::trace::{Column, Disorder};
use crate::sys::quantity::{format_count, format_rate, parse_bytes};
use std::io::stdout;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Steps of the line that shows progress.
const STEPS: u64 = 1_000;

pub(super) fn cache(args: &CacheArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    let plan = plan(args)?;
    let base = Base {
        command: "cache",
        settings: &[("report.out", "millstream-cache")],
    };
    let config = resolve(base, None, args.settings(), global)?;
    let mut options = config.source.options.clone();
    // Requests are taken as they come unless they are to be sorted: a stamp nobody can read is then no obstacle.
    if options.ts == Column::Auto && options.disorder == Disorder::Clamp {
        options.ts = Column::None;
    }
    let reading = Reading {
        options,
        identity: match args.key.as_str() {
            "item" => Identity::Item,
            _ => Identity::Key,
        },
        sample: sample(args)?,
        sizes: plan.sizes.iter().any(|size| matches!(size, Size::Bytes(_))),
        seed: config.seed,
        memory_bytes: plan.memory_bytes,
    };
    let shown = !global.quiet && !global.json && !args.csv;
    let stop = stop_flag();
    let (mut findings, mut failures) = (Vec::new(), Vec::new());
    for (index, path) in args.traces.iter().enumerate() {
        let reading = reading_of(&reading, index, args.traces.len());
        match find(path, &reading, &plan, &stop, shown) {
            Ok(finding) => {
                if shown {
                    let colour = global.color.wanted(&stdout());
                    let gap = if findings.is_empty() { "" } else { "\n" };
                    print(&format!("{gap}{}", text(&finding, colour, global.verbose)))?;
                }
                findings.push(finding);
            }
            Err(error) => failures.push(CliError::from(error)),
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    if stop.load(Ordering::Relaxed) {
        failures.push(interrupted(&findings, args.traces.len()));
    } else if !findings.is_empty() {
        write(&findings, &config.report.out)?;
        if shown {
            let out = config.report.out.display();
            print(&format!(
                "\ncurves: {out}/miss_ratios.html   rows: {out}/miss_ratios.csv, .json\n"
            ))?;
        }
    }
    if !findings.is_empty() {
        if global.json {
            print(&json(&findings))?;
        } else if args.csv {
            print(&csv(&findings))?;
        }
    }
    verdict(failures, &findings, global)
}

/// All but the last failure are said here; the last ends the command.
fn verdict(
    mut failures: Vec<CliError>,
    findings: &[Finding],
    global: &GlobalArgs,
) -> Result<Exit, CliError> {
    let Some(last) = failures.pop() else {
        let missed = |finding: &Finding| {
            finding
                .search
                .as_ref()
                .is_some_and(|search| search.best().is_none())
        };
        return Ok(if findings.iter().any(missed) {
            Exit::GoalMissed
        } else {
            Exit::Ok
        });
    };
    let coloured = global.color.wanted(&std::io::stderr());
    failures.iter().for_each(|failure| failure.print(coloured));
    Err(last)
}

fn interrupted(findings: &[Finding], traces: usize) -> CliError {
    let whole = findings.iter().filter(|finding| !finding.study.interrupted);
    CliError::failed(format!(
        "interrupted: {} of {traces} traces were studied to their end; no files were written",
        whole.count()
    ))
    .help("what was simulated until then is above; run it again, with fewer sizes or --sample auto")
}

/// Bad records of each trace go to a file of their own.
fn reading_of(reading: &Reading, index: usize, traces: usize) -> Reading {
    let mut reading = reading.clone();
    if traces > 1 {
        let numbered =
            |path: std::path::PathBuf| path.with_extension(format!("{}.jsonl", index + 1));
        reading.options.dead_letter = reading.options.dead_letter.map(numbered);
    }
    reading
}

fn plan(args: &CacheArgs) -> Result<Plan, CliError> {
    let contenders = if args.policies.is_empty() {
        Contender::ALL.to_vec()
    } else {
        let mut named: Vec<Contender> = Vec::new();
        for contender in args
            .policies
            .iter()
            .filter_map(|name| Contender::of_name(name))
        {
            if !named.contains(&contender) {
                named.push(contender);
            }
        }
        named
    };
    let refused = |flag: &'static str| move |said: String| CliError::usage(said).at(flag);
    let size = |text: &String| {
        let size = text.parse::<Size>();
        size.map_err(|error| refused("--sizes")(error.to_string()))
    };
    let hit_ratio = args.hit_ratio.as_deref().map(parse_share).transpose();
    Ok(Plan {
        contenders,
        sizes: args.sizes.iter().map(size).collect::<Result<_, _>>()?,
        floor: !args.no_floor,
        hit_ratio: hit_ratio.map_err(|error| refused("--hit-ratio")(error.to_string()))?,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: parse_bytes(&args.memory)
            .map_err(|error| refused("--memory")(error.to_string()))?,
    })
}

fn sample(args: &CacheArgs) -> Result<Sample, CliError> {
    match args.sample.as_deref() {
        None => Ok(Sample::All),
        Some("auto") => Ok(Sample::Auto),
        Some(rate) => parse_share(rate).map(Sample::Rate).map_err(|error| {
            CliError::usage(error.to_string())
                .at("--sample")
                .help("or say auto, which picks the rate")
        }),
    }
}

/// Reads and studies one trace.
fn find(
    path: &Path,
    reading: &Reading,
    plan: &Plan,
    stop: &AtomicBool,
    shown: bool,
) -> Result<Finding, LaboratoryError> {
    let started = Instant::now();
    let progress = Progress::new(Some(STEPS), shown);
    let requests = Requests::read(path, reading, stop, &mut |read| {
        let share = read.read_bytes as f64 / read.file_bytes.max(1) as f64;
        let records = format_count(read.records);
        progress.tell(steps(share), || format!("reading: {records} requests"));
    });
    progress.finish();
    let (requests, read_elapsed) = (requests?, started.elapsed());
    let started = Instant::now();
    let rate = |done: u64| format_rate(done as f64 / started.elapsed().as_secs_f64().max(1e-9));
    let progress = Progress::new(Some(STEPS), shown);
    let studied = study(&requests, plan, stop, &mut |share, done| {
        progress.tell(steps(share), || {
            format!("simulating: {} requests", rate(done))
        });
    });
    progress.finish();
    let studied = studied?;
    let progress = Progress::new(None, shown);
    let searched = search(&requests, plan, &studied, stop, &mut |done| {
        progress.tell(0, || format!("searching: {} requests", format_count(done)));
    });
    progress.finish();
    Ok(Finding::new(&requests, read_elapsed, studied, searched?))
}

fn steps(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * STEPS as f64) as u64
}

fn write(findings: &[Finding], dir: &Path) -> Result<(), CliError> {
    let files = vec![
        ("miss_ratios.html", html(findings).into_bytes()),
        ("miss_ratios.csv", csv(findings).into_bytes()),
        ("miss_ratios.json", json(findings).into_bytes()),
    ];
    for finding in findings.iter().filter(|finding| finding.bad > 0) {
        note(&format!(
            "warning: {}: {} records could not be read; see dead-letter in {}",
            finding.trace,
            finding.bad,
            dir.display()
        ));
    }
    write_together(dir, files)?;
    Ok(())
}

impl From<LaboratoryError> for CliError {
    fn from(error: LaboratoryError) -> CliError {
        let exit = if error.is_usage() {
            Exit::Usage
        } else {
            Exit::Failed
        };
        CliError::new(exit, error.to_string())
    }
}
