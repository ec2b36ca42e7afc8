//! Rows as JSON: one object a line, or an array of them. Missing values are `null`, identities and dates are text.

use std::io::Write;

use super::{CellRef, Table};

/// Writes one object per line.
///
/// # Errors
/// What the writer reports.
pub fn write_lines(table: &Table, out: &mut dyn Write) -> std::io::Result<()> {
    write_rows(table, out, "", "\n", "\n")
}

/// Writes an array of objects, one per line.
///
/// # Errors
/// What the writer reports.
pub fn write_array(table: &Table, out: &mut dyn Write) -> std::io::Result<()> {
    out.write_all(b"[")?;
    write_rows(table, out, "\n  ", ",", "\n")?;
    out.write_all(b"]\n")
}

fn write_rows(table: &Table, out: &mut dyn Write, before: &str, between: &str, behind: &str) -> std::io::Result<()> {
    let names: Vec<String> = table.schema.fields.iter().map(|field| quoted(&field.name)).collect();
    let mut buffer = Vec::with_capacity(1 << 16);
    for row in 0..table.rows {
        write!(buffer, "{}{before}{{", if row > 0 { between } else { "" })?;
        for (place, (name, column)) in names.iter().zip(&table.columns).enumerate() {
            write!(buffer, "{}{name}:", if place > 0 { "," } else { "" })?;
            write_cell(column.cell(row), &mut buffer)?;
        }
        buffer.push(b'}');
        if buffer.len() >= 1 << 16 {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    if table.rows > 0 {
        buffer.extend_from_slice(behind.as_bytes());
    }
    out.write_all(&buffer)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_cell(cell: CellRef<'_>, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    match cell {
        CellRef::Null => buffer.write_all(b"null"),
        CellRef::Text(text) => Ok(serde_json::to_writer(buffer, text)?),
        CellRef::Int(_) | CellRef::Bool(_) => write!(buffer, "{cell}"),
        CellRef::Float32(value) if value.is_finite() => write!(buffer, "{cell}"),
        CellRef::Float64(value) if value.is_finite() => write!(buffer, "{cell}"),
        // JSON has no infinity, and no dates.
        _ => write!(buffer, "\"{cell}\""),
    }
}
