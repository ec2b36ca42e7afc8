//! The bytes of one computed row, as the row cache keeps them: a tag per cell, small numbers small.

use super::encoding::Input;
use super::{Cell, CellRef, ColumnBuilder, TableError, civil};
use crate::id::ContentId;

const NULL: u8 = 0;
const TEXT: u8 = 1;
const INT: u8 = 2;
const FLOAT32: u8 = 3;
const FLOAT64: u8 = 4;
const FALSE: u8 = 5;
const TRUE: u8 = 6;
const CONTENT: u8 = 7;
const DATETIME: u8 = 8;

/// The bytes of a row. Equal rows give equal bytes: -0 is written as 0.
///
/// # Errors
/// [`TableError::NotANumber`], [`TableError::DateTime`]: what no column holds does not enter the cache either.
pub fn encode_row(cells: &[Cell]) -> Result<Vec<u8>, TableError> {
    let mut out = Vec::with_capacity(cells.len() * 6);
    for (place, cell) in cells.iter().enumerate() {
        match cell {
            Cell::Null => out.push(NULL),
            Cell::Text(text) => {
                out.push(TEXT);
                write_varint(text.len() as u64, &mut out);
                out.extend_from_slice(text.as_bytes());
            }
            Cell::Int(value) => {
                out.push(INT);
                write_varint(zigzag(*value), &mut out);
            }
            Cell::Float32(value) if value.is_nan() => return Err(TableError::NotANumber { row: place }),
            Cell::Float64(value) if value.is_nan() => return Err(TableError::NotANumber { row: place }),
            Cell::Float32(value) => {
                out.push(FLOAT32);
                out.extend_from_slice(&(value + 0.0).to_le_bytes());
            }
            Cell::Float64(value) => {
                out.push(FLOAT64);
                out.extend_from_slice(&(value + 0.0).to_le_bytes());
            }
            Cell::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
            Cell::Content(id) => {
                out.push(CONTENT);
                out.extend_from_slice(id.bytes());
            }
            Cell::DateTime(seconds) if !civil::in_range(*seconds) => {
                return Err(TableError::DateTime { row: place, seconds: *seconds });
            }
            Cell::DateTime(seconds) => {
                out.push(DATETIME);
                write_varint(zigzag(*seconds), &mut out);
            }
        }
    }
    Ok(out)
}

/// Adds a row to builders, one per cell; nothing is added where the bytes are damaged or do not fit.
///
/// # Errors
/// [`TableError::Damaged`] or [`TableError::CellType`].
pub fn append_row(bytes: &[u8], builders: &mut [ColumnBuilder]) -> Result<(), TableError> {
    let cells = read_row(bytes, builders.len())?;
    if cells.len() != builders.len() {
        return Err(TableError::Damaged { what: "row", reason: "fewer cells than columns" });
    }
    for (cell, builder) in cells.iter().zip(builders.iter()) {
        if cell.ty().is_some_and(|ty| ty != builder.ty()) {
            return Err(TableError::CellType { row: builder.len(), expected: builder.ty(), found: cell.type_word() });
        }
    }
    for (cell, builder) in cells.into_iter().zip(builders) {
        builder.push(cell);
    }
    Ok(())
}

/// The cells of a row.
///
/// # Errors
/// [`TableError::Damaged`].
pub fn decode_row(bytes: &[u8]) -> Result<Vec<Cell>, TableError> {
    Ok(read_row(bytes, 0)?.into_iter().map(CellRef::to_cell).collect())
}

fn read_row(bytes: &[u8], expected: usize) -> Result<Vec<CellRef<'_>>, TableError> {
    let mut input = Input { rest: bytes, what: "row" };
    let mut cells = Vec::with_capacity(expected);
    while !input.rest.is_empty() {
        cells.push(match input.u8()? {
            NULL => CellRef::Null,
            TEXT => {
                let length = usize::try_from(read_varint(&mut input)?).map_err(|_| input.damaged("a length beyond memory"))?;
                CellRef::Text(std::str::from_utf8(input.take(length)?).map_err(|_| input.damaged("text that is not UTF-8"))?)
            }
            INT => CellRef::Int(unzigzag(read_varint(&mut input)?)),
            FLOAT32 => CellRef::Float32(f32::from_le_bytes(input.array()?)),
            FLOAT64 => CellRef::Float64(f64::from_le_bytes(input.array()?)),
            FALSE => CellRef::Bool(false),
            TRUE => CellRef::Bool(true),
            CONTENT => CellRef::Content(ContentId(input.array()?)),
            DATETIME => CellRef::DateTime(unzigzag(read_varint(&mut input)?)),
            _ => return Err(input.damaged("unknown cell")),
        });
        let written = match cells.last() {
            Some(CellRef::Float32(value)) => !value.is_nan(),
            Some(CellRef::Float64(value)) => !value.is_nan(),
            Some(CellRef::DateTime(seconds)) => civil::in_range(*seconds),
            _ => true,
        };
        if !written {
            return Err(input.damaged("a value that is never written"));
        }
    }
    Ok(cells)
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7F) as u8);
}

fn read_varint(input: &mut Input<'_>) -> Result<u64, TableError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = input.u8()?;
        let bits = u64::from(byte & 0x7F);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(input.damaged("a number beyond 64 bits"))
}
