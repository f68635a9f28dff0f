//! JSON lines: one object a line, fields found by name, everything else skipped unread.
//!
//! A field is taken as the text between its delimiters, so that numbers go through the same parsers as those of
//! delimited text and keep all their digits.
use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de::DeserializeSeed};
use serde_json::value::RawValue;

use super::columns::{ROLES, Role, Sample};
use super::compression::Content;
use super::dead_letter::BadRecord;
use super::description::Description;
use super::error::{ErrorKind, Place, TraceError};
use super::intake::{Intake, Reader};
use super::lines::{Line, Lines, whole_lines};
use super::options::TraceOptions;
use super::record::Record;
use super::schema::{Schema, Stop};

pub(super) struct JsonLines {
    lines: Lines,
    schema: Schema,
}

impl JsonLines {
    pub(super) fn open(
        path: &Path,
        options: &TraceOptions,
        content: Content,
        description: &mut Description,
    ) -> Result<Self, TraceError> {
        let sample = sample(&content)?.ok_or_else(|| {
            TraceError::new(ErrorKind::Format, path, "no JSON object in its first lines")
                .at(Place::Line(1))
                .value(String::from_utf8_lossy(
                    &content.head[..content.head.len().min(200)],
                ))
                .expected("one JSON object a line")
                .remedy("declare another format")
        })?;
        description.columns_present = sample.names.clone();
        let schema = Schema::infer(path, options, &sample, description)?;
        Ok(JsonLines {
            lines: Lines::new(content.bytes),
            schema,
        })
    }
}

/// The fields of the first objects, in the order in which they turn up.
fn sample(content: &Content) -> Result<Option<Sample>, TraceError> {
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for line in whole_lines(&content.head, content.head_is_all) {
        let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line)
        else {
            continue;
        };
        names.extend(
            object
                .keys()
                .filter(|name| !names.contains(name))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let mut row = Fields::default();
        let columns: Vec<(&str, usize)> = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        let seed = Wanted { columns: &columns };
        if seed
            .deserialize(&mut serde_json::Deserializer::from_slice(line))
            .map(|fields| row = fields)
            .is_ok()
        {
            rows.push(
                (0..names.len())
                    .map(|i| row.get(i).map(<[u8]>::to_vec))
                    .collect(),
            );
        }
    }
    Ok((!names.is_empty()).then_some(Sample {
        names,
        named: true,
        rows,
    }))
}

impl Reader for JsonLines {
    fn fill(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        out: &mut Vec<Record>,
    ) -> Result<bool, TraceError> {
        let JsonLines { lines, schema } = self;
        let used: Vec<(&str, usize)> = ROLES
            .iter()
            .filter_map(|role| Some((schema.name(*role), schema.column(*role)?)))
            .collect();
        for _ in 0..limit {
            match lines
                .advance()
                .map_err(|error| intake.broken(error, lines.offset))?
            {
                Line::End => return Ok(false),
                Line::TooLong => {
                    intake.reject(lines.too_long())?;
                    continue;
                }
                Line::Whole => {}
            }
            let (line, place) = (lines.text(), Place::Line(lines.number));
            let mut deserializer = serde_json::Deserializer::from_slice(line);
            let parsed = Wanted { columns: &used }
                .deserialize(&mut deserializer)
                .and_then(|fields| deserializer.end().map(|()| fields));
            let fields = match parsed {
                Ok(fields) => fields,
                Err(error) => {
                    intake.reject(not_an_object(&error, line, place))?;
                    continue;
                }
            };
            match schema.parse(|_, index| fields.get(index), &mut intake.interner) {
                Ok(record) => intake.accept(record, place, out)?,
                Err(Stop::Misfit(role, misfit)) => {
                    let value = schema
                        .column(role)
                        .and_then(|index| fields.get(index))
                        .unwrap_or_default();
                    intake.reject(schema.explain(role, misfit, value, place, line.to_vec()))?;
                }
                Err(Stop::Collision(collision)) => return Err(intake.collided(collision, place)),
            }
        }
        Ok(true)
    }
}

#[cold]
fn not_an_object(error: &serde_json::Error, line: &[u8], place: Place) -> BadRecord {
    BadRecord {
        place,
        reason: format!("not a JSON object: {error}"),
        value: String::from_utf8_lossy(line).into_owned(),
        expected: format!(
            "an object with the fields {}",
            ROLES.map(Role::name).join(", ")
        ),
        remedy: "correct the line".to_string(),
        raw: line.to_vec(),
    }
}

/// The bytes of the wanted fields of one object: strings without quotes and escapes, all else as written.
#[derive(Default)]
struct Fields<'a> {
    found: Vec<(usize, Cow<'a, [u8]>)>,
}

impl Fields<'_> {
    /// The last field of that name, as JSON parsers do.
    fn get(&self, index: usize) -> Option<&[u8]> {
        self.found
            .iter()
            .rev()
            .find(|(this, _)| *this == index)
            .map(|(_, bytes)| &**bytes)
    }
}

/// The names to look for, and the columns they stand for.
struct Wanted<'w> {
    columns: &'w [(&'w str, usize)],
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Fields<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields {
            found: Vec::with_capacity(self.columns.len()),
        };
        while let Some(Name(name)) = map.next_key()? {
            let Some((_, index)) = self.columns.iter().find(|(wanted, _)| *wanted == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&'de RawValue>()?.get();
            if raw.starts_with('"') {
                let Text(text) = serde_json::from_str(raw).map_err(serde::de::Error::custom)?;
                let bytes = match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                };
                fields.found.push((*index, bytes));
            } else if raw != "null" {
                // A null is a field that is not there.
                fields.found.push((*index, Cow::Borrowed(raw.as_bytes())));
            }
        }
        Ok(fields)
    }
}
