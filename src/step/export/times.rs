//! When people gave the labels that a data set shows: found among the labels themselves, for the data set keeps who said it only.

use std::collections::HashMap;
use std::sync::Arc;

use crate::labels::moment;
use crate::observation::{ITEM, Key};
use crate::step::StepError;
use crate::table::{Column, ColumnBuilder, Table, Type};

/// What is taken over from a label.
const TAKEN: [&str; 2] = ["time", "shown"];

/// The images with `time` and `shown` of the last label that says what `class` does, by one of the reviewers named. Columns that
/// the images have already stay as they are.
///
/// # Errors
/// When a table cannot be joined.
pub(super) fn with_times(images: &Table, labels: &[Table]) -> Result<Table, StepError> {
    let missing: Vec<&str> = TAKEN.into_iter().filter(|name| images.column(name).is_none()).collect();
    let Some(classes) = images.column("class").filter(|_| !labels.is_empty() && !missing.is_empty()) else {
        return Ok(images.clone());
    };
    // The label of each image: its table, its row, its moment.
    let mut found: Vec<Option<(usize, usize, Option<i128>)>> = vec![None; images.rows];
    for (number, table) in labels.iter().enumerate() {
        for mut key in Key::all_shared(&[&images.schema, &table.schema]) {
            key.columns.retain(|name| *name != ITEM);
            let mut by_key: HashMap<u128, Vec<usize>> = HashMap::new();
            for (row, digest) in key.of(table)?.rows.into_iter().enumerate() {
                if let Some(digest) = digest {
                    by_key.entry(digest).or_default().push(row);
                }
            }
            for (row, digest) in key.of(images)?.rows.into_iter().enumerate().filter(|(row, _)| !classes.is_null(*row)) {
                let rows = digest.and_then(|digest| by_key.get(&digest)).map(Vec::as_slice).unwrap_or_default();
                for label in rows.iter().filter(|label| says(images, row, table, **label)) {
                    let when = table.cell(*label, "time").to_string();
                    let when = moment(&when);
                    if found[row].is_none_or(|(.., before)| when > before) {
                        found[row] = Some((number, *label, when));
                    }
                }
            }
        }
    }
    let mut joined = images.clone();
    for name in missing {
        joined = joined.with_column(name, Arc::new(taken(name, &found, labels)?))?;
    }
    Ok(joined)
}

fn taken(name: &str, found: &[Option<(usize, usize, Option<i128>)>], labels: &[Table]) -> Result<Column, StepError> {
    let mut builder = ColumnBuilder::with_capacity(Type::Text, found.len());
    for place in found {
        let text = place.and_then(|(table, row, _)| labels[table].column(name)?.text(row));
        builder.push_optional_text(text);
    }
    Ok(builder.finish()?)
}

/// Says whether a label is one of those that an image shows: its class, by one of its reviewers.
fn says(images: &Table, image: usize, labels: &Table, label: usize) -> bool {
    let among = |name: &str| {
        let own = images.column(name).and_then(|column| column.text(image));
        let theirs = labels.column(name).and_then(|column| column.text(label));
        match (own, theirs) {
            (Some(own), Some(theirs)) => own == theirs || own.split('+').any(|part| theirs.split('+').any(|other| other == part)),
            (own, _) => own.is_none(),
        }
    };
    among("class") && among("reviewer")
}
