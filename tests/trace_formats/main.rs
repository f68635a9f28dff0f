//! Traces: every format reads, every compression, every bad input is told, and what is written reads back.
mod bad_input;
mod formats;
mod native;
mod real_data;
mod time;

use std::path::{Path, PathBuf};

use millstream::source::trace::{
    Counts, Description, Record, Texts, TraceError, TraceOptions, open,
};

/// All of a trace.
#[derive(Debug)]
struct Whole {
    records: Vec<Record>,
    counts: Counts,
    description: Description,
    texts: std::sync::Arc<Texts>,
}

impl Whole {
    fn keys(&self) -> Vec<u64> {
        self.records.iter().map(|record| record.key).collect()
    }

    fn text(&self, key: u64) -> String {
        self.texts
            .get(key)
            .map_or_else(String::new, |text| text.as_str().to_string())
    }
}

fn read(path: &Path, options: &TraceOptions) -> Result<Whole, TraceError> {
    let mut trace = open(path, options)?;
    let (mut block, mut records) = (Vec::new(), Vec::new());
    while trace.next_block(&mut block)? {
        assert!(block.len() <= millstream::source::trace::BLOCK_RECORDS);
        records.extend_from_slice(&block);
    }
    assert!(
        !trace.next_block(&mut block)? && block.is_empty(),
        "the end stays the end"
    );
    let counts = trace.counts();
    assert_eq!(
        counts.read,
        counts.delivered + counts.bad + counts.late + counts.held
    );
    assert_eq!((counts.delivered, counts.held), (records.len() as u64, 0));
    Ok(Whole {
        records,
        counts,
        description: trace.describe().clone(),
        texts: trace.texts(),
    })
}

fn defaults() -> TraceOptions {
    TraceOptions::default()
}

/// A directory that goes when the test does.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Scratch(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The names of all files in it.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// `content` in each compression, by extension; two members, frames or streams each.
fn compressed(content: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    use std::io::Write;
    let (front, back) = content.split_at(content.len() / 2);
    let twice = |compress: &dyn Fn(&[u8]) -> Vec<u8>| [compress(front), compress(back)].concat();
    vec![
        ("zst", twice(&|part| zstd::encode_all(part, 3).unwrap())),
        (
            "gz",
            twice(&|part| {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(part).unwrap();
                encoder.finish().unwrap()
            }),
        ),
        (
            "bz2",
            twice(&|part| {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
                encoder.write_all(part).unwrap();
                encoder.finish().unwrap()
            }),
        ),
        (
            "xz",
            twice(&|part| {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
                encoder.write_all(part).unwrap();
                encoder.finish().unwrap()
            }),
        ),
    ]
}
