//! An aligned table for a terminal.

use std::io::Write;

use super::{CellRef, Table, Type};

/// Widest cell, in characters; longer ones are cut with `…`.
const WIDEST: usize = 48;
/// Digits of an identity that a person needs to tell files apart.
const ID_CHARS: usize = 15;

/// Decimals of a computed number, and between which sizes they say enough of it.
const DECIMALS: usize = 4;
const SMALLEST: f64 = 1e-3;
const LARGEST: f64 = 1e9;

/// Writes the first `limit` rows under their names, numbers to the right, missing values as `-`, and says how many more there are.
///
/// # Errors
/// What the writer reports.
pub fn write(table: &Table, limit: usize, out: &mut dyn Write) -> std::io::Result<()> {
    let shown = table.rows.min(limit);
    let mut lines: Vec<String> = vec![String::new(); shown + 2];
    for (place, (field, column)) in table.schema.fields.iter().zip(&table.columns).enumerate() {
        let cells: Vec<String> = (0..shown).map(|row| cell_text(column.cell(row))).collect();
        let name = cut(&field.name, WIDEST);
        let width = cells.iter().chain([&name]).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let right = matches!(field.ty, Type::Int | Type::Float32 | Type::Float64);
        let gap = if place > 0 { "  " } else { "" };
        let rule = "-".repeat(width);
        for (line, cell) in lines.iter_mut().zip([&name, &rule].into_iter().chain(&cells)) {
            line.push_str(gap);
            let padding = " ".repeat(width - cell.chars().count());
            let (before, behind) = if right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([before, cell, behind]);
        }
    }
    for line in lines {
        writeln!(out, "{}", line.trim_end())?;
    }
    match table.rows - shown {
        0 => Ok(()),
        1 => writeln!(out, "... 1 more row"),
        more => writeln!(out, "... {more} more rows"),
    }
}

/// The leading columns that fit into `width` characters, one at least; those without a value in the rows shown are left out.
#[must_use]
pub fn fitting(table: &Table, limit: usize, width: usize) -> Vec<String> {
    let shown = table.rows.min(limit);
    let mut names: Vec<String> = Vec::new();
    let mut taken = 0;
    for (field, column) in table.schema.fields.iter().zip(&table.columns) {
        if shown > 0 && (0..shown).all(|row| column.is_null(row)) {
            continue;
        }
        let cells = (0..shown).map(|row| cell_text(column.cell(row)).chars().count());
        let needs = cells.chain([cut(&field.name, WIDEST).chars().count()]).max().unwrap_or(0);
        let gap = if names.is_empty() { 0 } else { 2 };
        // A wide column should not hide the narrow ones behind it.
        if names.is_empty() || taken + gap + needs <= width {
            taken += gap + needs;
            names.push(field.name.clone());
        }
    }
    names
}

fn cell_text(cell: CellRef<'_>) -> String {
    match cell {
        CellRef::Null => "-".to_owned(),
        CellRef::Content(id) => id.to_string().chars().take(ID_CHARS).collect(),
        // A line break inside a cell would break the table, a control character the terminal.
        CellRef::Text(text) => cut(&text.replace(char::is_control, " "), WIDEST),
        CellRef::Float64(value) if value == 0.0 || (SMALLEST..LARGEST).contains(&value.abs()) => rounded(value),
        other => other.to_string(),
    }
}

/// A computed number with as many decimals as a person compares; exports have them all.
fn rounded(value: f64) -> String {
    let text = format!("{value:.DECIMALS$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { text.chars().take(width - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_numbers_have_the_decimals_that_a_person_compares() {
        let shown = [0.653_639_397_193_791, 1.0, -0.5, 0.0, 0.000_123_456, 188.571_428_5, 2e12]
            .map(|value| cell_text(CellRef::Float64(value)));
        assert_eq!(shown, ["0.6536", "1", "-0.5", "0", "0.000123456", "188.5714", "2000000000000"]);
        assert_eq!(cell_text(CellRef::Float32(0.999_557_55)), "0.99955755", "a confidence stays as the model computed it");
    }
}
