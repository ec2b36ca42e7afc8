//! Columns of others made of ours: parts of paths, dates as they write them, constants.

use std::sync::Arc;

use crate::table::{CellRef, Column, ColumnBuilder, Schema, Table, TableError, Type, civil};

/// A column under its new name.
pub type Named = (&'static str, Arc<Column>);

/// Puts columns together.
///
/// # Errors
/// As [`Table::from_columns`].
pub fn table(columns: Vec<Named>) -> Result<Table, TableError> {
    let mut schema = Schema::default();
    for (name, column) in &columns {
        schema.set(name, column.ty());
    }
    Table::from_columns(schema, columns.into_iter().map(|(_, column)| column).collect())
}

/// The first column of `names` that the table has.
pub fn first<'t>(table: &'t Table, names: &[&str]) -> Option<&'t Arc<Column>> {
    names.iter().find_map(|name| table.column(name))
}

/// That column, shared; missing values where there is none.
pub fn own(table: &Table, names: &[&str]) -> Arc<Column> {
    first(table, names).map_or_else(|| Arc::new(Column::nulls(Type::Text, table.rows)), Arc::clone)
}

/// A text column with each distinct text looked up once.
///
/// # Errors
/// When it is too large.
pub fn recoded(column: &Column, of: &dyn Fn(&str) -> Option<String>) -> Result<Arc<Column>, TableError> {
    let texts: Vec<Option<String>> = column.texts().map(of).collect();
    let mut builder = ColumnBuilder::with_capacity(Type::Text, column.len());
    for row in 0..column.len() {
        builder.push_optional_text(column.code(row).and_then(|code| texts[code as usize].as_deref()));
    }
    Ok(Arc::new(builder.finish()?))
}

/// Texts row by row, through one buffer; `write` says whether there is a value.
///
/// # Errors
/// When it is too large.
pub fn written(rows: usize, mut write: impl FnMut(usize, &mut String) -> bool) -> Result<Arc<Column>, TableError> {
    let mut builder = ColumnBuilder::with_capacity(Type::Text, rows);
    let mut buffer = String::new();
    for row in 0..rows {
        buffer.clear();
        let there = write(row, &mut buffer);
        builder.push_optional_text(there.then_some(buffer.as_str()));
    }
    Ok(Arc::new(builder.finish()?))
}

/// A part of a date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Civil {
    /// `YYYY-MM-DD hh:mm:ss`.
    Both,
    /// `YYYY-MM-DD`.
    Date,
    /// `hh:mm:ss`.
    Time,
}

/// Dates and times as texts.
///
/// # Errors
/// When it is too large.
pub fn civil(times: &Column, part: Civil) -> Result<Arc<Column>, TableError> {
    written(times.len(), |row, buffer| {
        let Some(seconds) = times.datetime(row) else { return false };
        let text = civil::format(seconds);
        let Some((date, time)) = text.split_once('T') else { return false };
        match part {
            Civil::Both => buffer.extend([date, " ", time]),
            Civil::Date => buffer.push_str(date),
            Civil::Time => buffer.push_str(time),
        }
        true
    })
}

/// The columns that say which file an image is, the surest first.
const FILES: [&str; 3] = ["path", "file", "name"];

/// The place of a row's file: its folder, empty where it has none, and its name.
pub struct Files<'t>(Vec<&'t Column>);

impl<'t> Files<'t> {
    /// Of a table's rows.
    pub fn of(table: &'t Table) -> Self {
        Self(FILES.iter().filter_map(|name| table.column(name).map(AsRef::as_ref)).collect())
    }

    /// The whole path.
    pub fn path(&self, row: usize) -> Option<&'t str> {
        self.0.iter().find_map(|column| column.text(row))
    }

    /// Folder and name.
    pub fn parts(&self, row: usize) -> Option<(&'t str, &'t str)> {
        self.path(row).map(|path| path.rsplit_once('/').unwrap_or(("", path)))
    }

    /// Two columns: folders with `separator` between their parts, and names.
    ///
    /// # Errors
    /// When they are too large.
    pub fn columns(&self, rows: usize, separator: char) -> Result<(Arc<Column>, Arc<Column>), TableError> {
        let put = |row: usize, buffer: &mut String, of: fn((&'t str, &'t str)) -> &'t str| match self.parts(row).map(of) {
            Some(text) => {
                buffer.extend(text.chars().map(|letter| if letter == '/' { separator } else { letter }));
                true
            }
            None => false,
        };
        let folders = written(rows, |row, buffer| put(row, buffer, |(folder, _)| folder))?;
        Ok((folders, written(rows, |row, buffer| put(row, buffer, |(_, name)| name))?))
    }

    /// Says whether a schema has one of the columns.
    pub fn there(schema: &Schema) -> bool {
        FILES.iter().any(|name| schema.field(name).is_some())
    }
}

/// The same text in all rows, or missing.
///
/// # Errors
/// When it is too large.
pub fn constant(text: Option<&str>, rows: usize) -> Result<Arc<Column>, TableError> {
    Ok(Arc::new(Column::repeated(Type::Text, text.map_or(CellRef::Null, CellRef::Text), rows)?))
}
