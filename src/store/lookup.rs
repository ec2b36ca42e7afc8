//! Looking up few rows among many by the index, instead of walking all key lists.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::index::{BLOCK, Index};
use super::pack::{Pack, Row, RowStream, SUM_BYTES};
use super::{Conflict, RowsRead, Store, StoreError};
use crate::id::{ContentId, RowKey};

/// Below this many rows, reading key lists is as fast.
const ROWS_MIN: u64 = 10_000;
/// Up to one row in this many is looked up.
const SHARE: u64 = 50;

/// A pack of which blocks are read as they are needed.
struct Sparse {
    pack: Pack,
    file: File,
    stream: RowStream,
    block_at: u64,
    block: Vec<ContentId>,
}

impl Store {
    /// Reads rows through the index where that pays; returns how many of `wanted` are dealt with. Zero means: walk the key lists.
    pub(super) fn look_up_rows(
        &self,
        row_key: RowKey,
        wanted: &[ContentId],
        each: &mut dyn FnMut(ContentId, &[u8]),
        read: &mut RowsRead,
        hurt: &mut Vec<PathBuf>,
    ) -> Result<usize, StoreError> {
        // Only the holder of the lock opens the index: another run could have it open.
        if !self.locked.load(Ordering::SeqCst) || wanted.is_empty() {
            return Ok(0);
        }
        let Some(mut packs) = self.sparse_packs(row_key)? else { return Ok(0) };
        let total: u64 = packs.iter().map(|sparse| sparse.pack.count).sum();
        if total < ROWS_MIN || wanted.len() as u64 * SHARE > total {
            return Ok(0);
        }
        let mut slot = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Index::open(&self.root.join("index"));
        }
        let Some(index) = slot.as_ref() else { return Ok(0) };
        if cover_all(index, row_key, &mut packs).is_none() {
            return Ok(0);
        }
        let mut done = 0;
        for &content in wanted {
            let mut delivered: Option<[u8; SUM_BYTES]> = None;
            for sparse in &mut packs {
                let path = sparse.pack.path.clone();
                let Some(row) = sparse.find(index, content).map_err(StoreError::io("read", &path))? else { continue };
                match (row, delivered) {
                    (Row::Whole(row, sum), None) => {
                        delivered = Some(sum);
                        each(content, row);
                    }
                    (Row::Whole(_, sum), Some(kept)) if sum != kept => read.conflicts.push(Conflict { row_key, content }),
                    (Row::Whole(..), Some(_)) => {}
                    (Row::Damaged, _) => hurt.push(path),
                }
            }
            match delivered {
                Some(_) => read.delivered += 1,
                None => read.lost.push(content),
            }
            done += 1;
        }
        Ok(done)
    }

    /// The packs of a recipe without their tables; `None` where one is damaged or vanishes, which a walk deals with.
    fn sparse_packs(&self, row_key: RowKey) -> Result<Option<Vec<Sparse>>, StoreError> {
        let mut packs = Vec::new();
        for path in self.pack_paths(row_key)? {
            let Ok(Ok((pack, file))) = Pack::open(&path) else { return Ok(None) };
            let Ok(stream) = file.try_clone().map(|file| RowStream::sparse(&pack, file)) else { return Ok(None) };
            if pack.row_key != row_key {
                return Ok(None);
            }
            packs.push(Sparse { pack, file, stream, block_at: 0, block: Vec::new() });
        }
        Ok(Some(packs))
    }
}

/// Adds the packs that the index does not know; each must prove whole first.
fn cover_all(index: &Index, row_key: RowKey, packs: &mut [Sparse]) -> Option<()> {
    let live: Vec<[u8; 16]> = packs.iter().map(|sparse| sparse.pack.hash).collect();
    for sparse in packs.iter_mut().filter(|sparse| !index.covers(row_key, &sparse.pack.hash)) {
        let table = sparse.pack.table(&mut sparse.file).ok()?.ok()?;
        index.cover(row_key, &sparse.pack.hash, &table.keys, &live)?;
    }
    Some(())
}

impl Sparse {
    fn find(&mut self, index: &Index, content: ContentId) -> io::Result<Option<Row<'_>>> {
        let Some(start) = index.find(self.pack.row_key, &self.pack.hash, content) else { return Ok(None) };
        if self.block.is_empty() || self.block_at != start {
            self.load(start)?;
        }
        let Ok(place) = self.block.binary_search(&content) else { return Ok(None) };
        let place = start + place as u64;
        let mut ends = [0; 16];
        // Two ends at once: where the row before stops, and where this one does.
        if place == 0 {
            self.read_at(self.pack.ends_at(), &mut ends[8..])?;
        } else {
            self.read_at(self.pack.ends_at() + 8 * (place - 1), &mut ends)?;
        }
        let [from, to] = [&ends[..8], &ends[8..]].map(|end| end.iter().rev().fold(0, |sum, b| sum << 8 | u64::from(*b)));
        // The stream shares its file's place with ours, so it has to find its own again.
        self.stream.row_at(content, (from, to)).map(Some)
    }

    fn load(&mut self, start: u64) -> io::Result<()> {
        let count = self.pack.count.saturating_sub(start).min(BLOCK as u64);
        let mut bytes = vec![0; usize::try_from(count * 32).map_err(io::Error::other)?];
        self.read_at(self.pack.keys_at() + 32 * start, &mut bytes)?;
        self.block.clear();
        self.block.extend(bytes.as_chunks::<32>().0.iter().map(|key| ContentId(*key)));
        self.block_at = start;
        Ok(())
    }

    fn read_at(&mut self, place: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place))?;
        self.file.read_exact(bytes)
    }
}
