//! The schema: how the fields of a row become a `Record`, inferred once from the first rows.
use std::path::Path;

use super::columns::{Choice, Mapping, ROLES, Role, Sample, map};
use super::dead_letter::BadRecord;
use super::description::{Description, MappedColumn, UnitOrigin};
use super::error::{ErrorKind, Place, TraceError};
use super::number::{Misfit, parse_f32, parse_i64, parse_scaled, parse_u64};
use super::options::{FieldType, TimeUnit, TraceOptions};
use super::record::Record;
use super::stamp::{Clock, Looks, recognise, unit_of_name};
use super::texts::{Collision, Interner};

pub(super) struct Schema {
    /// By `Role`.
    mapping: Mapping,
    names: [String; 5],
    key_is_text: bool,
    item_is_text: bool,
    value_scale: Option<f64>,
    clock: Clock,
}

/// Why a row did not become a record.
pub(super) enum Stop {
    Misfit(Role, Misfit),
    Collision(Collision),
}

impl Schema {
    /// Infers what the user did not say, and writes all of it into the description.
    pub(super) fn infer(
        file: &Path,
        options: &TraceOptions,
        sample: &Sample,
        description: &mut Description,
    ) -> Result<Self, TraceError> {
        if let Some(scale) = options.value_scale
            && !(scale.is_finite() && scale != 0.0)
        {
            return Err(
                TraceError::new(ErrorKind::Option, file, "value_scale makes no sense")
                    .value(scale.to_string())
                    .expected("a finite number other than 0")
                    .remedy("value_scale = 100 keeps two decimals"),
            );
        }
        let mut notes = Vec::new();
        let mapping = map(file, options, sample, |role, index| {
            let misfits = |field: &[u8]| match role {
                Role::Value => parse_value(field, options.value_scale).is_err(),
                Role::Weight => parse_f32(field).is_err(),
                _ => false,
            };
            let misfit = sample.column(index).find(|field| misfits(field));
            if let Some(field) = misfit {
                let (name, field) = (&sample.names[index], String::from_utf8_lossy(field));
                notes.push(format!(
                    "column {name:?} not taken for the {role}: it holds {field:?}; \
                     say {role} = {name:?} (with value_scale for decimals) to use it",
                    role = role.name()
                ));
            }
            misfit.is_none()
        })?;
        let is_text = |role: Role, declared: FieldType| match (mapping[role as usize], declared) {
            (None, _) | (_, FieldType::U64) => false,
            (_, FieldType::Text) => true,
            (Some(choice), FieldType::Auto) => !sample.column(choice.index).all(is_plain_number),
        };
        let name = |role: Role| {
            mapping[role as usize]
                .map_or(String::new(), |choice| sample.names[choice.index].clone())
        };
        let names = ROLES.map(name);
        let clock = match mapping[Role::Ts as usize] {
            Some(choice) => clock(file, options, sample, choice, description)?,
            None => Clock::Unit(1),
        };
        let schema = Schema {
            mapping,
            key_is_text: is_text(Role::Key, options.key_type),
            item_is_text: is_text(Role::Item, options.item_type),
            value_scale: options.value_scale,
            clock,
            names,
        };
        schema.describe(description);
        description.notes.append(&mut notes);
        let stamps = schema
            .column(Role::Ts)
            .into_iter()
            .flat_map(|index| sample.column(index));
        description.first_ts_ns = stamps.flat_map(|field| schema.clock.parse(field)).next();
        Ok(schema)
    }

    fn describe(&self, description: &mut Description) {
        description.key_is_text = self.key_is_text;
        description.item_is_text = self.item_is_text;
        description.has_time = self.column(Role::Ts).is_some();
        description.has_item = self.column(Role::Item).is_some();
        description.has_value = self.column(Role::Value).is_some();
        description.has_weight = self.column(Role::Weight).is_some();
        for role in ROLES {
            let Some(Choice { index, guessed }) = self.mapping[role as usize] else {
                continue;
            };
            let holds = match role {
                Role::Key if self.key_is_text => "text",
                Role::Item if self.item_is_text => "text",
                Role::Key | Role::Item => "u64",
                Role::Value => "i64",
                Role::Ts => "time",
                Role::Weight => "f32",
            };
            let column = self.names[role as usize].clone();
            description.columns.push(MappedColumn {
                part: role.name(),
                column,
                index,
                holds,
                guessed,
            });
        }
    }

    /// The column that plays a part.
    pub(super) fn column(&self, role: Role) -> Option<usize> {
        self.mapping[role as usize].map(|choice| choice.index)
    }

    /// Its name.
    pub(super) fn name(&self, role: Role) -> &str {
        &self.names[role as usize]
    }

    /// Reads a row through `field`, which gives the bytes of a column.
    #[inline]
    pub(super) fn parse<'a>(
        &self,
        field: impl Fn(Role, usize) -> Option<&'a [u8]>,
        interner: &mut Interner,
    ) -> Result<Record, Stop> {
        let mut record = Record::default();
        let get = |role: Role| match self.column(role) {
            Some(index) => field(role, index)
                .map(Some)
                .ok_or(Stop::Misfit(role, Misfit::Missing)),
            None => Ok(None),
        };
        let misfit = |role: Role| move |misfit: Misfit| Stop::Misfit(role, misfit);
        let key = get(Role::Key)?.unwrap_or_default();
        // Numbers first: a record that turns out bad should leave no text behind.
        if !self.key_is_text {
            record.key = parse_u64(key).map_err(misfit(Role::Key))?;
        }
        if let Some(ts) = get(Role::Ts)? {
            record.ts_ns = self.clock.parse(ts).map_err(misfit(Role::Ts))?;
        }
        if let Some(value) = get(Role::Value)? {
            record.value = parse_value(value, self.value_scale).map_err(misfit(Role::Value))?;
        }
        if let Some(weight) = get(Role::Weight)? {
            record.weight = parse_f32(weight).map_err(misfit(Role::Weight))?;
        }
        if let Some(item) = get(Role::Item)? {
            record.item = if self.item_is_text {
                interner.key_of(item).map_err(Stop::Collision)?
            } else {
                parse_u64(item).map_err(misfit(Role::Item))?
            };
        }
        if self.key_is_text {
            record.key = interner.key_of(key).map_err(Stop::Collision)?;
        }
        Ok(record)
    }

    /// Says in words why `value` does not fit its part.
    #[cold]
    pub(super) fn explain(
        &self,
        role: Role,
        misfit: Misfit,
        value: &[u8],
        place: Place,
        raw: Vec<u8>,
    ) -> BadRecord {
        let (part, column) = (role.name(), self.name(role));
        let reason = match misfit {
            Misfit::Missing => format!("field {column:?} is missing"),
            Misfit::Empty => format!("nothing in column {column:?} ({part})"),
            Misfit::NotANumber => {
                format!("text where a number belongs, in column {column:?} ({part})")
            }
            Misfit::Negative => format!("a negative number in column {column:?} ({part})"),
            Misfit::OutOfRange => format!("out of range, in column {column:?} ({part})"),
            Misfit::Decimal => {
                format!("a decimal where a whole number belongs, in column {column:?} ({part})")
            }
            Misfit::NotATime => format!("not a time, in column {column:?} ({part})"),
        };
        let expected = match role {
            Role::Key | Role::Item => "a whole number from 0 to 18446744073709551615".to_string(),
            Role::Value => "a whole number of at most 63 bits and its sign".to_string(),
            Role::Ts if self.clock == Clock::Text => {
                "a time from 1970 to 2554 such as 2020-03-01 15:44:06, as in the first rows"
                    .to_string()
            }
            Role::Ts => {
                "a time from 0 to 2^64 ns in the trace's unit, as in the first rows".to_string()
            }
            Role::Weight => "a finite number".to_string(),
        };
        let remedy = match (role, misfit) {
            (Role::Key | Role::Item, _) => {
                format!(
                    "declare {part}_type = \"text\" if the column holds texts, else correct the record"
                )
            }
            (Role::Value, Misfit::Decimal) => {
                "declare value_scale (100 keeps two decimals)".to_string()
            }
            (Role::Value, Misfit::OutOfRange) => {
                "declare a smaller value_scale, or correct the record".to_string()
            }
            (Role::Ts, Misfit::OutOfRange) => "check time_unit, or correct the record".to_string(),
            _ => "correct the record".to_string(),
        };
        let value = String::from_utf8_lossy(value).into_owned();
        BadRecord {
            place,
            reason,
            value,
            expected,
            remedy,
            raw,
        }
    }
}

fn parse_value(field: &[u8], scale: Option<f64>) -> Result<i64, Misfit> {
    match scale {
        None => parse_i64(field),
        Some(scale) => parse_scaled(field, scale),
    }
}

/// A number without leading zeros: "007" is a name, for it must come out again as it went in.
fn is_plain_number(field: &[u8]) -> bool {
    parse_u64(field).is_ok() && (field.len() == 1 || field[0] != b'0')
}

/// How the stamps read: as declared, else by column name, else by looking at the first ones.
fn clock(
    file: &Path,
    options: &TraceOptions,
    sample: &Sample,
    choice: Choice,
    description: &mut Description,
) -> Result<Clock, TraceError> {
    let name = &sample.names[choice.index];
    let looks = recognise(sample.column(choice.index));
    if looks == Looks::Text {
        description.time_unit = Some("date".to_string());
        description.time_unit_origin = Some(UnitOrigin::Recognised);
        return Ok(Clock::Text);
    }
    let named = if sample.named {
        unit_of_name(name)
    } else {
        None
    };
    let (unit, origin) = match (options.time_unit, named, &looks) {
        (TimeUnit::Auto, Some(unit), _) => (unit, UnitOrigin::ColumnName),
        (TimeUnit::Auto, None, Looks::Unit(unit)) => (*unit, UnitOrigin::Recognised),
        (TimeUnit::Auto, None, _) => return Err(unit_unknown(file, sample, choice, &looks)),
        (unit, _, _) => (unit, UnitOrigin::Declared),
    };
    if looks == Looks::NoTime && sample.column(choice.index).next().is_some() {
        return Err(unit_unknown(file, sample, choice, &looks));
    }
    description.time_unit = Some(unit.name().to_string());
    description.time_unit_origin = Some(origin);
    Ok(Clock::Unit(unit.ns().unwrap_or(1)))
}

fn unit_unknown(file: &Path, sample: &Sample, choice: Choice, looks: &Looks) -> TraceError {
    let name = &sample.names[choice.index];
    let first = sample.column(choice.index).next().unwrap_or_default();
    let (kind, what) = match looks {
        Looks::NoTime => (
            ErrorKind::Column,
            format!("column {name:?} holds no stamps"),
        ),
        _ => (
            ErrorKind::TimeUnit,
            format!("the time unit of column {name:?} is not clear"),
        ),
    };
    TraceError::new(kind, file, what)
        .value(String::from_utf8_lossy(first))
        .expected("Unix times between 1990 and 2100, all in one unit, or dates")
        .remedy("declare time_unit = \"s\", \"ms\", \"us\" or \"ns\", name another column, or say ts = \"none\"")
}
