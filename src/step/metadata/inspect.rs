//! Clock file and deployment table before a run: each mistake at its row and column.

use std::path::Path;

use super::deployments::{self, Deployments};
use crate::dataset;
use crate::diagnostic::codes::{BAD_DEPLOYMENTS, BAD_TABLE, TABLE_VALUE};
use crate::photo::clock;
use crate::step::{FileFault, FileInput, Inspection};

/// The clock file, by the reader of a run.
pub(super) fn corrections(file: &FileInput, files: &mut Inspection<'_>) {
    let Some(bytes) = files.read(file) else { return };
    let Err(errors) = clock::read(&crate::path::to_text(&file.path), &bytes) else { return };
    files.faults.extend(errors.into_iter().map(|error| {
        // What speaks of a column as a whole has no cell to point at.
        let column = if error.what.contains('`') { String::new() } else { format!("column `{}`: ", error.column) };
        FileFault {
            path: file.path.clone(),
            line: Some(error.row),
            message: format!("{column}{}; {}", error.what, error.way_out),
            column: Some(error.column),
            code: BAD_TABLE,
        }
    }));
}

/// The deployment table, by the reader of a run; zones and places too, which exports need.
pub(super) fn deployments(file: &FileInput, files: &mut Inspection<'_>, timezone: Option<&str>) {
    let Some(bytes) = files.read(file) else { return };
    match Deployments::read(&crate::path::to_text(&file.path), &bytes, timezone) {
        Err(errors) => files.faults.extend(errors.into_iter().map(|error| FileFault {
            path: file.path.clone(),
            line: error.line,
            column: error.column,
            code: BAD_DEPLOYMENTS,
            message: error.message,
        })),
        Ok(table) => files.faults.extend(values(&file.path, &table, &deployments::lines(&bytes))),
    }
}

/// What a value must be, by column.
type Check = fn(&str) -> Option<String>;

const CHECKS: [(&str, Check); 7] = [
    ("timezone", zone),
    ("latitude", latitude),
    ("lat", latitude),
    ("longitude", longitude),
    ("lon", longitude),
    ("lng", longitude),
    ("long", longitude),
];

fn values(path: &Path, table: &Deployments, lines: &[u64]) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for (name, check) in CHECKS {
        let Some(column) = table.column(name) else { continue };
        for row in 0..table.rows.len() {
            let text = column.text(row).map(str::trim).filter(|text| !text.is_empty());
            let Some(message) = text.and_then(check) else { continue };
            let (line, column) = (lines.get(row + 1).copied(), Some(name.to_owned()));
            faults.push(FileFault { path: path.to_owned(), line, column, code: TABLE_VALUE, message });
        }
    }
    faults
}

fn zone(text: &str) -> Option<String> {
    let known = dataset::zone(text).is_some();
    (!known).then(|| format!("`{text}` is not a time zone; write one such as `Europe/Oslo`, or an offset such as `+01:00`"))
}

fn latitude(text: &str) -> Option<String> {
    degrees(text, "latitude", 90.0)
}

fn longitude(text: &str) -> Option<String> {
    degrees(text, "longitude", 180.0)
}

fn degrees(text: &str, what: &str, most: f64) -> Option<String> {
    if text.parse().is_ok_and(|degrees: f64| degrees.abs() <= most) {
        return None;
    }
    let pointed = text.replace(',', ".");
    let way_out = match pointed.parse() {
        Ok(degrees) if text.contains(',') && f64::abs(degrees) <= most => format!("write `{pointed}`, with a decimal point"),
        _ => format!("write degrees of WGS 84 from -{most} to {most}, such as `29.5`"),
    };
    Some(format!("`{text}` is not a {what}; {way_out}"))
}
