//! The report of one run: the summary, the histograms behind it, and the run's timeline; as files.
//!
//! ```text
//!   write:  render all ─► a temporary file each, synced ─► rename each, summary.json last
//!   read:   summary.json, latency.hlog (histograms), timeline.csv (exact times and counts)
//! ```
//!
//! Invariant: a file is there whole or not at all, and a directory with a `summary.json` holds its other
//! files too.

use super::hgrm::hgrm;
use super::hlog::{hlog, read_hlog};
use super::html::html;
use super::interval::Interval;
use super::report_error::ReportError;
use super::summary::{SUMMARY_VERSION, Summary};
use super::timeline::{read_timeline, timeline_csv};
use hdrhistogram::Histogram;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

pub(super) const SUMMARY_FILE: &str = "summary.json";
const HLOG_FILE: &str = "latency.hlog";
const TIMELINE_FILE: &str = "timeline.csv";
pub(super) const CONFIG_FILE: &str = "config.toml";

/// What a run leaves behind. All histograms are in ns, 3 significant digits, up to an hour.
#[derive(Clone, Debug)]
pub struct Report {
    /// The figures.
    pub summary: Summary,
    /// Latency from the due time, every event.
    pub latency: Histogram<u64>,
    /// Service time, sampled.
    pub service: Histogram<u64>,
    /// Hiccups of the machine.
    pub hiccups: Histogram<u64>,
    /// The timeline, in order.
    pub intervals: Vec<Interval>,
}

impl Report {
    /// Writes all files of the report into `dir`, which is created if need be; returns their paths, the
    /// summary first. Files of an earlier report are replaced.
    ///
    /// # Errors
    /// [`ReportError::CreateDirectory`], [`ReportError::Write`], [`ReportError::Render`]. Unless a rename
    /// fails half-way, an error leaves the directory as it was.
    pub fn write(
        &self,
        dir: &Path,
        resolved_config_toml: &str,
    ) -> Result<Vec<PathBuf>, ReportError> {
        write_together(dir, self.render(dir, resolved_config_toml)?)
    }

    /// Name and content of each file, in the order in which they appear in the directory.
    fn render(
        &self,
        dir: &Path,
        config: &str,
    ) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
        let failed = |name: &str, reason: String| ReportError::Render {
            path: dir.join(name),
            reason,
        };
        let json = |name, value: Result<String, serde_json::Error>| {
            value
                .map(|text| (text + "\n").into_bytes())
                .map_err(|error| failed(name, error.to_string()))
        };
        Ok(vec![
            ("config.toml", config.as_bytes().to_vec()),
            (
                "environment.json",
                json(
                    "environment.json",
                    serde_json::to_string_pretty(&self.summary.environment),
                )?,
            ),
            (
                TIMELINE_FILE,
                timeline_csv(&self.intervals)
                    .map_err(|error| failed(TIMELINE_FILE, error.to_string()))?,
            ),
            (
                HLOG_FILE,
                hlog(self).map_err(|error| failed(HLOG_FILE, error.to_string()))?,
            ),
            ("latency.hgrm", hgrm(&self.latency).into_bytes()),
            ("report.html", html(self, config).into_bytes()),
            (
                SUMMARY_FILE,
                json(SUMMARY_FILE, serde_json::to_string_pretty(&self.summary))?,
            ),
        ])
    }

    /// Reads the report of an earlier run. The latency histogram is the sum of the intervals in
    /// `latency.hlog`.
    ///
    /// # Errors
    /// Each names the file: missing, damaged, or written by a newer version.
    pub fn read(dir: &Path) -> Result<Report, ReportError> {
        let summary = read_summary(dir)?;
        let recording = read_hlog(&dir.join(HLOG_FILE), &read_file(dir, HLOG_FILE)?)?;
        let path = dir.join(TIMELINE_FILE);
        let rows = read_timeline(&path, &read_file(dir, TIMELINE_FILE)?)?;
        if rows.len() != recording.intervals.len() {
            let reason = format!(
                "it has {} intervals, {TIMELINE_FILE} beside it has {}",
                recording.intervals.len(),
                rows.len()
            );
            return Err(ReportError::IntervalLog {
                path: dir.join(HLOG_FILE),
                reason,
            });
        }
        let intervals = rows
            .into_iter()
            .zip(recording.intervals)
            .map(|(row, latency)| Interval {
                start_ns: row.start_ns,
                end_ns: row.end_ns,
                events_out: row.events_out,
                latency,
                hiccup_ns_max: row.hiccup_ns_max,
            });
        Ok(Report {
            summary,
            latency: recording.latency,
            service: recording.service,
            hiccups: recording.hiccups,
            intervals: intervals.collect(),
        })
    }
}

/// Writes `files`, name and content each, into `dir`, which is created if need be: all of them are on disk before
/// the first gets its name. Returns their paths, the last first.
///
/// # Errors
/// [`ReportError::CreateDirectory`], [`ReportError::Write`].
pub(crate) fn write_together(
    dir: &Path,
    files: Vec<(&'static str, Vec<u8>)>,
) -> Result<Vec<PathBuf>, ReportError> {
    fs::create_dir_all(dir).map_err(|source| ReportError::CreateDirectory {
        path: dir.into(),
        source,
    })?;
    let mut staged = Vec::new();
    for (name, content) in files {
        let path = dir.join(name);
        let file = stage(dir, &content).map_err(|source| ReportError::Write {
            path: path.clone(),
            source,
        })?;
        staged.push((path, file));
    }
    let mut paths = Vec::new();
    for (path, file) in staged {
        file.persist(&path).map_err(|failed| ReportError::Write {
            path: path.clone(),
            source: failed.error,
        })?;
        paths.push(path);
    }
    paths.reverse();
    Ok(paths)
}

/// Reads `summary.json` of the report in `dir`.
///
/// # Errors
/// [`ReportError::NotAReport`] where there is none, [`ReportError::Summary`] where it is not one,
/// [`ReportError::Version`] where a newer build wrote it.
pub fn read_summary(dir: &Path) -> Result<Summary, ReportError> {
    let path = dir.join(SUMMARY_FILE);
    if !path.is_file() {
        return Err(ReportError::NotAReport { path: dir.into() });
    }
    let bytes = read_file(dir, SUMMARY_FILE)?;
    let summary: Summary =
        serde_json::from_slice(&bytes).map_err(|source| ReportError::Summary {
            path: path.clone(),
            source,
        })?;
    if !(1..=SUMMARY_VERSION).contains(&summary.version) {
        return Err(ReportError::Version {
            path,
            found: summary.version,
            known: SUMMARY_VERSION,
        });
    }
    Ok(summary)
}

pub(super) fn read_file(dir: &Path, name: &str) -> Result<Vec<u8>, ReportError> {
    let path = dir.join(name);
    fs::read(&path).map_err(|source| ReportError::Read { path, source })
}

/// A temporary file beside its destination, whole and on disk, which vanishes unless it is renamed.
fn stage(dir: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".millstream-report-");
    // A report is meant to be shared: the usual rights, less the umask, not a temporary file's 0600.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::sample::sample_report;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn all_files_are_written_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let nested = dir.path().join("runs/first");
        let report = sample_report();
        let paths = report.write(&nested, "seed = 7\n").unwrap();
        assert_eq!(paths[0], nested.join("summary.json"));
        let expected = [
            "config.toml",
            "environment.json",
            "latency.hgrm",
            "latency.hlog",
            "report.html",
            "summary.json",
            "timeline.csv",
        ];
        assert_eq!(names(&nested), expected);
        assert_eq!(paths.len(), expected.len());

        let read = Report::read(&nested).unwrap();
        assert_eq!(read.summary, report.summary);
        assert_eq!(read.latency, report.latency);
        assert_eq!(read.service, report.service);
        assert_eq!(read.hiccups, report.hiccups);
        assert_eq!(read.intervals.len(), report.intervals.len());
        for (read, written) in read.intervals.iter().zip(&report.intervals) {
            assert_eq!(
                (read.start_ns, read.end_ns),
                (written.start_ns, written.end_ns)
            );
            assert_eq!(read.events_out, written.events_out);
            assert_eq!(read.hiccup_ns_max, written.hiccup_ns_max);
            assert_eq!(read.latency, written.latency);
        }
        // What was read can be written again, to the byte.
        let again = dir.path().join("again");
        read.write(&again, "seed = 7\n").unwrap();
        for name in expected {
            assert_eq!(
                fs::read(nested.join(name)).unwrap(),
                fs::read(again.join(name)).unwrap(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_earlier_report_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mut report = sample_report();
        report.write(dir.path(), "").unwrap();
        report.summary.app = "second".to_string();
        report.write(dir.path(), "").unwrap();
        assert_eq!(names(dir.path()).len(), 7, "no temporary file is left");
        assert_eq!(read_summary(dir.path()).unwrap().app, "second");
    }

    #[test]
    fn errors_name_the_path_and_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        let message = sample_report()
            .write(&file.join("out"), "")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("file/out") && message.contains("--out DIR"),
            "{message}"
        );
        assert_eq!(fs::read(&file).unwrap(), b"mine");

        // A directory stands where a file should go: the rename fails, the temporary files vanish.
        let taken = dir.path().join("taken");
        fs::create_dir_all(taken.join("config.toml/x")).unwrap();
        let message = sample_report().write(&taken, "").unwrap_err().to_string();
        assert!(message.contains("taken/config.toml"), "{message}");
        assert_eq!(names(&taken), ["config.toml"]);
    }

    #[test]
    fn what_is_not_a_report_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let refused = || Report::read(dir.path()).unwrap_err().to_string();
        assert!(refused().contains("is not a report"), "{}", refused());
        fs::write(dir.path().join("summary.json"), "{\"version\": 1,").unwrap();
        assert!(refused().contains("line 1 column 14"), "{}", refused());
        fs::write(dir.path().join("summary.json"), "{\"version\": 9}").unwrap();
        assert!(
            refused().contains("\"version\" is 9, expected 1 to 1"),
            "{}",
            refused()
        );
        fs::write(dir.path().join("summary.json"), "{}").unwrap();
        assert!(refused().contains("\"version\" is 0"), "{}", refused());
        fs::write(dir.path().join("summary.json"), "{\"version\": 1}").unwrap();
        assert!(refused().contains("latency.hlog"), "{}", refused());
    }

    #[test]
    fn a_timeline_that_does_not_match_its_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        sample_report().write(dir.path(), "").unwrap();
        let path = dir.path().join("timeline.csv");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.lines().take(3).collect::<Vec<_>>().join("\n")).unwrap();
        let message = Report::read(dir.path()).unwrap_err().to_string();
        assert!(
            message.contains("it has 15 intervals, timeline.csv beside it has 2"),
            "{message}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn files_have_the_usual_rights() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        sample_report().write(dir.path(), "").unwrap();
        let plain = dir.path().join("plain");
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&dir.path().join("summary.json")), mode(&plain));
    }
}
