//! Tables that Timelapse exports: the file and its folder are columns, the rest is the template's.

use super::What;
use super::layout::{Layout, Source};
use crate::exchange::timelapse::{FILE, FOLDER, TIME};

/// The field in which many templates keep what an image shows.
const SPECIES: &str = "Species";

/// Columns of every such file that no step asks for.
const BOOKKEEPING: [&str; 5] = ["RootFolder", "DeleteFlag", FILE, FOLDER, TIME];

/// The path from its two columns, the time of images, and `Species` where no other column is what is shown.
pub fn layout(mut layout: Layout, header: &[String], what: What) -> Result<Layout, String> {
    let at = |name: &str| header.iter().position(|column| column == name);
    let (Some(file), Some(folder)) = (at(FILE), at(FOLDER)) else {
        return Err(format!("a table of Timelapse has the columns `{FILE}` and `{FOLDER}`; use `format: csv` with `columns`"));
    };
    layout.columns.retain(|(name, _)| !BOOKKEEPING.contains(&name.as_str()));
    layout.set("path", Source::Path { folder, file });
    let shown = match what {
        What::Images => {
            if let Some(time) = at(TIME).filter(|_| layout.source("datetime").is_none()) {
                layout.set("datetime", Source::Field(time));
            }
            return Ok(layout);
        }
        What::Predictions => "label",
        What::Labels => "class",
    };
    if let Some(species) = at(SPECIES).filter(|_| layout.source(shown).is_none()) {
        layout.set(shown, Source::Field(species));
    }
    Ok(layout)
}
