//! Exports a table as one file.

use std::io::{BufWriter, Write};
use std::path::Path;

use super::ledger::{self, Found, Ledger};
use crate::exchange::megadetector;
use crate::file::{Hashing, Part};
use crate::id::ContentId;
use crate::step::{Job, StepError};
use crate::table::{Table, TableError, csv};

/// How a table is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Separated text: tidy CSV, or as another program wants it.
    Csv(csv::Style),
    /// Parquet.
    Parquet,
    /// The JSON of `MegaDetector`, with the programme's classes.
    MegaDetector(Vec<megadetector::Class>),
}

/// Writes `table` at `path` through a temporary file beside it. A file with the same bytes is left alone; one that is not ours, or
/// that somebody changed, is refused.
pub fn write(job: &Job<'_>, table: &Table, path: &Path, format: &Format) -> Result<(), StepError> {
    write_with(job, path, |file| write_into(table, file, format))
}

/// Writes `bytes` at `path` in the same way.
pub fn write_bytes(job: &Job<'_>, path: &Path, bytes: &[u8]) -> Result<(), StepError> {
    write_with(job, path, |file| {
        file.write_all(bytes)?;
        Ok(ContentId::of(bytes))
    })
}

fn write_with(
    job: &Job<'_>,
    path: &Path,
    fill: impl FnOnce(&mut std::fs::File) -> Result<ContentId, TableError>,
) -> Result<(), StepError> {
    let failed = |source| StepError::File { action: "write", path: path.to_owned(), source };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut part = Part::beside(path).map_err(failed)?;
    let content = fill(part.file().map_err(failed)?).map_err(|error| match error {
        TableError::Io(source) => failed(source),
        other => other.into(),
    })?;
    let ledger_path = ledger::beside(path);
    let earlier = Ledger::read(&ledger_path)?;
    let mut ledger = Ledger::default();
    ledger.add(&name, content);
    match earlier.look(&name, path)? {
        Found::Ours(there) | Found::Foreign(Some(there)) if there == content => return ledger.write(&ledger_path, false),
        Found::Foreign(_) => return Err(foreign(&earlier, &name, path)),
        Found::Nothing | Found::Emptied | Found::Ours(_) => {}
    }
    // Last chance to stop: from here on all is renames.
    job.cancel.check()?;
    let mut both = earlier;
    both.add_all(&ledger);
    both.write(&ledger_path, true)?;
    part.persist().map_err(failed)?;
    ledger.write(&ledger_path, true)
}

fn foreign(ledger: &Ledger, name: &str, path: &Path) -> StepError {
    let what = if ledger.files.contains_key(name) {
        "was changed by hand since it was exported"
    } else {
        "was not written by an export"
    };
    StepError::Data(format!("`{}` {what}; nothing was overwritten: move it away, or choose another `into`", path.display()))
}

fn write_into(table: &Table, file: &mut std::fs::File, format: &Format) -> Result<ContentId, TableError> {
    let mut out = Hashing::new(BufWriter::with_capacity(1 << 18, file));
    render(table, format, &mut out)?;
    out.flush()?;
    Ok(out.content())
}

/// Writes the bytes of a table.
///
/// # Errors
/// What the format or the writer says.
pub(super) fn render(table: &Table, format: &Format, out: &mut (dyn Write + Send)) -> Result<(), TableError> {
    match format {
        Format::Csv(style) => csv::write_as(table, style, out)?,
        Format::MegaDetector(classes) => megadetector::write(table, classes, out)?,
        #[cfg(feature = "parquet")]
        Format::Parquet => crate::table::parquet::write(table, out)?,
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => {
            return Err(
                std::io::Error::other("this build has no Parquet; export CSV, or build with the feature `parquet`").into()
            );
        }
    }
    Ok(())
}
