//! The settings of one run as they were given, each with its origin; typed sections are read from here.
//!
//! ```text
//!   default.toml  ──►  FILE  ──►  -C key=value  ──►  flags        a later layer replaces an earlier one's value
//!        └── its keys are the only keys there are: the file is the schema
//! ```

use super::error::ConfigError;
use super::nearest::did_you_mean;
use super::origin::Origin;
use super::schema::{DEFAULT_TOML, default_keys, default_line, in_section, last_name, lookup};
use super::value::Setting;
use crate::sys::nearest::nearest;
use std::fmt;
use std::ops::RangeInclusive;
use toml::Value;
use toml::de::{DeTable, DeValue};

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    default: Value,
    value: Value,
    origin: Origin,
}

impl Entry {
    /// The value as it was given: in a file's spelling, or as typed on the command line.
    fn shown(&self) -> String {
        match (&self.value, &self.origin) {
            (Value::String(text), Origin::Override | Origin::Flag(_)) => format!("`{text}`"),
            (value, _) => format!("`{value}`"),
        }
    }
}

/// All settings, in the order of `default.toml`.
#[derive(Clone, Debug)]
pub struct Settings {
    entries: Vec<Entry>,
}

impl Default for Settings {
    fn default() -> Self {
        let table: toml::Table = DEFAULT_TOML
            .parse()
            .expect("default.toml is checked by a test");
        let mut entries: Vec<Entry> = Vec::new();
        for key in default_keys() {
            let default = lookup(&table, &key).expect("its own key").clone();
            entries.push(Entry {
                key,
                value: default.clone(),
                default,
                origin: Origin::Default,
            });
        }
        Settings { entries }
    }
}

impl Settings {
    /// Lays a configuration file over what is there. `name` is the file's name for messages.
    ///
    /// # Errors
    /// Text that is not TOML; a key that is not in `default.toml`.
    pub fn lay_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let line_of = |offset: usize| 1 + text[..offset].matches('\n').count();
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            file: name.to_owned(),
            line: error
                .span()
                .map_or(1, |span| line_of(span.start.min(text.len()))),
            what: error.message().trim().replace('\n', ", "),
        };
        let values: toml::Table = toml::from_str(text).map_err(syntax)?;
        let spans = DeTable::parse(text).map_err(syntax)?;
        for (key, item) in spans.get_ref() {
            let (key, line) = (key.get_ref().as_ref(), line_of(key.span().start));
            let DeValue::Table(section) = item.get_ref() else {
                let value = values
                    .get(key)
                    .expect("both parses see the same keys")
                    .clone();
                self.set(key, value, Origin::File(name.to_owned(), line))?;
                continue;
            };
            if !self.sections().contains(&key) {
                return Err(self.unknown(key, true, Origin::File(name.to_owned(), line)));
            }
            for (inner, _) in section {
                let line = line_of(inner.span().start);
                let path = format!("{key}.{}", inner.get_ref());
                let value = lookup(&values, &path)
                    .expect("both parses see the same keys")
                    .clone();
                self.set(&path, value, Origin::File(name.to_owned(), line))?;
            }
        }
        Ok(())
    }

    /// Lays one `key=value` of the command line over what is there.
    ///
    /// # Errors
    /// No `=`, or an unknown key.
    pub fn lay_override(&mut self, assignment: &str) -> Result<(), ConfigError> {
        let (key, text) =
            assignment
                .split_once('=')
                .ok_or_else(|| ConfigError::NotAnAssignment {
                    text: assignment.to_owned(),
                })?;
        self.lay_text(key.trim(), text.trim(), Origin::Override)
    }

    /// Lays text over one setting; text that reads as the default's type becomes that type.
    ///
    /// # Errors
    /// An unknown key.
    pub fn lay_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        // Quotes that survived the shell are meant as TOML's.
        let text = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        let default = self
            .entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.default);
        let value = match default {
            Some(Value::Integer(_)) => text.parse().map(Value::Integer).ok(),
            Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).ok(),
            _ => None,
        };
        self.set(
            key,
            value.unwrap_or_else(|| Value::String(text.to_owned())),
            origin,
        )
    }

    fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => {
                entry.value = value;
                entry.origin = origin;
                Ok(())
            }
            None => Err(self.unknown(key, false, origin)),
        }
    }

    fn unknown(&self, key: &str, section: bool, origin: Origin) -> ConfigError {
        let sections = self.sections();
        let prefix = key.split_once('.').map_or("", |(name, _)| name);
        let in_no_section = section || (!prefix.is_empty() && !sections.contains(&prefix));
        let (known, help) = if in_no_section {
            let name = if section { key } else { prefix };
            (sections.clone(), did_you_mean(name, &sections))
        } else if sections.contains(&key) {
            let help = format!("it is a section: write [{key}] and its settings below");
            (self.names_in(key), help)
        } else {
            let siblings = self.names_in(prefix);
            let full = |name: &str| {
                let keys = self.keys().filter(|known| last_name(known) == name);
                // A name may stand in several sections: its own section is the likeliest.
                keys.min_by_key(|known| !in_section(known, prefix))
                    .map(str::to_owned)
            };
            // A right name in the wrong section is a commoner slip than two wrong letters.
            let meant = full(last_name(key))
                .or_else(|| full(nearest(last_name(key), &siblings)?))
                .map(|key| format!("did you mean `{key}`?"));
            (siblings, meant.unwrap_or_default())
        };
        ConfigError::UnknownKey {
            key: key.to_owned(),
            what: if section { "section" } else { "setting" },
            known: known.join(", "),
            help,
            origin: Box::new(origin),
        }
    }

    fn names_in(&self, section: &str) -> Vec<&str> {
        self.keys()
            .filter(|key| in_section(key, section))
            .map(last_name)
            .collect()
    }

    fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<&str> = self
            .entries
            .iter()
            .filter_map(|e| e.key.split_once('.').map(|(name, _)| name))
            .collect();
        sections.dedup();
        sections
    }

    fn entry(&self, key: &str) -> &Entry {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .unwrap_or_else(|| {
                unreachable!("`{key}` is not in default.toml; a test reads every key")
            })
    }

    /// Reads one setting.
    ///
    /// # Errors
    /// A value of another type, or one that the type refuses.
    pub fn get<T: Setting>(&self, key: &str) -> Result<T, ConfigError> {
        let entry = self.entry(key);
        T::from_toml(&entry.value).map_err(|help| ConfigError::WrongValue {
            key: key.to_owned(),
            value: entry.shown(),
            expected: T::EXPECTED,
            help,
            origin: Box::new(entry.origin.clone()),
        })
    }

    /// Refuses the value of `key` if `number` lies outside `limits`; `why` tells what would happen.
    ///
    /// # Errors
    /// The number lies outside.
    pub fn within<N: PartialOrd + fmt::Display>(
        &self,
        key: &str,
        number: N,
        limits: RangeInclusive<N>,
        why: &str,
    ) -> Result<N, ConfigError> {
        if limits.contains(&number) {
            return Ok(number);
        }
        Err(ConfigError::OutOfRange {
            key: key.to_owned(),
            value: self.entry(key).shown(),
            limits: format!("{} to {}", limits.start(), limits.end()),
            help: why.to_owned(),
            origin: Box::new(self.entry(key).origin.clone()),
        })
    }

    /// An error about the value of `key`, for what only several settings together can show.
    pub fn refuse(
        &self,
        key: &str,
        expected: &'static str,
        help: impl Into<String>,
    ) -> ConfigError {
        let entry = self.entry(key);
        ConfigError::WrongValue {
            key: key.to_owned(),
            value: entry.shown(),
            expected,
            help: help.into(),
            origin: Box::new(entry.origin.clone()),
        }
    }

    /// The error for a setting that says nothing without `other`, which would have to be `expected`.
    pub fn needs(
        &self,
        key: &str,
        other: &'static str,
        expected: &'static str,
        help: impl Into<String>,
    ) -> ConfigError {
        let entry = self.entry(key);
        ConfigError::Needs {
            key: key.to_owned(),
            value: entry.shown(),
            other,
            expected,
            help: help.into(),
            origin: Box::new(entry.origin.clone()),
        }
    }

    /// All keys, in the order of `default.toml`.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// "key = value (origin)" of each setting that is not at its default.
    pub fn changed(&self) -> impl Iterator<Item = String> {
        let changed = self
            .entries
            .iter()
            .filter(|entry| entry.value != entry.default);
        changed.map(|entry| format!("{} = {} ({})", entry.key, entry.value, entry.origin))
    }

    /// Where the value of `key` comes from.
    pub fn origin(&self, key: &str) -> &Origin {
        &self.entry(key).origin
    }

    /// The resolved configuration: `default.toml` with these values. Read again, it gives the same settings.
    pub fn to_toml(&self) -> String {
        let (mut text, mut section) = (String::new(), String::new());
        for line in DEFAULT_TOML.lines() {
            match default_line(line, &mut section) {
                Some(key) => {
                    let name = last_name(&key);
                    text += &format!("{name} = {}", self.entry(&key).value);
                }
                None => text += line,
            }
            text.push('\n');
        }
        text
    }
}
