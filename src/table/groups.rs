//! Rows of equal values in some columns: sites, seasons, predicted classes.

use std::collections::HashMap;

use super::{Cell, CellRef, Column, Table, TableError};

/// The groups of a table by some of its columns, in the order of their values; missing values come first.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    /// The columns that make the groups.
    pub columns: Vec<String>,
    /// The values of each group, one per column.
    pub keys: Vec<Vec<Cell>>,
    /// The group of each row.
    pub of_row: Vec<u32>,
}

impl Groups {
    /// Groups the rows of `table` by `columns`; without columns, all rows are one group (none where there are no rows).
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn of<S: AsRef<str>>(table: &Table, columns: &[S]) -> Result<Self, TableError> {
        let mut of_row = vec![0_u32; table.rows];
        let mut firsts: Vec<usize> = if table.rows > 0 { vec![0] } else { Vec::new() };
        for name in columns {
            refine(table.require(name.as_ref())?, &mut of_row, &mut firsts);
        }
        let rows: Vec<u32> = firsts.iter().map(|row| u32::try_from(*row).unwrap_or(u32::MAX)).collect();
        let names: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
        let distinct = table.select(&names)?.take(&rows);
        let order = distinct.sort_by(&names)?;
        let mut places = vec![0_u32; order.len()];
        for (place, group) in (0_u32..).zip(&order) {
            places[*group as usize] = place;
        }
        for group in &mut of_row {
            *group = places[*group as usize];
        }
        let key = |group: u32| distinct.columns.iter().map(|column| column.cell(group as usize).to_cell()).collect();
        let keys = order.into_iter().map(key).collect();
        Ok(Self { columns: names.into_iter().map(str::to_owned).collect(), keys, of_row })
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A group in words: `season=2024 site=a`; empty where the groups have no columns.
    #[must_use]
    pub fn words(&self, group: usize) -> String {
        let part = |(name, cell): (&String, &Cell)| match cell {
            Cell::Null => format!("{name} missing"),
            cell => format!("{name}={}", cell.as_ref()),
        };
        self.columns.iter().zip(&self.keys[group]).map(part).collect::<Vec<_>>().join(" ")
    }
}

/// Splits groups by the values of one more column.
fn refine(column: &Column, of_row: &mut [u32], firsts: &mut Vec<usize>) {
    let mut values = Numbered::of(column);
    let mut numbers: HashMap<(u32, u32), u32> = HashMap::new();
    firsts.clear();
    let mut last: Option<((u32, u32), u32)> = None;
    for (row, group) in of_row.iter_mut().enumerate() {
        let pair = (*group, values.number(row));
        // Rows come sorted by site and season: the group is most often the one before.
        *group = match last {
            Some((same, number)) if same == pair => number,
            _ => *numbers.entry(pair).or_insert_with(|| {
                firsts.push(row);
                u32::try_from(firsts.len() - 1).unwrap_or(u32::MAX)
            }),
        };
        last = Some((pair, *group));
    }
}

/// Distinct values of a column, by number; 0 is the missing one.
struct Numbered<'a> {
    column: &'a Column,
    others: HashMap<Vec<u8>, u32>,
}

impl<'a> Numbered<'a> {
    fn of(column: &'a Column) -> Self {
        Self { column, others: HashMap::new() }
    }

    fn number(&mut self, row: usize) -> u32 {
        if let Some(code) = self.column.code(row) {
            return code + 1;
        }
        let bytes = match self.column.cell(row) {
            CellRef::Null => return 0,
            CellRef::Int(value) | CellRef::DateTime(value) => value.to_le_bytes().to_vec(),
            CellRef::Float32(value) => value.to_bits().to_le_bytes().to_vec(),
            CellRef::Float64(value) => value.to_bits().to_le_bytes().to_vec(),
            CellRef::Bool(value) => vec![u8::from(value)],
            CellRef::Content(id) => id.0.to_vec(),
            CellRef::Text(text) => text.as_bytes().to_vec(),
        };
        let next = u32::try_from(self.others.len() + 1).unwrap_or(u32::MAX);
        *self.others.entry(bytes).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ColumnBuilder, Schema, Type};

    fn table(rows: &[(Option<&str>, i64)]) -> Table {
        let (mut site, mut season) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Int));
        for (s, n) in rows {
            site.push_optional_text(*s);
            season.push_int(*n);
        }
        Table::from_builders(Schema::of(&[("site", Type::Text), ("season", Type::Int)]), vec![site, season]).unwrap()
    }

    #[test]
    fn groups_come_in_the_order_of_their_values_whatever_the_order_of_rows() {
        let groups = Groups::of(
            &table(&[(None, 1), (Some("b"), 2), (Some("a"), 10), (Some("b"), 2), (Some("a"), 9)]),
            &["site", "season"],
        )
        .unwrap();
        let words: Vec<_> = (0..groups.len()).map(|group| groups.words(group)).collect();
        assert_eq!(words, ["site missing season=1", "site=a season=9", "site=a season=10", "site=b season=2"]);
        assert_eq!(groups.of_row, [0, 3, 2, 3, 1]);
    }

    #[test]
    fn without_columns_all_rows_are_one_group() {
        let none: [&str; 0] = [];
        assert_eq!(Groups::of(&table(&[(Some("a"), 1), (Some("b"), 1)]), &none).unwrap().of_row, [0, 0]);
        assert!(Groups::of(&table(&[]), &none).unwrap().is_empty());
        assert!(Groups::of(&table(&[(Some("a"), 1)]), &["locality"]).is_err());
    }
}
