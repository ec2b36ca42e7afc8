//! The tables of an evaluation.

use std::sync::Arc;

use super::labels::{Answers, CLASS, types};
use super::survey::{Assessed, Group, Survey};
use super::words;
use crate::stats::bins::bounds;
use crate::stats::combine::Estimate;
use crate::stats::interval::number;
use crate::step::StepError;
use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, Type};

/// A table of groups, being written.
struct Sheet {
    schema: Schema,
    builders: Vec<ColumnBuilder>,
}

impl Sheet {
    fn new(schema: Schema) -> Self {
        let builders = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
        Self { schema, builders }
    }

    fn row(&mut self, group: &Group, cells: &[CellRef<'_>]) {
        let cells = group.key.iter().map(crate::table::Cell::as_ref).chain(cells.iter().copied());
        self.builders.iter_mut().zip(cells).for_each(|(builder, cell)| builder.push(cell));
    }

    fn finish(self) -> Result<Table, StepError> {
        Ok(Table::from_builders(self.schema, self.builders)?)
    }
}

/// A count as a cell.
pub(in crate::step) fn count<'a>(value: u64) -> CellRef<'a> {
    CellRef::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A number as a cell; none is missing.
pub(in crate::step) fn real<'a>(value: Option<f64>) -> CellRef<'a> {
    value.map_or(CellRef::Null, CellRef::Float64)
}

/// Value, lower, upper.
pub(in crate::step) fn bounded<'a>(estimate: Option<Estimate>) -> [CellRef<'a>; 3] {
    [real(estimate.map(|e| e.value)), real(estimate.map(|e| e.lower)), real(estimate.map(|e| e.upper))]
}

/// All outputs, in port order.
pub(super) fn write(
    survey: &Survey,
    assessed: &[Assessed],
    schemas: Vec<Schema>,
    predictions: &Table,
    answers: &Answers<'_>,
) -> Result<Vec<Table>, StepError> {
    let mut schemas = schemas.into_iter();
    let mut next = || schemas.next().unwrap_or_default();
    Ok(vec![
        classes(survey, assessed, next())?,
        overall(survey, assessed, next())?,
        confusion(survey, assessed, next())?,
        bins(survey, assessed, next())?,
        checked(next(), predictions, answers, survey.prevalence.is_some())?,
    ])
}

fn classes(survey: &Survey, assessed: &[Assessed], schema: Schema) -> Result<Table, StepError> {
    let mut sheet = Sheet::new(schema);
    for (group, assessed) in survey.groups.iter().zip(assessed) {
        for at in &survey.shown {
            let class = &assessed.quality.classes[*at];
            let warning = if survey.prevalence.is_some() { words::warning_at(class) } else { words::warning(class) };
            let mut cells = vec![CellRef::Text(&survey.classes[*at])];
            cells.extend([class.automatic, class.checked, class.manual].map(count));
            cells.extend([class.tp, class.fp, class.missed].map(real));
            cells.extend([class.precision, class.recall, class.f1].into_iter().flat_map(bounded));
            cells.extend([class.raw_precision, class.raw_recall, class.raw_f1].map(real));
            cells.extend(bounded(class.abundance));
            cells.push(warning.as_deref().map_or(CellRef::Null, CellRef::Text));
            sheet.row(group, &cells);
        }
    }
    sheet.finish()
}

fn overall(survey: &Survey, assessed: &[Assessed], schema: Schema) -> Result<Table, StepError> {
    let mut sheet = Sheet::new(schema);
    for (group, assessed) in survey.groups.iter().zip(assessed) {
        let quality = &assessed.quality;
        let unclassified: u64 = group.cells.iter().map(|cell| cell.unclassified).sum();
        let images: u64 = quality.classes.iter().map(|class| class.automatic).sum();
        let checked: u64 = quality.classes.iter().map(|class| class.checked).sum();
        let unassessed = quality.classes.iter().filter(|class| class.unassessed).count() as u64;
        let accuracy = quality.accuracy.map(|accuracy| accuracy.estimate);
        let mut cells = vec![count(images + unclassified), count(unclassified), count(checked)];
        cells.extend([real(accuracy.map(|e| e.value)), real(quality.accuracy.map(|accuracy| accuracy.error))]);
        cells.extend([real(accuracy.map(|e| e.lower)), real(accuracy.map(|e| e.upper))]);
        cells.extend([real(quality.raw_accuracy), count(group.random().checked)]);
        cells.extend(bounded(assessed.random));
        cells.extend([real(quality.assessed_share), count(unassessed)]);
        sheet.row(group, &cells);
    }
    sheet.finish()
}

/// All pairs of classes that occur in any group, also those that were never seen together: a table to be made wide.
fn confusion(survey: &Survey, assessed: &[Assessed], schema: Schema) -> Result<Table, StepError> {
    let any = |has: &dyn Fn(&crate::stats::metrics::ClassQuality) -> bool| -> Vec<usize> {
        let occurs = |at: &usize| assessed.iter().any(|group| has(&group.quality.classes[*at]));
        survey.shown.iter().copied().filter(occurs).collect()
    };
    let (manual, automatic) = (any(&|class| class.manual > 0), any(&|class| class.automatic > 0));
    let percent = |part: f64, whole: f64| real((whole > 0.0).then(|| 100.0 * part / whole));
    let mut sheet = Sheet::new(schema);
    for (group, assessed) in survey.groups.iter().zip(assessed) {
        for row in &manual {
            let counts = &assessed.quality.counts[*row];
            let corrected = &assessed.quality.corrected[*row];
            let (seen, all) = (number(counts.iter().sum()), corrected.iter().flatten().sum::<f64>());
            for column in &automatic {
                let images = corrected[*column];
                sheet.row(
                    group,
                    &[
                        CellRef::Text(&survey.classes[*row]),
                        CellRef::Text(&survey.classes[*column]),
                        count(counts[*column]),
                        percent(number(counts[*column]), seen),
                        real(images),
                        images.map_or(CellRef::Null, |images| percent(images, all)),
                    ],
                );
            }
        }
    }
    sheet.finish()
}

fn bins(survey: &Survey, assessed: &[Assessed], schema: Schema) -> Result<Table, StepError> {
    let mut sheet = Sheet::new(schema);
    for (group, assessed) in survey.groups.iter().zip(assessed) {
        for (at, (part, accuracy)) in (0_u32..).zip(&assessed.bins) {
            let (from, to) = bounds(at, survey.bins);
            let mut cells = vec![real(Some(from)), real(Some(to)), count(part.size), count(part.checked), count(part.hits)];
            cells.extend(bounded(*accuracy));
            sheet.row(group, &cells);
        }
    }
    sheet.finish()
}

/// Images that were drawn `by_class`, by what they show, are no random sample of anything else: no later step may take them for one.
fn checked(schema: Schema, predictions: &Table, answers: &Answers<'_>, by_class: bool) -> Result<Table, StepError> {
    let labels = predictions.require("label")?;
    let there = |row: &&u32| !labels.is_null(**row as usize);
    let rows: Vec<u32> = answers.by_row.keys().filter(there).copied().collect();
    let (mut class, mut kind) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
    let mut correct = ColumnBuilder::new(Type::Bool);
    for row in &rows {
        let answer = &answers.by_row[row];
        class.push_text(answer.class);
        kind.push_text(&types(if by_class { CLASS } else { answer.samples }));
        correct.push_bool(labels.text(*row as usize) == Some(answer.class));
    }
    let made = [("class", class.finish()?), ("type", kind.finish()?), ("correct", correct.finish()?)];
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let column = match made.iter().find(|(name, _)| *name == field.name) {
            Some((_, column)) => column.clone(),
            None => match predictions.column(&field.name) {
                Some(column) => column.take(&rows),
                None => Column::nulls(field.ty, rows.len()),
            },
        };
        columns.push(Arc::new(column));
    }
    Ok(Table::from_columns(schema, columns)?)
}
