//! The canonical bytes of a column: equal values give equal bytes, whichever way they were put together.
//!
//! ```text
//! "TLC1", type u8, rows u64, missing u64, [validity bits], values        all little-endian; missing values are zero
//! text:   distinct u32, arena bytes u32, ends u32 * distinct, arena, codes of 1, 2 or 4 bytes by the number of distinct texts
//! ```
//!
//! | written by | read by |
//! |---|---|
//! | `TLC1` 0.1 | 0.1 |

use super::bits::Bits;
use super::column::{Column, Values};
use super::dictionary::Dictionary;
use super::{TableError, Type, civil};

const MAGIC: &[u8; 4] = b"TLC1";
const TYPES: [Type; 7] = [Type::Text, Type::Int, Type::Float32, Type::Float64, Type::Bool, Type::Content, Type::DateTime];

/// The byte that stands for a type.
pub(super) fn type_byte(ty: Type) -> u8 {
    match ty {
        Type::Text => 1,
        Type::Int => 2,
        Type::Float32 => 3,
        Type::Float64 => 4,
        Type::Bool => 5,
        Type::Content => 6,
        Type::DateTime => 7,
    }
}

/// The type that a byte stands for.
pub(super) fn type_of(byte: u8) -> Option<Type> {
    TYPES.into_iter().find(|ty| type_byte(*ty) == byte)
}

fn code_width(distinct: usize) -> usize {
    match distinct {
        0..=256 => 1,
        257..=65_536 => 2,
        _ => 4,
    }
}

impl Column {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let rows = self.len();
        let mut out = Vec::with_capacity(21 + rows / 8 + self.value_bytes());
        out.extend_from_slice(MAGIC);
        out.push(type_byte(self.ty()));
        out.extend_from_slice(&(rows as u64).to_le_bytes());
        out.extend_from_slice(&(self.null_count() as u64).to_le_bytes());
        if let Some(valid) = &self.valid {
            valid.write(&mut out);
        }
        match &self.values {
            Values::Text { codes, dictionary } => encode_text(codes, dictionary, &mut out),
            Values::Int(values) | Values::DateTime(values) => values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            Values::Float32(values) => values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            Values::Float64(values) => values.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            Values::Bool(bits) => bits.write(&mut out),
            Values::Content(values) => values.iter().for_each(|v| out.extend_from_slice(v)),
        }
        out
    }

    fn value_bytes(&self) -> usize {
        match &self.values {
            Values::Text { codes, dictionary } => {
                8 + dictionary.len() * 4 + dictionary.arena.len() + codes.len() * code_width(dictionary.len())
            }
            Values::Int(values) | Values::DateTime(values) => values.len() * 8,
            Values::Float32(values) => values.len() * 4,
            Values::Float64(values) => values.len() * 8,
            Values::Bool(bits) => bits.len() / 8 + 8,
            Values::Content(values) => values.len() * 32,
        }
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`TableError::Damaged`] for anything that [`Column::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        let mut input = Input { rest: bytes, what: "column" };
        if input.take(4)? != MAGIC {
            return Err(input.damaged("it does not start with `TLC1`"));
        }
        let ty = type_of(input.u8()?).ok_or_else(|| input.damaged("unknown type"))?;
        let rows = input.size()?;
        let missing = input.size()?;
        if rows >= u32::MAX as usize {
            return Err(input.damaged("too many rows"));
        }
        let valid = if missing == 0 {
            None
        } else {
            let bits =
                Bits::read(input.take(rows.div_ceil(8))?, rows).ok_or_else(|| input.damaged("validity bits beyond the end"))?;
            Some(bits).filter(|bits| rows - bits.count_ones() == missing)
        };
        if missing > 0 && valid.is_none() {
            return Err(input.damaged("the number of missing values does not fit"));
        }
        let values = input.values(ty, rows, valid.as_ref())?;
        if !input.rest.is_empty() {
            return Err(input.damaged("bytes behind the end"));
        }
        Ok(Self::new(values, valid))
    }
}

fn encode_text(codes: &[u32], dictionary: &Dictionary, out: &mut Vec<u8>) {
    // The builder keeps both below 2^32.
    let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&size(dictionary.len()));
    out.extend_from_slice(&size(dictionary.arena.len()));
    for end in &dictionary.ends {
        out.extend_from_slice(&end.to_le_bytes());
    }
    out.extend_from_slice(dictionary.arena.as_bytes());
    let width = code_width(dictionary.len());
    for code in codes {
        out.extend_from_slice(&code.to_le_bytes()[..width]);
    }
}

/// Reads bytes front to back, every length checked.
pub(super) struct Input<'a> {
    pub rest: &'a [u8],
    pub what: &'static str,
}

impl<'a> Input<'a> {
    pub fn damaged(&self, reason: &'static str) -> TableError {
        TableError::Damaged { what: self.what, reason }
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], TableError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| self.damaged("it ends too early"))?;
        self.rest = rest;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], TableError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.damaged("it ends too early"))?;
        self.rest = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, TableError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Result<u32, TableError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, TableError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of rows.
    pub fn size(&mut self) -> Result<usize, TableError> {
        usize::try_from(self.u64()?).map_err(|_| self.damaged("a length beyond memory"))
    }

    fn fixed<const N: usize, T>(&mut self, rows: usize, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, TableError> {
        let bytes = rows.checked_mul(N).ok_or_else(|| self.damaged("a length beyond memory"))?;
        let (chunks, _) = self.take(bytes)?.as_chunks::<N>();
        Ok(chunks.iter().map(|chunk| read(*chunk)).collect())
    }

    fn values(&mut self, ty: Type, rows: usize, valid: Option<&Bits>) -> Result<Values, TableError> {
        let values = match ty {
            Type::Text => return self.texts(rows, valid),
            Type::Int => Values::Int(self.fixed(rows, i64::from_le_bytes)?),
            Type::Float32 => Values::Float32(self.fixed(rows, f32::from_le_bytes)?),
            Type::Float64 => Values::Float64(self.fixed(rows, f64::from_le_bytes)?),
            Type::Bool => {
                let bytes = self.take(rows.div_ceil(8))?;
                Values::Bool(Bits::read(bytes, rows).ok_or_else(|| self.damaged("bits beyond the end"))?)
            }
            Type::Content => Values::Content(self.fixed(rows, |bytes: [u8; 32]| bytes)?),
            Type::DateTime => Values::DateTime(self.fixed(rows, i64::from_le_bytes)?),
        };
        let canonical = match &values {
            Values::Float32(values) => values.iter().all(|v| !v.is_nan() && v.to_bits() != (-0.0_f32).to_bits()),
            Values::Float64(values) => values.iter().all(|v| !v.is_nan() && v.to_bits() != (-0.0_f64).to_bits()),
            Values::DateTime(values) => values.iter().all(|v| civil::in_range(*v)),
            _ => true,
        };
        if !canonical {
            return Err(self.damaged("a value that is never written"));
        }
        if let Some(valid) = valid
            && (0..rows).any(|row| !valid.get(row) && !is_zero(&values, row))
        {
            return Err(self.damaged("a missing value that is not zero"));
        }
        Ok(values)
    }

    fn texts(&mut self, rows: usize, valid: Option<&Bits>) -> Result<Values, TableError> {
        let distinct = self.u32()? as usize;
        let arena_bytes = self.u32()? as usize;
        let ends = self.fixed(distinct, u32::from_le_bytes)?;
        let arena = std::str::from_utf8(self.take(arena_bytes)?).map_err(|_| self.damaged("text that is not UTF-8"))?;
        let sorted = ends.is_sorted() && ends.last().map_or(0, |end| *end as usize) == arena.len();
        if !sorted || !ends.iter().all(|end| arena.is_char_boundary(*end as usize)) {
            return Err(self.damaged("texts that do not follow one another"));
        }
        let dictionary = Dictionary { arena: arena.to_owned(), ends };
        if !dictionary.is_distinct() {
            return Err(self.damaged("a text twice in the dictionary"));
        }
        let codes = match code_width(distinct) {
            1 => self.fixed(rows, |[byte]: [u8; 1]| u32::from(byte))?,
            2 => self.fixed(rows, |bytes| u32::from(u16::from_le_bytes(bytes)))?,
            _ => self.fixed(rows, u32::from_le_bytes)?,
        };
        let mut seen = 0;
        for (row, code) in codes.iter().enumerate() {
            let there = valid.is_none_or(|valid| valid.get(row));
            if *code > seen || !there && *code != 0 || there && *code as usize >= distinct {
                return Err(self.damaged("texts that are not numbered by first occurrence"));
            }
            if there && *code == seen {
                seen += 1;
            }
        }
        if seen as usize != distinct {
            return Err(self.damaged("a text that no row uses"));
        }
        Ok(Values::Text { codes, dictionary })
    }
}

fn is_zero(values: &Values, row: usize) -> bool {
    match values {
        Values::Text { codes, .. } => codes[row] == 0,
        Values::Int(values) | Values::DateTime(values) => values[row] == 0,
        Values::Float32(values) => values[row].to_bits() == 0,
        Values::Float64(values) => values[row].to_bits() == 0,
        Values::Bool(bits) => !bits.get(row),
        Values::Content(values) => values[row] == [0; 32],
    }
}
