//! `checkpoint export`: the entries of a stage as CSV or JSON lines.
//!
//! ```text
//!   byte 0     8       16                        an entry; its stamp is 0 where the place is empty
//!        │ key │ stamp │ value │ padding │
//! ```
//!
//! The values of known stages are decoded; of others the bytes are shown in hex.

use super::{known, part_name, snapshot};
use crate::app::aggregate::Total;
use crate::checkpoint::Record;
use crate::cli::args::{CheckpointExportArgs, GlobalArgs};
use crate::cli::error::{CliError, Exit, print};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;

/// Text collected before it is written.
const TEXT_BYTES: usize = 1 << 16;
/// How the values of a stage are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decoder {
    Total,
    Hex,
}

impl Decoder {
    fn of(stage: &str, value_bytes: u32) -> Self {
        match stage {
            "aggregate" if value_bytes as usize == size_of::<Total>() => Decoder::Total,
            _ => Decoder::Hex,
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Decoder::Total => &["key", "count", "sum", "min", "max", "last_ns"],
            Decoder::Hex => &["key", "stamp", "value"],
        }
    }

    /// The texts of `entry`'s columns, as JSON: numbers as they are, other text in quotes.
    fn fields(self, entry: Record<'_>) -> Vec<String> {
        let key = entry.key.to_string();
        match self {
            Decoder::Total => {
                let total: Total = bytemuck::pod_read_unaligned(entry.value);
                vec![
                    key,
                    total.count.to_string(),
                    total.sum.to_string(),
                    total.min.to_string(),
                    total.max.to_string(),
                    total.last_ns.to_string(),
                ]
            }
            Decoder::Hex => {
                let mut hex = String::with_capacity(2 + 2 * entry.value.len());
                hex.push('"');
                for byte in entry.value {
                    // Writing to a string cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                }
                hex.push('"');
                vec![key, entry.stamp.to_string(), hex]
            }
        }
    }

    fn line(self, entry: Record<'_>, json: bool) -> String {
        let fields = self.fields(entry);
        if !json {
            return fields.join(",").replace('"', "") + "\n";
        }
        let named = self.columns().iter().zip(&fields);
        let named: Vec<String> = named
            .map(|(name, field)| format!("\"{name}\":{field}"))
            .collect();
        format!("{{{}}}\n", named.join(","))
    }
}

/// Where the lines go.
struct Target<'a> {
    file: Option<(File, &'a std::path::Path)>,
    text: String,
}

impl Target<'_> {
    fn write(&mut self) -> Result<(), CliError> {
        match &mut self.file {
            None => print(&self.text)?,
            Some((file, path)) => file.write_all(self.text.as_bytes()).map_err(|error| {
                CliError::failed(format!("{} cannot be written: {error}", path.display()))
                    .help("check the disk, or give another --to")
            })?,
        }
        self.text.clear();
        Ok(())
    }
}

pub(super) fn export(args: &CheckpointExportArgs, global: &GlobalArgs) -> Result<Exit, CliError> {
    if args.csv && global.json {
        return Err(CliError::usage("--csv and --json are given").expected("one of them"));
    }
    let snapshot = snapshot(&args.dir, args.epoch)?;
    let parts = snapshot.shape.parts.iter().enumerate();
    let chosen: Vec<usize> = parts
        .filter(|(_, part)| part.entry_bytes > 0)
        .filter(|(_, part)| match (&args.part, &args.stage) {
            (Some(name), _) => part_name(part) == *name,
            (None, Some(stage)) => part.name == *stage,
            (None, None) => true,
        })
        .map(|(number, _)| number)
        .collect();
    let Some(first) = chosen.first() else {
        // One of the two is given.
        let (what, name, known) = match (&args.part, &args.stage) {
            (Some(part), _) => ("part", part.as_str(), known(&snapshot, part_name)),
            (None, stage) => (
                "stage",
                stage.as_deref().unwrap_or("any"),
                known(&snapshot, |part| part.name.clone()),
            ),
        };
        return Err(CliError::usage(format!(
            "no {what} `{name}` with keyed state is in the checkpoint"
        ))
        .expected(known));
    };
    let shape = &snapshot.shape.parts[*first];
    let decoder = Decoder::of(&shape.name, shape.value_bytes);
    let file = match &args.to {
        None => None,
        Some(path) => Some((
            File::create(path).map_err(|error| {
                CliError::failed(format!("{} cannot be made: {error}", path.display()))
                    .help("give a path in a directory that this user may write to")
            })?,
            path.as_path(),
        )),
    };
    let mut target = Target {
        file,
        text: String::new(),
    };
    if !global.json {
        target.text = decoder.columns().join(",") + "\n";
    }
    let mut written = Ok(());
    for number in chosen {
        snapshot.entries(number, |entry| {
            target.text += &decoder.line(entry, global.json);
            if target.text.len() >= TEXT_BYTES && written.is_ok() {
                written = target.write();
            }
        })?;
    }
    written?;
    target.write()?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_come_in_columns_and_others_in_hex() {
        let total = Total {
            count: 2,
            sum: -3,
            min: -5,
            max: 2,
            last_ns: 9,
        };
        let value = bytemuck::bytes_of(&total);
        let entry = Record {
            key: 7,
            stamp: 1,
            value,
        };
        let decoder = Decoder::of("aggregate", 40);
        assert_eq!(decoder.line(entry, false), "7,2,-3,-5,2,9\n");
        assert_eq!(
            decoder.line(entry, true),
            "{\"key\":7,\"count\":2,\"sum\":-3,\"min\":-5,\"max\":2,\"last_ns\":9}\n"
        );
        let entry = Record {
            key: 7,
            stamp: 1,
            value: &[1, 0xab],
        };
        let decoder = Decoder::of("aggregate", 48);
        assert_eq!(decoder.line(entry, false), "7,1,01ab\n");
        assert_eq!(
            decoder.line(entry, true),
            "{\"key\":7,\"stamp\":1,\"value\":\"01ab\"}\n"
        );
    }
}
