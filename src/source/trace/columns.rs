//! Which column plays which part: what the user said, else the usual names.
use super::error::{ErrorKind, Place, TraceError};
use super::options::{Column, TraceOptions, nearest};
use std::path::Path;

/// The parts that a column can play, in the order of `Record`'s fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Key,
    Item,
    Value,
    Ts,
    Weight,
}

pub(super) const ROLES: [Role; 5] = [Role::Key, Role::Item, Role::Value, Role::Ts, Role::Weight];

impl Role {
    /// As in options and messages.
    pub(super) fn name(self) -> &'static str {
        ["key", "item", "value", "ts", "weight"][self as usize]
    }

    /// The usual names, the most telling first, in lower case and without `_`, `-`, `.` and blanks.
    fn usual_names(self) -> &'static [&'static str] {
        match self {
            Role::Key => &[
                "key",
                "user",
                "userid",
                "uid",
                "customerid",
                "customer",
                "visitorid",
                "visitor",
                "reviewerid",
                "sessionid",
                "session",
                "accountid",
                "account",
                "deviceid",
                "device",
                "sensorid",
                "sensor",
                "vmid",
                "machineid",
                "host",
                "hostname",
                "clientip",
                "client",
                "ip",
                "tailnum",
                "symbol",
                "objid",
                "lbn",
                "id",
            ],
            Role::Item => &[
                "item",
                "itemid",
                "productid",
                "product",
                "vendorid",
                "movieid",
                "articleid",
                "url",
                "uri",
                "page",
                "path",
                "metric",
                "target",
            ],
            Role::Value => &[
                "value", "amount", "price", "rating", "score", "quantity", "qty", "bytes", "size",
            ],
            Role::Ts => &[
                "ts",
                "timestamp",
                "time",
                "datetime",
                "eventtime",
                "date",
                "when",
                "tss",
                "tsms",
                "tsus",
                "tsns",
                "timems",
                "timeus",
                "timens",
                "timestampms",
                "timestampus",
                "timestampns",
            ],
            Role::Weight => &["weight"],
        }
    }

    fn option(self, options: &TraceOptions) -> &Column {
        match self {
            Role::Key => &options.key,
            Role::Item => &options.item,
            Role::Value => &options.value,
            Role::Ts => &options.ts,
            Role::Weight => &options.weight,
        }
    }
}

/// The columns of a trace and its first rows: what mapping and types are inferred from.
pub(super) struct Sample {
    /// The names, or the indices where there is no header.
    pub(super) names: Vec<String>,
    /// Whether the names come from the file.
    pub(super) named: bool,
    /// `None` where a record lacks the field.
    pub(super) rows: Vec<Vec<Option<Vec<u8>>>>,
}

impl Sample {
    /// The fields of a column that are there and not empty.
    pub(super) fn column(&self, index: usize) -> impl Iterator<Item = &[u8]> {
        self.rows
            .iter()
            .filter_map(move |row| row.get(index)?.as_deref())
            .filter(|field| !field.is_empty())
    }

    /// "user, item, time" or, without a header, "0 (like \"17\"), 1 (like \"a\")".
    fn listed(&self) -> String {
        let list = |(index, name): (usize, &String)| match self.column(index).next() {
            Some(first) if !self.named => {
                format!("{name} (like {:?})", String::from_utf8_lossy(first))
            }
            _ => name.clone(),
        };
        self.names
            .iter()
            .enumerate()
            .map(list)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A column that plays a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) index: usize,
    pub(super) guessed: bool,
}

/// The column of each part, by `Role`.
pub(super) type Mapping = [Option<Choice>; 5];

/// Maps parts to columns. `usable` may refuse a guess; the key must be found.
pub(super) fn map(
    file: &Path,
    options: &TraceOptions,
    sample: &Sample,
    mut usable: impl FnMut(Role, usize) -> bool,
) -> Result<Mapping, TraceError> {
    let mut mapping: Mapping = [None; 5];
    for role in ROLES {
        let index = match role.option(options) {
            Column::Auto => continue,
            Column::None if role == Role::Key => {
                return Err(TraceError::new(ErrorKind::Option, file, "key = \"none\"")
                    .expected(format!("one of the columns {}", sample.listed()))
                    .remedy("every record needs a key"));
            }
            Column::None => continue,
            Column::Name(name) => sample
                .names
                .iter()
                .position(|this| sample.named && this == name),
            Column::Index(index) => {
                // A column may be called "3".
                let name = index.to_string();
                let by_name = sample.names.iter().position(|this| *this == name);
                by_name
                    .or(Some(*index))
                    .filter(|index| *index < sample.names.len())
            }
        };
        let choice = index.map(|index| Choice {
            index,
            guessed: false,
        });
        mapping[role as usize] =
            Some(choice.ok_or_else(|| no_such_column(file, role, options, sample))?);
    }
    if sample.named {
        for role in ROLES {
            if *role.option(options) == Column::Auto {
                mapping[role as usize] = guess(role, sample, &mapping, &mut usable);
            }
        }
    } else if sample.names.len() == 1 && options.key == Column::Auto {
        mapping[Role::Key as usize] = Some(Choice {
            index: 0,
            guessed: true,
        });
    }
    if mapping[Role::Key as usize].is_none() {
        return Err(
            TraceError::new(ErrorKind::Column, file, "no column looks like the key")
                .at(Place::Line(1))
                .expected(format!("one of the columns {}", sample.listed()))
                .remedy("name it, by name or 0-based index: key = \"…\""),
        );
    }
    Ok(mapping)
}

fn guess(
    role: Role,
    sample: &Sample,
    mapping: &Mapping,
    usable: &mut impl FnMut(Role, usize) -> bool,
) -> Option<Choice> {
    let free = |index: &usize| {
        mapping
            .iter()
            .flatten()
            .all(|choice| choice.index != *index)
    };
    role.usual_names().iter().find_map(|usual| {
        let index = sample
            .names
            .iter()
            .position(|name| plain(name) == *usual)
            .filter(free)?;
        usable(role, index).then_some(Choice {
            index,
            guessed: true,
        })
    })
}

/// Whether any part has a column of that name.
pub(super) fn is_usual_name(name: &str) -> bool {
    ROLES
        .iter()
        .any(|role| role.usual_names().contains(&plain(name).as_str()))
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | '.' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn no_such_column(file: &Path, role: Role, options: &TraceOptions, sample: &Sample) -> TraceError {
    let wanted = match role.option(options) {
        Column::Index(index) => index.to_string(),
        Column::Name(name) => name.clone(),
        Column::Auto | Column::None => String::new(),
    };
    let near = nearest(
        &wanted,
        sample
            .names
            .iter()
            .map(String::as_str)
            .filter(|_| sample.named),
    );
    let remedy = match near {
        Some(near) => format!("did you mean {near:?}?"),
        None if sample.named => format!("name one of them: {} = \"…\"", role.name()),
        None => "there is no header: give a 0-based index, or say header = \"yes\"".to_string(),
    };
    TraceError::new(
        ErrorKind::Column,
        file,
        format!("no column {wanted:?} for {}", role.name()),
    )
    .at(Place::Line(1))
    .expected(format!("one of the columns {}", sample.listed()))
    .remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(names: &[&str], row: &[&str]) -> Sample {
        let row = row
            .iter()
            .map(|field| Some(field.as_bytes().to_vec()))
            .collect();
        Sample {
            names: names.iter().map(|name| name.to_string()).collect(),
            named: true,
            rows: vec![row],
        }
    }

    fn indices(options: &TraceOptions, sample: &Sample) -> Result<[Option<usize>; 5], TraceError> {
        let mapping = map(Path::new("t.csv"), options, sample, |_, _| true)?;
        Ok(mapping.map(|choice| choice.map(|choice| choice.index)))
    }

    #[test]
    fn guesses_from_the_usual_names() {
        let auto = TraceOptions::default();
        let clicks = sample(
            &["SessionId", "ItemId", "Time"],
            &["3", "214716935", "1396437466.94"],
        );
        assert_eq!(
            indices(&auto, &clicks).unwrap(),
            [Some(0), Some(1), None, Some(2), None]
        );
        let reviews = sample(
            &["reviewerId", "vendorId", "rating", "date"],
            &["0", "0", "5", "2006-04-07 17:08"],
        );
        assert_eq!(
            indices(&auto, &reviews).unwrap(),
            [Some(0), Some(1), Some(2), Some(3), None]
        );
        let git = sample(
            &["ts", "user_id", "item_id", "category_id", "repo_id"],
            &["1", "2", "3", "4", "5"],
        );
        assert_eq!(
            indices(&auto, &git).unwrap(),
            [Some(1), Some(2), None, Some(0), None]
        );
    }

    #[test]
    fn what_is_said_goes_before_what_is_guessed() {
        let git = sample(&["ts", "user_id", "item_id"], &["1", "2", "3"]);
        let options = TraceOptions {
            key: "item_id".into(),
            ts: "none".into(),
            ..TraceOptions::default()
        };
        assert_eq!(
            indices(&options, &git).unwrap(),
            [Some(2), None, None, None, None]
        );
    }

    #[test]
    fn a_wrong_column_gets_the_nearest() {
        let git = sample(&["ts", "user_id", "item_id"], &["1", "2", "3"]);
        let options = TraceOptions {
            key: "userid".into(),
            ..TraceOptions::default()
        };
        let error = indices(&options, &git).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Column, 2));
        assert_eq!(error.advice(), "did you mean \"user_id\"?");
        let options = TraceOptions {
            key: "7".into(),
            ..TraceOptions::default()
        };
        assert!(
            indices(&options, &git)
                .unwrap_err()
                .wanted()
                .contains("ts, user_id, item_id")
        );
    }

    #[test]
    fn no_key_no_trace() {
        let series = sample(&["timestamp", "value"], &["1", "2"]);
        let error = indices(&TraceOptions::default(), &series).unwrap_err();
        assert!(error.to_string().contains("timestamp, value"), "{error}");
    }
}
