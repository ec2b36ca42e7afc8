//! The numbers of a report as a table: each with its place in the report and in the pipeline.

use crate::report::page::{Page, Value};
use crate::table::{ColumnBuilder, Schema, Table, TableError, Type};

/// The columns of the output.
pub(super) const COLUMNS: &[(&str, Type)] = &[
    ("section", Type::Text),
    ("panel", Type::Text),
    ("row", Type::Text),
    ("column", Type::Text),
    ("number", Type::Float64),
    ("step", Type::Text),
    ("output", Type::Text),
    ("where", Type::Text),
];

/// Every number of every table of the report. Methods and galleries have none.
pub(super) fn table(page: &Page) -> Result<Table, TableError> {
    let mut columns: Vec<ColumnBuilder> = COLUMNS.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
    for section in page.sections.iter().filter(|section| section.id != "methods") {
        for panel in &section.panels {
            let Some(sheet) = &panel.sheet else { continue };
            for row in &sheet.rows {
                let heading: Vec<String> = row.cells.iter().map_while(words).collect();
                for (at, cell) in row.cells.iter().enumerate().skip(heading.len()) {
                    if matches!(cell, Value::Text(_)) {
                        continue;
                    }
                    let column_place = sheet.column_places.get(at).filter(|place| !place.is_empty());
                    let place: Vec<&str> = row.place.iter().chain(column_place).map(String::as_str).collect();
                    columns[0].push_text(&section.id);
                    columns[1].push_text(&panel.id);
                    columns[2].push_text(&heading.join(" "));
                    columns[3].push_text(sheet.columns[at].trim());
                    match cell.as_number() {
                        Some(number) => columns[4].push_float64(number),
                        None => columns[4].push_null(),
                    }
                    let source = row.source.as_ref().or(panel.source.as_ref());
                    columns[5].push_optional_text(source.map(|source| source.step.as_str()));
                    columns[6].push_optional_text(source.map(|source| source.output.as_str()));
                    columns[7].push_optional_text((!place.is_empty()).then(|| place.join(" ")).as_deref());
                }
            }
        }
    }
    Table::from_builders(Schema::of(COLUMNS), columns)
}

fn words(cell: &Value) -> Option<String> {
    match cell {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}
