//! The final tables of the Böhner workflow and of the COAT portal: exactly their columns, words and order.

use std::sync::Arc;

use rayon::prelude::*;

use super::labels::Priority;
use super::long::{Reviewed, Spread, Times};
use super::{ListedClass, Merged};
use crate::step::label_type;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, TableError, Type};

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// The first of these columns that the images have.
    Image(&'static [&'static str]),
    Date,
    Time,
    Class,
    PresenceAutomatic,
    PresenceManual,
    Confidence,
    Observer,
    Type,
    Comment,
}

impl Value {
    fn ty(self) -> Type {
        match self {
            Self::PresenceAutomatic | Self::PresenceManual => Type::Int,
            Self::Confidence => Type::Float64,
            _ => Type::Text,
        }
    }
}

type Columns = [(&'static str, Value)];

/// The final file of the Böhner workflow.
const BOHNER: &Columns = &[
    ("locality", Value::Image(&["locality"])),
    ("site", Value::Image(&["site"])),
    ("date", Value::Date),
    ("time", Value::Time),
    ("image_name", Value::Image(&["name"])),
    ("class_id", Value::Class),
    ("presence_automatic", Value::PresenceAutomatic),
    ("presence_manual", Value::PresenceManual),
    ("confidence_automatic", Value::Confidence),
    ("observer_manual", Value::Observer),
    ("type_manual_classification", Value::Type),
    ("comment", Value::Comment),
];

/// The classification of the COAT portal.
const COAT: &Columns = &[
    ("sn_region", Value::Image(&["sn_region", "region"])),
    ("sn_locality", Value::Image(&["sn_locality", "locality"])),
    ("sn_section", Value::Image(&["sn_section", "section"])),
    ("sc_type_of_sites_ecological", Value::Image(&["sc_type_of_sites_ecological", "type_of_sites_ecological", "habitat"])),
    ("sn_site", Value::Image(&["sn_site", "site"])),
    ("t_date", Value::Date),
    ("t_time", Value::Time),
    ("v_image_name", Value::Image(&["name"])),
    ("v_class_id", Value::Class),
    ("v_presence_automatic", Value::PresenceAutomatic),
    ("v_presence_manual", Value::PresenceManual),
    ("v_confidence_automatic", Value::Confidence),
    ("v_observer_manual", Value::Observer),
    ("v_type_manual_classification", Value::Type),
    ("v_comment", Value::Comment),
];

fn schema(columns: &Columns) -> Schema {
    Schema::of(&columns.iter().map(|(name, value)| (*name, value.ty())).collect::<Vec<_>>())
}

/// The columns of the final file of the Böhner workflow.
pub fn bohner_schema() -> Schema {
    schema(BOHNER)
}

/// The columns of the COAT portal.
pub fn coat_schema() -> Schema {
    schema(COAT)
}

/// The final table of the Böhner workflow.
pub fn bohner(merged: &Merged<'_>, classes: &[ListedClass], priority: &Priority) -> Result<Table, TableError> {
    published(BOHNER, merged, classes, priority)
}

/// The table of the COAT portal.
pub fn coat(merged: &Merged<'_>, classes: &[ListedClass], priority: &Priority) -> Result<Table, TableError> {
    published(COAT, merged, classes, priority)
}

fn published(columns: &Columns, merged: &Merged<'_>, classes: &[ListedClass], priority: &Priority) -> Result<Table, TableError> {
    let (times, reviewed) = (Times::of(merged)?, merged.reviewed()?);
    let spread = Spread::of(order(merged, &times)?, class_order(classes))?;
    let types = type_words(&reviewed, priority)?;
    let column = |(_, value): &(&str, Value)| -> Result<Arc<Column>, TableError> {
        Ok(Arc::new(match value {
            Value::Image(names) => spread.images(&text_of(merged, names)?),
            Value::Date => spread.images(&times.date),
            Value::Time => spread.images(&times.time),
            Value::Class => spread.classes(classes.iter().map(|class| Some(id(class))))?,
            Value::PresenceAutomatic => spread.presence(&merged.predicted("label", Type::Text), classes)?,
            Value::PresenceManual => spread.presence(&reviewed.class, classes)?,
            Value::Confidence => spread.confidence_as(merged, classes, Type::Float64, &|value| CellRef::Float64(in_fifteen_digits(value)))?,
            Value::Observer => spread.images(&reviewed.reviewer),
            Value::Type => spread.images(&types),
            Value::Comment => spread.images(&reviewed.comment),
        }))
    };
    let made = columns.par_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Table::from_columns(schema(columns), made)
}

fn id(class: &ListedClass) -> &str {
    class.species_id.as_deref().unwrap_or(&class.name)
}

/// Classes by their ids, as in the published files.
fn class_order(classes: &[ListedClass]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by_key(|at| id(&classes[*at]));
    order
}

/// Images by locality, site, date, time and name, as in the published files.
fn order(merged: &Merged<'_>, times: &Times) -> Result<Vec<usize>, TableError> {
    let names = ["locality", "site", "date", "time", "name"];
    let column = |name: &str| -> Result<Column, TableError> {
        match name {
            "date" => Ok(times.date.clone()),
            "time" => Ok(times.time.clone()),
            name => text_of(merged, &[name]),
        }
    };
    let columns = names.iter().map(|name| column(name).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
    let table = Table::from_columns(Schema::of(&names.map(|name| (name, Type::Text))), columns)?;
    Ok(table.sort_by(&names)?.into_iter().map(|row| row as usize).collect())
}

/// The first of `names` that the images have as text; missing where they have none.
fn text_of(merged: &Merged<'_>, names: &[&str]) -> Result<Column, TableError> {
    let has = |name: &&&str| merged.images.schema.field(name).is_some_and(|field| field.ty == Type::Text);
    names.iter().find(has).map_or_else(|| Ok(Column::nulls(Type::Text, merged.rows())), |name| merged.of_images(name))
}

/// The words of the published files for the type that counts.
fn type_words(reviewed: &Reviewed, priority: &Priority) -> Result<Column, TableError> {
    let words: Vec<&str> = reviewed.types.texts().map(|types| word(priority.first(types))).collect();
    let mut builder = ColumnBuilder::with_capacity(Type::Text, reviewed.types.len());
    (0..reviewed.types.len()).for_each(|row| builder.push_optional_text(reviewed.types.code(row).map(|code| words[code as usize])));
    builder.finish()
}

fn word(ty: &str) -> &str {
    match ty {
        label_type::RANDOM => "quality_check_random",
        label_type::CONFIDENCE => "quality_check_confidence_level",
        label_type::CLASS => "quality_check_classes",
        label_type::CORRECTED => "corrected_image_label",
        other => other,
    }
}

/// A confidence as R prints it: its decimal expansion, rounded to fifteen significant digits.
fn in_fifteen_digits(value: f32) -> f64 {
    let exact = f64::from(value);
    format!("{exact:.14e}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidences_print_as_r_prints_them() {
        for (text, expected) in [("0.999557554721832", 0.999_557_554_721_832), ("0.9999178647995", 0.999_917_864_799_5), ("1", 1.0)] {
            let value: f32 = text.parse().unwrap();
            assert_eq!(in_fifteen_digits(value).to_string(), expected.to_string(), "{text}");
        }
    }
}
