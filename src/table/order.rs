//! Orders rows by columns.

use std::cmp::Ordering;

use super::column::{Column, Values};
use super::{Table, TableError};

impl Table {
    /// The order of rows by `names`: stable, missing values first, text by its bytes, numbers by size.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn sort_by(&self, names: &[&str]) -> Result<Vec<u32>, TableError> {
        let keys = names.iter().map(|name| self.require(name).map(|column| Key::of(column))).collect::<Result<Vec<_>, _>>()?;
        let mut rows: Vec<u32> = (0..u32::try_from(self.rows).map_err(|_| TableError::TooLarge)?).collect();
        rows.sort_by(|a, b| {
            keys.iter().map(|key| key.compare(*a as usize, *b as usize)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(rows)
    }
}

/// A column prepared for comparing: texts become ranks, so that each distinct one is compared once.
struct Key<'a> {
    column: &'a Column,
    ranks: Vec<u32>,
}

impl<'a> Key<'a> {
    fn of(column: &'a Column) -> Self {
        let texts: Vec<&str> = column.texts().collect();
        let mut order: Vec<u32> = (0..u32::try_from(texts.len()).unwrap_or(u32::MAX)).collect();
        order.sort_unstable_by_key(|code| texts[*code as usize]);
        let mut ranks = vec![0; texts.len()];
        for (rank, code) in (0..).zip(order) {
            ranks[code as usize] = rank;
        }
        Self { column, ranks }
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let there = |row| !self.column.is_null(row);
        let values = match &self.column.values {
            _ if !there(a) || !there(b) => return there(a).cmp(&there(b)),
            Values::Text { codes, .. } => return self.ranks[codes[a] as usize].cmp(&self.ranks[codes[b] as usize]),
            values => values,
        };
        match values {
            Values::Text { .. } => Ordering::Equal,
            Values::Int(values) | Values::DateTime(values) => values[a].cmp(&values[b]),
            Values::Float32(values) => values[a].total_cmp(&values[b]),
            Values::Float64(values) => values[a].total_cmp(&values[b]),
            Values::Bool(bits) => bits.get(a).cmp(&bits.get(b)),
            Values::Content(values) => values[a].cmp(&values[b]),
        }
    }
}
