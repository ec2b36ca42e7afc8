//! What is asked: the rows of several tables as one list of images, and how a row of a label file finds its image in it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::by_image;
use super::places::places;
use crate::id::ContentId;
use crate::labels::{Label, kept};
use crate::moves::Place;
use crate::observation::{Index, Key};
use crate::step::{LABEL_COLUMNS, StepError, label_type};
use crate::table::{Column, ColumnBuilder, Field, Schema, Table, TableError, Type};

/// The key by which the images are told apart.
pub(super) fn key(schemas: &[&Schema]) -> Option<Key> {
    Key::shared(schemas).map(by_image)
}

/// Columns that all `schemas` have and that say what an image is, not why it was drawn or what anybody thinks of it.
pub(super) fn carried(schemas: &[&Schema]) -> Vec<Field> {
    let Some((first, others)) = schemas.split_first() else { return Vec::new() };
    let common = |field: &&Field| others.iter().all(|schema| schema.field(&field.name) == Some(*field));
    let own = |name: &str| {
        LABEL_COLUMNS.iter().any(|(own, _)| *own == name) || matches!(name, "status" | "answers" | "item" | "method")
    };
    first.fields.iter().filter(common).filter(|field| !own(&field.name)).cloned().collect()
}

/// Says whether a column tells what a model said of the image: a prediction, or the stratum that it was drawn from.
pub(super) fn is_prediction(name: &str) -> bool {
    matches!(name, "label" | "confidence" | "model" | "problem" | "why" | "stratum" | "stratum_size" | "rank")
        || name.starts_with("label_")
        || name.starts_with("p_")
}

/// The columns to read of the tables asked about.
pub(super) fn wanted(schemas: &[&Schema], blind: bool) -> Vec<String> {
    let names = carried(schemas).into_iter().map(|field| field.name).filter(|name| !blind || !is_prediction(name));
    names.chain(["type".to_owned()]).collect()
}

/// The images asked about: one row each, with a column `type`.
#[derive(Debug)]
pub struct Asked {
    /// The columns common to all inputs, then `type`.
    pub table: Table,
    /// How images are told apart.
    pub key: Key,
    /// Rows without an identity: nobody can be asked about them.
    pub nameless: usize,
    index: Index,
    by_content: OnceLock<HashMap<ContentId, Vec<u32>>>,
    places: OnceLock<HashSet<Place>>,
}

/// What a row of a label file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// One image asked about.
    Row(u32),
    /// None.
    None,
    /// Several, for want of a site or season.
    Several,
}

impl Asked {
    /// Joins `tables` to one list without the images in `known`; what several ask for is asked once, its types joined by `+`.
    ///
    /// # Errors
    /// When the tables have no common identity.
    pub fn of(tables: &[Table], known: &[Table], blind: bool) -> Result<Self, StepError> {
        let schemas: Vec<&Schema> = tables.iter().map(|table| &table.schema).collect();
        let key = key(&schemas).ok_or_else(|| StepError::Data("the images asked about cannot be told apart".into()))?;
        let names: Vec<String> = wanted(&schemas, blind);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let parts: Vec<Table> = tables.iter().map(|table| typed(table)?.select(&names)).collect::<Result<_, _>>()?;
        let all = Table::concat(&parts)?;
        let mut elsewhere = HashSet::new();
        for table in known {
            elsewhere.extend(key.of(table)?.rows.into_iter().flatten());
        }
        let keys = key.of(&all)?;
        let index = keys.index();
        let mut rows = Vec::with_capacity(index.len());
        let mut nameless = 0;
        for (row, key) in (0_u32..).zip(&keys.rows) {
            nameless += usize::from(key.is_none());
            if index.row(*key) == Some(row) && key.is_some_and(|key| !elsewhere.contains(&key)) {
                rows.push(row);
            }
        }
        let all = unite_types(&all, &index)?;
        // Most often nothing is asked twice: a million keys need not be made again.
        let (table, index) = if rows.len() == all.rows {
            (all, index)
        } else {
            let table = all.take(&rows);
            let index = key.of(&table)?.index();
            (table, index)
        };
        // Rows of label files do not keep all that a folder's name may have.
        let index = match kept_texts(&table, &key)? {
            Some(kept) => key.of(&kept)?.index(),
            None => index,
        };
        Ok(Self { table, key, nameless, index, by_content: OnceLock::new(), places: OnceLock::new() })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.rows
    }

    /// Says whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.rows == 0
    }

    /// The row with a key.
    #[must_use]
    pub fn row(&self, key: Option<u128>) -> Option<u32> {
        self.index.row(key)
    }

    /// The images with a content: several where one file lies in several places.
    #[must_use]
    pub fn with_content(&self, content: ContentId) -> &[u32] {
        let by_content = self.by_content.get_or_init(|| {
            let mut rows: HashMap<ContentId, Vec<u32>> = HashMap::new();
            if let Some(column) = self.table.column("content") {
                for row in 0..u32::try_from(self.table.rows).unwrap_or(u32::MAX) {
                    if let Some(content) = column.content(row as usize) {
                        rows.entry(content).or_default().push(row);
                    }
                }
            }
            rows
        });
        by_content.get(&content).map_or(&[], Vec::as_slice)
    }

    /// The images by file name (`name`, `file`, `path` or the last part of `path`): of all, or only of those `wanted`.
    #[must_use]
    pub fn files(&self, wanted: Option<&HashSet<&str>>) -> HashMap<Cow<'_, str>, Vec<u32>> {
        let mut found: HashMap<Cow<'_, str>, Vec<u32>> = HashMap::new();
        if wanted.is_some_and(HashSet::is_empty) {
            return found;
        }
        for (name, last_part) in [("name", false), ("file", false), ("path", false), ("path", true)] {
            let Some(column) = self.table.column(name) else { continue };
            for row in 0..u32::try_from(self.table.rows).unwrap_or(u32::MAX) {
                let Some(text) = column.text(row as usize) else { continue };
                let text = if last_part { text.rsplit('/').next().unwrap_or(text) } else { text };
                let text = kept(text);
                if wanted.is_none_or(|wanted| wanted.contains(text.as_ref())) {
                    let rows = found.entry(text).or_default();
                    if !rows.contains(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        found
    }

    /// The image that a label is about, by its content or else by its file among `files` ([`Asked::files`]).
    #[must_use]
    pub fn find(&self, label: &Label<'_>, files: &HashMap<Cow<'_, str>, Vec<u32>>) -> Found {
        match label.observation {
            // Bytes say more than a name: cameras begin again with IMG_0001.
            Some(content) if self.table.column("content").is_some() => self.only(self.with_content(content), label),
            _ => self.with_file(label, files),
        }
    }

    /// The image with the file name of a label.
    pub(super) fn with_file(&self, label: &Label<'_>, files: &HashMap<Cow<'_, str>, Vec<u32>>) -> Found {
        self.only(files.get(kept(&label.file).as_ref()).map_or(&[], Vec::as_slice), label)
    }

    /// Says whether the image in a row lies where a label says, as far as it says it.
    pub(super) fn fits(&self, row: u32, label: &Label<'_>) -> bool {
        let fits = |column: &str, wanted: &str| {
            let own = |values: &Arc<Column>| values.text(row as usize).is_some_and(|text| kept(text) == kept(wanted));
            wanted.is_empty() || self.table.column(column).is_none_or(own)
        };
        fits("site", &label.site) && fits("season", &label.season)
    }

    /// Says whether an image asked about lies at a place.
    pub(super) fn has_place(&self, place: &Place) -> bool {
        self.places.get_or_init(|| places(&self.table)).contains(place)
    }

    /// The only one of `rows` at the site and in the season that a label names.
    fn only(&self, rows: &[u32], label: &Label<'_>) -> Found {
        let mut fitting = rows.iter().filter(|row| self.fits(**row, label)).copied();
        match (fitting.next(), fitting.next()) {
            (None, _) => Found::None,
            (Some(row), None) => Found::Row(row),
            _ => Found::Several,
        }
    }
}

/// The table with the texts of its key as label files keep them; `None` where they are so already.
fn kept_texts(table: &Table, key: &Key) -> Result<Option<Table>, StepError> {
    let mut changed = None;
    for name in &key.columns {
        let Some(column) = table.column(name).filter(|column| column.ty() == Type::Text) else { continue };
        let texts: Vec<Cow<'_, str>> = column.texts().map(kept).collect();
        if texts.iter().zip(column.texts()).all(|(kept, text)| kept.as_ref() == text) {
            continue;
        }
        let mut builder = ColumnBuilder::with_capacity(Type::Text, column.len());
        for row in 0..column.len() {
            builder.push_optional_text(column.code(row).map(|code| texts[code as usize].as_ref()));
        }
        changed = Some(changed.as_ref().unwrap_or(table).with_column(name, Arc::new(builder.finish()?))?);
    }
    Ok(changed)
}

/// A table with a column `type`: what no sample drew is asked because somebody wants it corrected.
fn typed(table: &Table) -> Result<Table, TableError> {
    let text = |column: &&Arc<Column>| column.ty() == Type::Text;
    let column = match table.column("type").filter(text) {
        Some(column) if column.null_count() == 0 => return Ok(table.clone()),
        Some(column) => {
            let mut types = ColumnBuilder::with_capacity(Type::Text, table.rows);
            (0..table.rows).for_each(|row| types.push_text(column.text(row).unwrap_or(label_type::CORRECTED)));
            types.finish()?
        }
        None => Column::repeated(Type::Text, crate::table::CellRef::Text(label_type::CORRECTED), table.rows)?,
    };
    table.with_column("type", Arc::new(column))
}

/// Gives the first row of each image the types of all its rows.
fn unite_types(table: &Table, index: &Index) -> Result<Table, StepError> {
    if index.repeated.is_empty() {
        return Ok(table.clone());
    }
    let types = table.require("type")?;
    let mut united: HashMap<u32, BTreeSet<(usize, &str)>> = HashMap::new();
    for (first, repeated) in &index.repeated {
        let set = united.entry(*first).or_default();
        for row in [first, repeated] {
            set.extend(types.text(*row as usize).unwrap_or_default().split('+').map(|one| (order(one), one)));
        }
    }
    let mut builder = ColumnBuilder::with_capacity(Type::Text, table.rows);
    for row in 0..u32::try_from(table.rows).unwrap_or(u32::MAX) {
        match united.get(&row) {
            Some(set) => builder.push_text(&set.iter().map(|(_, one)| *one).collect::<Vec<_>>().join("+")),
            None => builder.push(types.cell(row as usize)),
        }
    }
    Ok(table.with_column("type", Arc::new(builder.finish()?))?)
}

fn order(one: &str) -> usize {
    [
        label_type::RANDOM,
        label_type::CLASS,
        label_type::CONFIDENCE,
        label_type::CORRECTED,
        label_type::TRAINING,
        label_type::OTHER,
    ]
    .iter()
    .position(|word| *word == one)
    .unwrap_or(usize::MAX)
}
