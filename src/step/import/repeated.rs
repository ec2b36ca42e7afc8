//! Rows of the same observation: an error, or numbered as several items.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::What;
use super::reading::Places;
use crate::observation::{self, IDENTITY, ITEM, Key, PLACE};
use crate::step::StepError;
use crate::table::{ColumnBuilder, Faults, Schema, Table, Type};

/// The columns that make a row of an imported table its own: place, surest identity, and the type of a label, since one image may be
/// labelled in several samples.
fn key(schema: &Schema, what: What, identity: &'static str) -> Key {
    let has = |name: &&&'static str| schema.field(name).is_some();
    let kind = (what == What::Labels).then_some("type");
    Key { columns: PLACE.iter().filter(has).copied().chain([identity]).chain(kind).collect() }
}

/// Refuses repeated observations: each goes to `faults` with both places. A row is known by its content where it was found, by its own
/// names where not.
///
/// # Errors
/// When the table lacks a column.
pub fn refuse(table: &Table, what: What, places: &Places<'_>, faults: &mut Faults) -> Result<(), StepError> {
    let there = |name: &&&'static str| table.column(name).is_some_and(|column| column.null_count() < column.len());
    // The surest identity, and the surest that the file itself gives: one content may have two names.
    let own = IDENTITY.iter().filter(there).find(|name| **name != "content");
    let surest = IDENTITY.iter().find(there);
    let mut identities: Vec<&'static str> = own.into_iter().chain(surest).copied().collect();
    identities.dedup();
    let mut told: HashSet<u32> = HashSet::new();
    let column = identities.first().copied().unwrap_or("content");
    for identity in identities {
        let index = key(&table.schema, what, identity).of(table)?.index();
        // Two folders with files of one name: what was found to be two images is two.
        let content = |row: u32| table.column("content").and_then(|column| column.content(row as usize));
        let differ = |a: u32, b: u32| content(a).zip(content(b)).is_some_and(|(a, b)| a != b);
        let repeated = index.repeated.into_iter().filter(|(first, second)| !differ(*first, *second));
        for (first, second) in repeated.filter(|(_, second)| told.insert(*second)) {
            faults.push(|| {
                let message = twice(table, what, identity, (first as usize, second as usize), places);
                places.fault(second as usize, column, message)
            });
        }
    }
    Ok(())
}

/// Two rows that are about one image, or that nothing tells to be about two.
fn twice(table: &Table, what: What, identity: &str, (first, second): (usize, usize), places: &Places<'_>) -> String {
    let types = if what == What::Labels { " with labels of one type" } else { "" };
    let both = format!("{} and {}", places.words(first), places.words(second));
    let words = observation::words(table, first);
    let several = "say `rows: multilabel` where an image may have several";
    let path = |row: usize| table.column("path").and_then(|paths| paths.text(row));
    if identity == "content" && path(first) != path(second) {
        let paths = [first, second].map(|row| path(row).map_or_else(|| observation::words(table, row), str::to_owned));
        return format!("`{}` and `{}` are one image{types}: {both}; keep one of them, or {several}", paths[0], paths[1]);
    }
    let placed = PLACE.iter().all(|name| table.column(name).is_some());
    if matches!(identity, "name" | "file") && !placed {
        return format!(
            "`{words}` is there twice{types}: {both}; if these are two images of one name, the file must say which: by `path`, or by \
             `site` and `season`; if it is one image, keep one of them, or {several}"
        );
    }
    format!("`{words}` is there twice{types}: {both}; keep one of them, or {several}")
}

/// Numbers the rows of each observation from 1, in the order of the files, in the column `item`. Rows that bring their own number
/// keep it; a number that is given twice goes to `faults`, with both lines.
///
/// # Errors
/// When the table cannot be built.
pub fn number(table: &Table, what: What, places: &Places<'_>, faults: &mut Faults) -> Result<Table, StepError> {
    let there = |name: &&&'static str| table.column(name).is_some_and(|column| column.null_count() < column.len());
    let Some(identity) = IDENTITY.iter().filter(there).find(|name| **name != "content").or(IDENTITY.iter().find(there)) else {
        return Ok(table.clone());
    };
    let mut key = key(&table.schema, what, identity);
    let given = table.require(ITEM)?;
    if given.null_count() == 0 {
        key.columns.push(ITEM);
        for (first, second) in key.of(table)?.index().repeated {
            let message = || {
                let places = [first, second].map(|row| places.words(row as usize));
                format!("{} and {} have the same `item` of one image; number them, or leave the column out", places[0], places[1])
            };
            faults.push(|| places.fault(second as usize, ITEM, message()));
        }
        return Ok(table.clone());
    }
    let mut seen: HashMap<u128, i64> = HashMap::with_capacity(table.rows);
    let mut items = ColumnBuilder::with_capacity(Type::Int, table.rows);
    // What was found goes by its content: two folders may have files of one name.
    let mut digests = key.of(table)?.rows;
    if *identity != "content" && table.column("content").is_some() {
        let by_content = self::key(&table.schema, what, "content").of(table)?.rows;
        digests.iter_mut().zip(by_content).for_each(|(own, content)| *own = content.or(*own));
    }
    for digest in digests {
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
