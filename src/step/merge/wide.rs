//! One row per image.

use std::sync::Arc;

use rayon::prelude::*;

use super::Merged;
use super::labels::items_of;
use crate::observation::ITEM;
use crate::table::{Column, ColumnBuilder, Schema, Table, TableError, Type};
use crate::taxonomy::Taxonomy;

/// What is taken of a prediction.
pub const PREDICTED: &[(&str, Type)] =
    &[("label", Type::Text), ("confidence", Type::Float32), ("model", Type::Text), ("problem", Type::Text)];

/// What is taken of a label.
const LABELLED: &[&str] = &["class", "type", "reviewer", "comment"];

/// What follows from both.
const MADE: &[&str] = &["final", "species_id"];

fn is_own(name: &str) -> bool {
    PREDICTED.iter().any(|(own, _)| *own == name) || LABELLED.contains(&name) || MADE.contains(&name)
}

/// The columns: those of the images, then what models and people said.
pub fn schema(images: &Schema, multilabel: bool) -> Schema {
    let mut schema = Schema { fields: images.fields.iter().filter(|field| !is_own(&field.name)).cloned().collect() };
    if multilabel {
        schema.set(ITEM, Type::Int);
    }
    for (name, ty) in PREDICTED {
        schema.set(name, *ty);
    }
    for name in LABELLED.iter().chain(MADE) {
        schema.set(name, Type::Text);
    }
    schema
}

/// The data set, one row per observation in the order of the images.
pub fn table(merged: &Merged<'_>, classes: &Taxonomy) -> Result<Table, TableError> {
    let joined = merged.joined;
    let schema = schema(&merged.images.schema, joined.items.is_some());
    let made = finals(merged)?;
    let species = species(&made, classes)?;
    let column = |field: &crate::table::Field| -> Result<Arc<Column>, TableError> {
        let name = field.name.as_str();
        Ok(match (name, &joined.items) {
            ("final", _) => Arc::new(made.clone()),
            ("species_id", _) => Arc::new(species.clone()),
            (ITEM, Some(items)) => Arc::new(items_of(items.iter().copied())?),
            _ if PREDICTED.iter().any(|(own, _)| *own == name) => Arc::new(merged.predicted(name, field.ty)),
            _ if LABELLED.contains(&name) => Arc::new(merged.labels.require(name)?.take_optional(merged.chosen)),
            _ if joined.is_whole(merged.images) => Arc::clone(merged.images.require(name)?),
            _ => Arc::new(merged.images.require(name)?.take(&joined.images)),
        })
    };
    let columns = schema.fields.par_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Table::from_columns(schema, columns)
}

impl Merged<'_> {
    /// A column of the predictions, by observation; missing where the table has none of that name and type.
    pub fn predicted(&self, name: &str, ty: Type) -> Column {
        let column = self.predictions.and_then(|table| table.column(name)).filter(|column| column.ty() == ty);
        column.map_or_else(|| Column::nulls(ty, self.rows()), |column| column.take_optional(&self.joined.predictions))
    }
}

/// What a person said, else what the model said.
fn finals(merged: &Merged<'_>) -> Result<Column, TableError> {
    let class = merged.labels.require("class")?.take_optional(merged.chosen);
    let label = merged.predicted("label", Type::Text);
    let mut builder = ColumnBuilder::with_capacity(Type::Text, merged.rows());
    (0..merged.rows()).for_each(|row| builder.push_optional_text(class.text(row).or_else(|| label.text(row))));
    builder.finish()
}

fn species(finals: &Column, classes: &Taxonomy) -> Result<Column, TableError> {
    let ids: Vec<Option<&str>> = finals.texts().map(|name| classes.class(name).and_then(|class| class.species_id.as_deref())).collect();
    let mut builder = ColumnBuilder::with_capacity(Type::Text, finals.len());
    (0..finals.len()).for_each(|row| builder.push_optional_text(finals.code(row).and_then(|code| ids[code as usize])));
    builder.finish()
}
