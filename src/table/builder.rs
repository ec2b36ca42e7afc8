//! Builds a column value by value.

use super::bits::Bits;
use super::column::{Column, Values};
use super::dictionary::Interner;
use super::{CellRef, TableError, Type, civil};
use crate::id::ContentId;

/// Receives values one after another. A wrong value is remembered and reported by [`ColumnBuilder::finish`], so that pushing
/// needs no error handling.
#[derive(Debug)]
pub struct ColumnBuilder {
    ty: Type,
    values: Values,
    interner: Interner,
    valid: Bits,
    error: Option<TableError>,
}

impl ColumnBuilder {
    /// Starts an empty column.
    #[must_use]
    pub fn new(ty: Type) -> Self {
        Self::with_capacity(ty, 0)
    }

    /// Starts an empty column with room for `rows`.
    #[must_use]
    pub fn with_capacity(ty: Type, rows: usize) -> Self {
        let values = match ty {
            Type::Text => Values::Text { codes: Vec::with_capacity(rows), dictionary: super::dictionary::Dictionary::default() },
            Type::Int => Values::Int(Vec::with_capacity(rows)),
            Type::Float32 => Values::Float32(Vec::with_capacity(rows)),
            Type::Float64 => Values::Float64(Vec::with_capacity(rows)),
            Type::Bool => Values::Bool(Bits::default()),
            Type::Content => Values::Content(Vec::with_capacity(rows)),
            Type::DateTime => Values::DateTime(Vec::with_capacity(rows)),
        };
        Self { ty, values, interner: Interner::default(), valid: Bits::default(), error: None }
    }

    /// The type of the values.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Says whether there are no rows yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a value: `builder.push(cell.as_ref())`, `builder.push(other.cell(row))`.
    pub fn push(&mut self, cell: CellRef<'_>) {
        let row = self.len();
        let fits = match (&mut self.values, cell) {
            (Values::Text { codes, .. }, CellRef::Text(text)) => {
                let code = self.interner.intern(text).unwrap_or_else(|error| {
                    self.error.get_or_insert(error);
                    0
                });
                codes.push(code);
                true
            }
            (Values::Int(values), CellRef::Int(value)) => {
                values.push(value);
                true
            }
            (Values::Float32(values), CellRef::Float32(value)) if !value.is_nan() => {
                // -0 and 0 are one number and must be the same bytes.
                values.push(value + 0.0);
                true
            }
            (Values::Float64(values), CellRef::Float64(value)) if !value.is_nan() => {
                values.push(value + 0.0);
                true
            }
            (Values::Bool(bits), CellRef::Bool(value)) => {
                bits.push(value);
                true
            }
            (Values::Content(values), CellRef::Content(id)) => {
                values.push(id.0);
                true
            }
            (Values::DateTime(values), CellRef::DateTime(seconds)) if civil::in_range(seconds) => {
                values.push(seconds);
                true
            }
            (values, cell) => {
                push_zero(values);
                if let Some(error) = refusal(self.ty, cell, row) {
                    self.error.get_or_insert(error);
                }
                false
            }
        };
        self.valid.push(fits);
    }

    /// Adds a missing value.
    pub fn push_null(&mut self) {
        self.push(CellRef::Null);
    }

    /// Adds a text.
    pub fn push_text(&mut self, text: &str) {
        self.push(CellRef::Text(text));
    }

    /// Adds a whole number.
    pub fn push_int(&mut self, value: i64) {
        self.push(CellRef::Int(value));
    }

    /// Adds a confidence.
    pub fn push_float32(&mut self, value: f32) {
        self.push(CellRef::Float32(value));
    }

    /// Adds a number.
    pub fn push_float64(&mut self, value: f64) {
        self.push(CellRef::Float64(value));
    }

    /// Adds true or false.
    pub fn push_bool(&mut self, value: bool) {
        self.push(CellRef::Bool(value));
    }

    /// Adds an identity.
    pub fn push_content(&mut self, id: ContentId) {
        self.push(CellRef::Content(id));
    }

    /// Adds a civil time, in seconds since 1970.
    pub fn push_datetime(&mut self, seconds: i64) {
        self.push(CellRef::DateTime(seconds));
    }

    /// Adds a text or a missing value.
    pub fn push_optional_text(&mut self, text: Option<&str>) {
        self.push(text.map_or(CellRef::Null, CellRef::Text));
    }

    /// Adds all values of another column.
    pub(super) fn append(&mut self, column: &Column) {
        if let (Values::Text { codes, .. }, Values::Text { codes: added, dictionary }) = (&mut self.values, &column.values) {
            // Each distinct text is looked up once, not each row.
            let mut renumbered = Vec::with_capacity(dictionary.len());
            for code in 0..u32::try_from(dictionary.len()).unwrap_or(u32::MAX) {
                renumbered.push(self.interner.intern(dictionary.get(code)).unwrap_or_else(|error| {
                    self.error.get_or_insert(error);
                    0
                }));
            }
            for (row, code) in added.iter().enumerate() {
                let there = !column.is_null(row);
                codes.push(if there { renumbered[*code as usize] } else { 0 });
                self.valid.push(there);
            }
        } else {
            for row in 0..column.len() {
                self.push(column.cell(row));
            }
        }
    }

    /// Makes the column.
    ///
    /// # Errors
    /// The first value that was no value of the type, or a column too large.
    pub fn finish(self) -> Result<Column, TableError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if u32::try_from(self.valid.len()).is_ok_and(|rows| rows == u32::MAX) || self.valid.len() > u32::MAX as usize {
            return Err(TableError::TooLarge);
        }
        let values = match self.values {
            Values::Text { codes, .. } => Values::Text { codes, dictionary: self.interner.dictionary },
            other => other,
        };
        let complete = self.valid.count_ones() == self.valid.len();
        Ok(Column::new(values, (!complete).then_some(self.valid)))
    }
}

fn push_zero(values: &mut Values) {
    match values {
        Values::Text { codes, .. } => codes.push(0),
        Values::Int(values) | Values::DateTime(values) => values.push(0),
        Values::Float32(values) => values.push(0.0),
        Values::Float64(values) => values.push(0.0),
        Values::Bool(bits) => bits.push(false),
        Values::Content(values) => values.push([0; 32]),
    }
}

/// Why a value was not taken; `None` for a missing one.
fn refusal(ty: Type, cell: CellRef<'_>, row: usize) -> Option<TableError> {
    match (ty, cell) {
        (_, CellRef::Null) => None,
        (Type::Float32, CellRef::Float32(_)) | (Type::Float64, CellRef::Float64(_)) => Some(TableError::NotANumber { row }),
        (Type::DateTime, CellRef::DateTime(seconds)) => Some(TableError::DateTime { row, seconds }),
        (expected, cell) => Some(TableError::CellType { row, expected, found: cell.type_word() }),
    }
}
