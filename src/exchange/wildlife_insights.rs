//! `images.csv` of Wildlife Insights: one row per image with its taxon.

use std::sync::Arc;

use super::form::{Meaning, Note, Shaped};
use super::shape::{self, Civil, Files, Named};
use crate::table::{Column, Table, TableError};
use crate::taxonomy::Role;

/// The columns, in order.
pub(super) const COLUMNS: &[&str] = &[
    "project_id",
    "deployment_id",
    "image_id",
    "filename",
    "location",
    "is_blank",
    "identified_by",
    "wi_taxon_id",
    "class",
    "order",
    "family",
    "genus",
    "species",
    "common_name",
    "uncertainty",
    "timestamp",
    "number_of_objects",
    "age",
    "sex",
    "animal_recognizable",
    "individual_id",
    "individual_animal_notes",
    "behavior",
    "highlighted",
    "markings",
    "cv_confidence",
    "license",
];

/// The columns of a taxon, in the order of its parts.
const TAXON: [&str; 7] = ["wi_taxon_id", "class", "order", "family", "genus", "species", "common_name"];

/// Taxa of what is no animal.
const BLANK: &str = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;Blank";
const HUMAN: &str = "990ae9dd-7a59-4344-afcb-1b7b21368000;Mammalia;Primates;Hominidae;Homo;sapiens;Human";
const VEHICLE: &str = "e2895ed5-780b-48f6-8a11-9e27cb594511;;;;;;Vehicle";

/// The name of a model's answer where nobody says which model.
const MACHINE: &str = "Computer vision";

/// One row per image, in the order of the table.
pub(super) fn shaped(table: &Table, meaning: &Meaning) -> Result<Shaped, TableError> {
    let classes = table.require(&meaning.class)?;
    let taxa: Vec<Vec<Option<String>>> = classes.texts().map(|class| parts(class, meaning)).collect();
    let mut columns: Vec<Named> = Vec::with_capacity(COLUMNS.len());
    for name in COLUMNS {
        let column = match (meaning.values.get(*name), TAXON.iter().position(|part| part == name)) {
            (Some(value), _) => shape::constant(Some(value), table.rows)?,
            (None, Some(part)) => by_code(classes, |code| taxa[code][part].as_deref())?,
            (None, None) => made(name, table, classes, meaning)?,
        };
        columns.push((name, column));
    }
    let unknown = |class: &&str| meaning.role(class) == Role::Animal && !meaning.taxa.contains_key(*class);
    let unknown: Vec<String> = classes.texts().filter(unknown).map(str::to_owned).collect();
    let note = Note {
        kind: "no_taxon",
        count: unknown.len() as u64,
        words: "classes have only a common name; say under `taxa` what Wildlife Insights calls them",
        examples: unknown,
    };
    Ok(Shaped { table: shape::table(columns)?, notes: vec![note] })
}

/// The parts of a class's taxon; only the common name where nobody says which taxon it is.
fn parts(class: &str, meaning: &Meaning) -> Vec<Option<String>> {
    let known = match (meaning.taxa.get(class), meaning.role(class)) {
        (Some(taxon), ..) => Some(taxon.as_str()),
        (None, Role::Empty) => Some(BLANK),
        (None, Role::Person) => Some(HUMAN),
        (None, Role::Vehicle) => Some(VEHICLE),
        _ => None,
    };
    let part = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    match known {
        Some(taxon) => taxon.split(';').map(part).chain(std::iter::repeat(None)).take(TAXON.len()).collect(),
        None => std::iter::repeat_n(None, TAXON.len() - 1).chain([part(class)]).collect(),
    }
}

fn by_code<'t>(classes: &Column, of: impl Fn(usize) -> Option<&'t str>) -> Result<Arc<Column>, TableError> {
    shape::written(classes.len(), |row, buffer| match classes.code(row).and_then(|code| of(code as usize)) {
        Some(text) => {
            buffer.push_str(text);
            true
        }
        None => false,
    })
}

/// A column that comes from ours.
fn made(name: &str, table: &Table, classes: &Column, meaning: &Meaning) -> Result<Arc<Column>, TableError> {
    let files = Files::of(table);
    match name {
        "deployment_id" if table.column(name).is_none() => deployment(table),
        "image_id" if table.column(name).is_none() => shape::written(table.rows, |row, buffer| {
            let own = table.column("name").and_then(|names| names.text(row)).or_else(|| files.path(row));
            buffer.push_str(own.unwrap_or_default());
            own.is_some()
        }),
        "filename" => Ok(files.columns(table.rows, '/')?.1),
        "location" => shape::written(table.rows, |row, buffer| {
            buffer.push_str(files.path(row).unwrap_or_default());
            !buffer.is_empty()
        }),
        "is_blank" => {
            let blank: Vec<&str> =
                classes.texts().map(|class| if meaning.role(class) == Role::Empty { "1" } else { "0" }).collect();
            by_code(classes, |code| Some(blank[code]))
        }
        "identified_by" => identified(table, classes, meaning.class != "label"),
        "timestamp" => shape::civil(table.require("datetime")?, Civil::Both),
        "cv_confidence" => Ok(shape::own(table, &["confidence"])),
        "number_of_objects" => Ok(shape::own(table, &["number_of_objects", "count"])),
        other => Ok(shape::own(table, &[other])),
    }
}

/// Site and season.
fn deployment(table: &Table) -> Result<Arc<Column>, TableError> {
    let place: Vec<&Column> = ["site", "season"].iter().filter_map(|name| table.column(name).map(AsRef::as_ref)).collect();
    shape::written(table.rows, |row, buffer| {
        for column in &place {
            if !column.is_null(row) {
                buffer.push_str(if buffer.is_empty() { "" } else { "_" });
                buffer.push_str(&column.cell(row).to_string());
            }
        }
        !buffer.is_empty()
    })
}

/// People where they said it, else the model.
fn identified(table: &Table, classes: &Column, people_count: bool) -> Result<Arc<Column>, TableError> {
    let column = |name: &str| table.column(name).map(AsRef::as_ref);
    let (people, reviewer, model) = (column("class").filter(|_| people_count), column("reviewer"), column("model"));
    shape::written(table.rows, |row, buffer| {
        if classes.is_null(row) {
            return false;
        }
        let by_people = people.is_some_and(|people| !people.is_null(row));
        let who = if by_people { reviewer.and_then(|who| who.text(row)) } else { model.and_then(|model| model.text(row)) };
        let nobody = if by_people { None } else { Some(MACHINE) };
        who.or(nobody).is_some_and(|who| {
            buffer.push_str(who);
            true
        })
    })
}
