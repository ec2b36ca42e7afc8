//! The label behind the confidences of all classes.

use std::sync::Arc;

use super::layout::CLASS_PREFIX;
use crate::table::{Column, ColumnBuilder, Table, TableError, Type};

/// Gives rows without a label the class of their highest confidence, the first of equal ones.
pub fn label(table: &Table) -> Result<Table, TableError> {
    let of_class = |at: usize| {
        let field = &table.schema.fields[at];
        Some((field.name.strip_prefix(CLASS_PREFIX)?, table.columns[at].as_ref()))
    };
    let classes: Vec<(&str, &Column)> = (0..table.columns.len()).filter_map(of_class).collect();
    let (labels, confidences) = (table.require("label")?, table.require("confidence")?);
    if classes.is_empty() || labels.null_count() == 0 {
        return Ok(table.clone());
    }
    let mut label = ColumnBuilder::with_capacity(Type::Text, table.rows);
    let mut confidence = ColumnBuilder::with_capacity(Type::Float32, table.rows);
    for row in 0..table.rows {
        let mut top: Option<(&str, f32)> = None;
        if labels.is_null(row) {
            for (class, column) in &classes {
                if let Some(value) = column.float32(row).filter(|value| top.is_none_or(|(_, best)| *value > best)) {
                    top = Some((class, value));
                }
            }
        }
        if let Some((class, value)) = top {
            label.push_text(class);
            confidence.push_float32(value);
        } else {
            label.push(labels.cell(row));
            confidence.push(confidences.cell(row));
        }
    }
    table.with_column("label", Arc::new(label.finish()?))?.with_column("confidence", Arc::new(confidence.finish()?))
}
