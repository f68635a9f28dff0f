//! Runs and files that fail: a typed error that says what to do, no file, no leftover, no run that hangs.

use super::{digest, names, oracle, readings};
use millstream::app::aggregate::{Aggregate, Aggregated};
use millstream::flow::{CheckpointOptions, Flow, FlowError, Options, Outcome};
use millstream::sink::{FileFormat, FileSink, FileWriter, NoTexts, SinkError};
use millstream::source::trace::native::KeyedRecord;
use millstream::source::{Iter, Slice};
use millstream::sys::disk::Disk;
use millstream::sys::simulated_disk::{Fault, FaultKind, SimulatedDisk};
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const FORMATS: [FileFormat; 3] = [FileFormat::Csv, FileFormat::Jsonl, FileFormat::Native];
const PARTITIONS: usize = 2;
/// Several times what the rings of two partitions hold.
const READINGS: u64 = 100_000;

/// Tells `with_limited_files` that the limit is set.
const LIMITED: &str = "MILLSTREAM_TEST_LIMITED_FILES";

type Made = (FileWriter, Vec<FileSink<Aggregated>>);

fn create(path: &Path, format: FileFormat) -> Result<Made, SinkError> {
    FileWriter::create(path, format, PARTITIONS, Arc::new(NoTexts))
}

/// Aggregates `readings` into `sinks`; panics as an operator would at the result that `bad` accepts.
fn run(
    readings: Vec<KeyedRecord>,
    sinks: Vec<FileSink<Aggregated>>,
    bad: fn(&Aggregated) -> bool,
) -> Result<Outcome<FileSink<Aggregated>>, FlowError> {
    let mut sinks = sinks.into_iter();
    let options = Options {
        cores: 2,
        partitions: PARTITIONS,
        ..Options::default()
    };
    Flow::new(options)
        .source("readings", Iter::new(readings.into_iter()))
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .map(move |result: Aggregated| {
            assert!(!bad(&result), "a result that must not be");
            result
        })
        .sink(|_| sinks.next().unwrap())
        .run()
}

fn good(_: &Aggregated) -> bool {
    false
}

#[test]
fn an_operator_that_panics_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let (readings, _) = readings(directory.path(), 20_000);
    let path = directory.path().join("results.csv");
    std::fs::write(&path, "before").unwrap();
    for finish in [false, true] {
        let (writer, sinks) = create(&path, FileFormat::Csv).unwrap();
        let failed = run(readings.clone(), sinks, |result| result.count == 20);
        assert!(matches!(failed, Err(FlowError::Run(_))));
        if finish {
            // A caller that does not look at the run's result gets an error here.
            let unfinished = writer.finish().unwrap_err();
            assert!(
                matches!(unfinished, SinkError::Unfinished { .. }),
                "{unfinished}"
            );
        } else {
            drop(writer);
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
        assert_eq!(names(directory.path()), ["results.csv"]);
    }
}

#[test]
fn a_directory_that_is_gone_at_the_end_is_told() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let (readings, _) = readings(directory.path(), 2_000);
        let gone = directory.path().join("gone");
        std::fs::create_dir(&gone).unwrap();
        let path = gone.join("results");
        let (writer, sinks) = create(&path, format).unwrap();
        std::fs::remove_dir_all(&gone).unwrap();
        run(readings, sinks, good).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(
            matches!(&error, SinkError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
        );
        let said = error.to_string();
        assert!(
            said.contains("gone/results") && said.contains("its directory exists"),
            "{said}"
        );
        assert!(names(directory.path()).is_empty());
    }
}

#[test]
fn what_cannot_be_created_is_refused_before_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = create(&directory.path().join("no/results.csv"), FileFormat::Csv);
    assert!(matches!(
        nowhere,
        Err(SinkError::Io {
            doing: "create",
            ..
        })
    ));
    let (_first, _sinks) = create(&directory.path().join("a"), FileFormat::Csv).unwrap();
    let second = create(&directory.path().join("a"), FileFormat::Native);
    assert!(matches!(second, Err(SinkError::Twice { .. })));
    let device = create(Path::new("/dev/null"), FileFormat::Csv);
    assert!(matches!(device, Err(SinkError::NotAFile { .. })));
}

#[test]
fn a_writer_that_is_dropped_early_does_not_stop_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let (readings, _) = readings(directory.path(), READINGS);
    let expected = digest(&oracle(&readings));
    let (writer, sinks) = create(&directory.path().join("results"), FileFormat::Csv).unwrap();
    drop(writer);
    let outcome = run(readings, sinks, good).unwrap();
    assert_eq!(outcome.report.summary.digest, expected);
    assert!(names(directory.path()).is_empty());
}

/// Files of the process that runs this may not grow beyond 32 or 64 KiB (by shell), as on a full disk.
#[test]
#[ignore = "run by `a_disk_that_is_full_ends_in_an_error` under a limit on the size of files"]
fn with_limited_files() {
    if std::env::var_os(LIMITED).is_none() {
        println!("skipped: not run under a limit");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    // In memory: the trace that `readings` writes would not fit either.
    let readings = (0..READINGS).map(|place| KeyedRecord {
        key: place % 97,
        value: place as i64,
        ts_ns: place,
    });
    let readings: Vec<_> = readings.collect();
    let expected = digest(&oracle(&readings));
    for format in FORMATS {
        let path = directory.path().join("results");
        let (writer, sinks) = create(&path, format).unwrap();
        let outcome = run(readings.clone(), sinks, good).unwrap();
        assert_eq!(outcome.report.summary.digest, expected, "{format:?}");
        assert!(writer.has_failed(), "{format:?}");
        assert!(
            names(directory.path()).is_empty(),
            "{format:?}: removed at once"
        );
        let error = writer.finish().unwrap_err();
        assert!(
            matches!(&error, SinkError::Io { doing: "write", source, .. }
                if source.kind() == io::ErrorKind::FileTooLarge),
            "{format:?}: {error}"
        );
        assert!(
            error.to_string().contains("results: cannot write it"),
            "{error}"
        );
        assert!(names(directory.path()).is_empty(), "{format:?}");
    }
}

#[test]
fn a_disk_that_is_full_ends_in_an_error() {
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env(LIMITED, "1")
        .args(["--exact", "failures::with_limited_files", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

/// With checkpoints, a file that fails while an epoch waits for its rows: the run gives the epoch up and ends, and the
/// file says why.
#[test]
fn a_run_with_checkpoints_whose_file_fails_comes_to_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("results.csv");
    // The rows are on a disk of which no sync succeeds; checkpoints are on the machine's.
    let disk = SimulatedDisk::new(1);
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    for above in above.iter().rev().filter(|above| above.parent().is_some()) {
        disk.create_dir(above).unwrap();
    }
    let mut checkpoint = CheckpointOptions::new(directory.path().join("checkpoints"));
    checkpoint.staging_bytes = 8 << 20;
    // The first is asked for at once, so that the source comes to its end while it is under way.
    checkpoint.request.store(true, Ordering::Relaxed);
    let (link, _) = checkpoint.results("flow").unwrap();
    let part = Box::new(link);
    let texts = Arc::new(NoTexts);
    let format = FileFormat::Csv;
    let made = FileWriter::create_by_epochs(disk.clone(), &path, format, PARTITIONS, texts, part);
    let (writer, sinks) = made.unwrap();
    disk.inject(Fault {
        kind: FaultKind::SyncLost,
        operation: disk.operations() + 1,
        times: u64::MAX,
    });
    let (readings, _) = readings(directory.path(), 5_000);
    let mut sinks = sinks.into_iter();
    let options = Options {
        cores: 1,
        partitions: PARTITIONS,
        checkpoint: Some(checkpoint),
        ..Options::default()
    };
    let source = Slice::new(readings, |reading: &KeyedRecord| reading.ts_ns);
    let outcome = Flow::new(options)
        .source("readings", source)
        .partition_by(|reading: &KeyedRecord| reading.key)
        .keyed("aggregate", |_| Aggregate::<KeyedRecord>::default())
        .sink(move |_| sinks.next().unwrap())
        .run()
        .unwrap();
    assert_eq!(outcome.report.summary.events_out, 5_000);
    let made = outcome.report.summary.checkpoints.unwrap();
    assert_eq!(made.durable, 0, "{made:?}");
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, SinkError::Io { .. }), "{error}");
}
