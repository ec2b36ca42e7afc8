//! Observations: how rows of different tables are recognised as the same image of the data set, never by their position.
//!
//! An observation is (site, season, content). Tables from elsewhere, without bytes, go by (site, season, name) or by the file's
//! name or path until their rows are found among the images. Repeated keys of a multi-label table carry an `item`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::table::{CellRef, Column, Schema, Table, TableError, Type};

pub mod ids;
pub mod sites;

/// Columns that say where an observation was made; they belong to the key of every table that has them.
pub const PLACE: &[&str] = &["site", "season"];

/// Columns that describe a site: the name in the COAT portal's tables, and ours.
pub const SITE_COLUMNS: &[[&str; 2]] = &[
    ["sn_region", "region"],
    ["sn_locality", "locality"],
    ["sn_section", "section"],
    ["sc_type_of_sites_ecological", "habitat"],
];

/// The column that names the camera, where several stand at one site; a level between site and image.
pub const CAMERA: &str = "camera";

/// The serial number that a camera writes into its images.
pub const SERIAL: &str = "serial";

/// Columns that say which image it is, the surest first.
pub const IDENTITY: &[&str] = &["content", "name", "path", "file"];

/// The number of an observation's row among several of a multi-label table, from 1.
pub const ITEM: &str = "item";

/// The column that says which trigger event an image belongs to (`events`).
pub const EVENT: &str = "event_id";

/// The columns by which some tables are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// In the order of [`PLACE`], one of [`IDENTITY`], then [`ITEM`].
    pub columns: Vec<&'static str>,
}

impl Key {
    /// The key that all `schemas` have: the place as far as all know it, the surest identity of all, and the item where all
    /// number them. `None` where no identity is common to all.
    #[must_use]
    pub fn shared(schemas: &[&Schema]) -> Option<Self> {
        let types = |name: &str| -> Option<Type> {
            let first = schemas.first()?.field(name)?.ty;
            schemas.iter().all(|schema| schema.field(name).is_some_and(|field| field.ty == first)).then_some(first)
        };
        let identity = IDENTITY.iter().find(|name| types(name).is_some())?;
        let place = PLACE.iter().filter(|name| types(name).is_some());
        let item = types(ITEM).map(|_| ITEM);
        Some(Self { columns: place.chain([identity]).copied().chain(item).collect() })
    }

    /// The keys that all `schemas` have, the surest first: a row whose content is not known goes by its name.
    #[must_use]
    pub fn all_shared(schemas: &[&Schema]) -> Vec<Self> {
        let Some(first) = Self::shared(schemas) else { return Vec::new() };
        let known = |name: &&'static str| {
            let ty = |schema: &Schema| schema.field(name).map(|field| field.ty);
            schemas.first().and_then(|schema| ty(schema)).is_some_and(|own| schemas.iter().all(|schema| ty(schema) == Some(own)))
        };
        let with = |identity: &&'static str| {
            let columns = first.columns.iter().map(|name| if IDENTITY.contains(name) { *identity } else { *name });
            Self { columns: columns.collect() }
        };
        IDENTITY.iter().filter(|name| known(name)).map(with).collect()
    }

    /// The key of trigger events that all `schemas` have; `None` where one has none.
    #[must_use]
    pub fn of_events(schemas: &[&Schema]) -> Option<Self> {
        let texts = |name: &str| schemas.iter().all(|schema| schema.field(name).is_some_and(|field| field.ty == Type::Text));
        if !texts(EVENT) {
            return None;
        }
        Some(Self { columns: PLACE.iter().copied().filter(|name| texts(name)).chain([EVENT]).collect() })
    }

    /// The column that says which image, or which event, it is.
    #[must_use]
    pub fn identity(&self) -> &'static str {
        let names = |name: &&&'static str| IDENTITY.contains(*name) || **name == EVENT;
        self.columns.iter().find(names).copied().unwrap_or(IDENTITY[0])
    }

    /// The keys of the rows of `table`.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn of(&self, table: &Table) -> Result<Keys, TableError> {
        let columns: Vec<&Column> =
            self.columns.iter().map(|name| table.require(name).map(AsRef::as_ref)).collect::<Result<_, _>>()?;
        let identity = table.require(self.identity())?;
        let mut buffer = Vec::with_capacity(96);
        let rows = (0..table.rows).map(|row| (!identity.is_null(row)).then(|| digest(&columns, row, &mut buffer))).collect();
        Ok(Keys { rows })
    }

    /// The key in words, for messages: `site, season and content`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.columns.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

fn digest(columns: &[&Column], row: usize, buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    for column in columns {
        let start = buffer.len();
        // Type and length before the bytes: no two rows of different values are the same bytes.
        buffer.extend_from_slice(&[0; 5]);
        let tag = match column.cell(row) {
            CellRef::Null => 0,
            CellRef::Text(text) => {
                buffer.extend_from_slice(text.as_bytes());
                1
            }
            CellRef::Content(id) => {
                buffer.extend_from_slice(id.bytes());
                2
            }
            CellRef::Int(value) => {
                buffer.extend_from_slice(&value.to_le_bytes());
                3
            }
            cell => {
                buffer.extend_from_slice(cell.to_string().as_bytes());
                4
            }
        };
        let length = u32::try_from(buffer.len() - start - 5).unwrap_or(u32::MAX);
        buffer[start] = tag;
        buffer[start + 1..start + 5].copy_from_slice(&length.to_le_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&blake3::hash(buffer).as_bytes()[..16]);
    u128::from_le_bytes(half)
}

/// The keys of a table's rows, as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// One per row; `None` where the identity is missing.
    pub rows: Vec<Option<u128>>,
}

impl Keys {
    /// Finds rows by their key.
    #[must_use]
    pub fn index(&self) -> Index {
        let mut index = Index { rows: HashMap::with_capacity(self.rows.len()), repeated: Vec::new() };
        for (row, key) in (0_u32..).zip(&self.rows) {
            match key.map(|key| index.rows.entry(key)) {
                Some(Entry::Vacant(new)) => drop(new.insert(row)),
                Some(Entry::Occupied(first)) => index.repeated.push((*first.get(), row)),
                None => {}
            }
        }
        index
    }
}

/// The first row of each key.
#[derive(Debug, Clone)]
pub struct Index {
    rows: HashMap<u128, u32>,
    /// Rows whose key an earlier row has: (the first row, the repeating one), in the order of the rows.
    pub repeated: Vec<(u32, u32)>,
}

impl Index {
    /// The first row with `key`.
    #[must_use]
    pub fn row(&self, key: Option<u128>) -> Option<u32> {
        self.rows.get(&key?).copied()
    }

    /// Number of distinct keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// An observation in words, for messages: site, season and the most readable of name, path, file and content.
#[must_use]
pub fn words(table: &Table, row: usize) -> String {
    let readable =
        ["name", "path", "file", "content"].iter().map(|name| table.cell(row, name)).find(|cell| *cell != CellRef::Null);
    let place = PLACE.iter().map(|name| table.cell(row, name));
    let parts: Vec<String> = place.chain(readable).map(|cell| cell.to_string()).filter(|text| !text.is_empty()).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;
    use crate::table::ColumnBuilder;

    fn table(fields: &[(&str, Type)], rows: &[&[CellRef<'_>]]) -> Table {
        let mut builders: Vec<_> = fields.iter().map(|(_, ty)| ColumnBuilder::new(*ty)).collect();
        for row in rows {
            builders.iter_mut().zip(*row).for_each(|(builder, cell)| builder.push(*cell));
        }
        Table::from_builders(Schema::of(fields), builders).unwrap()
    }

    #[test]
    fn the_surest_identity_that_all_have_joins_them() {
        let images =
            Schema::of(&[("content", Type::Content), ("site", Type::Text), ("season", Type::Text), ("name", Type::Text)]);
        let labels = Schema::of(&[("site", Type::Text), ("season", Type::Text), ("name", Type::Text), ("class", Type::Text)]);
        assert_eq!(Key::shared(&[&images, &images]).unwrap().columns, ["site", "season", "content"]);
        let key = Key::shared(&[&images, &labels]).unwrap();
        assert_eq!((key.identity(), key.words().as_str()), ("name", "site, season and name"));
        let elsewhere = Schema::of(&[("file", Type::Text)]);
        assert_eq!(Key::shared(&[&labels, &elsewhere]), None);
    }

    #[test]
    fn all_keys_come_from_the_surest_to_the_least_sure() {
        let images = Schema::of(&[("file", Type::Text), ("content", Type::Content), ("site", Type::Text), ("name", Type::Text)]);
        let all = Key::all_shared(&[&images, &images]);
        let columns: Vec<_> = all.iter().map(|key| key.columns.join(" ")).collect();
        assert_eq!(columns, ["site content", "site name", "site file"]);
        assert_eq!(all[0], Key::shared(&[&images, &images]).unwrap());
    }

    #[test]
    fn a_season_of_another_type_joins_nothing_silently() {
        let text = Schema::of(&[("season", Type::Text), ("name", Type::Text)]);
        let number = Schema::of(&[("season", Type::Int), ("name", Type::Text)]);
        assert_eq!(Key::shared(&[&text, &number]).unwrap().columns, ["name"]);
    }

    #[test]
    fn the_order_of_rows_and_columns_does_not_matter() {
        let (a, b) = (CellRef::Text("a"), CellRef::Text("b"));
        let one = table(&[("site", Type::Text), ("name", Type::Text)], &[&[a, b], &[b, a]]);
        let two = table(&[("name", Type::Text), ("site", Type::Text)], &[&[a, b], &[b, a]]);
        let key = Key::shared(&[&one.schema, &two.schema]).unwrap();
        let (one, two) = (key.of(&one).unwrap(), key.of(&two).unwrap());
        assert_eq!((one.rows[0], one.rows[1]), (two.rows[1], two.rows[0]));
        assert_ne!(one.rows[0], one.rows[1]);
        assert_eq!(two.index().row(one.rows[0]), Some(1));
    }

    #[test]
    fn a_missing_identity_joins_nothing_and_repeats_nothing() {
        let id = CellRef::Content(ContentId::of(b"x"));
        let rows = table(&[("content", Type::Content)], &[&[CellRef::Null], &[id], &[CellRef::Null], &[id]]);
        let keys = Key::shared(&[&rows.schema]).unwrap().of(&rows).unwrap();
        let index = keys.index();
        assert_eq!((index.len(), index.row(keys.rows[0]), index.repeated.clone()), (1, None, vec![(1, 3)]));
    }
}
