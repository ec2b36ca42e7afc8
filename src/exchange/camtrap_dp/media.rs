//! Media: one row per image.

use std::fmt::Write as _;

use super::check;
use super::moments::push_moment;
use super::observations::{Input, Made, Shots, text};
use super::rules::MEDIA;
use crate::exchange::shape;
use crate::table::{CellRef, Column, Table, TableError};

/// What released the camera.
fn capture_method(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().replace(['-', ' ', '_'], "").as_str() {
        "m" | "motion" | "motionsensor" | "motiondetection" | "activitydetection" => Some("activityDetection"),
        "t" | "timelapse" => Some("timeLapse"),
        _ => None,
    }
}

/// The capture methods that a column of triggers names.
#[must_use]
pub fn capture_methods(triggers: Option<&Column>) -> Vec<&'static str> {
    let mut methods: Vec<&str> = triggers.into_iter().flat_map(Column::texts).filter_map(capture_method).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("tif" | "tiff") => "image/tiff",
        Some("gif") => "image/gif",
        Some("mp4") => "video/mp4",
        Some("avi") => "video/x-msvideo",
        Some("mov") => "video/quicktime",
        _ => "image/jpeg",
    }
}

/// What the camera wrote that has no column, with the names that it has in EXIF and the makers' notes.
const EXIF: &[(&str, &str)] = &[
    ("Make", "camera_make"),
    ("Model", "camera_model"),
    ("SerialNumber", "serial"),
    ("TriggerMode", "trigger"),
    ("EventNumber", "event"),
    ("SequenceNumber", "sequence_n"),
    ("SequenceLength", "sequence_of"),
    ("MoonPhase", "moon"),
    ("AmbientTemperature", "temperature_c"),
    ("BatteryVoltage", "battery_mv"),
];

/// The table of media.
///
/// # Errors
/// When it is too large.
pub(super) fn media(input: &Input<'_>, shots: &Shots<'_>) -> Result<Table, TableError> {
    let (images, rows) = (input.images, &shots.rows);
    let count = rows.len();
    let place = |at: usize| input.place_of[rows[at]].map(|place| &input.places[place as usize]);
    let triggers = images.column("trigger");
    let methods: Vec<Option<&str>> = triggers.iter().flat_map(|column| column.texts()).map(capture_method).collect();
    let exif: Vec<(&str, &Column)> = EXIF.iter().filter_map(|(name, own)| Some((*name, images.column(own)?.as_ref()))).collect();
    let exif = shape::written(count, |at, buffer| {
        for (name, column) in &exif {
            let cell = column.cell(rows[at]);
            if cell == CellRef::Null {
                continue;
            }
            buffer.push_str(if buffer.is_empty() { "{" } else { "," });
            let value = match cell {
                CellRef::Int(number) => serde_json::Value::from(number),
                cell => serde_json::Value::from(cell.to_string()),
            };
            let _ = write!(buffer, "\"{name}\":{value}");
        }
        let some = !buffer.is_empty();
        buffer.push_str(if some { "}" } else { "" });
        some
    })?;
    let made: Vec<Made> = vec![
        ("mediaID", text(count, |at| shots.id(rows[at]))?),
        ("deploymentID", text(count, |at| place(at).map(|place| place.id.as_str()))?),
        (
            "captureMethod",
            text(count, |at| triggers.and_then(|column| column.code(rows[at])).and_then(|code| methods[code as usize]))?,
        ),
        (
            "timestamp",
            shape::written(count, |at, buffer| {
                let time = shots.times.datetime(rows[at]);
                place(at)
                    .zip(time)
                    .is_some_and(|(place, time)| push_moment(time, shots.offsets.at(rows[at]), &place.zone, buffer))
            })?,
        ),
        ("filePath", text(count, |at| shots.files.path(rows[at]))?),
        ("filePublic", shape::constant(Some(if input.public { "true" } else { "false" }), count)?),
        (
            "fileName",
            text(count, |at| {
                let name = shots.names.and_then(|names| names.text(rows[at]));
                name.or_else(|| shots.files.parts(rows[at]).map(|(_, name)| name))
            })?,
        ),
        ("fileMediatype", text(count, |at| shots.files.path(rows[at]).map(media_type))?),
        ("exifData", exif),
    ];
    check::complete(&MEDIA, count, made)
}
