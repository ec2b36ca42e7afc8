//! One column: values of one type, with missing ones marked. Immutable, shared, and the same bytes for the same values.

use std::sync::OnceLock;

use super::bits::Bits;
use super::dictionary::Dictionary;
use super::{CellRef, ColumnBuilder, TableError, Type};
use crate::id::ContentId;

/// The values of one column.
#[derive(Debug, Clone)]
pub struct Column {
    pub(super) values: Values,
    /// Which rows hold a value; `None` where all do.
    pub(super) valid: Option<Bits>,
    id: OnceLock<ContentId>,
}

/// The values by type; zero where missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Text { codes: Vec<u32>, dictionary: Dictionary },
    Int(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Bool(Bits),
    Content(Vec<[u8; 32]>),
    DateTime(Vec<i64>),
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.valid == other.valid && self.values == other.values
    }
}

impl Column {
    pub(super) fn new(values: Values, valid: Option<Bits>) -> Self {
        Self { values, valid, id: OnceLock::new() }
    }

    /// A column of `rows` missing values.
    #[must_use]
    pub fn nulls(ty: Type, rows: usize) -> Self {
        let values = match ty {
            Type::Text => Values::Text { codes: vec![0; rows], dictionary: Dictionary::default() },
            Type::Int => Values::Int(vec![0; rows]),
            Type::Float32 => Values::Float32(vec![0.0; rows]),
            Type::Float64 => Values::Float64(vec![0.0; rows]),
            Type::Bool => Values::Bool(Bits::filled(rows, false)),
            Type::Content => Values::Content(vec![[0; 32]; rows]),
            Type::DateTime => Values::DateTime(vec![0; rows]),
        };
        Self::new(values, (rows > 0).then(|| Bits::filled(rows, false)))
    }

    /// A column of `rows` times the same value.
    ///
    /// # Errors
    /// When the value is not one of the type.
    pub fn repeated(ty: Type, value: CellRef<'_>, rows: usize) -> Result<Self, TableError> {
        let mut builder = ColumnBuilder::with_capacity(ty, rows);
        for _ in 0..rows {
            builder.push(value);
        }
        builder.finish()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Text { codes, .. } => codes.len(),
            Values::Int(values) | Values::DateTime(values) => values.len(),
            Values::Float32(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Bool(bits) => bits.len(),
            Values::Content(values) => values.len(),
        }
    }

    /// Says whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    #[must_use]
    pub fn ty(&self) -> Type {
        match &self.values {
            Values::Text { .. } => Type::Text,
            Values::Int(_) => Type::Int,
            Values::Float32(_) => Type::Float32,
            Values::Float64(_) => Type::Float64,
            Values::Bool(_) => Type::Bool,
            Values::Content(_) => Type::Content,
            Values::DateTime(_) => Type::DateTime,
        }
    }

    /// How many values are missing.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.valid.as_ref().map_or(0, |valid| valid.len() - valid.count_ones())
    }

    /// Says whether the value at `row` is missing; so is one beyond the end.
    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        match &self.valid {
            Some(valid) => !valid.get(row),
            None => row >= self.len(),
        }
    }

    /// The value at `row`, borrowed.
    #[must_use]
    pub fn cell(&self, row: usize) -> CellRef<'_> {
        if self.is_null(row) {
            return CellRef::Null;
        }
        match &self.values {
            Values::Text { codes, dictionary } => CellRef::Text(dictionary.get(codes[row])),
            Values::Int(values) => CellRef::Int(values[row]),
            Values::Float32(values) => CellRef::Float32(values[row]),
            Values::Float64(values) => CellRef::Float64(values[row]),
            Values::Bool(bits) => CellRef::Bool(bits.get(row)),
            Values::Content(values) => CellRef::Content(ContentId(values[row])),
            Values::DateTime(values) => CellRef::DateTime(values[row]),
        }
    }

    /// The text at `row`; `None` where missing or of another type, as for the accessors below.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        match self.cell(row) {
            CellRef::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number at `row`.
    #[must_use]
    pub fn int(&self, row: usize) -> Option<i64> {
        match self.cell(row) {
            CellRef::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The confidence at `row`.
    #[must_use]
    pub fn float32(&self, row: usize) -> Option<f32> {
        match self.cell(row) {
            CellRef::Float32(value) => Some(value),
            _ => None,
        }
    }

    /// The number at `row`.
    #[must_use]
    pub fn float64(&self, row: usize) -> Option<f64> {
        match self.cell(row) {
            CellRef::Float64(value) => Some(value),
            _ => None,
        }
    }

    /// The truth at `row`.
    #[must_use]
    pub fn bool(&self, row: usize) -> Option<bool> {
        match self.cell(row) {
            CellRef::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The identity at `row`.
    #[must_use]
    pub fn content(&self, row: usize) -> Option<ContentId> {
        match self.cell(row) {
            CellRef::Content(value) => Some(value),
            _ => None,
        }
    }

    /// The civil time at `row`, in seconds since 1970.
    #[must_use]
    pub fn datetime(&self, row: usize) -> Option<i64> {
        match self.cell(row) {
            CellRef::DateTime(value) => Some(value),
            _ => None,
        }
    }

    /// The dictionary code at `row`: equal codes are equal texts, numbered by first occurrence. The quick way to group by text.
    #[must_use]
    pub fn code(&self, row: usize) -> Option<u32> {
        match &self.values {
            Values::Text { codes, .. } if !self.is_null(row) => Some(codes[row]),
            _ => None,
        }
    }

    /// Number of distinct texts; 0 for other types.
    #[must_use]
    pub fn distinct(&self) -> usize {
        match &self.values {
            Values::Text { dictionary, .. } => dictionary.len(),
            _ => 0,
        }
    }

    /// The distinct texts in the order of their codes; none for other types.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let dictionary = match &self.values {
            Values::Text { dictionary, .. } => Some(dictionary),
            _ => None,
        };
        (0..u32::try_from(self.distinct()).unwrap_or(0)).filter_map(move |code| dictionary.map(|d| d.get(code)))
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    /// When a row lies beyond the end.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        self.pick(rows.len(), rows.iter().map(|row| Some(*row as usize)))
    }

    /// The rows at `rows`, missing where `None`: one side of a join.
    ///
    /// # Panics
    /// When a row lies beyond the end.
    #[must_use]
    pub fn take_optional(&self, rows: &[Option<u32>]) -> Self {
        self.pick(rows.len(), rows.iter().map(|row| row.map(|row| row as usize)))
    }

    fn pick(&self, len: usize, rows: impl Iterator<Item = Option<usize>> + Clone) -> Self {
        let mut valid = Bits::default();
        for row in rows.clone() {
            valid.push(row.is_some_and(|row| {
                assert!(row < self.len(), "row {row} of a column of {}", self.len());
                !self.is_null(row)
            }));
        }
        let values = match &self.values {
            Values::Text { codes, dictionary } => pick_text(codes, dictionary, &valid, rows),
            Values::Int(values) => Values::Int(gather(values, rows)),
            Values::Float32(values) => Values::Float32(gather(values, rows)),
            Values::Float64(values) => Values::Float64(gather(values, rows)),
            Values::Bool(bits) => {
                let mut taken = Bits::default();
                rows.for_each(|row| taken.push(row.is_some_and(|row| bits.get(row))));
                Values::Bool(taken)
            }
            Values::Content(values) => Values::Content(gather(values, rows)),
            Values::DateTime(values) => Values::DateTime(gather(values, rows)),
        };
        let complete = valid.count_ones() == len;
        Self::new(values, (!complete).then_some(valid))
    }

    /// The columns below one another.
    ///
    /// # Errors
    /// When their types differ or they are too long together.
    pub fn concat(columns: &[&Self]) -> Result<Self, TableError> {
        let Some(first) = columns.first() else { return Err(TableError::SchemaMismatch("no column at all".into())) };
        let rows = columns.iter().map(|column| column.len()).sum();
        let mut builder = ColumnBuilder::with_capacity(first.ty(), rows);
        for column in columns {
            builder.append(column);
        }
        builder.finish()
    }

    /// The column with an identity that its bytes were verified against.
    #[must_use]
    pub fn identified(self, id: ContentId) -> Self {
        // A column that has one keeps it: it is the same.
        let _ = self.id.set(id);
        self
    }

    /// The identity of the values: BLAKE3 of [`Column::encode`], computed once.
    #[must_use]
    pub fn id(&self) -> ContentId {
        *self.id.get_or_init(|| ContentId::of(&self.encode()))
    }
}

fn gather<T: Copy + Default>(values: &[T], rows: impl Iterator<Item = Option<usize>>) -> Vec<T> {
    rows.map(|row| row.map_or_else(T::default, |row| values[row])).collect()
}

/// Texts at `rows`, renumbered in their new order of first occurrence. The dictionary is distinct: no text needs hashing.
fn pick_text(codes: &[u32], dictionary: &Dictionary, valid: &Bits, rows: impl Iterator<Item = Option<usize>>) -> Values {
    const UNSEEN: u32 = u32::MAX;
    let mut renumbered = vec![UNSEEN; dictionary.len()];
    let mut kept = Dictionary::default();
    let mut taken = Vec::with_capacity(valid.len());
    for (at, row) in rows.enumerate() {
        let Some(row) = row.filter(|_| valid.get(at)) else {
            taken.push(0);
            continue;
        };
        let code = codes[row];
        let new = &mut renumbered[code as usize];
        if *new == UNSEEN {
            // The kept texts are a subset: their number and bytes fit where the whole did.
            *new = u32::try_from(kept.ends.len()).unwrap_or(UNSEEN);
            kept.arena.push_str(dictionary.get(code));
            kept.ends.push(u32::try_from(kept.arena.len()).unwrap_or(UNSEEN));
        }
        taken.push(*new);
    }
    Values::Text { codes: taken, dictionary: kept }
}
