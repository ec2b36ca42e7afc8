//! Garbage collection: what nothing reaches any more is removed. It needs no room to work, so a full disk can be freed by it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::results::{Heads, object_id_of, result_key_of};
use super::{Lock, Store, StoreError, disk};
use crate::id::{ContentId, ResultKey, RowKey};
use crate::table::TableHeader;

/// Larger objects are no table headers: a name and an identity per column.
const HEADER_BYTES_MAX: u64 = 4 << 20;

/// What must stay: these, and all that they name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// Results with their tables, columns, files and rows.
    pub results: BTreeSet<ResultKey>,
    /// Computed rows.
    pub rows: BTreeSet<RowKey>,
    /// Single objects; tables with their columns.
    pub contents: BTreeSet<ContentId>,
}

/// Whether to do it.
#[derive(Debug, Clone, Copy)]
pub enum GcMode<'a> {
    /// Only count.
    DryRun,
    /// Delete: only the holder of the lock may.
    Delete(&'a Lock),
}

/// Files and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Number of files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What was removed, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Result manifests.
    pub results: Amount,
    /// Tables, columns, files.
    pub objects: Amount,
    /// Row packs.
    pub rows: Amount,
    /// Damaged files that had been moved aside.
    pub quarantine: Amount,
    /// Files that a killed run left half written, and unfinished work.
    pub leftovers: Amount,
    /// Objects that stay.
    pub kept_objects: Amount,
}

impl Store {
    /// What pins and the last run of every pipeline name: the least to keep.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where a list of these is damaged: better nothing is removed than the wrong thing.
    pub fn keep_last(&self) -> Result<Keep, StoreError> {
        let mut keep = Keep { results: self.all_pins()?, ..Keep::default() };
        for Heads { steps } in self.all_heads()?.into_values() {
            keep.results.extend(steps.into_values());
        }
        Ok(keep)
    }

    /// Removes what `keep` does not reach and what was last written before `older_than`.
    pub fn gc(&self, keep: &Keep, older_than: SystemTime, mode: GcMode<'_>) -> Result<GcReport, StoreError> {
        let delete = matches!(mode, GcMode::Delete(_));
        if delete {
            self.writable(&self.root)?;
        }
        let (contents, rows) = self.reach(keep)?;
        let sweep = |path: &Path, amount: &mut Amount| -> Result<(), StoreError> {
            let Ok(found) = fs::metadata(path) else { return Ok(()) };
            // A file without a time is as good as young.
            if found.modified().is_ok_and(|time| time < older_than) {
                amount.add(found.len());
                if delete {
                    disk::remove(path)?;
                }
            }
            Ok(())
        };
        let mut report = GcReport::default();
        // Manifests first: a collection that is killed leaves objects without a manifest, never the reverse.
        for (path, key) in self.sharded("results", result_key_of)? {
            if !keep.results.contains(&key) {
                sweep(&path, &mut report.results)?;
            }
        }
        for (path, id) in self.sharded("objects", object_id_of)? {
            if contents.contains(&id) {
                report.kept_objects.add(fs::metadata(&path).map_or(0, |found| found.len()));
            } else {
                sweep(&path, &mut report.objects)?;
            }
        }
        for row_key in self.row_keys()?.into_iter().filter(|key| !rows.contains(key)) {
            let folder = self.rows_folder(row_key);
            for path in Self::list(&folder)? {
                sweep(&path, &mut report.rows)?;
            }
            if delete {
                // Fails where young packs stay, as it should.
                let _ = fs::remove_dir(folder);
            }
        }
        for path in Self::list(&self.root.join("quarantine"))? {
            sweep(&path, &mut report.quarantine)?;
        }
        for path in Self::list(&self.root.join("tmp"))? {
            sweep(&path, &mut report.leftovers)?;
        }
        for folder in Self::list(&self.root.join("scratch"))? {
            for path in Self::list(&folder)? {
                sweep(&path, &mut report.leftovers)?;
            }
            if delete {
                // Fails where young work stays, as it should.
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(report)
    }

    /// Forgets the results of which objects are missing and that no step yields any more: nothing will make them again. Returns how
    /// many there were.
    ///
    /// # Errors
    /// As [`Store::keep_last`].
    pub fn forget_incomplete(&self, _lock: &Lock) -> Result<u64, StoreError> {
        let keep = self.keep_last()?;
        let mut forgotten = 0;
        for key in self.missing()?.into_keys().filter(|key| !keep.results.contains(key)) {
            disk::remove(&self.result_path(key))?;
            forgotten += 1;
        }
        Ok(forgotten)
    }

    /// Objects and row recipes that `keep` reaches. What a damaged manifest or header named is not reached: it has to be made again.
    fn reach(&self, keep: &Keep) -> Result<(BTreeSet<ContentId>, BTreeSet<RowKey>), StoreError> {
        let (mut contents, mut rows) = (keep.contents.clone(), keep.rows.clone());
        for key in &keep.results {
            match self.get_result(*key) {
                Ok(Some(result)) => {
                    contents.extend(result.outputs.iter().map(|output| output.id));
                    contents.extend(result.files.iter().map(|file| file.id));
                    rows.extend(result.rows);
                }
                Ok(None) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut columns = BTreeSet::new();
        for id in &contents {
            if let Some(header) = self.table_header(*id)? {
                columns.extend(header.columns);
            }
        }
        contents.extend(columns);
        Ok((contents, rows))
    }

    /// The header of an object that is a whole table.
    pub(super) fn table_header(&self, id: ContentId) -> Result<Option<TableHeader>, StoreError> {
        if !fs::metadata(self.object_path(id)).is_ok_and(|found| found.len() <= HEADER_BYTES_MAX) {
            return Ok(None);
        }
        match self.get(id) {
            Ok(bytes) => Ok(TableHeader::decode(&bytes).ok()),
            Err(error) if error.is_loss() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
