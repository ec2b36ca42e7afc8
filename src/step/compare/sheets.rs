//! The tables of a comparison.

use std::sync::Arc;

use super::matched::Matched;
use super::survey::{Group, Judged, Survey};
use crate::stats::combine::Estimate;
use crate::stats::interval::{number, wilson};
use crate::step::StepError;
use crate::step::evaluate::labels::{Answers, RANDOM};
use crate::step::evaluate::sheets::{bounded, count, real};
use crate::table::{Cell, CellRef, Column, ColumnBuilder, Schema, Table, Type};

/// All outputs, in port order.
pub(super) fn write(
    survey: &Survey,
    judged: &[Judged],
    schemas: Vec<Schema>,
    matched: &Matched<'_>,
    answers: &Answers<'_>,
) -> Result<Vec<Table>, StepError> {
    let mut schemas = schemas.into_iter();
    let mut next = || schemas.next().unwrap_or_default();
    Ok(vec![comparison(survey, judged, next())?, classes(survey, judged, next())?, disagreements(next(), matched, answers)?])
}

fn scope<'a>(group: &Group) -> CellRef<'a> {
    CellRef::Text(if group.words.is_empty() { "all" } else { "group" })
}

fn rows(schema: Schema, rows: impl Iterator<Item = (Vec<Cell>, Vec<Cell>)>) -> Result<Table, StepError> {
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::new(field.ty)).collect();
    for (key, cells) in rows {
        builders.iter_mut().zip(key.iter().chain(&cells)).for_each(|(builder, cell)| builder.push(cell.as_ref()));
    }
    Ok(Table::from_builders(schema, builders)?)
}

fn owned(cells: &[CellRef<'_>]) -> Vec<Cell> {
    cells.iter().map(|cell| cell.to_cell()).collect()
}

fn comparison(survey: &Survey, judged: &[Judged], schema: Schema) -> Result<Table, StepError> {
    let row = |(group, judged): (&Group, &Judged)| {
        let pairs = group.pairs();
        let mut cells = vec![scope(group), count(group.sum(|cell| cell.images)), count(pairs.images())];
        cells.push(count(group.sum(|cell| cell.leaked)));
        cells.extend([pairs.both, pairs.first, pairs.second, pairs.neither].map(count));
        cells.extend([judged.candidate, judged.current, judged.gain].into_iter().flat_map(bounded));
        (group.key.clone(), owned(&cells))
    };
    rows(schema, survey.groups.iter().zip(judged).map(row))
}

fn classes(survey: &Survey, judged: &[Judged], schema: Schema) -> Result<Table, StepError> {
    let share = |(called, right): (u64, u64), z: f64| {
        let bounds = wilson(right, called, z)?;
        Some(Estimate { value: number(right) / number(called), lower: bounds.lower, upper: bounds.upper })
    };
    let of_group = |(group, judged): (&Group, &Judged)| {
        let of_class = |(at, (counts, gain)): (&usize, &(super::survey::ClassCounts, Option<Estimate>))| {
            let (pairs, all) = (counts.pairs, counts.pairs.images());
            let recall = |right: u64| real((all > 0).then(|| number(right) / number(all)));
            let mut cells = vec![scope(group), CellRef::Text(&survey.classes[*at])];
            cells.extend([all, counts.candidate.0, counts.current.0].map(count));
            cells.extend([recall(pairs.both + pairs.first), recall(pairs.both + pairs.second)]);
            cells.extend(bounded(*gain));
            cells.extend([counts.candidate, counts.current].into_iter().flat_map(|counts| bounded(share(counts, judged.z))));
            (group.key.clone(), owned(&cells))
        };
        judged.classes.iter().map(of_class).collect::<Vec<_>>()
    };
    rows(schema, survey.groups.iter().zip(judged).flat_map(of_group))
}

/// The images to which the models give different labels, in the order of the candidate's.
fn disagreements(schema: Schema, matched: &Matched<'_>, answers: &Answers<'_>) -> Result<Table, StepError> {
    let (candidate, current) = (matched.candidate, matched.current);
    let same: Vec<Option<u32>> = same_codes(candidate.require("label")?, current.require("label")?);
    let differs = |row: &u32| matched.labels(*row as usize).is_some_and(|(one, other)| same[one as usize] != Some(other));
    let images: Vec<u32> = (0..u32::try_from(candidate.rows).unwrap_or(u32::MAX)).filter(differs).collect();
    let others: Vec<Option<u32>> = images.iter().map(|row| matched.rows[*row as usize]).collect();
    let (mut class, mut right) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
    let mut trained = ColumnBuilder::new(Type::Bool);
    let (labels, other_labels) = (candidate.require("label")?, current.require("label")?);
    for (row, other) in images.iter().zip(&others) {
        let answer = answers.by_row.get(row).filter(|answer| answer.samples & RANDOM != 0).map(|answer| answer.class);
        class.push_optional_text(answer);
        right.push_optional_text(answer.map(|answer| match other {
            _ if labels.text(*row as usize) == Some(answer) => "candidate",
            Some(other) if other_labels.text(*other as usize) == Some(answer) => "current",
            _ => "neither",
        }));
        trained.push_bool(matched.trained[*row as usize]);
    }
    let made = [("class", class.finish()?), ("right", right.finish()?), ("trained", trained.finish()?)];
    let of = |table: &Table, name: &str, ty: Type, pick: &dyn Fn(&Column) -> Column| {
        table.column(name).map_or_else(|| Column::nulls(ty, images.len()), |column| pick(column))
    };
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let made = made.iter().find(|(name, _)| *name == field.name).map(|(_, column)| column.clone());
        let column = made.unwrap_or_else(|| match field.name.as_str() {
            "candidate" => of(candidate, "label", field.ty, &|column| column.take(&images)),
            "candidate_confidence" => of(candidate, "confidence", field.ty, &|column| column.take(&images)),
            "current" => of(current, "label", field.ty, &|column| column.take_optional(&others)),
            "current_confidence" => of(current, "confidence", field.ty, &|column| column.take_optional(&others)),
            name => of(candidate, name, field.ty, &|column| column.take(&images)),
        });
        columns.push(Arc::new(column));
    }
    Ok(Table::from_columns(schema, columns)?)
}

/// The code in `other` of each text of `one`.
fn same_codes(one: &Column, other: &Column) -> Vec<Option<u32>> {
    let codes: std::collections::HashMap<&str, u32> = other.texts().zip(0..).collect();
    one.texts().map(|text| codes.get(text).copied()).collect()
}
