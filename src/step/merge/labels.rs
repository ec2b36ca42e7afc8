//! The label that counts, and those that say something else.

use std::sync::Arc;

use super::TYPES;
use super::join::{Joined, KEYS};
use crate::observation::{self, ITEM};
use crate::step::{StepError, label_type};
use crate::table::{Column, Schema, Table, TableError, Type};

/// What is read of a label.
pub const COLUMNS: &[&str] = &["class", "type", "reviewer", "comment"];

/// All labels, those of one table behind those of the one before.
pub struct Labels {
    /// Key columns and [`COLUMNS`] of all.
    pub table: Table,
    /// The tables as read.
    pub parts: Vec<Table>,
}

fn type_of(name: &str) -> Type {
    match name {
        "content" => Type::Content,
        ITEM => Type::Int,
        _ => Type::Text,
    }
}

impl Labels {
    /// Puts the tables below one another; a column that one lacks is missing there.
    pub fn of(parts: Vec<Table>) -> Result<Self, TableError> {
        let names: Vec<(&str, Type)> = KEYS.iter().chain(COLUMNS).map(|name| (*name, type_of(name))).collect();
        let schema = Schema::of(&names);
        let even = |part: &Table| {
            let column = |(name, ty): &(&str, Type)| {
                let own = part.column(name).filter(|column| column.ty() == *ty);
                own.map_or_else(|| Arc::new(Column::nulls(*ty, part.rows)), Arc::clone)
            };
            Table::from_columns(schema.clone(), names.iter().map(column).collect())
        };
        let tables = parts.iter().map(even).collect::<Result<Vec<_>, _>>()?;
        let table = if tables.is_empty() { Table::empty(schema) } else { Table::concat(&tables)? };
        Ok(Self { table, parts })
    }

    /// The table of a row, from 0, and its row there.
    fn place(&self, row: u32) -> (usize, usize) {
        let mut row = row as usize;
        for (at, part) in self.parts.iter().enumerate() {
            if row < part.rows {
                return (at, row);
            }
            row -= part.rows;
        }
        (self.parts.len(), row)
    }

    /// Chooses the label that counts of each observation.
    ///
    /// # Errors
    /// Where two labels of one table are of one type: which of them counts would be chance.
    pub fn choose(&self, joined: &Joined, images: &Table, priority: &Priority) -> Result<Chosen, StepError> {
        let (classes, types) = (self.table.require("class")?, self.table.require("type")?);
        let ranks: Vec<usize> = types.texts().map(|types| priority.rank(types)).collect();
        let rank = |row: u32| types.code(row as usize).map_or(priority.rank(label_type::OTHER), |code| ranks[code as usize]);
        let mut order: Vec<(u32, usize, u32)> = (0_u32..)
            .zip(&joined.labels)
            .filter(|(row, _)| !classes.is_null(*row as usize))
            .filter_map(|(row, observation)| Some(((*observation)?, rank(row), row)))
            .collect();
        order.sort_unstable();
        for pair in order.windows(2) {
            let ((one, rank, first), (other, same, second)) = (pair[0], pair[1]);
            let (table, at) = self.place(first);
            let (other_table, other_at) = self.place(second);
            if one == other && rank == same && table == other_table {
                return Err(StepError::Data(format!(
                    "`{}` has two labels of one type in one table: rows {} and {} of table {} of the labels; keep one of them, or say \
                     `rows: multilabel` where an image may have several",
                    observation::words(images, joined.images[one as usize] as usize),
                    at + 1,
                    other_at + 1,
                    table + 1
                )));
            }
        }
        let mut chosen = Chosen { winners: vec![None; joined.images.len()], differing: Vec::new() };
        for (observation, _, row) in order {
            match &mut chosen.winners[observation as usize] {
                Some(winner) if classes.code(*winner as usize) == classes.code(row as usize) => {}
                Some(winner) => chosen.differing.push((observation, *winner, row)),
                empty @ None => *empty = Some(row),
            }
        }
        Ok(chosen)
    }
}

/// The labels that count.
pub struct Chosen {
    /// By observation.
    pub winners: Vec<Option<u32>>,
    /// Observation, the label that counts, and one of another class.
    pub differing: Vec<(u32, u32, u32)>,
}

/// The types of label in the order in which they count.
#[derive(Debug, Clone)]
pub struct Priority(Vec<String>);

impl Priority {
    /// The types given, then the others in their usual order.
    pub fn of(given: Vec<String>) -> Self {
        let others: Vec<String> = TYPES.iter().filter(|ty| !given.iter().any(|own| own == *ty)).map(|ty| (*ty).to_owned()).collect();
        Self(given.into_iter().chain(others).collect())
    }

    /// Where `types`, joined by `+`, stand: where the best of them does. A type that nobody knows comes last.
    pub fn rank(&self, types: &str) -> usize {
        types.split('+').map(|part| self.0.iter().position(|own| own == part).unwrap_or(self.0.len())).min().unwrap_or(self.0.len())
    }

    /// The one of `types` that counts.
    pub fn first<'t>(&self, types: &'t str) -> &'t str {
        types.split('+').min_by_key(|part| self.rank(part)).unwrap_or(types)
    }
}

/// The columns of the observation that the images have.
fn observed<'s>(images: &'s Schema) -> impl Iterator<Item = (&'s str, Type)> {
    const KEPT: &[&str] = &["content", "path", "file", "site", "season", "name"];
    KEPT.iter().filter_map(|name| images.field(name)).map(|field| (field.name.as_str(), field.ty))
}

/// The columns of the labels that differ, as they stand in the table of disagreements.
const BOTH: &[(&str, &str)] = &[("class", "other_class"), ("type", "other_type"), ("reviewer", "other_reviewer"), ("comment", "other_comment")];

/// The columns of the table of disagreements.
pub fn disagreements_schema(images: &Schema, multilabel: bool) -> Schema {
    let mut schema = Schema::of(&observed(images).collect::<Vec<_>>());
    if multilabel || images.field(ITEM).is_some() {
        schema.set(ITEM, Type::Int);
    }
    for (own, _) in BOTH {
        schema.set(own, Type::Text);
    }
    for (_, other) in BOTH {
        schema.set(other, Type::Text);
    }
    schema
}

/// One row per label that is of another class than the one that counts, in the order of the images.
pub fn disagreements(images: &Table, joined: &Joined, chosen: &Chosen, labels: &Labels) -> Result<Table, TableError> {
    let schema = disagreements_schema(&images.schema, joined.items.is_some());
    let rows: Vec<u32> = chosen.differing.iter().map(|(observation, ..)| joined.images[*observation as usize]).collect();
    let winners: Vec<u32> = chosen.differing.iter().map(|(_, winner, _)| *winner).collect();
    let others: Vec<u32> = chosen.differing.iter().map(|(.., other)| *other).collect();
    let mut columns = Vec::with_capacity(schema.fields.len());
    for field in &schema.fields {
        let name = field.name.as_str();
        let column = if let Some((own, _)) = BOTH.iter().find(|(own, _)| *own == name) {
            labels.table.require(own)?.take(&winners)
        } else if let Some((own, _)) = BOTH.iter().find(|(_, other)| *other == name) {
            labels.table.require(own)?.take(&others)
        } else if let (ITEM, Some(items)) = (name, &joined.items) {
            items_of(chosen.differing.iter().map(|(observation, ..)| items[*observation as usize]))?
        } else {
            images.require(name)?.take(&rows)
        };
        columns.push(Arc::new(column));
    }
    Table::from_columns(schema, columns)
}

/// A column of items.
pub fn items_of(items: impl Iterator<Item = Option<i64>>) -> Result<Column, TableError> {
    let mut builder = crate::table::ColumnBuilder::new(Type::Int);
    items.for_each(|item| builder.push(item.map_or(crate::table::CellRef::Null, crate::table::CellRef::Int)));
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_priority_leaves_out_follow_and_other_is_last() {
        let priority = Priority::of(vec!["corrected".into()]);
        let ranks: Vec<usize> =
            ["corrected", "random", "confidence", "class", "other", "guess", "other+class"].map(|ty| priority.rank(ty)).into();
        assert_eq!(ranks, [0, 1, 2, 3, 4, 5, 3]);
        assert_eq!((priority.first("class+random"), priority.first("guess")), ("random", "guess"));
    }
}
