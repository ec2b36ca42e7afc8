//! The metadata table of the COAT portal: one row per image, from its camera. The classification table is a form of `merge`.

use std::sync::Arc;

use super::form::{Meaning, Shaped};
use super::shape::{self, Civil, Named};
use crate::table::{Column, Table, TableError};

/// The columns that say where an image was taken, with ours; a constant may fill them.
const PLACE: [(&str, &[&str]); 5] = [
    ("sn_region", &["sn_region", "region"]),
    ("sn_locality", &["sn_locality", "locality"]),
    ("sn_section", &["sn_section", "section"]),
    ("sc_type_of_sites_ecological", &["sc_type_of_sites_ecological", "habitat"]),
    ("sn_site", &["sn_site", "site"]),
];

/// Their names.
pub(super) const KEYS: &[&str] = &["sn_region", "sn_locality", "sn_section", "sc_type_of_sites_ecological"];

/// The columns by which its files may be parted.
pub(super) const COLUMNS: &[&str] =
    &["sn_region", "sn_locality", "sn_section", "sc_type_of_sites_ecological", "sn_site", "t_date"];

/// The portal's words for what released a camera.
fn trigger(word: &str) -> String {
    match word.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "m" | "motion" | "motion_sensor" | "activitydetection" => "motion_sensor".to_owned(),
        "t" | "time_lapse" | "timelapse" => "time_lapse".to_owned(),
        _ => word.to_owned(),
    }
}

/// One row per image, in the order of the table.
pub(super) fn shaped(table: &Table, meaning: &Meaning) -> Result<Shaped, TableError> {
    let mut columns: Vec<Named> = Vec::new();
    for (name, own) in PLACE {
        let column = match meaning.values.get(name) {
            Some(value) => shape::constant(Some(value), table.rows)?,
            None => shape::own(table, own),
        };
        columns.push((name, column));
    }
    let times = table.require("datetime")?;
    columns.push(("t_date", shape::civil(times, Civil::Date)?));
    columns.push(("t_time", shape::civil(times, Civil::Time)?));
    columns.push(("v_image_name", shape::own(table, &["name", "file"])));
    columns.push(("v_image_name_original", original(table)?));
    columns.push(("v_trigger_mode", shape::recoded(&shape::own(table, &["trigger"]), &|word| Some(trigger(word)))?));
    columns.push(("v_sequence", sequence(table)?));
    columns.push(("v_event", shape::own(table, &["event"])));
    columns.push(("v_temperature", shape::own(table, &["temperature_c"])));
    columns.push(("v_comment", shape::own(table, &["comment"])));
    Ok(Shaped { table: shape::table(columns)?, notes: Vec::new() })
}

/// The name that the camera gave: of the path, else the file's.
fn original(table: &Table) -> Result<Arc<Column>, TableError> {
    let places: Vec<&Column> = ["path", "file"].iter().filter_map(|name| table.column(name).map(AsRef::as_ref)).collect();
    shape::written(table.rows, |row, buffer| {
        let Some(path) = places.iter().find_map(|column| column.text(row)) else { return false };
        buffer.push_str(path.rsplit('/').next().unwrap_or(path));
        true
    })
}

/// `1 of 3` as the reference workflow's metadata write it: `1 3`.
fn sequence(table: &Table) -> Result<Arc<Column>, TableError> {
    let (number, of) = (table.column("sequence_n"), table.column("sequence_of"));
    shape::written(table.rows, |row, buffer| {
        let values = number.and_then(|column| column.int(row)).zip(of.and_then(|column| column.int(row)));
        let Some((number, of)) = values else { return false };
        buffer.push_str(&format!("{number} {of}"));
        true
    })
}
