//! Tidy CSV: what an analysis in R, Python or a spreadsheet reads.
//!
//! RFC 4180 with LF: commas, quotes where needed, one header line. An empty field is a missing value, `""` an empty text. Floats
//! are written in the shortest form of their own width that reads back; dates as `YYYY-MM-DDThh:mm:ss`; identities as `b3:...`.
//! Values are written as they are: a text that starts with `=` stays one, since altering data to please a spreadsheet loses it.

use std::io::Write;

use super::reader::{self, Reading};
use super::{CellRef, Column, Schema, Table, TableError, Type};

/// Bytes gathered before they go to the writer.
const BATCH_BYTES: usize = 1 << 16;

/// Writes a table, a batch of rows at a time.
///
/// # Errors
/// What the writer reports.
pub fn write(table: &Table, out: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(BATCH_BYTES + 1024);
    for (place, field) in table.schema.fields.iter().enumerate() {
        if place > 0 {
            buffer.push(b',');
        }
        write_text(&field.name, &mut buffer);
    }
    buffer.push(b'\n');
    for row in 0..table.rows {
        write_row(&table.columns, row, &mut buffer)?;
        if buffer.len() >= BATCH_BYTES {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

fn write_row(columns: &[std::sync::Arc<Column>], row: usize, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            buffer.push(b',');
        }
        match column.cell(row) {
            CellRef::Null => {}
            CellRef::Text(text) => write_text(text, buffer),
            cell => write!(buffer, "{cell}")?,
        }
    }
    buffer.push(b'\n');
    Ok(())
}

/// Appends a text as a field: quoted where it must be, and where it is empty, to differ from a missing value.
pub fn write_text(text: &str, buffer: &mut Vec<u8>) {
    if !text.is_empty() && !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return buffer.extend_from_slice(text.as_bytes());
    }
    buffer.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            buffer.push(b'"');
        }
        buffer.push(byte);
    }
    buffer.push(b'"');
}

/// Reads any separated text, all columns as text.
///
/// # Errors
/// [`TableError::Text`] with file, line, column and the way out.
pub fn read(bytes: &[u8], reading: &Reading<'_>) -> Result<Table, TableError> {
    reader::read(bytes, reading, |_| Type::Text)
}

/// Reads separated text whose columns of `schema` must be there and of their types; others are kept as text. Columns come in the
/// order of the file.
///
/// # Errors
/// [`TableError::Text`] with file, line, column and the way out.
pub fn read_typed(bytes: &[u8], schema: &Schema, reading: &Reading<'_>) -> Result<Table, TableError> {
    let table = reader::read(bytes, reading, |name| schema.field(name).map_or(Type::Text, |field| field.ty))?;
    for field in &schema.fields {
        if table.schema.field(&field.name).is_none() {
            let there: Vec<_> = table.schema.fields.iter().map(|f| f.name.as_str()).collect();
            return Err(TableError::Text {
                file: reading.file.to_owned(),
                line: Some(1),
                column: Some(field.name.clone()),
                message: format!("the column is missing; the header has `{}`", there.join("`, `")),
            });
        }
    }
    Ok(table)
}
