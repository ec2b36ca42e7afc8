//! One row per image and class.

use std::sync::Arc;

use rayon::prelude::*;

use super::labels::items_of;
use super::{ListedClass, Merged};
use crate::observation::ITEM;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, TableError, Type, civil};

/// Columns of the images that every long table keeps.
const KEPT: &[&str] = &["content", "root", "path", "file", "locality", "site", "season", "name", "datetime"];

/// What is added.
const ADDED: &[(&str, Type)] = &[
    ("date", Type::Text),
    ("time", Type::Text),
    ("class", Type::Text),
    ("species_id", Type::Text),
    ("presence_automatic", Type::Int),
    ("presence_manual", Type::Int),
    ("confidence_automatic", Type::Float32),
    ("observer_manual", Type::Text),
    ("type_manual_classification", Type::Text),
    ("comment", Type::Text),
];

/// The columns of the long form.
pub fn schema(images: &Schema, keep: &[String], multilabel: bool) -> Schema {
    let kept = images.fields.iter().filter(|field| KEPT.contains(&field.name.as_str()) || keep.contains(&field.name));
    let is_added = |name: &str| ADDED.iter().any(|(own, _)| *own == name);
    let mut schema = Schema { fields: kept.filter(|field| !is_added(&field.name)).cloned().collect() };
    if multilabel || images.field(ITEM).is_some() {
        schema.set(ITEM, Type::Int);
    }
    for (name, ty) in ADDED {
        schema.set(name, *ty);
    }
    schema
}

/// The data set, one row per observation and class, in the order of the images and of `classes`.
pub fn table(merged: &Merged<'_>, classes: &[ListedClass], keep: &[String]) -> Result<Table, TableError> {
    let joined = merged.joined;
    let schema = schema(&merged.images.schema, keep, joined.items.is_some());
    let times = Times::of(merged)?;
    let spread = Spread::of((0..merged.rows()).collect(), classes.iter().enumerate().map(|(at, _)| at).collect())?;
    let reviewed = merged.reviewed()?;
    let column = |field: &crate::table::Field| -> Result<Arc<Column>, TableError> {
        let name = field.name.as_str();
        Ok(Arc::new(match name {
            "date" => spread.images(&times.date),
            "time" => spread.images(&times.time),
            "class" => spread.classes(classes.iter().map(|class| Some(class.name.as_str())))?,
            "species_id" => spread.classes(classes.iter().map(|class| class.species_id.as_deref()))?,
            "presence_automatic" => spread.presence(&merged.predicted("label", Type::Text), classes)?,
            "presence_manual" => spread.presence(&reviewed.class, classes)?,
            "confidence_automatic" => spread.confidence(merged, classes)?,
            "observer_manual" => spread.images(&reviewed.reviewer),
            "type_manual_classification" => spread.images(&reviewed.types),
            "comment" => spread.images(&reviewed.comment),
            ITEM if joined.items.is_some() => {
                spread.images(&items_of(joined.items.iter().flatten().copied())?)
            }
            _ => spread.images(&merged.of_images(name)?),
        }))
    };
    let columns = schema.fields.par_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Table::from_columns(schema, columns)
}

/// What people said, by observation.
pub struct Reviewed {
    /// The class.
    pub class: Column,
    /// Who.
    pub reviewer: Column,
    /// For which sample.
    pub types: Column,
    /// And what else.
    pub comment: Column,
}

impl Merged<'_> {
    /// What people said, by observation.
    pub fn reviewed(&self) -> Result<Reviewed, TableError> {
        let column = |name: &str| -> Result<Column, TableError> { Ok(self.labels.require(name)?.take_optional(self.chosen)) };
        Ok(Reviewed { class: column("class")?, reviewer: column("reviewer")?, types: column("type")?, comment: column("comment")? })
    }

    /// A column of the images, by observation.
    pub fn of_images(&self, name: &str) -> Result<Column, TableError> {
        let column = self.images.require(name)?;
        Ok(if self.joined.is_whole(self.images) { column.as_ref().clone() } else { column.take(&self.joined.images) })
    }
}

/// When images were taken, as text: the corrected time where there is one.
pub struct Times {
    /// `YYYY-MM-DD`.
    pub date: Column,
    /// `hh:mm:ss`.
    pub time: Column,
}

impl Times {
    /// From `datetime`, or else `datetime_raw`, each image's own.
    pub fn of(merged: &Merged<'_>) -> Result<Self, TableError> {
        let columns = ["datetime", "datetime_raw"].map(|name| merged.images.column(name));
        let (mut date, mut time) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
        for image in &merged.joined.images {
            let seconds = columns.iter().flatten().find_map(|column| column.datetime(*image as usize));
            let text = seconds.map(civil::format);
            let parts = text.as_deref().and_then(|text| text.split_once('T'));
            date.push_optional_text(parts.map(|(date, _)| date));
            time.push_optional_text(parts.map(|(_, time)| time));
        }
        Ok(Self { date: date.finish()?, time: time.finish()? })
    }
}

/// Observations by classes: which of each stands in a row.
pub struct Spread {
    observations: Vec<u32>,
    order: Vec<usize>,
    classes: Vec<usize>,
}

impl Spread {
    /// All `classes` of the first of `order`, then of the next.
    pub fn of(order: Vec<usize>, classes: Vec<usize>) -> Result<Self, TableError> {
        let rows = order.len().checked_mul(classes.len()).filter(|rows| *rows < u32::MAX as usize).ok_or(TableError::TooLarge)?;
        let mut observations = Vec::with_capacity(rows);
        for at in &order {
            let at = u32::try_from(*at).map_err(|_| TableError::TooLarge)?;
            observations.extend(std::iter::repeat_n(at, classes.len()));
        }
        Ok(Self { observations, order, classes })
    }

    /// A column of the observations, once per class.
    pub fn images(&self, column: &Column) -> Column {
        column.take(&self.observations)
    }

    /// A text of each class, once per observation.
    pub fn classes<'c>(&self, texts: impl Iterator<Item = Option<&'c str>>) -> Result<Column, TableError> {
        let mut builder = ColumnBuilder::new(Type::Text);
        texts.for_each(|text| builder.push_optional_text(text));
        let pattern = self.classes.iter().map(|class| u32::try_from(*class)).collect::<Result<Vec<_>, _>>();
        let pattern = pattern.map_err(|_| TableError::TooLarge)?;
        let rows: Vec<u32> = pattern.iter().copied().cycle().take(self.observations.len()).collect();
        Ok(builder.finish()?.take(&rows))
    }

    /// 1 for the class that an observation has, 0 for the others, missing where it has none at all.
    pub fn presence(&self, column: &Column, classes: &[ListedClass]) -> Result<Column, TableError> {
        let listed = listed(column, classes);
        let mut builder = ColumnBuilder::with_capacity(Type::Int, self.observations.len());
        for observation in &self.order {
            let code = column.code(*observation);
            for class in &self.classes {
                match code {
                    None => builder.push_null(),
                    Some(code) => builder.push_int(i64::from(listed[code as usize] == Some(*class))),
                }
            }
        }
        builder.finish()
    }

    /// The confidence beside the class that was predicted.
    pub fn confidence(&self, merged: &Merged<'_>, classes: &[ListedClass]) -> Result<Column, TableError> {
        self.confidence_as(merged, classes, Type::Float32, &|value| CellRef::Float32(value))
    }

    /// The same as another number.
    pub fn confidence_as(
        &self,
        merged: &Merged<'_>,
        classes: &[ListedClass],
        ty: Type,
        number: &dyn Fn(f32) -> CellRef<'static>,
    ) -> Result<Column, TableError> {
        let (labels, confidences) = (merged.predicted("label", Type::Text), merged.predicted("confidence", Type::Float32));
        let listed = listed(&labels, classes);
        let mut builder = ColumnBuilder::with_capacity(ty, self.observations.len());
        for observation in &self.order {
            let class = labels.code(*observation).and_then(|code| listed[code as usize]);
            for own in &self.classes {
                let value = confidences.float32(*observation).filter(|_| class == Some(*own));
                builder.push(value.map_or(CellRef::Null, number));
            }
        }
        builder.finish()
    }
}

/// The place among `classes` of each text of a column, by its code.
fn listed(column: &Column, classes: &[ListedClass]) -> Vec<Option<usize>> {
    column.texts().map(|text| classes.iter().position(|class| class.name == text)).collect()
}
