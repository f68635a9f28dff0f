//! Files that grow by epochs: rows of an epoch are those before every partition's barrier, and a file that is
//! restored and finished has the lines of one that never stopped.

use super::{names, oracle, readings};
use millstream::app::aggregate::Aggregated;
use millstream::sink::{FileFormat, FileSink, FileWriter, ResultsPart, Sink, SinkError};
use millstream::source::trace::Texts;
use millstream::sys::real_disk::RealDisk;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

const PARTITIONS: usize = 2;
/// Stands for no epoch: the part was told that none will be ready any more.
const GONE: u64 = u64::MAX;

/// The checkpoint, as a test plays it.
struct Part {
    ready: Sender<(u64, Vec<u8>)>,
    durable: Arc<AtomicU64>,
}

impl ResultsPart for Part {
    fn ready(&mut self, epoch: u64, position: &[u8]) {
        let _ = self.ready.send((epoch, position.to_vec()));
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }

    fn gone(&mut self) {
        self.durable.store(GONE, Ordering::Relaxed);
    }
}

type Heard = Receiver<(u64, Vec<u8>)>;

fn part() -> (Box<Part>, Heard, Arc<AtomicU64>) {
    let (ready, epochs) = channel();
    let durable = Arc::new(AtomicU64::new(0));
    let part = Box::new(Part {
        ready,
        durable: durable.clone(),
    });
    (part, epochs, durable)
}

/// Gives `rows` to the sinks in turn, pushing what a full ring keeps.
fn take(sinks: &mut [FileSink<Aggregated>], rows: &[Aggregated]) {
    for (index, row) in rows.iter().enumerate() {
        let sink = &mut sinks[index % PARTITIONS];
        sink.take(row);
        while !Sink::<Aggregated>::flush(sink) {
            std::thread::yield_now();
        }
    }
}

fn end(sinks: &mut [FileSink<Aggregated>]) {
    for sink in sinks {
        Sink::<Aggregated>::end(sink);
    }
}

fn barrier(sink: &mut FileSink<Aggregated>, epoch: u64) {
    Sink::<Aggregated>::barrier(sink, epoch);
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The lines of a file of `rows` that is written whole.
fn whole(
    directory: &Path,
    format: FileFormat,
    texts: &Arc<Texts>,
    rows: &[Aggregated],
) -> Vec<String> {
    let path = directory.join("whole");
    let (writer, mut sinks) =
        FileWriter::create::<Aggregated>(&path, format, PARTITIONS, texts.clone()).unwrap();
    take(&mut sinks, rows);
    end(&mut sinks);
    writer.finish().unwrap();
    let lines = lines(&path);
    std::fs::remove_file(&path).unwrap();
    lines
}

#[test]
fn a_restored_file_has_the_lines_of_one_that_never_stopped() {
    let directory = tempfile::tempdir().unwrap();
    // Several times what the rings hold.
    let (readings, texts) = readings(directory.path(), 60_000);
    let rows = oracle(&readings);
    let path = directory.path().join("results");
    for format in [FileFormat::Csv, FileFormat::Jsonl] {
        let (first, second) = (&rows[..20_001], &rows[..40_000]);
        let (checkpoint, epochs, durable) = part();
        let (writer, mut sinks) = FileWriter::create_by_epochs::<Aggregated, _>(
            RealDisk::plain(),
            &path,
            format,
            PARTITIONS,
            texts.clone(),
            checkpoint,
        )
        .unwrap();
        take(&mut sinks, first);
        barrier(&mut sinks[0], 1);
        // The other partition reaches the barrier later; rows behind the first must not be in the epoch.
        for row in &rows[20_002..20_102] {
            sinks[0].take(row);
        }
        sinks[1].take(&rows[20_001]);
        barrier(&mut sinks[1], 1);
        let (epoch, at_first) = epochs.recv().unwrap();
        assert_eq!(epoch, 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"", "not durable yet");
        durable.store(1, Ordering::Relaxed);
        take(&mut sinks, &rows[20_102..40_000]);
        sinks.iter_mut().for_each(|sink| barrier(sink, 3));
        let (epoch, at_second) = epochs.recv().unwrap();
        assert_eq!(epoch, 3);
        take(&mut sinks, &rows[40_000..50_000]);
        // The run dies.
        drop(writer);

        // Epoch 3 first, then 1: an older epoch may be asked for at any time.
        for (position, done) in [(at_second, second), (at_first, &rows[..20_002])] {
            let (checkpoint, _epochs, _) = part();
            let (writer, sinks) = FileWriter::restore::<Aggregated, _>(
                RealDisk::plain(),
                &path,
                format,
                PARTITIONS,
                texts.clone(),
                checkpoint,
                &position,
            )
            .unwrap();
            assert_eq!(names(directory.path()), ["results"]);
            assert_eq!(lines(&path), whole(directory.path(), format, &texts, done));
            drop((writer, sinks));
            let (checkpoint, _epochs, _) = part();
            let (writer, mut sinks) = FileWriter::restore::<Aggregated, _>(
                RealDisk::plain(),
                &path,
                format,
                PARTITIONS,
                texts.clone(),
                checkpoint,
                &position,
            )
            .unwrap();
            take(&mut sinks, &rows[done.len()..]);
            end(&mut sinks);
            assert_eq!(writer.finish().unwrap(), rows.len() as u64);
            assert_eq!(names(directory.path()), ["results"]);
            assert_eq!(lines(&path), whole(directory.path(), format, &texts, &rows));
        }
    }
}

#[test]
fn a_native_file_is_refused_before_it_starts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results.mill");
    let refused = FileWriter::create_by_epochs::<Aggregated, _>(
        RealDisk::plain(),
        &path,
        FileFormat::Native,
        PARTITIONS,
        Arc::<Texts>::default(),
        part().0,
    );
    let refused = refused.err().unwrap();
    assert!(matches!(refused, SinkError::NotByEpochs { .. }));
    assert!(refused.to_string().contains("csv or jsonl"), "{refused}");
    assert_eq!(refused.exit_code(), 2);
    assert!(names(directory.path()).is_empty());
}
