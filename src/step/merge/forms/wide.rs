//! One row per image.

use std::sync::Arc;

use super::{Class, Data, is_answer, kept_as};
use crate::step::StepError;
use crate::step::merge::decide::Decision;
use crate::table::{Column, ColumnBuilder, Field, Schema, Table, Type};

/// Columns of people's answers.
const MANUAL: &[&str] = &["class", "type", "reviewer", "comment"];

pub(super) fn schema(images: &Schema, predictions: Option<&Schema>, classes: &[Class]) -> Schema {
    let kept = |field: &Field| Some(Field { name: kept_as(images, field, predictions.is_some())?.to_owned(), ty: field.ty });
    let mut schema = Schema { fields: images.fields.iter().filter_map(kept).collect() };
    for field in predictions.iter().flat_map(|predictions| &predictions.fields) {
        if is_answer(&field.name, field.ty) {
            schema.set(&field.name, field.ty);
        }
    }
    for name in MANUAL.iter().chain(&["final", "species_id"]) {
        schema.set(name, Type::Text);
    }
    for class in classes {
        schema.set(&format!("automatic_{}", class.name), Type::Bool);
    }
    for class in classes {
        schema.set(&format!("manual_{}", class.name), Type::Bool);
    }
    schema
}

pub(super) fn table(data: &Data<'_>) -> Result<Table, StepError> {
    let automatic = data.automatic;
    let has_predictions = !std::ptr::eq(automatic.table, data.images);
    let mut table = Table { schema: Schema::default(), columns: Vec::new(), rows: data.images.rows };
    for (field, column) in data.images.schema.fields.iter().zip(&data.images.columns) {
        if let Some(name) = kept_as(&data.images.schema, field, has_predictions) {
            table = table.with_column(name, Arc::clone(column))?;
        }
    }
    if has_predictions {
        for (field, column) in automatic.table.schema.fields.iter().zip(&automatic.table.columns) {
            if is_answer(&field.name, field.ty) {
                let column = match automatic.rows {
                    None => Arc::clone(column),
                    Some(rows) => Arc::new(column.take_optional(rows)),
                };
                table = table.with_column(&field.name, column)?;
            }
        }
    }
    for (name, column) in manual(data)? {
        table = table.with_column(name, Arc::new(column))?;
    }
    let (automatic, manual) = presences(data);
    for (word, columns) in [("automatic", automatic), ("manual", manual)] {
        for (class, column) in data.classes.iter().zip(columns) {
            table = table.with_column(&format!("{word}_{}", class.name), Arc::new(column.finish()?))?;
        }
    }
    Ok(table)
}

/// What people say, and which of people and model counts.
fn manual(data: &Data<'_>) -> Result<Vec<(&'static str, Column)>, StepError> {
    let rows = data.images.rows;
    let of = |get: &dyn Fn(&Decision) -> Option<String>| -> Result<Column, StepError> {
        let mut builder = ColumnBuilder::with_capacity(Type::Text, rows);
        for image in 0..rows {
            builder.push_optional_text(data.decision(image).and_then(get).as_deref());
        }
        Ok(builder.finish()?)
    };
    let class = |decision: &Decision| (!decision.classes.is_empty()).then(|| decision.classes.join("+"));
    let mut ends = ColumnBuilder::with_capacity(Type::Text, rows);
    let mut species = ColumnBuilder::with_capacity(Type::Text, rows);
    let ids: Vec<_> = data.classes.iter().filter_map(|class| Some((class.name.as_str(), class.species.as_deref()?))).collect();
    for image in 0..rows {
        let by_people = data.decision(image).map(class);
        let end = match &by_people {
            Some(class) => class.as_deref(),
            None => data.automatic.label(image),
        };
        ends.push_optional_text(end);
        species.push_optional_text(end.and_then(|end| ids.iter().find(|(name, _)| *name == end).map(|(_, id)| *id)));
    }
    Ok(vec![
        ("class", of(&class)?),
        ("type", of(&|decision| decision.types.clone())?),
        ("reviewer", of(&|decision| decision.reviewer.clone())?),
        ("comment", of(&|decision| decision.comment.clone())?),
        ("final", ends.finish()?),
        ("species_id", species.finish()?),
    ])
}

/// Presence of each class by the model and by people.
fn presences(data: &Data<'_>) -> (Vec<ColumnBuilder>, Vec<ColumnBuilder>) {
    let builders = || data.classes.iter().map(|_| ColumnBuilder::with_capacity(Type::Bool, data.images.rows)).collect::<Vec<_>>();
    let (mut automatic, mut manual) = (builders(), builders());
    let places = data.automatic.places(data.classes);
    let by_name = data.places();
    let mut shown = vec![false; data.classes.len()];
    for image in 0..data.images.rows {
        match data.automatic.code(image) {
            None => automatic.iter_mut().for_each(ColumnBuilder::push_null),
            Some(code) if data.automatic.more.is_empty() => {
                let seen = places[code as usize];
                automatic.iter_mut().enumerate().for_each(|(place, builder)| builder.push_bool(seen == Some(place)));
            }
            Some(_) => {
                mark(&mut shown, data.automatic.labels(image).filter_map(|(label, _)| by_name.get(label)));
                automatic.iter_mut().zip(&shown).for_each(|(builder, shown)| builder.push_bool(*shown));
            }
        }
        match data.seen(image) {
            None => manual.iter_mut().for_each(ColumnBuilder::push_null),
            Some(classes) => {
                mark(&mut shown, classes.iter().filter_map(|class| by_name.get(class.as_str())));
                manual.iter_mut().zip(&shown).for_each(|(builder, shown)| builder.push_bool(*shown));
            }
        }
    }
    (automatic, manual)
}

fn mark<'a>(shown: &mut [bool], places: impl Iterator<Item = &'a usize>) {
    shown.fill(false);
    places.for_each(|place| shown[*place] = true);
}
