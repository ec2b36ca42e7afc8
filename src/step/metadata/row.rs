//! The columns that one file's bytes fill: names, types, and where each value comes from.

use crate::photo::exif::{RawMetadata, WrittenTime, read};
use crate::photo::makernotes::MakerNote;
use crate::photo::{Container, MetadataFlag, TimeSource};
use crate::table::{Cell, Schema, Type, civil};

type Column = (&'static str, Type, fn(&RawMetadata) -> Cell);

/// All columns, in order. Adding, removing or changing one raises [`ROWS_REVISION`](super::ROWS_REVISION).
const COLUMNS: &[Column] = &[
    ("format", Type::Text, |data| text(data.container.map(Container::word))),
    ("width_px", Type::Int, |data| int(data.width_px)),
    ("height_px", Type::Int, |data| int(data.height_px)),
    ("exif_width_px", Type::Int, |data| int(data.exif_width_px)),
    ("exif_height_px", Type::Int, |data| int(data.exif_height_px)),
    ("make", Type::Text, |data| text(data.make.as_deref())),
    ("model", Type::Text, |data| text(data.model.as_deref())),
    ("camera_make", Type::Text, |data| text(data.camera_make.as_deref())),
    ("camera_model", Type::Text, |data| text(data.camera_model.as_deref())),
    ("serial", Type::Text, |data| text(data.serial.as_deref())),
    ("software", Type::Text, |data| text(data.software.as_deref())),
    ("datetime_raw", Type::DateTime, |data| data.taken().map_or(Cell::Null, |(time, _)| Cell::DateTime(civil::to_seconds(time)))),
    ("time_source", Type::Text, |data| text(data.taken().map(|(_, source)| TimeSource::word(source)))),
    ("date_time_original", Type::Text, |data| written(data.date_time_original.as_ref())),
    ("create_date", Type::Text, |data| written(data.create_date.as_ref())),
    ("note_date_time", Type::Text, |data| written(data.note.as_ref().and_then(|note| note.time.as_ref()))),
    ("subsec", Type::Text, |data| text(data.subsec.as_deref())),
    ("utc_offset", Type::Text, |data| text(data.utc_offset.as_deref())),
    ("orientation", Type::Int, |data| int(data.orientation)),
    ("exposure_s", Type::Float64, |data| float(data.exposure_s)),
    ("f_number", Type::Float64, |data| float(data.f_number)),
    ("iso", Type::Int, |data| int(data.iso)),
    ("flash", Type::Int, |data| int(data.flash)),
    ("gps_latitude", Type::Float64, |data| float(data.latitude)),
    ("gps_longitude", Type::Float64, |data| float(data.longitude)),
    ("image_description", Type::Text, |data| text(data.image_description.as_deref())),
    ("user_comment", Type::Text, |data| text(data.user_comment.as_deref())),
    ("keywords", Type::Text, |data| list(&data.keywords)),
    ("keyword_paths", Type::Text, |data| list(&data.keyword_paths)),
    ("note_family", Type::Text, |data| text(note(data).map(|note| note.family.word()))),
    ("firmware", Type::Text, |data| text(note(data).and_then(|note| note.firmware.as_deref()))),
    ("firmware_date", Type::Text, |data| text(note(data).and_then(|note| note.firmware_date.as_deref()))),
    ("file_number", Type::Int, |data| int(note(data).and_then(|note| note.file_number))),
    ("directory_number", Type::Int, |data| int(note(data).and_then(|note| note.directory_number))),
    ("trigger", Type::Text, |data| text(note(data).and_then(|note| note.trigger).map(String::from).as_deref())),
    ("sequence_n", Type::Int, |data| int(note(data).and_then(|note| note.sequence).map(|(n, _)| n))),
    ("sequence_of", Type::Int, |data| int(note(data).and_then(|note| note.sequence).map(|(_, of)| of))),
    ("event", Type::Int, |data| int(note(data).and_then(|note| note.event))),
    ("weekday", Type::Int, |data| int(note(data).and_then(|note| note.weekday))),
    ("moon", Type::Int, |data| int(note(data).and_then(|note| note.moon))),
    ("temperature_f", Type::Int, |data| int(note(data).and_then(|note| note.temperature_f))),
    ("temperature_c", Type::Int, |data| int(note(data).and_then(|note| note.temperature_c))),
    ("contrast", Type::Int, |data| int(note(data).and_then(|note| note.contrast))),
    ("brightness", Type::Int, |data| int(note(data).and_then(|note| note.brightness))),
    ("sharpness", Type::Int, |data| int(note(data).and_then(|note| note.sharpness))),
    ("saturation", Type::Int, |data| int(note(data).and_then(|note| note.saturation))),
    ("note_flash", Type::Int, |data| int(note(data).and_then(|note| note.flash))),
    ("infrared", Type::Int, |data| int(note(data).and_then(|note| note.infrared))),
    ("light", Type::Int, |data| int(note(data).and_then(|note| note.light))),
    ("sensitivity", Type::Int, |data| int(note(data).and_then(|note| note.sensitivity))),
    ("battery_mv", Type::Int, |data| int(note(data).and_then(|note| note.battery_mv))),
    ("battery_mean_mv", Type::Int, |data| int(note(data).and_then(|note| note.battery_mean_mv))),
    ("battery_type", Type::Int, |data| int(note(data).and_then(|note| note.battery_type))),
    ("camera_label", Type::Text, |data| text(note(data).and_then(|note| note.label.as_deref()))),
    ("flags", Type::Text, |data| text((!data.flags.is_empty()).then(|| MetadataFlag::words(&data.flags)).as_deref())),
];

/// Names and types of the columns.
#[must_use]
pub fn schema() -> Schema {
    Schema::of(&COLUMNS.iter().map(|(name, ty, _)| (*name, *ty)).collect::<Vec<_>>())
}

/// The cells of one file, in the order of [`schema`]. Never fails: what is wrong stands in `flags`.
#[must_use]
pub fn cells(bytes: &[u8]) -> Vec<Cell> {
    let data = read(bytes);
    COLUMNS.iter().map(|(_, _, value)| value(&data)).collect()
}

fn note(data: &RawMetadata) -> Option<&MakerNote> {
    data.note.as_ref()
}

fn text(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, |value| Cell::Text(value.to_owned()))
}

fn int(value: Option<impl Into<i64>>) -> Cell {
    value.map_or(Cell::Null, |value| Cell::Int(value.into()))
}

fn float(value: Option<f64>) -> Cell {
    value.map_or(Cell::Null, Cell::Float64)
}

fn written(time: Option<&WrittenTime>) -> Cell {
    text(time.map(|time| time.text.as_str()))
}

/// Keywords hold commas and spaces of their own; `; ` parts them.
fn list(items: &[String]) -> Cell {
    if items.is_empty() { Cell::Null } else { Cell::Text(items.join("; ")) }
}
