//! Compare: how far two tables agree, as data.

use std::fmt;

use super::difference::table_difference;
use crate::id::ContentId;
use crate::store::Store;
use crate::table::{CellRef, Table};

/// Numbers that differ by no more than this are the same result on another machine.
pub const TOLERANCE: f64 = 1e-4;

/// How far two results agree.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Byte for byte.
    Exact,
    /// Numbers differ by no more than [`TOLERANCE`]; some other cells may differ with them.
    Within {
        /// The largest difference of two numbers.
        largest: f64,
        /// Cells that are no numbers and differ: labels at a boundary.
        labels: u64,
        /// Where they stand, in words.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        which: Vec<String>,
    },
    /// More than that.
    Differs {
        /// What differs, in words; behind the first line, the rows.
        what: String,
    },
    /// What it was made of is not at hand.
    NotCheckable {
        /// Why.
        because: String,
    },
}

impl Verdict {
    /// Says whether the results agree as far as machines do.
    pub fn is_within_tolerance(&self) -> bool {
        matches!(self, Self::Exact | Self::Within { labels: 0, .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => write!(f, "exact"),
            Self::Within { largest, labels: 0, .. } => write!(f, "within 1e-4 (largest difference {largest:.1e})"),
            Self::Within { labels, which, .. } => {
                let noun = if *labels == 1 { "label differs" } else { "labels differ" };
                write!(f, "within 1e-4, {labels} {noun}")?;
                which.iter().try_for_each(|line| write!(f, "\n{line}"))
            }
            Self::Differs { what } => write!(f, "differs: {what}"),
            Self::NotCheckable { because } => write!(f, "not checkable: {because}"),
        }
    }
}

/// Compares two stored tables.
pub fn compare_stored(store: &Store, now: ContentId, then: ContentId) -> Verdict {
    if now == then {
        return Verdict::Exact;
    }
    let read = |id| store.open_table(id).and_then(|table| table.read(None));
    match (read(now), read(then)) {
        (Ok(now), Ok(then)) => compare(&now, &then),
        (_, Err(_)) => Verdict::NotCheckable { because: format!("{then} is not in the store") },
        (Err(_), _) => Verdict::NotCheckable { because: format!("{now} is not in the store") },
    }
}

/// Compares two tables cell by cell.
pub fn compare(now: &Table, then: &Table) -> Verdict {
    if now.id() == then.id() {
        return Verdict::Exact;
    }
    if now.schema != then.schema {
        let names = |table: &Table| table.schema.fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>().join(", ");
        return Verdict::Differs { what: format!("columns {} instead of {}", names(now), names(then)) };
    }
    if now.rows != then.rows {
        let noun = if now.rows == 1 { "row" } else { "rows" };
        let what = format!("{} {noun} instead of {}", now.rows, then.rows);
        return Verdict::Differs { what: with_rows(what, now, then) };
    }
    let (mut largest, mut labels) = (0f64, 0);
    for (column, other) in now.columns.iter().zip(&then.columns) {
        if column.id() == other.id() {
            continue;
        }
        for row in 0..now.rows {
            match (number(column.cell(row)), number(other.cell(row))) {
                (Some(a), Some(b)) => largest = largest.max((a - b).abs()),
                _ if column.cell(row) == other.cell(row) => {}
                _ => labels += 1,
            }
        }
    }
    if largest > TOLERANCE {
        let what = format!("numbers by up to {largest:.3e}, {labels} other cells");
        return Verdict::Differs { what: with_rows(what, now, then) };
    }
    let which = if labels > 0 { rows(now, then) } else { Vec::new() };
    Verdict::Within { largest, labels, which }
}

fn with_rows(what: String, now: &Table, then: &Table) -> String {
    std::iter::once(what).chain(rows(now, then)).collect::<Vec<_>>().join("\n")
}

/// The rows in which two tables of the same columns differ, a line for each sort of difference with its first few.
fn rows(now: &Table, then: &Table) -> Vec<String> {
    // The number of what differs is said already: rows that cannot be joined have no names.
    let Ok(found) = table_difference(then, now) else { return Vec::new() };
    let sorts = [
        ("gone", &found.old_examples, found.only_old),
        ("new", &found.new_examples, found.only_new),
        ("changed", &found.changed_examples, found.changed),
    ];
    let told = sorts.into_iter().filter(|(_, examples, _)| !examples.is_empty());
    let line = |(sort, examples, all): (&str, &Vec<String>, u64)| {
        let hidden = all.saturating_sub(examples.len() as u64);
        let more = if hidden > 0 { format!("; and {hidden} more") } else { String::new() };
        format!("{sort}: {}{more}", examples.join("; "))
    };
    told.map(line).collect()
}

pub(super) fn number(cell: CellRef<'_>) -> Option<f64> {
    match cell {
        CellRef::Float32(value) => Some(f64::from(value)),
        CellRef::Float64(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::testing::{table, text};
    use crate::table::{Cell, Type};

    fn labels(rows: &[(&str, &str, f64)]) -> Table {
        let fields = [("name", Type::Text), ("label", Type::Text), ("confidence", Type::Float64)];
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|(name, label, confidence)| vec![text(name), text(label), Cell::Float64(*confidence)]).collect();
        table(&fields, &rows)
    }

    #[test]
    fn what_differs_is_named_row_by_row() {
        let then = labels(&[("a.jpg", "vole", 0.9), ("b.jpg", "stoat", 0.8)]);
        assert_eq!(compare(&then, &then), Verdict::Exact);
        let now = labels(&[("a.jpg", "vole", 0.9), ("b.jpg", "shrew", 0.8)]);
        let words = compare(&now, &then).to_string();
        assert!(words.starts_with("within 1e-4, 1 label differs\nchanged: "), "{words}");
        assert!(words.contains("b.jpg") && words.contains("stoat") && words.contains("shrew"), "{words}");
        let fewer = compare(&labels(&[("a.jpg", "vole", 0.9)]), &then).to_string();
        assert!(fewer.starts_with("differs: 1 row instead of 2\ngone: ") && fewer.contains("b.jpg"), "{fewer}");
    }
}
