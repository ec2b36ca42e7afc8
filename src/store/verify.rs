//! Verification: everything in the store is read again and compared with its digest; and what the store holds, in numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::gc::Amount;
use super::pack::Row;
use super::results::{object_id_of, result_key_of};
use super::rows::{Cursor, open_pack};
use super::{Damage, RowStats, Store, StoreError, disk, sealed};
use crate::id::{ContentId, ResultKey, RowKey};

/// What [`Store::verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Damaged files; a writable store moved them aside, or saved what was whole.
    pub damages: Vec<Damage>,
    /// Objects that a result names and that are not there: made again by the next run that needs them.
    pub missing: BTreeMap<ResultKey, BTreeSet<ContentId>>,
}

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StoreStats {
    /// Result manifests.
    pub results: Amount,
    /// Tables, columns, files.
    pub objects: Amount,
    /// Computed rows by recipe.
    pub rows: BTreeMap<RowKey, RowStats>,
    /// Inventories.
    pub inventories: Amount,
    /// The throw-away index.
    pub index: Amount,
    /// Damaged files moved aside.
    pub quarantine: Amount,
}

impl Store {
    /// Reads everything and compares it with its digest. `progress` is told bytes done and bytes in all, from several threads.
    pub fn verify(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<VerifyReport, StoreError> {
        let work = self.everything()?;
        let total: u64 = work.iter().map(|(path, _)| size(path)).sum();
        let done = AtomicU64::new(0);
        work.par_iter().try_for_each(|(path, what)| {
            let bytes = size(path);
            self.verify_one(path, *what)?;
            progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, total);
            Ok::<(), StoreError>(())
        })?;
        let missing = self.missing()?;
        let mut damages = self.take_damages();
        damages.sort();
        Ok(VerifyReport { files: work.len() as u64, bytes: total, damages, missing })
    }

    fn everything(&self) -> Result<Vec<(PathBuf, What)>, StoreError> {
        let mut work = Vec::new();
        work.extend(self.all_of("objects", object_id_of)?.into_iter().map(|(path, id)| (path, What::Object(id))));
        work.extend(self.all_of("results", result_key_of)?.into_iter().map(|(path, key)| (path, What::Result(key))));
        for row_key in self.row_keys()? {
            work.extend(self.pack_paths(row_key)?.into_iter().map(|path| (path, What::Pack(row_key))));
        }
        for folder in ["heads", "pins"] {
            work.extend(Self::list(&self.root.join(folder))?.into_iter().map(|path| (path, What::Sealed)));
        }
        work.extend(Self::list(&self.root.join("inventory"))?.into_iter().map(|path| (path, What::Inventory)));
        Ok(work)
    }

    /// As [`Store::sharded`]; a folder that cannot be listed is damage, and the others are looked at.
    fn all_of<T>(&self, folder: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<(PathBuf, T)>, StoreError> {
        let mut found = Vec::new();
        for shard in Self::list(&self.root.join(folder))? {
            match Self::shard(&shard, parse) {
                Ok(files) => found.extend(files),
                Err(StoreError::Io { source, .. }) => self.note_damage(&shard, &format!("it cannot be listed: {source}"), false),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn verify_one(&self, path: &Path, what: What) -> Result<(), StoreError> {
        let verified = match what {
            What::Object(id) => self.verify_object(id).map(drop),
            What::Result(key) => self.get_result(key).map(drop),
            // Left in place: `gc` refuses to work as long as it cannot know what is pinned.
            What::Sealed => match sealed::read::<serde_json::Value>(path) {
                Err(StoreError::Damaged { what, .. }) => {
                    self.note_damage(path, &what, false);
                    Ok(())
                }
                done => done.map(drop),
            },
            What::Inventory => self.inventory_at(path).map(drop),
            What::Pack(row_key) => self.verify_pack(row_key, path),
        };
        match verified {
            // Noted already; or gone since it was listed.
            Err(error) if error.is_loss() => Ok(()),
            // One file that cannot be read keeps nobody from looking at the others.
            Err(StoreError::Io { action, source, .. }) => {
                self.note_damage(path, &format!("cannot {action} it: {source}"), false);
                Ok(())
            }
            done => done,
        }
    }

    fn verify_pack(&self, row_key: RowKey, path: &Path) -> Result<(), StoreError> {
        let hurt = match open_pack(path, row_key) {
            Ok(Ok(open)) => {
                let mut cursor = Cursor::new(open)?;
                loop {
                    match cursor.row()? {
                        None => return Ok(()),
                        Some(Row::Whole(..)) => cursor.place += 1,
                        Some(Row::Damaged) => break "a row does not fit its checksum".to_owned(),
                    }
                }
            }
            Ok(Err(what)) => what,
            Err(error) if disk::is_absent(&error) => return Ok(()),
            Err(error) => return Err(self.unreadable(path, error)),
        };
        if self.is_writable() {
            return self.salvage_pack(row_key, path, &hurt);
        }
        self.note_damage(path, &hurt, false);
        Ok(())
    }

    /// Objects that results name and that are not there.
    pub(super) fn missing(&self) -> Result<BTreeMap<ResultKey, BTreeSet<ContentId>>, StoreError> {
        let mut missing = BTreeMap::new();
        for key in self.results()? {
            let result = match self.get_result(key) {
                Ok(Some(result)) => result,
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let mut lost = BTreeSet::new();
            for output in result.outputs {
                lost.extend((!self.has(output.id)).then_some(output.id));
                let columns = self.table_header(output.id)?.map(|header| header.columns).unwrap_or_default();
                lost.extend(columns.into_iter().filter(|column| !self.has(*column)));
            }
            if !lost.is_empty() {
                missing.insert(key, lost);
            }
        }
        Ok(missing)
    }

    /// Counts what the store holds.
    pub fn stats(&self) -> Result<StoreStats, StoreError> {
        let mut stats = StoreStats::default();
        self.sharded("results", result_key_of)?.iter().for_each(|(path, _)| stats.results.add(size(path)));
        self.sharded("objects", object_id_of)?.iter().for_each(|(path, _)| stats.objects.add(size(path)));
        for row_key in self.row_keys()? {
            stats.rows.insert(row_key, self.row_stats(row_key)?);
        }
        for (folder, amount) in
            [("inventory", &mut stats.inventories), ("index", &mut stats.index), ("quarantine", &mut stats.quarantine)]
        {
            Self::list(&self.root.join(folder))?.iter().for_each(|path| amount.add(size(path)));
        }
        Ok(stats)
    }
}

/// How a file is verified.
#[derive(Debug, Clone, Copy)]
enum What {
    Object(ContentId),
    Result(ResultKey),
    Pack(RowKey),
    Sealed,
    Inventory,
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}
