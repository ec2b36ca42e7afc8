//! A stored table is a header naming its columns' identities: tables that share a column store it once.

use super::encoding::{Input, type_byte, type_of};
use super::{Field, Schema, Table, TableError};
use crate::id::ContentId;

const MAGIC: &[u8; 4] = b"TLT1";

/// Names, types and identities of the columns of a table; its bytes' BLAKE3 is the identity of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHeader {
    /// Names and types.
    pub schema: Schema,
    /// Number of rows.
    pub rows: u64,
    /// Identities of the columns, in the order of the schema.
    pub columns: Vec<ContentId>,
}

impl TableHeader {
    /// The canonical bytes: `TLT1`, rows u64, columns u32, then for each its name's length u32, name, type u8, identity.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.columns.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (field, id) in self.schema.fields.iter().zip(&self.columns) {
            out.extend_from_slice(&u32::try_from(field.name.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend_from_slice(field.name.as_bytes());
            out.push(type_byte(field.ty));
            out.extend_from_slice(id.bytes());
        }
        out
    }

    /// Reads what [`TableHeader::encode`] wrote.
    ///
    /// # Errors
    /// [`TableError::Damaged`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        let mut input = Input { rest: bytes, what: "table header" };
        if input.take(4)? != MAGIC {
            return Err(input.damaged("it does not start with `TLT1`"));
        }
        let rows = input.u64()?;
        let count = input.u32()?;
        let mut header = Self { schema: Schema::default(), rows, columns: Vec::new() };
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..count {
            let length = input.u32()? as usize;
            let name = std::str::from_utf8(input.take(length)?).map_err(|_| input.damaged("a name that is not UTF-8"))?;
            if !names.insert(name) {
                return Err(input.damaged("a name twice"));
            }
            let ty = type_of(input.u8()?).ok_or_else(|| input.damaged("unknown type"))?;
            header.schema.fields.push(Field { name: name.to_owned(), ty });
            header.columns.push(ContentId(input.array()?));
        }
        if input.rest.is_empty() { Ok(header) } else { Err(input.damaged("bytes behind the end")) }
    }

    /// The identity of the table.
    #[must_use]
    pub fn id(&self) -> ContentId {
        ContentId::of(&self.encode())
    }
}

impl Table {
    /// Names, types and identities of the columns.
    #[must_use]
    pub fn header(&self) -> TableHeader {
        TableHeader {
            schema: self.schema.clone(),
            rows: self.rows as u64,
            columns: self.columns.iter().map(|c| c.id()).collect(),
        }
    }

    /// The identity of the table: of its header.
    #[must_use]
    pub fn id(&self) -> ContentId {
        self.header().id()
    }
}
