//! The record table of the R package camtrapR: one row per record of a species at a station, with the time since the one before.

use std::sync::Arc;

use super::form::{Meaning, Note, Shaped};
use super::shape::{self, Civil, Files};
use crate::table::{ColumnBuilder, Table, TableError, Type};
use crate::taxonomy::Role;

/// How many examples a note shows.
const EXAMPLES: usize = 8;

/// Records of animals and others that are neither empty nor of bad quality, sorted by station, species and time.
pub(super) fn shaped(table: &Table, meaning: &Meaning) -> Result<Shaped, TableError> {
    let classes = table.require(&meaning.class)?;
    let wanted: Vec<bool> = classes.texts().map(|class| !matches!(meaning.role(class), Role::Empty | Role::BadQuality)).collect();
    let (times, stations) = (table.require("datetime")?, table.require("site")?);
    let files = Files::of(table);
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for (at, row) in (0_u32..).zip(0..table.rows) {
        match classes.code(row) {
            Some(code) if !wanted[code as usize] => {}
            Some(_) if !times.is_null(row) && !stations.is_null(row) => rows.push(at),
            _ => left_out.push(row),
        }
    }
    let note = Note {
        kind: "left_out",
        count: left_out.len() as u64,
        words: "images have no class, site or time and are no records",
        examples: left_out.iter().take(EXAMPLES).map(|row| files.path(*row).unwrap_or_default().to_owned()).collect(),
    };
    let (folders, names) = files.columns(table.rows, '/')?;
    let records = shape::table(vec![
        ("Station", Arc::clone(stations)),
        ("Species", Arc::clone(classes)),
        ("DateTimeOriginal", Arc::clone(times)),
        ("Directory", folders),
        ("FileName", names),
    ])?;
    let records = records.take(&rows);
    let order = records.sort_by(&["Station", "Species", "DateTimeOriginal", "Directory", "FileName"])?;
    Ok(Shaped { table: with_deltas(&records.take(&order))?, notes: vec![note] })
}

fn with_deltas(records: &Table) -> Result<Table, TableError> {
    let (stations, species) = (records.require("Station")?, records.require("Species")?);
    let times = records.require("DateTimeOriginal")?;
    let mut seconds = ColumnBuilder::with_capacity(Type::Int, records.rows);
    let mut others = [60.0, 60.0, 24.0].map(|_| ColumnBuilder::with_capacity(Type::Float64, records.rows));
    for row in 0..records.rows {
        let follows = row > 0 && stations.cell(row) == stations.cell(row - 1) && species.cell(row) == species.cell(row - 1);
        let delta = match (times.datetime(row), row.checked_sub(1).and_then(|before| times.datetime(before))) {
            (Some(now), Some(before)) if follows => now - before,
            _ => 0,
        };
        seconds.push_int(delta);
        #[expect(clippy::cast_precision_loss, reason = "seconds between two images")]
        let mut rest = delta as f64;
        // Each unit is rounded from the rounded one before, as camtrapR does.
        for (builder, parts) in others.iter_mut().zip([60.0, 60.0, 24.0]) {
            rest = rounded(rest / parts);
            builder.push_float64(rest);
        }
    }
    let [minutes, hours, days] = others;
    let date = |part| shape::civil(times, part);
    shape::table(vec![
        ("Station", Arc::clone(stations)),
        ("Species", Arc::clone(species)),
        ("DateTimeOriginal", date(Civil::Both)?),
        ("Date", date(Civil::Date)?),
        ("Time", date(Civil::Time)?),
        ("delta.time.secs", Arc::new(seconds.finish()?)),
        ("delta.time.mins", Arc::new(minutes.finish()?)),
        ("delta.time.hours", Arc::new(hours.finish()?)),
        ("delta.time.days", Arc::new(days.finish()?)),
        ("Directory", shape::own(records, &["Directory"])),
        ("FileName", shape::own(records, &["FileName"])),
    ])
}

/// One decimal, by the number's true value.
fn rounded(value: f64) -> f64 {
    format!("{value:.1}").parse().unwrap_or(value)
}
