//! Parquet: the same table for analyses that read columns.
//!
//! Fixed row groups, a fixed writer name, Snappy, no times of writing: equal tables are equal files. Identities are text
//! (`b3:...`) as in the CSV; dates are timestamps in milliseconds without zone.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type as ParquetType, TypePtr};

use super::column::Values;
use super::{Column, Table, TableError, Type};

/// Rows of a row group: what a reader takes at once, and what the writer holds in memory.
const GROUP_ROWS: usize = 1 << 16;

/// Writes a table, a row group at a time.
///
/// # Errors
/// What the writer reports.
pub fn write(table: &Table, out: impl Write + Send) -> Result<(), TableError> {
    let properties =
        WriterProperties::builder().set_created_by("trapline".to_owned()).set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(out, schema_of(table)?, Arc::new(properties))?;
    let mut start = 0;
    while start < table.rows {
        let end = (start + GROUP_ROWS).min(table.rows);
        let mut group = file.next_row_group()?;
        for column in &table.columns {
            let Some(mut writer) = group.next_column()? else { break };
            write_chunk(column, start, end, writer.untyped())?;
            writer.close()?;
        }
        group.close()?;
        start = end;
    }
    file.close()?;
    Ok(())
}

fn schema_of(table: &Table) -> Result<TypePtr, TableError> {
    let mut fields = Vec::new();
    for field in &table.schema.fields {
        let (physical, logical) = match field.ty {
            Type::Text | Type::Content => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Type::Int => (PhysicalType::INT64, None),
            Type::Float32 => (PhysicalType::FLOAT, None),
            Type::Float64 => (PhysicalType::DOUBLE, None),
            Type::Bool => (PhysicalType::BOOLEAN, None),
            Type::DateTime => (PhysicalType::INT64, Some(LogicalType::timestamp(false, TimeUnit::MILLIS))),
        };
        let built = ParquetType::primitive_type_builder(&field.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        fields.push(Arc::new(built));
    }
    Ok(Arc::new(ParquetType::group_type_builder("table").with_fields(fields).build()?))
}

/// Writes the rows from `start` to `end` of one column: which are there, and the values of those.
fn write_chunk(column: &Column, start: usize, end: usize, writer: &mut ColumnWriter<'_>) -> Result<(), TableError> {
    let levels: Vec<i16> = (start..end).map(|row| i16::from(!column.is_null(row))).collect();
    let rows = (start..end).filter(|row| !column.is_null(*row));
    match (&column.values, writer) {
        (Values::Int(values), ColumnWriter::Int64ColumnWriter(writer)) => {
            let values: Vec<i64> = rows.map(|row| values[row]).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (Values::DateTime(values), ColumnWriter::Int64ColumnWriter(writer)) => {
            let values: Vec<i64> = rows.map(|row| values[row] * 1000).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (Values::Float32(values), ColumnWriter::FloatColumnWriter(writer)) => {
            let values: Vec<f32> = rows.map(|row| values[row]).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (Values::Float64(values), ColumnWriter::DoubleColumnWriter(writer)) => {
            let values: Vec<f64> = rows.map(|row| values[row]).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (Values::Bool(bits), ColumnWriter::BoolColumnWriter(writer)) => {
            let values: Vec<bool> = rows.map(|row| bits.get(row)).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        (_, ColumnWriter::ByteArrayColumnWriter(writer)) => {
            let values: Vec<ByteArray> = rows.map(|row| ByteArray::from(column.cell(row).to_string().into_bytes())).collect();
            writer.write_batch(&values, Some(&levels), None)?;
        }
        // The schema is made from the same columns.
        _ => return Err(TableError::Damaged { what: "column", reason: "its type is not that of the schema" }),
    }
    Ok(())
}
