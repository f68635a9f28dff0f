//! Which column of a trace is what, as text; and what separates columns.

use super::nearest::did_you_mean;
use super::value::Setting;
use crate::source::trace::Column;

const PARTS: [&str; 5] = ["key", "item", "value", "ts", "weight"];

/// The column of each part of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) key: Column,
    pub(super) item: Column,
    pub(super) value: Column,
    pub(super) ts: Column,
    pub(super) weight: Column,
}

impl Setting for Columns {
    const EXPECTED: &'static str =
        "columns such as \"key=user_id,item=item_id,ts=ts\", by name or place from 0, or \"auto\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let mut columns = Columns::default();
        if text == "auto" {
            return Ok(columns);
        }
        for assignment in text.split(',').map(str::trim) {
            let (part, column) = assignment
                .split_once('=')
                .ok_or_else(|| format!("`{assignment}` has no `=`; write key={assignment}"))?;
            let column = Column::from(column.trim());
            match part.trim() {
                "key" if column == Column::None => {
                    return Err("a record cannot do without a key".into());
                }
                "key" => columns.key = column,
                "item" => columns.item = column,
                "value" => columns.value = column,
                "ts" => columns.ts = column,
                "weight" => columns.weight = column,
                other => {
                    let parts = PARTS.join(", ");
                    let near = did_you_mean(other, &PARTS);
                    return Err(format!("`{other}` is none of {parts} {near}")
                        .trim_end()
                        .into());
                }
            }
        }
        Ok(columns)
    }
}

/// What separates columns: one ASCII character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delimiter(pub(super) char);

impl Setting for Delimiter {
    const EXPECTED: &'static str = "one character such as \";\", \"tab\", or \"auto\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            _ if text == "tab" => Ok(Delimiter('\t')),
            (Some(character), None) if character.is_ascii() => Ok(Delimiter(character)),
            _ => Err(String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_name_by_place_or_are_left_out() {
        let columns = Columns::from_text("key=user id, item=2,weight=none").expect("columns");
        assert_eq!(columns.key, Column::Name("user id".into()));
        assert_eq!(
            (columns.item, columns.weight),
            (Column::Index(2), Column::None)
        );
        assert_eq!(columns.ts, Column::Auto, "what is not named is looked for");
    }

    #[test]
    fn nonsense_is_refused_with_the_nearest() {
        assert!(Columns::from_text("itme=a").is_err_and(|help| help.contains("`item`")));
        assert!(Columns::from_text("user_id").is_err_and(|help| help.contains("key=user_id")));
        assert!(Columns::from_text("key=none").is_err());
        assert!(Columns::from_text("").is_err());
        assert!(Delimiter::from_text(";;").is_err() && Delimiter::from_text("").is_err());
        assert_eq!(Delimiter::from_text("tab"), Ok(Delimiter('\t')));
    }
}
