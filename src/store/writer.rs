//! Appending rows, and merging packs so that their number stays bounded.

use std::io;
use std::path::{Path, PathBuf};

use super::pack::{self, EachRow, PackSource, Row};
use super::rows::{Conflict, Cursor, OpenPack};
use super::{Store, StoreError, disk};
use crate::id::{ContentId, RowKey};

/// Rows in memory before they become a pack.
const FLUSH_BYTES: usize = 8 << 20;
/// Packs above this are merged no more: a pack is rewritten as a whole when one of its rows is damaged.
const MERGE_BYTES_MAX: u64 = 1 << 30;
/// How many packs of a run lie side by side before they are merged.
const FAN_IN: usize = 8;
/// Above this, packs are merged even where their sizes differ: each is an open file while rows are read.
const MANY_PACKS: usize = 64;

/// What a writer did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsWritten {
    /// Rows appended.
    pub rows: u64,
    /// Rows that differ from an older one for the same image: left out.
    pub conflicts: Vec<Conflict>,
}

/// Collects the rows of one recipe and writes them as packs.
///
/// A killed run loses what was appended since the last [`RowWriter::flush`]: call it every few seconds. Dropping flushes too, but
/// tells nobody whether it worked.
#[derive(Debug)]
pub struct RowWriter<'a> {
    store: &'a Store,
    row_key: RowKey,
    provenance: Vec<String>,
    number: u64,
    flushes: usize,
    index: Vec<(ContentId, usize, usize)>,
    bytes: Vec<u8>,
    written: RowsWritten,
}

impl Store {
    /// Starts appending rows under `row_key`. `provenance` names CPU, crates and versions; it is kept beside the rows and enters no
    /// key.
    pub fn row_writer(&self, row_key: RowKey, provenance: &str) -> Result<RowWriter<'_>, StoreError> {
        self.writable(&self.rows_folder(row_key))?;
        let last = self.pack_paths(row_key)?.last().and_then(|path| pack::parse_name(path));
        Ok(RowWriter {
            store: self,
            row_key,
            provenance: vec![provenance.to_owned()],
            number: last.map_or(0, |(number, _)| number + 1),
            flushes: 0,
            index: Vec::new(),
            bytes: Vec::new(),
            written: RowsWritten::default(),
        })
    }
}

impl RowWriter<'_> {
    /// Adds a row. It is durable after the next flush, which comes by itself every 8 MiB.
    pub fn append(&mut self, content: ContentId, row: &[u8]) -> Result<(), StoreError> {
        if row.len() as u64 + pack::SUM_BYTES as u64 > pack::ROW_BYTES_MAX {
            let path = self.store.rows_folder(self.row_key);
            return Err(StoreError::io("write", &path)(io::Error::from(io::ErrorKind::FileTooLarge)));
        }
        self.index.push((content, self.bytes.len(), row.len()));
        self.bytes.extend_from_slice(row);
        if self.bytes.len() + self.index.len() * 48 >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    /// How many rows are in memory only.
    pub fn pending(&self) -> usize {
        self.index.len()
    }

    /// Writes what was appended as a finished pack.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        if self.index.is_empty() {
            return Ok(());
        }
        self.index.sort_by_key(|row| row.0);
        let (bytes, row_key, conflicts) = (&self.bytes, self.row_key, &mut self.written.conflicts);
        let row = |at: usize, length: usize| &bytes[at..at + length];
        self.index.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same && row(next.1, next.2) != row(kept.1, kept.2) {
                conflicts.push(Conflict { row_key, content: kept.0 });
            }
            same
        });
        let index = &self.index;
        let mut source = PackSource {
            row_key,
            provenance: &self.provenance,
            count: index.len() as u64,
            rows_bytes: index.iter().map(|row| (row.2 + pack::SUM_BYTES) as u64).sum(),
            walk: &|each| index.iter().for_each(|(key, _, length)| each(*key, *length as u64)),
            rows: &mut |out| {
                index.iter().try_for_each(|(key, at, length)| {
                    let row = row(*at, *length);
                    out.write_all(&pack::sum(*key, row))?;
                    out.write_all(row)
                })
            },
        };
        let pack = pack::write(self.store, &self.store.rows_folder(row_key), self.number, &mut source)?;
        self.store.commit(vec![pack])?;
        self.number += 1;
        self.written.rows += self.index.len() as u64;
        self.index.clear();
        self.bytes.clear();
        self.flushes += 1;
        if self.flushes.is_multiple_of(FAN_IN) {
            let conflicts = self.store.merge_packs(self.row_key, side_by_side)?;
            self.written.conflicts.extend(conflicts);
        }
        Ok(())
    }

    /// Writes the rest and merges small packs.
    pub fn finish(mut self) -> Result<RowsWritten, StoreError> {
        self.flush()?;
        if self.flushes > 0 {
            let conflicts = self.store.merge_packs(self.row_key, at_the_end)?;
            self.written.conflicts.extend(conflicts);
        }
        self.written.conflicts.sort_unstable();
        self.written.conflicts.dedup();
        Ok(std::mem::take(&mut self.written))
    }
}

impl Drop for RowWriter<'_> {
    fn drop(&mut self) {
        // A run that fails elsewhere keeps the rows it computed.
        let _ = self.flush();
    }
}

/// Chooses neighbours to merge from the sizes of all packs, oldest first.
type Choose = fn(&[u64]) -> Option<std::ops::Range<usize>>;

/// While a run goes on: eight neighbours of about one size, so that each row is rewritten once per power of eight. Where sizes vary
/// too much for that, the eight smallest neighbours once there are many packs.
fn side_by_side(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    let windows = || {
        sizes.windows(FAN_IN).enumerate().filter_map(|(start, window)| {
            let sum: u64 = window.iter().sum();
            (sum <= MERGE_BYTES_MAX).then_some((start, sum, window.iter().copied().max()?))
        })
    };
    let even = windows().find(|(_, sum, largest)| largest * (FAN_IN as u64) <= 2 * sum);
    let smallest = || windows().min_by_key(|(_, sum, _)| *sum).filter(|_| sizes.len() > MANY_PACKS);
    even.or_else(smallest).map(|(start, ..)| start..start + FAN_IN)
}

/// When a run ends: newest packs into the one before them until each pack is at least twice as large as all that follow.
fn at_the_end(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    let (mut sum, mut start) = (0u64, sizes.len());
    for (place, bytes) in sizes.iter().enumerate().rev() {
        let joins = start == sizes.len() || *bytes < 2 * sum;
        if !joins || *bytes + sum > MERGE_BYTES_MAX {
            break;
        }
        sum += bytes;
        start = place;
    }
    (sizes.len() - start > 1).then_some(start..sizes.len())
}

/// On demand: all neighbours that fit together.
fn everything(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    let (mut sum, mut start) = (0u64, 0);
    for (place, bytes) in sizes.iter().enumerate() {
        if sum + bytes > MERGE_BYTES_MAX {
            if place - start > 1 {
                return Some(start..place);
            }
            (sum, start) = (0, place);
        }
        sum += bytes;
    }
    (sizes.len() - start > 1).then_some(start..sizes.len())
}

impl Store {
    /// Merges packs of a recipe until `choose` is content. A disk too full for the merged pack leaves them as they are.
    fn merge_packs(&self, row_key: RowKey, choose: Choose) -> Result<Vec<Conflict>, StoreError> {
        let mut conflicts = Vec::new();
        loop {
            let paths = self.pack_paths(row_key)?;
            let sizes: Vec<u64> = paths.iter().map(|path| path.metadata().map_or(0, |found| found.len())).collect();
            let Some(chosen) = choose(&sizes) else { return Ok(conflicts) };
            match self.merge(row_key, &paths[chosen], &mut conflicts) {
                Ok(true) => {}
                Ok(false) | Err(StoreError::Full { .. }) => return Ok(conflicts),
                Err(error) => return Err(error),
            }
        }
    }

    /// Merges all packs of a recipe that may be merged.
    pub fn compact_rows(&self, row_key: RowKey) -> Result<Vec<Conflict>, StoreError> {
        self.writable(&self.rows_folder(row_key))?;
        self.merge_packs(row_key, everything)
    }

    /// Merges neighbouring packs into one. False where a damaged one was salvaged instead.
    fn merge(&self, row_key: RowKey, paths: &[PathBuf], conflicts: &mut Vec<Conflict>) -> Result<bool, StoreError> {
        let mut packs = self.open_packs(row_key)?;
        packs.retain(|open| paths.contains(&open.pack.path));
        let (Some(first), true) = (packs.first(), packs.len() == paths.len()) else { return Ok(false) };
        let number = first.pack.number;
        let provenance = provenances(&packs);
        let tables: Vec<(&[ContentId], &[u64])> = packs.iter().map(|p| (&*p.table.keys, &*p.table.ends)).collect();
        let (mut count, mut rows_bytes) = (0u64, 0u64);
        walk_merged(&tables, &mut |_, length| {
            count += 1;
            rows_bytes += length + pack::SUM_BYTES as u64;
        });
        self.write_merged(row_key, number, &provenance, (count, rows_bytes), packs, conflicts)
    }

    fn write_merged(
        &self,
        row_key: RowKey,
        number: u64,
        provenance: &[String],
        (count, rows_bytes): (u64, u64),
        packs: Vec<OpenPack>,
        conflicts: &mut Vec<Conflict>,
    ) -> Result<bool, StoreError> {
        let paths: Vec<PathBuf> = packs.iter().map(|open| open.pack.path.clone()).collect();
        let mut cursors = packs.into_iter().map(Cursor::new).collect::<Result<Vec<_>, _>>()?;
        let cells = std::cell::RefCell::new(&mut cursors);
        let mut hurt: Option<PathBuf> = None;
        let mut source = PackSource {
            row_key,
            provenance,
            count,
            rows_bytes,
            walk: &|each| {
                let cursors = cells.borrow();
                let tables: Vec<_> = cursors.iter().map(|c| (&*c.table.keys, &*c.table.ends)).collect();
                walk_merged(&tables, each);
            },
            rows: &mut |out| copy_rows(row_key, *cells.borrow_mut(), out, conflicts, &mut hurt),
        };
        let written = pack::write(self, &self.rows_folder(row_key), number, &mut source);
        drop(cursors);
        if let Some(path) = hurt {
            self.salvage_pack(row_key, &path, "a row does not fit its checksum")?;
            return Ok(false);
        }
        let written = written?;
        let target = written.1.clone();
        self.commit(vec![written])?;
        for path in paths.iter().filter(|path| **path != target) {
            remove_pack(path)?;
        }
        Ok(true)
    }
}

/// Removes a pack that was merged. On Windows one that a reader holds open stays until the next merge: its rows are the same.
fn remove_pack(path: &Path) -> Result<(), StoreError> {
    match disk::remove(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Every provenance among the packs, in order of appearance.
fn provenances(packs: &[OpenPack]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in packs.iter().flat_map(|open| &open.table.provenance) {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
    all
}

/// Walks several sorted key lists as one; of equal keys the first list's counts.
fn walk_merged(tables: &[(&[ContentId], &[u64])], each: &mut EachRow<'_>) {
    let mut places = vec![0usize; tables.len()];
    while let Some((first, content)) = lowest(tables.iter().zip(&places).map(|((keys, _), place)| keys.get(*place).copied())) {
        let (_, ends) = tables[first];
        let place = places[first];
        let start = if place == 0 { 0 } else { ends[place - 1] };
        each(content, ends[place] - start - pack::SUM_BYTES as u64);
        for ((keys, _), place) in tables.iter().zip(&mut places) {
            *place += usize::from(keys.get(*place) == Some(&content));
        }
    }
}

/// The lowest key and the first list that has it.
fn lowest(keys: impl Iterator<Item = Option<ContentId>>) -> Option<(usize, ContentId)> {
    keys.enumerate().filter_map(|(place, key)| Some((place, key?))).min_by_key(|(place, key)| (*key, *place))
}

/// Writes the rows of all packs in key order, each verified; stops at a damaged one, whose pack goes to `hurt`.
fn copy_rows(
    row_key: RowKey,
    cursors: &mut [Cursor],
    out: &mut dyn io::Write,
    conflicts: &mut Vec<Conflict>,
    hurt: &mut Option<PathBuf>,
) -> io::Result<()> {
    while let Some((_, content)) = lowest(cursors.iter().map(Cursor::key)) {
        let mut kept: Option<[u8; pack::SUM_BYTES]> = None;
        for cursor in cursors.iter_mut().filter(|cursor| cursor.key() == Some(content)) {
            let damaged = match (cursor.row().map_err(io::Error::other)?, kept) {
                (Some(Row::Whole(row, sum)), None) => {
                    out.write_all(&sum)?;
                    out.write_all(row)?;
                    kept = Some(sum);
                    false
                }
                (Some(Row::Whole(_, sum)), Some(kept)) => {
                    if sum != kept {
                        conflicts.push(Conflict { row_key, content });
                    }
                    false
                }
                (Some(Row::Damaged) | None, _) => true,
            };
            if damaged {
                *hurt = Some(cursor.path.clone());
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            cursor.place += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_end_few_packs_remain_and_a_large_one_is_left_alone() {
        assert_eq!(at_the_end(&[1000, 1]), None);
        assert_eq!(at_the_end(&[1000, 10, 9, 8]), Some(1..4));
        assert_eq!(at_the_end(&[10, 9]), Some(0..2));
        assert_eq!(at_the_end(&[7]), None);
        assert_eq!(at_the_end(&[]), None);
        assert_eq!(at_the_end(&[MERGE_BYTES_MAX, MERGE_BYTES_MAX]), None);
    }

    #[test]
    fn while_a_run_goes_on_eight_of_a_size_are_merged() {
        assert_eq!(side_by_side(&[1; 7]), None);
        assert_eq!(side_by_side(&[1; 8]), Some(0..8));
        let sizes: Vec<u64> = std::iter::once(100 << 20).chain([1; 8]).collect();
        assert_eq!(side_by_side(&sizes), Some(1..9));
        assert_eq!(side_by_side(&[3 << 20; 8]), Some(0..8));
        assert_eq!(side_by_side(&[8, 1, 1, 1, 1, 1, 1, 1]), None);
        assert_eq!(side_by_side(&[MERGE_BYTES_MAX; 100]), None);
        let uneven: Vec<u64> = (0..65).map(|n| if n % 8 == 0 { 1 << 25 } else { 1 }).collect();
        assert!(side_by_side(&uneven).is_some());
    }

    #[test]
    fn a_long_run_rewrites_each_byte_a_few_times_only() {
        let (mut sizes, mut rewritten) = (Vec::new(), 0u64);
        for _ in 0..4096 {
            sizes.push(100 << 10);
            while let Some(chosen) = side_by_side(&sizes) {
                let merged = sizes[chosen.clone()].iter().sum();
                rewritten += merged;
                sizes.splice(chosen, [merged]);
            }
        }
        assert!(sizes.len() < 40, "{} packs", sizes.len());
        assert!(rewritten <= 5 * (4096 * (100 << 10)), "{rewritten}");
    }
}
