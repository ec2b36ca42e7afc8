//! Computed rows: packs per [`RowKey`], written as the work goes on, read in key order.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::is_of_the_file;
use super::pack::{self, Pack, PackSource, PackTable, Row, RowStream};
use super::{Store, StoreError};
use crate::id::{ContentId, RowKey};

/// How often packs are listed again when one vanishes between listing and opening, merged away by a run.
const LIST_ATTEMPTS: u32 = 8;

/// Two different rows for one image under one recipe: the older one was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Conflict {
    /// Under which recipe.
    pub row_key: RowKey,
    /// Which image.
    pub content: ContentId,
}

/// What [`Store::read_rows`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsRead {
    /// How many rows were delivered.
    pub delivered: u64,
    /// Wanted, but not there or damaged: to be computed (again).
    pub lost: Vec<ContentId>,
    /// Rows that differ from the one delivered.
    pub conflicts: Vec<Conflict>,
}

/// How many rows and bytes the packs of a recipe hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RowStats {
    /// Number of packs.
    pub packs: u64,
    /// Rows in them; a row that two packs hold counts twice.
    pub rows: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// An open pack and its verified table.
pub(super) struct OpenPack {
    pub pack: Pack,
    pub table: PackTable,
    pub file: File,
}

impl Store {
    pub(super) fn rows_folder(&self, row_key: RowKey) -> PathBuf {
        self.root.join("rows").join(row_key.hex())
    }

    /// The recipes that have rows, sorted.
    pub fn row_keys(&self) -> Result<Vec<RowKey>, StoreError> {
        let folders = Self::list(&self.root.join("rows"))?;
        Ok(folders.iter().filter_map(|f| format!("b3:{}", f.file_name()?.to_str()?).parse().ok()).collect())
    }

    /// The packs of a recipe, oldest first, as their names and lengths tell.
    pub(super) fn pack_paths(&self, row_key: RowKey) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = Self::list(&self.rows_folder(row_key))?;
        paths.retain(|path| pack::parse_name(path).is_some());
        paths.sort_by_key(|path| pack::parse_name(path));
        Ok(paths)
    }

    /// Counts rows without reading their keys.
    pub fn row_stats(&self, row_key: RowKey) -> Result<RowStats, StoreError> {
        let mut stats = RowStats::default();
        for path in self.pack_paths(row_key)? {
            stats.packs += 1;
            stats.bytes += fs::metadata(&path).map_or(0, |found| found.len());
            if let Ok(Ok((pack, _))) = Pack::open(&path) {
                stats.rows += pack.count;
            }
        }
        Ok(stats)
    }

    /// Opens every pack of a recipe, oldest first. Damaged ones are salvaged by a writer and left out by a reader.
    pub(super) fn open_packs(&self, row_key: RowKey) -> Result<Vec<OpenPack>, StoreError> {
        for _ in 1..LIST_ATTEMPTS {
            if let Some(packs) = self.try_open_packs(row_key)? {
                return Ok(packs);
            }
        }
        Err(StoreError::io("list", &self.rows_folder(row_key))(io::Error::from(io::ErrorKind::ResourceBusy)))
    }

    /// `None` where a pack vanished or was salvaged meanwhile: list again.
    fn try_open_packs(&self, row_key: RowKey) -> Result<Option<Vec<OpenPack>>, StoreError> {
        let mut packs = Vec::new();
        for path in self.pack_paths(row_key)? {
            let what = match open_pack(&path, row_key) {
                Ok(Ok(pack)) => {
                    packs.push(pack);
                    continue;
                }
                Ok(Err(what)) => what,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
                Err(error) => match self.unreadable(&path, error) {
                    // Moved aside, or left out.
                    StoreError::Damaged { .. } => continue,
                    error => return Err(error),
                },
            };
            if self.is_writable() {
                self.salvage_pack(row_key, &path, &what)?;
                return Ok(None);
            }
            self.note_damage(&path, &what, false);
        }
        Ok(Some(packs))
    }

    /// The images that have a row, sorted: the packs' key lists alone are read.
    pub fn row_contents(&self, row_key: RowKey) -> Result<Vec<ContentId>, StoreError> {
        let mut packs = self.open_packs(row_key)?;
        let mut keys = if packs.is_empty() { Vec::new() } else { packs.swap_remove(0).table.keys };
        if !packs.is_empty() {
            for open in packs {
                keys.extend_from_slice(&open.table.keys);
            }
            // Stable, because that sort merges runs which are sorted already.
            keys.sort();
            keys.dedup();
        }
        Ok(keys)
    }

    /// Those of `wanted` (sorted) that have no row yet.
    pub fn rows_missing(&self, row_key: RowKey, wanted: &[ContentId]) -> Result<Vec<ContentId>, StoreError> {
        let present = self.row_contents(row_key)?;
        let mut place = 0;
        Ok(wanted
            .iter()
            .filter(|id| {
                place += advance(&present[place..], **id);
                present.get(place) != Some(id)
            })
            .copied()
            .collect())
    }

    /// Streams the rows of `wanted` in ascending order. Every row is verified; what is damaged is reported as lost, taken out of
    /// its pack, and found again once it was computed and appended.
    pub fn read_rows(
        &self,
        row_key: RowKey,
        wanted: &[ContentId],
        each: &mut dyn FnMut(ContentId, &[u8]),
    ) -> Result<RowsRead, StoreError> {
        if !wanted.is_sorted_by(|a, b| a < b) {
            let mut sorted = wanted.to_vec();
            sorted.sort();
            sorted.dedup();
            return self.read_rows(row_key, &sorted, each);
        }
        let mut read = RowsRead::default();
        let mut hurt = Vec::new();
        let done = self.look_up_rows(row_key, wanted, each, &mut read, &mut hurt)?;
        if done < wanted.len() {
            self.scan_rows(row_key, &wanted[done..], each, &mut read, &mut hurt)?;
        }
        self.heal_packs(row_key, hurt)?;
        Ok(read)
    }

    /// Reads rows by walking the key lists of all packs.
    pub(super) fn scan_rows(
        &self,
        row_key: RowKey,
        wanted: &[ContentId],
        each: &mut dyn FnMut(ContentId, &[u8]),
        read: &mut RowsRead,
        hurt: &mut Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        let mut cursors = Vec::new();
        for open in self.open_packs(row_key)? {
            cursors.push(Cursor::new(open)?);
        }
        for &content in wanted {
            let mut delivered: Option<[u8; pack::SUM_BYTES]> = None;
            for cursor in &mut cursors {
                let Some(row) = cursor.find(content)? else { continue };
                match (row, delivered) {
                    (Row::Whole(row, sum), None) => {
                        delivered = Some(sum);
                        each(content, row);
                    }
                    (Row::Whole(_, sum), Some(kept)) => {
                        if sum != kept {
                            read.conflicts.push(Conflict { row_key, content });
                        }
                    }
                    (Row::Damaged, _) => hurt.push(cursor.path.clone()),
                }
            }
            match delivered {
                Some(_) => read.delivered += 1,
                None => read.lost.push(content),
            }
        }
        Ok(())
    }

    /// Takes damaged rows out of the packs at `hurt`.
    pub(super) fn heal_packs(&self, row_key: RowKey, mut hurt: Vec<PathBuf>) -> Result<(), StoreError> {
        hurt.sort();
        hurt.dedup();
        for path in hurt {
            if self.is_writable() {
                self.salvage_pack(row_key, &path, "a row does not fit its checksum")?;
            } else {
                self.note_damage(&path, "a row does not fit its checksum", false);
            }
        }
        Ok(())
    }

    /// Replaces a damaged pack by one of its whole rows and moves it aside.
    pub(super) fn salvage_pack(&self, row_key: RowKey, path: &Path, what: &str) -> Result<(), StoreError> {
        let number = pack::parse_name(path).map_or(0, |(number, _)| number);
        let salvaged = match pack::salvage(path) {
            Ok(salvaged) => salvaged,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if is_of_the_file(&error) => None,
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let Some(mut salvage) = salvaged else {
            let cleared = self.quarantine(path, what);
            self.note_damage(path, &format!("{what}; all its rows are lost"), cleared);
            return Ok(());
        };
        let lost = salvage.stated - salvage.rows.len() as u64;
        let mut replaced = false;
        if !salvage.rows.is_empty() {
            let (rows, file) = (&salvage.rows, &mut salvage.file);
            let mut source = PackSource {
                row_key,
                provenance: &salvage.provenance,
                count: rows.len() as u64,
                rows_bytes: rows.iter().map(|row| row.2).sum(),
                walk: &|each| rows.iter().for_each(|(key, _, bytes)| each(*key, bytes - pack::SUM_BYTES as u64)),
                rows: &mut |out| {
                    let mut buffer = Vec::new();
                    for (_, start, bytes) in rows {
                        file.seek(SeekFrom::Start(*start))?;
                        buffer.resize(usize::try_from(*bytes).map_err(io::Error::other)?, 0);
                        file.read_exact(&mut buffer)?;
                        out.write_all(&buffer)?;
                    }
                    Ok(())
                },
            };
            let folder = self.rows_folder(row_key);
            let written = pack::write(self, &folder, number, &mut source)?;
            // Nothing lost: the pack is again what its name says, and takes the place of the damaged one.
            replaced = written.1 == path;
            self.commit(vec![written])?;
        }
        let what = format!("{what}; {lost} of {} rows are lost", salvage.stated);
        drop(salvage);
        let cleared = replaced || self.quarantine(path, &what);
        self.note_damage(path, &what, cleared);
        Ok(())
    }
}

/// Opens one pack; the inner error says what is damaged.
pub(super) fn open_pack(path: &Path, row_key: RowKey) -> io::Result<Result<OpenPack, String>> {
    let (pack, mut file) = match Pack::open(path)? {
        Ok(opened) => opened,
        Err(what) => return Ok(Err(what)),
    };
    let table = match pack.table(&mut file)? {
        Ok(table) => table,
        Err(what) => return Ok(Err(what)),
    };
    Ok(if pack.row_key == row_key { Ok(OpenPack { pack, table, file }) } else { Err("it belongs to another recipe".into()) })
}

/// A place in a pack that moves forward only.
pub(super) struct Cursor {
    pub path: PathBuf,
    pub table: PackTable,
    pub place: usize,
    stream: RowStream,
}

impl Cursor {
    /// Starts before the first row.
    pub fn new(open: OpenPack) -> Result<Self, StoreError> {
        let stream = RowStream::new(&open.pack, open.file).map_err(StoreError::io("read", &open.pack.path))?;
        Ok(Self { path: open.pack.path, table: open.table, place: 0, stream })
    }

    /// The key here.
    pub fn key(&self) -> Option<ContentId> {
        self.table.keys.get(self.place).copied()
    }

    /// Reads the row here.
    pub fn row(&mut self) -> Result<Option<Row<'_>>, StoreError> {
        let Some(content) = self.key() else { return Ok(None) };
        let span = self.table.span(self.place);
        self.stream.row(content, span).map(Some).map_err(StoreError::io("read", &self.path))
    }

    /// Moves to `content` and reads its row, if the pack has one.
    fn find(&mut self, content: ContentId) -> Result<Option<Row<'_>>, StoreError> {
        self.place += advance(&self.table.keys[self.place..], content);
        if self.key() == Some(content) { self.row() } else { Ok(None) }
    }
}

/// How many of `keys` (sorted) lie before `content`: in steps that double, since the next one wanted is mostly near.
pub(super) fn advance(keys: &[ContentId], content: ContentId) -> usize {
    let mut step = 1;
    while step <= keys.len() && keys[step - 1] < content {
        step *= 2;
    }
    let from = step / 2;
    let to = step.min(keys.len());
    from + keys[from..to].partition_point(|key| *key < content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_equals_a_linear_search() {
        let keys: Vec<ContentId> = (0..50u8).map(|n| ContentId([n * 2; 32])).collect();
        for start in 0..=keys.len() {
            for n in 0..=101 {
                let content = ContentId([n; 32]);
                let expected = keys[start..].iter().take_while(|key| **key < content).count();
                assert_eq!(advance(&keys[start..], content), expected);
            }
        }
    }
}
