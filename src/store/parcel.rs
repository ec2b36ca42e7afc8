//! Parcels: the files of a store that hold certain results, for a copy that somebody else reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::results::HeadsFile;
use super::{FormatFile, Heads, ResultManifest, STORE_FORMAT, Store, StoreError, sealed};
use crate::id::{ContentId, RowKey};

/// A file of the copy.
#[derive(Debug, Clone)]
pub enum Part {
    /// One to be copied.
    File {
        /// Where in the copy's store, with `/`.
        path: String,
        /// Where it lies.
        from: PathBuf,
        /// What it must hold, where its name says so.
        id: Option<ContentId>,
    },
    /// One written for the copy.
    Bytes {
        /// Where in the copy's store, with `/`.
        path: String,
        /// What it holds.
        bytes: Vec<u8>,
    },
}

impl Store {
    /// The files of a store with these `results`, the last ones of the steps of `pipeline`, the tables and models `contents` and the
    /// rows of `rows`; in the order of their paths. No lock, inventory or journal: those tell of a machine.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where an object is not there.
    pub fn parcel(
        &self,
        pipeline: &str,
        results: &[ResultManifest],
        heads: &Heads,
        contents: &BTreeSet<ContentId>,
        rows: &BTreeSet<RowKey>,
    ) -> Result<Vec<Part>, StoreError> {
        let mut parts = vec![self.sealed_part(&self.root.join("format"), &FormatFile { trapline_store: STORE_FORMAT })?];
        parts.push(
            self.sealed_part(&self.heads_path(pipeline), &HeadsFile { pipeline: pipeline.to_owned(), heads: heads.clone() })?,
        );
        for manifest in results {
            parts.push(self.sealed_part(&self.result_path(manifest.key), manifest)?);
        }
        let mut all = contents.clone();
        for id in contents {
            if let Some(header) = self.table_header(*id)? {
                all.extend(header.columns);
            }
        }
        for id in all {
            if !self.has(id) {
                return Err(StoreError::Missing(id));
            }
            let from = self.object_path(id);
            parts.push(Part::File { path: self.relative(&from), from, id: Some(id) });
        }
        for row_key in rows {
            for from in self.pack_paths(*row_key)? {
                parts.push(Part::File { path: self.relative(&from), from, id: None });
            }
        }
        parts.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(parts)
    }

    fn sealed_part<T: serde::Serialize>(&self, path: &Path, value: &T) -> Result<Part, StoreError> {
        let bytes = sealed::encode(value).map_err(|error| StoreError::io("write", path)(error.into()))?;
        Ok(Part::Bytes { path: self.relative(path), bytes })
    }

    fn relative(&self, path: &Path) -> String {
        crate::path::to_text(path.strip_prefix(&self.root).unwrap_or(path))
    }
}

impl Part {
    /// Where in the copy's store.
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Bytes { path, .. } => path,
        }
    }
}
