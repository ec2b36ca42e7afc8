//! The images of a run as one table, `inputs.csv`: a crate of a million images has no entity for each of them.

use std::path::Path;
use std::sync::Arc;

use super::super::{Account, ProvenanceError};
use super::folder::create;
use crate::check::Pipeline;
use crate::file::Hashing;
use crate::id::ContentId;
use crate::step::StepError;
use crate::store::Store;
use crate::table::{CellRef, Column, Schema, Table, Type, csv};

/// What is told of each image, as far as a source knows it.
const COLUMNS: [(&str, Type); 5] =
    [("content", Type::Content), ("root", Type::Text), ("path", Type::Text), ("site", Type::Text), ("season", Type::Text)];

/// The table as written.
pub(super) struct Images {
    pub rows: u64,
    pub id: ContentId,
    pub bytes: u64,
}

/// Writes the images of all sources; `None` where the run has none.
pub(super) fn write(
    pipeline: &Pipeline,
    store: &Store,
    account: &Account,
    path: &Path,
) -> Result<Option<Images>, ProvenanceError> {
    let mut tables = Vec::new();
    for record in account.steps.iter().filter(|record| pipeline.steps[record.index].step.source().is_some()) {
        let Some(output) = record.manifest.outputs.first() else { continue };
        let stored = store.open_table(output.id)?;
        let names: Vec<&str> = COLUMNS
            .iter()
            .filter(|(name, ty)| stored.schema().field(name).is_some_and(|field| field.ty == *ty))
            .map(|(name, _)| *name)
            .collect();
        tables.push(listing(&stored.read(Some(&names))?, &pipeline.steps[record.index].name.value)?);
    }
    if tables.is_empty() {
        return Ok(None);
    }
    let table = if let [only] = &tables[..] { only.clone() } else { Table::concat(&tables).map_err(|error| refused(&error))? };
    let mut out = Hashing::new(create(path)?);
    csv::write(&table, &mut out).and_then(|()| std::io::Write::flush(&mut out)).map_err(ProvenanceError::io("write", path))?;
    let (id, bytes) = (out.content(), out.bytes());
    Ok(Some(Images { rows: table.rows as u64, id, bytes }))
}

/// The columns of one source in the order of [`COLUMNS`], behind the name of the source.
fn listing(table: &Table, source: &str) -> Result<Table, ProvenanceError> {
    let rows = table.rows;
    let mut fields = vec![("source", Type::Text)];
    let mut columns = vec![Arc::new(Column::repeated(Type::Text, CellRef::Text(source), rows).map_err(|error| refused(&error))?)];
    for (name, ty) in COLUMNS {
        fields.push((name, ty));
        columns.push(table.column(name).map_or_else(|| Arc::new(Column::nulls(ty, rows)), Arc::clone));
    }
    Table::from_columns(Schema::of(&fields), columns).map_err(|error| refused(&error))
}

fn refused(error: &crate::table::TableError) -> ProvenanceError {
    StepError::Data(error.to_string()).into()
}
