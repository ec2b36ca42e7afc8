//! Tables: named, typed columns shared between steps, with one canonical encoding.

use std::sync::Arc;

use crate::id::ContentId;

mod column;

pub use column::Column;

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

/// Columns of equal length under a schema. Columns are shared: a table with one more column copies none.
#[derive(Debug, Clone)]
pub struct Table {
    /// Names and types, in the order of `columns`.
    pub schema: Schema,
    /// The values.
    pub columns: Vec<Arc<Column>>,
    /// Number of rows.
    pub rows: usize,
}
