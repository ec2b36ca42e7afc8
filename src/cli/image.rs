//! One image in a step's result, for `trapline why STEP --image NAME`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};

use super::render::columns::{Align, Text, columns, visible};
use super::render::style::STRONG;
use super::stored;
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::table::{CellRef, Column, Table, Type};

/// More rows than this are no answer to a question about one image.
const MOST: usize = 20;

/// The rows of one image, as (column, value), and the row recipes that computed them.
pub(super) struct Found {
    name: String,
    rows: Vec<Vec<(String, String)>>,
    recipes: Vec<String>,
}

/// Finds the rows of the image called `name` (its path, file name, new name, or identity) in the last result of `step`.
pub(super) fn rows(pipeline: &Pipeline, folder: &Path, step: &str, name: &str) -> anyhow::Result<Found> {
    let store = stored::open(folder)?;
    let result = stored::result(pipeline, &store, step)?;
    let table = stored::table(&store, &result, None)?.read(None).map_err(stored::store_error)?;
    let found = find(&table, name);
    if found.is_empty() {
        bail!("the last result of `{step}` has no image `{name}`: give its path, file name, new name or identity");
    }
    let row = |row: usize| {
        let cells =
            table.schema.fields.iter().zip(&table.columns).map(|(field, column)| (field.name.clone(), words(column, row)));
        cells.collect()
    };
    Ok(Found {
        name: name.to_owned(),
        rows: found.into_iter().map(row).collect(),
        recipes: result.rows.iter().map(ToString::to_string).collect(),
    })
}

/// Rows with the identity, or with a text that is the name or ends with it as a file name does.
fn find(table: &Table, name: &str) -> Vec<usize> {
    let identity = name.parse::<ContentId>().ok();
    let tail = format!("/{name}");
    let mut found = Vec::new();
    for (field, column) in table.schema.fields.iter().zip(&table.columns) {
        match (field.ty, identity) {
            (Type::Content, Some(id)) => found.extend((0..table.rows).filter(|row| column.content(*row) == Some(id))),
            (Type::Text, None) => {
                let is_it = |text: &str| text == name || text.ends_with(&tail);
                // Texts are stored once each: most columns are settled without looking at a row.
                if column.texts().any(is_it) {
                    found.extend((0..table.rows).filter(|row| column.text(*row).is_some_and(is_it)));
                }
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    found
}

fn words(column: &Column, row: usize) -> String {
    match column.cell(row) {
        CellRef::Null => "-".into(),
        CellRef::Text(text) => text.to_owned(),
        CellRef::Int(n) => n.to_string(),
        CellRef::Float32(n) => n.to_string(),
        CellRef::Float64(n) => n.to_string(),
        CellRef::Bool(truth) => truth.to_string(),
        CellRef::Content(id) => id.to_string(),
        CellRef::DateTime(seconds) => crate::table::civil::format(seconds),
    }
}

/// The rows for people.
pub(super) fn render(found: &Found) -> String {
    let mut page = format!("\n{STRONG}{}{STRONG:#}\n", visible(&found.name));
    for row in &found.rows {
        let cells: Vec<_> = row.iter().map(|(name, value)| vec![Text::from(name), Text::from(value)]).collect();
        for line in columns(&[("column", Align::Left), ("value", Align::Left)], &cells, STRONG).lines() {
            page.push_str(&format!("  {line}\n"));
        }
        page.push('\n');
    }
    if !found.recipes.is_empty() {
        page.push_str(&format!(
            "Its cells come from the row recipes {}: a function of the image's bytes alone.\n",
            found.recipes.join(", ")
        ));
    }
    page
}

/// The rows for programs.
pub(super) fn answer(found: &Found) -> Value {
    let row = |row: &Vec<(String, String)>| row.iter().cloned().collect::<BTreeMap<_, _>>();
    json!({ "name": found.name, "rows": found.rows.iter().map(row).collect::<Vec<_>>(), "row_recipes": found.recipes })
}
