//! Tables: named, typed columns shared between steps, with one canonical encoding.

use std::sync::Arc;

use crate::id::ContentId;

mod bits;
mod builder;
pub mod civil;
mod column;
pub mod csv;
mod dictionary;
mod encoding;
mod error;
mod faults;
mod filter;
mod groups;
mod header;
pub mod json;
mod order;
#[cfg(feature = "parquet")]
pub mod parquet;
mod reader;
pub mod records;
mod row;
pub mod text;

pub use builder::ColumnBuilder;
pub use column::Column;
pub use error::TableError;
pub use faults::{Faults, excerpt};
pub use filter::{Condition, Relation};
pub use groups::Groups;
pub use header::TableHeader;
pub use reader::{Reading, misfit, too_wide};
pub use row::{append_row, decode_row, encode_row};

/// The type of a column. Every column may hold missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Text, UTF-8.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A confidence as a model computed it.
    Float32,
    /// Any other number; never NaN, and -0 is stored as 0.
    Float64,
    /// True or false.
    Bool,
    /// The identity of an image or another file.
    Content,
    /// A civil date and time without zone, in seconds since 1970-01-01T00:00:00 of the same civil calendar.
    DateTime,
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Int => "whole numbers",
            Self::Float32 => "confidences",
            Self::Float64 => "numbers",
            Self::Bool => "true or false",
            Self::Content => "content ids",
            Self::DateTime => "dates and times",
        })
    }
}

/// A named, typed column of a schema.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Field {
    /// The name, unique within its schema.
    pub name: String,
    /// The type.
    pub ty: Type,
}

/// The columns of a table, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Schema {
    /// The columns.
    pub fields: Vec<Field>,
}

impl Schema {
    /// Builds a schema from names and types.
    #[must_use]
    pub fn of(fields: &[(&str, Type)]) -> Self {
        Self { fields: fields.iter().map(|(name, ty)| Field { name: (*name).to_owned(), ty: *ty }).collect() }
    }

    /// The place of the column called `name`.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// The column called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Appends a column, or replaces the type of one of that name in place.
    pub fn set(&mut self, name: &str, ty: Type) {
        match self.fields.iter_mut().find(|f| f.name == name) {
            Some(field) => field.ty = ty,
            None => self.fields.push(Field { name: name.to_owned(), ty }),
        }
    }
}

/// One value of a table or of a computed row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Missing.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A confidence.
    Float32(f32),
    /// A number.
    Float64(f64),
    /// True or false.
    Bool(bool),
    /// An identity.
    Content(ContentId),
    /// Seconds since 1970-01-01T00:00:00, civil.
    DateTime(i64),
}

/// One value, borrowed where it is text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellRef<'a> {
    /// Missing.
    Null,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// A confidence.
    Float32(f32),
    /// A number.
    Float64(f64),
    /// True or false.
    Bool(bool),
    /// An identity.
    Content(ContentId),
    /// Seconds since 1970-01-01T00:00:00, civil.
    DateTime(i64),
}

impl Cell {
    /// The value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> CellRef<'_> {
        match self {
            Self::Null => CellRef::Null,
            Self::Text(text) => CellRef::Text(text),
            Self::Int(value) => CellRef::Int(*value),
            Self::Float32(value) => CellRef::Float32(*value),
            Self::Float64(value) => CellRef::Float64(*value),
            Self::Bool(value) => CellRef::Bool(*value),
            Self::Content(id) => CellRef::Content(*id),
            Self::DateTime(seconds) => CellRef::DateTime(*seconds),
        }
    }
}

impl CellRef<'_> {
    /// The value, owned.
    #[must_use]
    pub fn to_cell(self) -> Cell {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(text.to_owned()),
            Self::Int(value) => Cell::Int(value),
            Self::Float32(value) => Cell::Float32(value),
            Self::Float64(value) => Cell::Float64(value),
            Self::Bool(value) => Cell::Bool(value),
            Self::Content(id) => Cell::Content(id),
            Self::DateTime(seconds) => Cell::DateTime(seconds),
        }
    }

    /// The type; `None` where missing.
    #[must_use]
    pub fn ty(self) -> Option<Type> {
        Some(match self {
            Self::Null => return None,
            Self::Text(_) => Type::Text,
            Self::Int(_) => Type::Int,
            Self::Float32(_) => Type::Float32,
            Self::Float64(_) => Type::Float64,
            Self::Bool(_) => Type::Bool,
            Self::Content(_) => Type::Content,
            Self::DateTime(_) => Type::DateTime,
        })
    }

    fn type_word(self) -> &'static str {
        match self {
            Self::Null => "a missing value",
            Self::Text(_) => "a text",
            Self::Int(_) => "a whole number",
            Self::Float32(_) => "a confidence",
            Self::Float64(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Content(_) => "a content id",
            Self::DateTime(_) => "a date and time",
        }
    }
}

/// How a value reads in an export: empty where missing, floats in the shortest form that reads back, `YYYY-MM-DDThh:mm:ss`, `b3:...`.
impl std::fmt::Display for CellRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Plain digits where a person would write them, an exponent where there would be a row of zeros.
        const PLAIN: std::ops::Range<f64> = 1e-5..1e16;
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float32(value) if *value == 0.0 || PLAIN.contains(&f64::from(value.abs())) => write!(f, "{value}"),
            Self::Float32(value) if value.is_finite() => write!(f, "{value:e}"),
            Self::Float64(value) if *value == 0.0 || PLAIN.contains(&value.abs()) => write!(f, "{value}"),
            Self::Float64(value) if value.is_finite() => write!(f, "{value:e}"),
            Self::Float32(value) => f.write_str(if *value > 0.0 { "Inf" } else { "-Inf" }),
            Self::Float64(value) => f.write_str(if *value > 0.0 { "Inf" } else { "-Inf" }),
            Self::Bool(value) => f.write_str(if *value { "true" } else { "false" }),
            Self::Content(id) => write!(f, "{id}"),
            Self::DateTime(seconds) => f.write_str(&civil::format(*seconds)),
        }
    }
}

/// Columns of equal length under a schema. Columns are shared: a table with one more column copies none.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names and types, in the order of `columns`.
    pub schema: Schema,
    /// The values.
    pub columns: Vec<Arc<Column>>,
    /// Number of rows.
    pub rows: usize,
}

impl Table {
    /// Puts columns under names.
    ///
    /// # Errors
    /// When a name occurs twice, or a column has another type or length than it should.
    pub fn from_columns(schema: Schema, columns: Vec<Arc<Column>>) -> Result<Self, TableError> {
        let rows = columns.first().map_or(0, |column| column.len());
        if schema.fields.len() != columns.len() {
            return Err(TableError::SchemaMismatch(format!("{} names for {} columns", schema.fields.len(), columns.len())));
        }
        let mut names = std::collections::BTreeSet::new();
        for (field, column) in schema.fields.iter().zip(&columns) {
            if !names.insert(field.name.as_str()) {
                return Err(TableError::DuplicateColumn(field.name.clone()));
            }
            check(&field.name, field.ty, rows, column)?;
        }
        Ok(Self { schema, columns, rows })
    }

    /// Finishes builders, one per column of `schema`.
    ///
    /// # Errors
    /// As [`ColumnBuilder::finish`] and [`Table::from_columns`].
    pub fn from_builders(schema: Schema, builders: Vec<ColumnBuilder>) -> Result<Self, TableError> {
        let columns = builders.into_iter().map(|builder| builder.finish().map(Arc::new)).collect::<Result<_, _>>()?;
        Self::from_columns(schema, columns)
    }

    /// A table without rows.
    #[must_use]
    pub fn empty(schema: Schema) -> Self {
        let columns = schema.fields.iter().map(|field| Arc::new(Column::nulls(field.ty, 0))).collect();
        Self { schema, columns, rows: 0 }
    }

    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Arc<Column>> {
        self.schema.index(name).and_then(|at| self.columns.get(at))
    }

    /// The column called `name`, or an error that lists those there are.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn require(&self, name: &str) -> Result<&Arc<Column>, TableError> {
        self.column(name).ok_or_else(|| TableError::NoColumn {
            name: name.to_owned(),
            columns: self.schema.fields.iter().map(|field| field.name.clone()).collect(),
        })
    }

    /// The value of the column called `name` at `row`; missing where there is no such column.
    #[must_use]
    pub fn cell(&self, row: usize, name: &str) -> CellRef<'_> {
        self.column(name).map_or(CellRef::Null, |column| column.cell(row))
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    /// When a row lies beyond the end.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| Arc::new(column.take(rows))).collect();
        Self { schema: self.schema.clone(), columns, rows: rows.len() }
    }

    /// Some columns, in the order asked for.
    ///
    /// # Errors
    /// [`TableError::NoColumn`], [`TableError::DuplicateColumn`].
    pub fn select(&self, names: &[&str]) -> Result<Self, TableError> {
        let mut schema = Schema::default();
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let column = self.require(name)?;
            if schema.field(name).is_some() {
                return Err(TableError::DuplicateColumn((*name).to_owned()));
            }
            schema.set(name, column.ty());
            columns.push(Arc::clone(column));
        }
        Ok(Self { schema, columns, rows: self.rows })
    }

    /// The table with `column` under `name`: replaced in place, or appended.
    ///
    /// # Errors
    /// [`TableError::Length`].
    pub fn with_column(&self, name: &str, column: Arc<Column>) -> Result<Self, TableError> {
        let rows = if self.columns.is_empty() { column.len() } else { self.rows };
        check(name, column.ty(), rows, &column)?;
        let mut table = Self { rows, ..self.clone() };
        table.schema.set(name, column.ty());
        match self.schema.index(name) {
            Some(at) => table.columns[at] = column,
            None => table.columns.push(column),
        }
        Ok(table)
    }

    /// The columns of `schema`, each missing where the table has none of its name and type.
    ///
    /// # Errors
    /// As [`Table::from_columns`].
    pub fn conform(&self, schema: &Schema) -> Result<Self, TableError> {
        let known = |field: &Field| self.column(&field.name).filter(|column| column.ty() == field.ty).cloned();
        let column = |field| known(field).unwrap_or_else(|| Arc::new(Column::nulls(field.ty, self.rows)));
        let mut table = Self::from_columns(schema.clone(), schema.fields.iter().map(column).collect())?;
        table.rows = self.rows;
        Ok(table)
    }

    /// Tables of the same columns, one below the other.
    ///
    /// # Errors
    /// [`TableError::SchemaMismatch`], [`TableError::TooLarge`].
    pub fn concat(tables: &[Self]) -> Result<Self, TableError> {
        let Some(first) = tables.first() else { return Err(TableError::SchemaMismatch("no table at all".into())) };
        for table in tables {
            if table.schema != first.schema {
                return Err(TableError::SchemaMismatch(format!("{} against {}", names(&first.schema), names(&table.schema))));
            }
        }
        if tables.len() == 1 {
            return Ok(first.clone());
        }
        let mut columns = Vec::with_capacity(first.columns.len());
        for at in 0..first.columns.len() {
            let parts: Vec<_> = tables.iter().map(|table| table.columns[at].as_ref()).collect();
            columns.push(Arc::new(Column::concat(&parts)?));
        }
        Ok(Self { schema: first.schema.clone(), columns, rows: tables.iter().map(|table| table.rows).sum() })
    }
}

fn check(name: &str, expected: Type, rows: usize, column: &Column) -> Result<(), TableError> {
    if column.ty() != expected {
        return Err(TableError::ColumnType { column: name.to_owned(), expected, found: column.ty() });
    }
    if column.len() != rows {
        return Err(TableError::Length { column: name.to_owned(), expected: rows, found: column.len() });
    }
    Ok(())
}

fn names(schema: &Schema) -> String {
    let names: Vec<_> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    format!("[{}]", names.join(", "))
}
