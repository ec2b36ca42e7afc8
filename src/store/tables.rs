//! Tables: a header object that names one object per column, so that a step which carries columns on stores none of them twice.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Store, StoreError};
use crate::id::ContentId;
use crate::table::{Column, Schema, Table, TableError, TableHeader};

/// How many columns are encoded before they are written: one column of a million rows is some megabytes.
const BATCH: usize = 8;

/// A table in the store, of which the header was read.
#[derive(Debug, Clone)]
pub struct StoredTable<'a> {
    store: &'a Store,
    id: ContentId,
    header: TableHeader,
}

impl Store {
    /// Stores a table: the columns that are new, then the header.
    pub fn put_table(&self, table: &Table) -> Result<ContentId, StoreError> {
        table.columns.par_iter().for_each(|column| {
            let _ = column.id();
        });
        let new: Vec<&Arc<Column>> = table.columns.par_iter().filter(|column| !self.is_whole(column.id())).collect();
        for batch in new.chunks(BATCH) {
            let encoded: Vec<Vec<u8>> = batch.par_iter().map(|column| column.encode()).collect();
            self.put_many(&encoded)?;
        }
        self.put(&table.header().encode())
    }

    /// Reads the header of a table.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Damaged`]: the table must be made again.
    pub fn open_table(&self, id: ContentId) -> Result<StoredTable<'_>, StoreError> {
        let header = TableHeader::decode(&self.get(id)?)?;
        Ok(StoredTable { store: self, id, header })
    }

    /// Says whether a table can be read: its header is whole and its columns are there. Their bytes are verified when read.
    pub fn has_table(&self, id: ContentId) -> bool {
        self.has(id) && self.open_table(id).is_ok_and(|table| table.header.columns.iter().all(|column| self.has(*column)))
    }
}

impl StoredTable<'_> {
    /// The identity of the table.
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// Names and types of its columns.
    pub fn schema(&self) -> &Schema {
        &self.header.schema
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.header.rows
    }

    /// The objects that hold its columns.
    pub fn column_ids(&self) -> &[ContentId] {
        &self.header.columns
    }

    /// Reads the columns called `names`, in that order, or all.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Damaged`]: the table must be made again.
    pub fn read(&self, names: Option<&[&str]>) -> Result<Table, StoreError> {
        let fields = &self.header.schema.fields;
        let chosen: Vec<usize> = match names {
            None => (0..fields.len()).collect(),
            Some(names) => names.iter().map(|name| self.place(name)).collect::<Result<_, _>>()?,
        };
        let columns = chosen
            .par_iter()
            .map(|place| {
                let id = self.header.columns[*place];
                // The store verified the bytes: a column that is carried on needs no hashing again.
                Ok(Arc::new(Column::decode(&self.store.get(id)?)?.identified(id)))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let schema = Schema { fields: chosen.iter().map(|place| fields[*place].clone()).collect() };
        let mut table = Table::from_columns(schema, columns)?;
        if chosen.is_empty() {
            // Without a column nothing else tells how many rows there are.
            table.rows = usize::try_from(self.header.rows).unwrap_or(usize::MAX);
        }
        Ok(table)
    }

    fn place(&self, name: &str) -> Result<usize, TableError> {
        let schema = &self.header.schema;
        let columns = || schema.fields.iter().map(|field| field.name.clone()).collect();
        schema.index(name).ok_or_else(|| TableError::NoColumn { name: name.to_owned(), columns: columns() })
    }
}
