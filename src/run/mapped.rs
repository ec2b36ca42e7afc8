//! Mapped rows: cached and freshly computed rows of a mapping step, aligned with the rows of its input.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::history::step_error;
use crate::id::ContentId;
use crate::step::{RowMapper, StepError};
use crate::store::Store;
use crate::table::{Cell, Column, ColumnBuilder, Table, append_row};

/// The images of a mapping step's input, with the recipe that each falls under.
pub struct Wanted {
    /// One per input row.
    pub contents: Vec<ContentId>,
    /// One per input row; `None` where no recipe applies.
    pub recipes: Vec<Option<usize>>,
}

impl Wanted {
    /// Reads what `mapper` needs from its input table.
    ///
    /// # Errors
    /// When the table has no `content`, which checking prevents.
    pub fn of(mapper: &dyn RowMapper, images: &Table) -> Result<Self, StepError> {
        let column = images.require("content").map_err(|error| StepError::Data(error.to_string()))?;
        let chooser = mapper.chooses_by().and_then(|name| images.column(name));
        // Few seasons, many images: each distinct text is decided once.
        let mut decided: BTreeMap<Option<u32>, Option<usize>> = BTreeMap::new();
        let mut wanted = Self { contents: Vec::with_capacity(images.rows), recipes: Vec::with_capacity(images.rows) };
        for row in 0..images.rows {
            let content = column.content(row).ok_or_else(|| StepError::Data(format!("image {row} has no content")))?;
            let code = chooser.and_then(|column| column.code(row));
            let recipe = *decided.entry(code).or_insert_with(|| {
                let cell = chooser.and_then(|column| column.text(row)).map(|text| Cell::Text(text.to_owned()));
                mapper.choose(cell.as_ref())
            });
            wanted.contents.push(content);
            wanted.recipes.push(recipe);
        }
        Ok(wanted)
    }

    /// The distinct contents under `recipe`, sorted.
    pub fn under(&self, recipe: usize) -> Vec<ContentId> {
        let pairs = self.contents.iter().zip(&self.recipes);
        let mut contents: Vec<_> = pairs.filter(|(_, own)| **own == Some(recipe)).map(|(content, _)| *content).collect();
        contents.sort_unstable();
        contents.dedup();
        contents
    }
}

/// What came of looking rows up.
pub struct Assembled {
    /// The rows, aligned with the input.
    pub table: Table,
    /// Rows that are not there, by recipe: to be computed.
    pub missing: Vec<Vec<ContentId>>,
}

/// Looks up every row of `wanted` and aligns what is there with the input; missing rows are missing values.
///
/// # Errors
/// When the store fails. Damage is no failure: damaged rows are missing ones.
pub fn assemble(mapper: &dyn RowMapper, wanted: &Wanted, store: &Store) -> Result<Assembled, StepError> {
    let schema = mapper.schema();
    let mut parts: Vec<Part> = Vec::new();
    let mut missing = Vec::new();
    for (place, recipe) in mapper.recipes().iter().enumerate() {
        let contents = wanted.under(place);
        let mut builders: Vec<_> = recipe.columns.iter().map(|at| ColumnBuilder::new(schema.fields[*at].ty)).collect();
        let mut found = Vec::with_capacity(contents.len());
        let mut unreadable = Vec::new();
        let read = store
            .read_rows(recipe.key, &contents, &mut |content, bytes| match append_row(bytes, &mut builders) {
                Ok(()) => found.push(content),
                Err(_) => unreadable.push(content),
            })
            .map_err(step_error)?;
        unreadable.extend(read.lost);
        unreadable.sort_unstable();
        missing.push(unreadable);
        let columns: Result<Vec<_>, _> = builders.into_iter().map(ColumnBuilder::finish).collect();
        parts.push(Part { found, columns: columns.map_err(|error| StepError::Data(error.to_string()))? });
    }
    let order = order(wanted, &parts);
    let mut columns = Vec::with_capacity(schema.fields.len());
    for (at, field) in schema.fields.iter().enumerate() {
        // Columns are moved out one by one: two copies of all of them would be the largest thing in memory.
        let mut pieces: Vec<Column> = Vec::with_capacity(parts.len());
        for (recipe, part) in mapper.recipes().iter().zip(&mut parts) {
            pieces.push(match recipe.columns.iter().position(|column| *column == at) {
                Some(own) => std::mem::replace(&mut part.columns[own], Column::nulls(field.ty, 0)),
                None => Column::nulls(field.ty, part.found.len()),
            });
        }
        let column = match pieces.as_slice() {
            [] => Column::nulls(field.ty, wanted.contents.len()),
            [only] => only.take_optional(&order),
            several => Column::concat(&several.iter().collect::<Vec<_>>())
                .map_err(|error| StepError::Data(error.to_string()))?
                .take_optional(&order),
        };
        columns.push(Arc::new(column));
    }
    let table = Table::from_columns(schema.clone(), columns).map_err(|error| StepError::Data(error.to_string()))?;
    Ok(Assembled { table, missing })
}

/// The rows of one recipe, in the order of their contents.
struct Part {
    found: Vec<ContentId>,
    columns: Vec<Column>,
}

/// For each input row, its place among the parts laid below one another.
fn order(wanted: &Wanted, parts: &[Part]) -> Vec<Option<u32>> {
    let mut starts = Vec::with_capacity(parts.len());
    let mut total = 0;
    for part in parts {
        starts.push(total);
        total += part.found.len();
    }
    let place = |(content, recipe): (&ContentId, &Option<usize>)| {
        let recipe = (*recipe)?;
        let within = parts[recipe].found.binary_search(content).ok()?;
        u32::try_from(starts[recipe] + within).ok()
    };
    wanted.contents.iter().zip(&wanted.recipes).map(place).collect()
}
