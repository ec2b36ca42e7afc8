//! Rows of the same observation: an error, or numbered as several items.

use std::collections::HashMap;
use std::sync::Arc;

use super::What;
use super::reading::Places;
use crate::observation::{self, IDENTITY, ITEM, Key, PLACE};
use crate::step::StepError;
use crate::table::{ColumnBuilder, Schema, Table, Type};

/// The columns that make a row of an imported table its own: place, surest identity, and the type of a label, since one image may be
/// labelled in several samples.
fn key(schema: &Schema, what: What, identity: &'static str) -> Key {
    let has = |name: &&&'static str| schema.field(name).is_some();
    let kind = (what == What::Labels).then_some("type");
    Key { columns: PLACE.iter().filter(has).copied().chain([identity]).chain(kind).collect() }
}

/// Refuses repeated observations. A row is known by its content where it was found, by its own names where not.
///
/// # Errors
/// With the observation and both lines.
pub fn refuse(table: &Table, what: What, places: &Places<'_>) -> Result<(), StepError> {
    let there = |name: &&&'static str| table.column(name).is_some_and(|column| column.null_count() < column.len());
    // The surest identity, and the surest that the file itself gives: one content may have two names.
    let own = IDENTITY.iter().filter(there).find(|name| **name != "content");
    let surest = IDENTITY.iter().find(there);
    let mut identities: Vec<&'static str> = own.into_iter().chain(surest).copied().collect();
    identities.dedup();
    for identity in identities {
        let index = key(&table.schema, what, identity).of(table)?.index();
        if let Some((first, second)) = index.repeated.first() {
            let (first, second) = (*first as usize, *second as usize);
            let types = if what == What::Labels { " with labels of one type" } else { "" };
            return Err(StepError::Data(format!(
                "`{}` is there twice{types}: {} and {}; keep one of them, or say `rows: multilabel` where an image may have several",
                observation::words(table, first),
                places.words(first),
                places.words(second)
            )));
        }
    }
    Ok(())
}

/// Numbers the rows of each observation from 1, in the order of the files, in the column `item`. Rows that bring their own number
/// keep it.
///
/// # Errors
/// Where a number is given twice, with both lines.
pub fn number(table: &Table, what: What, places: &Places<'_>) -> Result<Table, StepError> {
    let there = |name: &&&'static str| table.column(name).is_some_and(|column| column.null_count() < column.len());
    let Some(identity) = IDENTITY.iter().filter(there).find(|name| **name != "content").or(IDENTITY.iter().find(there)) else {
        return Ok(table.clone());
    };
    let mut key = key(&table.schema, what, identity);
    let given = table.require(ITEM)?;
    if given.null_count() == 0 {
        key.columns.push(ITEM);
        return match key.of(table)?.index().repeated.first() {
            None => Ok(table.clone()),
            Some((first, second)) => Err(StepError::Data(format!(
                "{} and {} have the same `item` of one image; number them, or leave the column out",
                places.words(*first as usize),
                places.words(*second as usize)
            ))),
        };
    }
    let mut seen: HashMap<u128, i64> = HashMap::with_capacity(table.rows);
    let mut items = ColumnBuilder::with_capacity(Type::Int, table.rows);
    for digest in key.of(table)?.rows {
        match digest {
            Some(digest) => {
                let next = seen.entry(digest).or_insert(0);
                *next += 1;
                items.push_int(*next);
            }
            None => items.push_int(1),
        }
    }
    Ok(table.with_column(ITEM, Arc::new(items.finish()?))?)
}
