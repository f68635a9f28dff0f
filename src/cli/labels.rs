//! Texts for item ids, so that answers can be read by people.
//!
//! A label file is a table whose first column is the id and whose last column is the text, such as
//! `item_id,repo_id,path`. It is read as a trace is, so every compression and delimiter works, and ids
//! that are texts get the same hashes as in the trace.

use super::error::CliError;
use crate::source::trace::{self, Column, Disorder, FieldType, OnBadRecord, Text, TraceOptions};
use std::collections::HashMap;
use std::path::Path;

/// Texts by item id.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    texts: HashMap<u64, Text>,
}

impl Labels {
    /// Reads a label file.
    ///
    /// # Errors
    /// A file that cannot be read, a row that is no id and text, or a table of one column.
    pub fn read(path: &Path) -> Result<Labels, CliError> {
        let mut options = TraceOptions {
            key: Column::Index(0),
            item: Column::None,
            value: Column::None,
            ts: Column::None,
            weight: Column::None,
            item_type: FieldType::Text,
            disorder: Disorder::Keep,
            on_bad_record: OnBadRecord::Fail,
            ..TraceOptions::default()
        };
        let columns = trace::open(path, &options)?
            .describe()
            .columns_present
            .len();
        if columns < 2 {
            return Err(CliError::usage("the label file has no column of texts")
                .at(path.display().to_string())
                .expected("a table with the id in its first column and the text in its last")
                .help("name another with --labels FILE, or none with --labels none"));
        }
        options.item = Column::Index(columns - 1);
        let mut reader = trace::open(path, &options)?;
        let (texts, mut block, mut labels) = (reader.texts(), Vec::new(), Labels::default());
        while reader.next_block(&mut block)? {
            let known = block
                .iter()
                .filter_map(|row| Some((row.key, texts.get(row.item)?)));
            labels.texts.extend(known);
        }
        Ok(labels)
    }

    /// The text of an item, if it has one.
    pub fn text(&self, item: u64) -> Option<&str> {
        self.texts.get(&item).map(Text::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_last_column_is_the_text_of_the_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("items.csv");
        fs::write(&path, "item_id,repo_id,path\n0,0,\"a, b.rs\"\n17,3,7\n").expect("written");
        let labels = Labels::read(&path).expect("labels");
        assert_eq!(labels.text(0), Some("a, b.rs"));
        assert_eq!(
            labels.text(17),
            Some("7"),
            "a text that looks like a number"
        );
        assert_eq!(labels.text(3), None);
    }

    #[test]
    fn a_table_of_one_column_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("items.csv");
        fs::write(&path, "item_id\n1\n2\n").expect("written");
        let error = Labels::read(&path).expect_err("one column");
        assert!(error.to_string().contains("items.csv"), "{error}");
    }

    #[test]
    fn every_item_of_the_sample_data_has_a_path() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/git-activity/items.csv.zst");
        if !path.exists() {
            println!("skipped: {} is not there", path.display());
            return;
        }
        let labels = Labels::read(&path).expect("labels");
        assert_eq!(labels.text(1), Some("package.json"));
    }
}
