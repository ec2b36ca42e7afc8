//! The tables of a sample: the rows drawn with the reasons, and the strata.

use std::sync::Arc;

use super::bins::Bins;
use super::draw::{Drawing, Member, Stratum, group_cell};
use super::kind::Kind;
use super::population::{Included, Population};
use super::size::half_width;
use super::{MADE, STRATA};
use crate::stats::interval::z_of;
use crate::step::label_type;
use crate::table::{ColumnBuilder, Groups, Schema, Table, TableError};

/// What stands between the strata of an image that several drew.
pub(super) const AND: &str = " + ";

/// The columns of the sample beside those of the images.
pub(super) fn sample_schema(images: &Schema) -> Schema {
    let mut schema = images.clone();
    for (name, ty) in MADE {
        schema.set(name, *ty);
    }
    schema
}

/// The columns of the strata: those of the groups, then those of every stratum.
pub(super) fn strata_schema(images: &Schema, by: &[String]) -> Schema {
    let mut schema = Schema::default();
    for field in by.iter().filter_map(|name| images.field(name)) {
        schema.set(&field.name, field.ty);
    }
    for (name, ty) in STRATA {
        schema.set(name, *ty);
    }
    schema
}

/// The rows drawn and included, in the order of the images.
pub(super) fn sample(
    images: &Table,
    groups: &Groups,
    bins: &Bins,
    drawing: &Drawing,
    population: &Population,
) -> Result<Table, TableError> {
    let words: Vec<String> = drawing.strata.iter().map(|stratum| stratum.words(groups, bins)).collect();
    let rows = rows(drawing, population);
    let mut builders: Vec<_> = MADE.iter().map(|(_, ty)| ColumnBuilder::with_capacity(*ty, rows.len())).collect();
    let mut members = &drawing.members[..];
    for row in &rows {
        let (own, rest) = members.split_at(members.partition_point(|member| member.row <= *row));
        members = rest;
        let included = population.included.get(row);
        let first = own.first();
        let size = first.map(|member| drawing.strata[member.stratum as usize].images);
        let rank = first.and_then(|member| member.rank);
        let strata: Vec<&str> = own.iter().map(|member| words[member.stratum as usize].as_str()).collect();
        if let [types, stratum, stratum_size, place, why] = &mut builders[..] {
            types.push_text(&type_words(drawing, own, included));
            stratum.push_optional_text((!strata.is_empty()).then(|| strata.join(AND)).as_deref());
            push_count(stratum_size, size);
            push_count(place, rank);
            why.push_text(&why_words(drawing, own, included, &words));
        }
    }
    let mut table = images.take(&rows);
    for ((name, _), builder) in MADE.iter().zip(builders) {
        table = table.with_column(name, Arc::new(builder.finish()?))?;
    }
    Ok(table)
}

fn rows(drawing: &Drawing, population: &Population) -> Vec<u32> {
    let mut rows: Vec<u32> = drawing.members.iter().map(|member| member.row).chain(population.included.keys().copied()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The kinds that drew the image, in their fixed order, then whatever else it was labelled as.
fn type_words(drawing: &Drawing, own: &[Member], included: Option<&Included>) -> String {
    let given = included.and_then(|included| included.types.as_deref());
    let drawn = |kind: Kind| {
        let mine = own.iter().filter(|member| drawing.strata[member.stratum as usize].kind == kind);
        // Where `include` says for what it was drawn, only that holds, and what this sample adds by chance.
        mine.into_iter().any(|member| member.rank.is_some() || given.is_none())
    };
    let held = |kind: &Kind| drawn(*kind) || given.is_some_and(|types| label_type::holds(types, kind.word()));
    let mut words: Vec<&str> = Kind::ALL.iter().filter(|kind| held(kind)).map(|kind| kind.word()).collect();
    let by_chance = |word: &str| Kind::ALL.iter().any(|kind| kind.word() == word);
    words.extend(given.into_iter().flat_map(|types| types.split('+')).filter(|word| !by_chance(word)));
    if words.len() > 1 {
        // Drawn by chance after all.
        words.retain(|word| *word != label_type::OTHER);
    }
    if words.is_empty() { label_type::OTHER.to_owned() } else { words.join("+") }
}

fn why_words(drawing: &Drawing, own: &[Member], included: Option<&Included>, words: &[String]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(included) = included {
        parts.push(included.why.clone().unwrap_or_else(|| "included".to_owned()));
    }
    for member in own {
        let Some(rank) = member.rank else { continue };
        let Stratum { images, drawn, .. } = &drawing.strata[member.stratum as usize];
        parts.push(format!("{}: {rank} of {drawn} drawn among {images} images", words[member.stratum as usize]));
    }
    parts.join("; ")
}

fn push_count(column: &mut ColumnBuilder, count: Option<u64>) {
    match count {
        Some(count) => column.push_int(i64::try_from(count).unwrap_or(i64::MAX)),
        None => column.push_null(),
    }
}

/// One row per stratum.
pub(super) fn strata(schema: Schema, groups: &Groups, bins: &Bins, strata: &[Stratum]) -> Result<Table, TableError> {
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::with_capacity(field.ty, strata.len())).collect();
    let (by, z) = (groups.columns.len(), z_of(0.95));
    for stratum in strata {
        for (column, builder) in builders.iter_mut().take(by).enumerate() {
            builder.push(group_cell(groups, stratum.group, column));
        }
        if let [types, class, from, to, images, excluded, wanted, included, drawn, half] = &mut builders[by..] {
            types.push_text(stratum.kind.word());
            class.push_optional_text(stratum.class.as_deref());
            let bounds = stratum.bin.map(|bin| bins.bounds(bin));
            push_number(from, bounds.map(|(from, _)| from));
            push_number(to, bounds.map(|(_, to)| to));
            let counts = [
                (images, stratum.images),
                (excluded, stratum.excluded),
                (wanted, stratum.wanted),
                (included, stratum.included),
                (drawn, stratum.drawn),
            ];
            for (column, count) in counts {
                push_count(column, Some(count));
            }
            push_number(half, half_width(stratum.held(), stratum.images, 0.5, z));
        }
    }
    Table::from_builders(schema, builders)
}

fn push_number(column: &mut ColumnBuilder, number: Option<f64>) {
    match number {
        Some(number) => column.push_float64(number),
        None => column.push_null(),
    }
}
