//! Tables as they are.

use super::draft::source;
use super::inputs::{Input, condition, names, number, plain};
use crate::report::page::{Panel, Sheet, Value};
use crate::step::StepError;
use crate::table::{CellRef, Table};

/// A table as it is, of which the page shows so many rows.
pub(super) fn listing(input: Input<'_>, id: &str, title: &str, most: usize) -> Result<Panel, StepError> {
    let table = input.table.read(None)?;
    let columns = names(&table.schema);
    let mut sheet = Sheet::new(&columns);
    for row in 0..table.rows {
        // Its first column tells a row of such a table apart, or leads near it.
        let place = columns.first().map(|name| condition(name, &plain(table.cell(row, name))));
        sheet.push(columns.iter().map(|name| value(&table, row, name)).collect(), place.into_iter().collect());
    }
    sheet.hidden = sheet.rows.len().saturating_sub(most);
    Ok(Panel {
        id: id.to_owned(),
        title: title.to_owned(),
        sheet: Some(sheet),
        table_first: true,
        source: Some(source(input)),
        ..Panel::default()
    })
}

fn value(table: &Table, row: usize, column: &str) -> Value {
    let cell = table.cell(row, column);
    match cell {
        CellRef::Null => Value::Missing,
        CellRef::Int(_) => Value::number(number(table, row, column), 0),
        CellRef::Float32(_) | CellRef::Float64(_) => Value::number(number(table, row, column), 4),
        cell => Value::Text(plain(cell)),
    }
}
