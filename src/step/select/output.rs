//! The tables of a selection.

use std::sync::Arc;

use super::choose::{Chosen, Stratum};
use super::{MADE, QUOTAS};
use crate::step::label_type;
use crate::table::{CellRef, Column, ColumnBuilder, Groups, Schema, Table, TableError, Type};

/// The columns of the selection: those of the predictions, then its own.
pub(super) fn selection_schema(predictions: &Schema) -> Schema {
    let mut schema = predictions.clone();
    for (name, ty) in MADE {
        schema.set(name, *ty);
    }
    schema
}

/// The columns of the quotas: those of the groups, then their own.
pub(super) fn quotas_schema(predictions: &Schema, by: &[String]) -> Schema {
    let mut schema = Schema { fields: by.iter().filter_map(|name| predictions.field(name)).cloned().collect() };
    for (name, ty) in QUOTAS {
        schema.set(name, *ty);
    }
    schema
}

/// The rows chosen, in the order of the predictions.
pub(super) fn selection(predictions: &Table, chosen: &Chosen<'_>) -> Result<Table, TableError> {
    let mut members = chosen.members.clone();
    members.sort_unstable();
    let words: Vec<String> = chosen.strata.iter().map(Stratum::words).collect();
    let rows: Vec<u32> = members.iter().map(|member| member.row).collect();
    let (mut why, mut rank) =
        (ColumnBuilder::with_capacity(Type::Text, rows.len()), ColumnBuilder::with_capacity(Type::Int, rows.len()));
    for member in &members {
        why.push_text(&words[member.stratum as usize]);
        rank.push_int(i64::from(member.rank));
    }
    let types = Column::repeated(Type::Text, CellRef::Text(label_type::TRAINING), rows.len())?;
    let mut table = predictions.take(&rows);
    for ((name, _), column) in MADE.iter().zip([types, why.finish()?, rank.finish()?]) {
        table = table.with_column(name, Arc::new(column))?;
    }
    Ok(table)
}

/// One row per rule and group.
pub(super) fn quotas(schema: Schema, groups: &Groups, strata: &[Stratum]) -> Result<Table, TableError> {
    let mut builders: Vec<_> = schema.fields.iter().map(|field| ColumnBuilder::with_capacity(field.ty, strata.len())).collect();
    let by = groups.columns.len();
    for stratum in strata {
        for (column, builder) in builders.iter_mut().take(by).enumerate() {
            builder.push(stratum.group.map_or(CellRef::Null, |group| groups.keys[group as usize][column].as_ref()));
        }
        if let [rule, class, why, available, excluded, wanted, taken] = &mut builders[by..] {
            rule.push_text(stratum.rule.word());
            class.push_text(&stratum.class);
            why.push_text(&stratum.words());
            let counts = [
                (available, Some(stratum.available)),
                (excluded, Some(stratum.excluded)),
                (wanted, stratum.wanted),
                (taken, Some(stratum.taken)),
            ];
            for (builder, count) in counts {
                builder.push(count.map_or(CellRef::Null, |count| CellRef::Int(i64::try_from(count).unwrap_or(i64::MAX))));
            }
        }
    }
    Table::from_builders(schema, builders)
}
