//! The schema: `default.toml`, whose keys are the only keys there are. One key a line, which a test holds.

use toml::Value;

/// Every setting with its default and what it means.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// The key that a line of `default.toml` sets, if any; keeps track of the section. The file has one
/// key a line, which a test holds.
pub(super) fn default_line(line: &str, section: &mut String) -> Option<String> {
    if let Some(name) = line.strip_prefix('[') {
        *section = name.trim_end_matches(']').to_owned();
        return None;
    }
    let (name, _) = line.split_once(" = ").filter(|_| !line.starts_with('#'))?;
    Some(if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    })
}

pub(super) fn default_keys() -> impl Iterator<Item = String> {
    let mut section = String::new();
    DEFAULT_TOML
        .lines()
        .filter_map(move |line| default_line(line, &mut section))
}

pub(super) fn lookup<'a>(table: &'a toml::Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((section, name)) => table.get(section)?.get(name),
    }
}

pub(super) fn in_section(key: &str, section: &str) -> bool {
    key.split_once('.').map_or("", |(name, _)| name) == section
}

pub(super) fn last_name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}
