//! Tidy CSV: what an analysis in R, Python or a spreadsheet reads.
//!
//! RFC 4180 with LF: commas, quotes where needed, one header line. An empty field is a missing value, `""` an empty text. Floats
//! are written in the shortest form of their own width that reads back; dates as `YYYY-MM-DDThh:mm:ss`; identities as `b3:...`.
//! Values are written as they are: a text that starts with `=` stays one, unless somebody asks for a file that is safe in spreadsheets.

use std::io::Write;

use rayon::prelude::*;

use super::reader::{self, Reading};
use super::records::Separator;
use super::{CellRef, Column, Schema, Table, TableError, Type};

/// Rows rendered at a time by one thread.
const BATCH_ROWS: usize = 4096;
/// Batches rendered before they are written: what bounds the memory.
const BATCHES: usize = 16;

/// How separated text is written where it is not tidy CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Between fields.
    pub separator: Separator,
    /// What stands for a missing value.
    pub missing: String,
    /// Texts and names of columns are quoted even where they need not be, as R's `write.table` does.
    pub quote_all_text: bool,
    /// A text that a spreadsheet would compute gets an apostrophe in front.
    pub spreadsheet_safe: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { separator: Separator::Comma, missing: String::new(), quote_all_text: false, spreadsheet_safe: false }
    }
}

impl Style {
    /// Says whether a text would read as another, or as none, without quotes.
    fn needs_quotes(&self, text: &str) -> bool {
        let separator = self.separator.byte();
        self.quote_all_text
            || text.is_empty()
            || text == self.missing
            || text.bytes().any(|byte| byte == separator || matches!(byte, b'"' | b'\n' | b'\r'))
    }

    /// Says whether a spreadsheet would take a text for a formula. Numbers are not computed.
    fn is_formula(&self, text: &str) -> bool {
        self.spreadsheet_safe && text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err()
    }

    fn write_text(&self, text: &str, buffer: &mut Vec<u8>) {
        if self.is_formula(text) {
            return self.write_text(&format!("'{text}"), buffer);
        }
        if self.needs_quotes(text) { write_quoted(text, buffer) } else { buffer.extend_from_slice(text.as_bytes()) }
    }
}

/// Writes a table as tidy CSV, some batches of rows at a time.
///
/// # Errors
/// What the writer reports.
pub fn write(table: &Table, out: &mut dyn Write) -> std::io::Result<()> {
    write_as(table, &Style::default(), out)
}

/// Writes a table as separated text of some style. Quotes within a text are doubled.
///
/// # Errors
/// What the writer reports.
pub fn write_as(table: &Table, style: &Style, out: &mut dyn Write) -> std::io::Result<()> {
    let mut header = Vec::new();
    for (place, field) in table.schema.fields.iter().enumerate() {
        if place > 0 {
            header.push(style.separator.byte());
        }
        style.write_text(&field.name, &mut header);
    }
    header.push(b'\n');
    out.write_all(&header)?;
    let columns: Vec<Prepared<'_>> = table.columns.iter().map(|column| Prepared::of(column, style)).collect();
    let starts: Vec<usize> = (0..table.rows).step_by(BATCH_ROWS).collect();
    for batches in starts.chunks(BATCHES) {
        let render = |start: &usize| rendered(&columns, *start..table.rows.min(start + BATCH_ROWS), style);
        let texts = batches.par_iter().map(render).collect::<std::io::Result<Vec<_>>>()?;
        texts.iter().try_for_each(|text| out.write_all(text))?;
    }
    Ok(())
}

/// A column with what is known of each of its distinct texts.
struct Prepared<'c> {
    column: &'c Column,
    /// By code: the text needs quotes.
    quoted: Vec<bool>,
    /// By code: the text as it is written, where it is written otherwise.
    written: Vec<Option<Box<[u8]>>>,
}

impl<'c> Prepared<'c> {
    fn of(column: &'c Column, style: &Style) -> Self {
        let written = |text: &str| {
            let mut buffer = Vec::new();
            style.is_formula(text).then(|| style.write_text(text, &mut buffer)).map(|()| buffer.into_boxed_slice())
        };
        let quoted = column.texts().map(|text| style.needs_quotes(text)).collect();
        let written = if style.spreadsheet_safe { column.texts().map(written).collect() } else { Vec::new() };
        Self { column, quoted, written }
    }
}

fn rendered(columns: &[Prepared<'_>], rows: std::ops::Range<usize>, style: &Style) -> std::io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(rows.len() * columns.len() * 8);
    for row in rows {
        for (place, Prepared { column, quoted, written }) in columns.iter().enumerate() {
            if place > 0 {
                buffer.push(style.separator.byte());
            }
            match column.cell(row) {
                CellRef::Null => buffer.extend_from_slice(style.missing.as_bytes()),
                CellRef::Text(text) => {
                    let code = column.code(row).map(|code| code as usize);
                    if let Some(Some(safe)) = code.and_then(|code| written.get(code)) {
                        buffer.extend_from_slice(safe);
                    } else if column.code(row).is_some_and(|code| quoted[code as usize]) {
                        write_quoted(text, &mut buffer);
                    } else {
                        buffer.extend_from_slice(text.as_bytes());
                    }
                }
                CellRef::Int(digit @ 0..=9) => buffer.push(b'0' + u8::try_from(digit).unwrap_or(0)),
                cell => write!(buffer, "{cell}")?,
            }
        }
        buffer.push(b'\n');
    }
    Ok(buffer)
}

/// Appends a text as a field: quoted where it must be, and where it is empty, to differ from a missing value.
pub fn write_text(text: &str, buffer: &mut Vec<u8>) {
    Style::default().write_text(text, buffer);
}

fn write_quoted(text: &str, buffer: &mut Vec<u8>) {
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
