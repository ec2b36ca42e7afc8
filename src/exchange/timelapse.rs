//! What Timelapse reads: the file by its name and its folder below the root, the time, then the fields of the template.

use std::sync::Arc;

use super::form::{Meaning, SHOWN, Shaped};
use super::shape::{self, Civil, Files};
use crate::table::{Table, TableError, Type};

/// The file's name.
pub const FILE: &str = "File";
/// Its folder, empty for the root.
pub const FOLDER: &str = "RelativePath";
/// When it was taken.
pub const TIME: &str = "DateTime";

/// Columns that are written where nobody chooses.
const OWN: [&str; 9] = ["site", "season", "confidence", "type", "reviewer", "time", "shown", "comment", "model"];

/// Files, times and the columns chosen, or all that say what the images show. Timelapse runs on Windows: folders are parted by `\`.
pub(super) fn shaped(table: &Table, meaning: &Meaning) -> Result<Shaped, TableError> {
    let (folders, names) = Files::of(table).columns(table.rows, '\\')?;
    let mut shaped = shape::table(vec![(FILE, names), (FOLDER, folders)])?;
    if let Some(times) = table.column("datetime").filter(|times| times.ty() == Type::DateTime) {
        shaped = shaped.with_column(TIME, shape::civil(times, Civil::Both)?)?;
    }
    let own = || SHOWN.iter().chain(&OWN).filter(|name| table.column(name).is_some()).map(|name| (*name).to_owned());
    let chosen: Vec<String> = if meaning.columns.is_empty() { own().collect() } else { meaning.columns.clone() };
    for name in &chosen {
        shaped = shaped.with_column(name, Arc::clone(table.require(name)?))?;
    }
    Ok(Shaped { table: shaped, notes: Vec::new() })
}
