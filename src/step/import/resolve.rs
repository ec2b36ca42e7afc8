//! Finds imported rows among the images, so that they carry the identity of their content.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::reading::Places;
use crate::observation::{self, Index, Key, Keys, PLACE};
use crate::step::{Finding, StepError};
use crate::table::{Column, ColumnBuilder, Table, Type};

/// The columns by which rows are found, the surest first.
pub const BY: &[&str] = &["name", "path", "file"];

/// The images by one column, within their place.
struct Named<'t> {
    column: &'static str,
    rows: HashMap<(Vec<u32>, &'t str), Found>,
}

/// The images of one name: the first, and another one if there are several.
#[derive(Clone, Copy)]
struct Found {
    first: u32,
    other: Option<u32>,
}

/// The columns of the place that both tables have, with the codes of the imported ones in the dictionary of the images.
struct Place<'t> {
    own: &'t Column,
    theirs: &'t Column,
    /// The images' code of each imported text; `None` for one that no image has.
    codes: Vec<Option<u32>>,
}

impl<'t> Place<'t> {
    fn shared(table: &'t Table, images: &'t Table) -> Vec<Self> {
        let pair = |name: &&str| Some((table.column(name)?, images.column(name)?));
        PLACE
            .iter()
            .filter_map(pair)
            .filter(|(own, theirs)| own.ty() == theirs.ty())
            .map(|(own, theirs)| Self::of(own, theirs))
            .collect()
    }

    fn of(own: &'t Column, theirs: &'t Column) -> Self {
        let numbers: HashMap<&str, u32> = theirs.texts().zip(0..).collect();
        Self { own, theirs, codes: own.texts().map(|text| numbers.get(text).copied()).collect() }
    }
}

/// Rows with the identity of their images.
pub struct Resolved {
    /// With `content` and the columns carried.
    pub table: Table,
    /// Rows that were not found.
    pub unresolved: usize,
    /// The first of them.
    pub finding: Option<Finding>,
}

/// Fills `content` of `table` from the images, and takes over the columns `carried`.
///
/// # Errors
/// A row that several images fit, with file and line.
pub fn resolve(table: &Table, images: &Table, carried: &[&str], places: &Places<'_>) -> Result<Resolved, StepError> {
    let place = Place::shared(table, images);
    let content = images.require("content")?;
    let named: Vec<Named<'_>> = BY.iter().filter_map(|column| Named::of(column, table, images, &place)).collect();
    let given = table.require("content")?;
    let by_content = ByContent::of(table, images, given.null_count() < table.rows && !carried.is_empty())?;
    let mut builder = ColumnBuilder::with_capacity(Type::Content, table.rows);
    let mut image_of = Vec::with_capacity(table.rows);
    let mut unresolved = Vec::new();
    for row in 0..table.rows {
        let image = if given.is_null(row) { find(&named, table, images, &place, row, places)? } else { by_content.row(row) };
        match (given.content(row), image) {
            (Some(id), _) => builder.push_content(id),
            (None, Some(image)) => builder.push(content.cell(image as usize)),
            (None, None) => {
                unresolved.push(row);
                builder.push_null();
            }
        }
        image_of.push(image);
    }
    let finding = (!unresolved.is_empty()).then(|| Finding {
        kind: "unresolved".into(),
        message: "rows belong to no image here; they are kept without content: check sites, seasons and names".into(),
        count: unresolved.len() as u64,
        examples: unresolved
            .iter()
            .take(super::EXAMPLES)
            .map(|row| format!("{} ({})", observation::words(table, *row), places.words(*row)))
            .collect(),
    });
    let mut resolved = table.with_column("content", Arc::new(builder.finish()?))?;
    for name in carried {
        resolved = resolved.with_column(name, Arc::new(images.require(name)?.take_optional(&image_of)))?;
    }
    Ok(Resolved { table: resolved, unresolved: unresolved.len(), finding })
}

/// The image of each row that says its content.
struct ByContent(Option<(Keys, Index)>);

impl ByContent {
    fn of(table: &Table, images: &Table, wanted: bool) -> Result<Self, StepError> {
        let key = Key::shared(&[&table.schema, &images.schema]).filter(|_| wanted);
        Ok(Self(key.map(|key| Ok::<_, StepError>((key.of(table)?, key.of(images)?.index()))).transpose()?))
    }

    fn row(&self, row: usize) -> Option<u32> {
        let (keys, images) = self.0.as_ref()?;
        images.row(keys.rows[row])
    }
}

fn find(
    named: &[Named<'_>],
    table: &Table,
    images: &Table,
    place: &[Place<'_>],
    row: usize,
    places: &Places<'_>,
) -> Result<Option<u32>, StepError> {
    // A place that no image has: nothing else needs looking at.
    let code = |place: &Place<'_>| place.own.code(row).and_then(|code| place.codes[code as usize]);
    let Some(codes) = place.iter().map(code).collect::<Option<Vec<u32>>>() else { return Ok(None) };
    let mut key = (codes, "");
    for by in named {
        let Some(text) = table.column(by.column).and_then(|column| column.text(row)) else { continue };
        let Some(found) = by.find(&mut key, text) else { continue };
        if let Some(other) = found.other {
            let images = [found.first, other].map(|image| describe(images, image as usize));
            let message = format!("`{text}` is several images: {} and {}; add the column `path` or `name`", images[0], images[1]);
            return Err(places.error(row, by.column, message));
        }
        return Ok(Some(found.first));
    }
    Ok(None)
}

fn describe(images: &Table, row: usize) -> String {
    let path = images.column("path").and_then(|column| column.text(row));
    path.map_or_else(|| observation::words(images, row), |path| format!("`{path}`"))
}

impl<'t> Named<'t> {
    /// The images by `column`, where both tables have it.
    fn of(column: &'static str, table: &Table, images: &'t Table, place: &[Place<'t>]) -> Option<Self> {
        table.column(column)?;
        let texts = images.column(column).filter(|texts| texts.ty() == Type::Text)?;
        let mut rows: HashMap<(Vec<u32>, &str), Found> = HashMap::with_capacity(images.rows);
        for (row, at) in (0..images.rows).zip(0_u32..) {
            let codes = place.iter().map(|place| place.theirs.code(row)).collect::<Option<Vec<u32>>>();
            let (Some(text), Some(codes)) = (texts.text(row), codes) else { continue };
            match rows.entry((codes, text)) {
                Entry::Vacant(new) => drop(new.insert(Found { first: at, other: None })),
                Entry::Occupied(mut found) => drop(found.get_mut().other.get_or_insert(at)),
            }
        }
        Some(Self { column, rows })
    }

    /// The image called `text`; a path is also found by its last folders, as archives move.
    fn find<'k>(&'k self, key: &mut (Vec<u32>, &'k str), text: &'k str) -> Option<Found>
    where
        't: 'k,
    {
        let mut rest = text;
        loop {
            key.1 = rest;
            if let Some(found) = self.rows.get(key) {
                return Some(*found);
            }
            if self.column != "path" {
                return None;
            }
            rest = rest.split_once('/')?.1;
        }
    }
}
