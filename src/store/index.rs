//! The row index: where in a pack a row lies, for when few rows are looked for among many. Throw-away: nothing lives only here.
//!
//! sled 0.34 may be unopenable after a kill, aborts the process on a flipped bit and cannot open on a full disk. So it is opened
//! only after its files proved to be those of its last clean close, and in every other case it starts empty; callers do
//! without it whenever a function here says no. It is sparse, one key in 256, so that a million rows are some hundred
//! kilobytes to check and a fraction of a second to rebuild.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sealed;
use crate::id::{ContentId, RowKey};

/// Rows per entry: their keys are 8 KiB to read.
pub(super) const BLOCK: usize = 256;
const CACHE_BYTES: u64 = 16 << 20;
const SEGMENT_BYTES: usize = 128 << 10;
/// Checking a larger one would take longer than reading key lists.
const CHECK_BYTES_MAX: u64 = 128 << 20;
const CHECK_BYTES: usize = 8;

/// An open index.
pub(super) struct Index {
    db: sled::Db,
    folder: PathBuf,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The files of the last clean close. It is removed while the index is open.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct CleanClose {
    files: BTreeMap<String, ContentId>,
}

impl Index {
    /// Opens the index in `folder` as it was closed, or an empty one. `None` where there can be none (a full disk).
    pub fn open(folder: &Path) -> Option<Self> {
        let marker = marker(folder);
        let closed = sealed::read::<CleanClose>(&marker).ok().flatten();
        if marker.exists() {
            fs::remove_file(&marker).ok()?;
        }
        if closed.is_none() || closed != fingerprint(folder) {
            discard(folder)?;
        }
        let open = || {
            let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES);
            config.segment_size(SEGMENT_BYTES).flush_every_ms(None).open().ok()
        };
        let db = open().or_else(|| {
            discard(folder)?;
            open()
        })?;
        Some(Self { db, folder: folder.to_owned() })
    }

    /// Says whether a pack was added as a whole.
    pub fn covers(&self, row_key: RowKey, pack: &[u8; 16]) -> bool {
        let key = prefix(row_key, pack);
        self.db.get(&key).ok().flatten().is_some_and(|value| checked(&key, &value).is_some())
    }

    /// Adds a pack by its sorted keys and forgets those of the recipe that are not `live`.
    pub fn cover(&self, row_key: RowKey, pack: &[u8; 16], keys: &[ContentId], live: &[[u8; 16]]) -> Option<()> {
        for entry in self.db.scan_prefix(row_key.bytes()).keys() {
            let key = entry.ok()?;
            if key.len() == 48 && !live.iter().any(|hash| key.ends_with(hash)) {
                for stale in self.db.scan_prefix(&key).keys() {
                    self.db.remove(stale.ok()?).ok()?;
                }
            }
        }
        let head = prefix(row_key, pack);
        for (place, block) in keys.chunks(BLOCK).enumerate() {
            let key = [head.as_slice(), block.first()?.bytes()].concat();
            self.db.insert(&key, value(&key, (place * BLOCK) as u64)).ok()?;
        }
        self.db.insert(&head, value(&head, keys.len() as u64)).ok()?;
        Some(())
    }

    /// The place of the first key of the block in which `content` lies, if the pack has it.
    pub fn find(&self, row_key: RowKey, pack: &[u8; 16], content: ContentId) -> Option<u64> {
        let head = prefix(row_key, pack);
        let (from, to) = ([head.as_slice(), &[0; 32]].concat(), [head.as_slice(), content.bytes()].concat());
        let (key, value) = self.db.range(from..=to).next_back()?.ok()?;
        checked(&key, &value)
    }

    /// Closes the index and leaves the mark by which the next run knows that it is whole.
    pub fn close(self) {
        let Self { db, folder } = self;
        let flushed = db.flush().is_ok();
        drop(db);
        if flushed
            && let Some(closed) = fingerprint(&folder)
            && let Ok(bytes) = sealed::encode(&closed)
        {
            // Not synced: torn or lost, it only means that the index is built again.
            let _ = fs::File::create(marker(&folder)).and_then(|mut file| std::io::Write::write_all(&mut file, &bytes));
        }
    }
}

/// Beside the folder, so that sled never sees it.
fn marker(folder: &Path) -> PathBuf {
    folder.with_extension("json")
}

/// Removes the index.
fn discard(folder: &Path) -> Option<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => None,
        _ => Some(()),
    }
}

/// The names and identities of all files, unless they are too large to check each time.
fn fingerprint(folder: &Path) -> Option<CleanClose> {
    let (mut files, mut bytes, mut folders) = (BTreeMap::new(), 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()? {
            let entry = entry.ok()?;
            if entry.file_type().ok()?.is_dir() {
                folders.push(entry.path());
                continue;
            }
            bytes += entry.metadata().ok()?.len();
            if bytes > CHECK_BYTES_MAX {
                return None;
            }
            files.insert(crate::path::to_text(&entry.path()), ContentId::of(&fs::read(entry.path()).ok()?));
        }
    }
    // A store may be moved between runs: only names below the folder count.
    let start = crate::path::to_text(folder).len();
    let files = files.into_iter().map(|(path, id)| (path.get(start..).unwrap_or_default().to_owned(), id)).collect();
    Some(CleanClose { files })
}

fn prefix(row_key: RowKey, pack: &[u8; 16]) -> Vec<u8> {
    [row_key.bytes().as_slice(), pack].concat()
}

/// A number behind a checksum that binds it to its key.
fn value(key: &[u8], number: u64) -> Vec<u8> {
    let number = number.to_le_bytes();
    [number.as_slice(), &check(key, &number)].concat()
}

fn check(key: &[u8], number: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = blake3::Hasher::new().update(key).update(number).finalize();
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn checked(key: &[u8], value: &[u8]) -> Option<u64> {
    let (number, sum) = value.split_first_chunk::<8>()?;
    (check(key, number) == sum).then(|| u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<ContentId> {
        let mut keys: Vec<_> = (0..2000u32).map(|n| ContentId::of(&n.to_le_bytes())).collect();
        keys.sort();
        keys
    }

    fn filled(folder: &Path) {
        let index = Index::open(folder).unwrap();
        index.cover(RowKey([1; 32]), &[2; 16], &keys(), &[[2; 16]]).unwrap();
        index.close();
    }

    #[test]
    fn a_closed_index_knows_the_block_of_every_key() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("index");
        filled(&folder);
        let index = Index::open(&folder).unwrap();
        assert!(index.covers(RowKey([1; 32]), &[2; 16]));
        assert!(!index.covers(RowKey([1; 32]), &[3; 16]));
        for (place, key) in keys().iter().enumerate() {
            let start = usize::try_from(index.find(RowKey([1; 32]), &[2; 16], *key).unwrap()).unwrap();
            assert!((start..start + BLOCK).contains(&place));
        }
        assert_eq!(index.find(RowKey([9; 32]), &[2; 16], keys()[5]), None);
    }

    #[test]
    fn packs_that_are_gone_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(&folder.path().join("index")).unwrap();
        index.cover(RowKey([1; 32]), &[2; 16], &keys(), &[[2; 16]]).unwrap();
        index.cover(RowKey([1; 32]), &[3; 16], &keys(), &[[3; 16]]).unwrap();
        assert!(!index.covers(RowKey([1; 32]), &[2; 16]));
        assert!(index.covers(RowKey([1; 32]), &[3; 16]));
        assert_eq!(index.find(RowKey([1; 32]), &[2; 16], keys()[5]), None);
        index.close();
    }

    #[test]
    fn a_flipped_bit_anywhere_a_lost_file_or_an_unclean_end_starts_an_empty_index() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("index");
        let spoil: [&dyn Fn(); 4] = [
            &|| {
                let path = folder.join("db");
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
                fs::write(path, bytes).unwrap();
            },
            &|| fs::remove_file(folder.join("conf")).unwrap(),
            &|| fs::remove_file(marker(&folder)).unwrap(),
            &|| fs::write(folder.join("stray"), "x").unwrap(),
        ];
        for spoil in spoil {
            filled(&folder);
            spoil();
            let index = Index::open(&folder).unwrap();
            assert!(!index.covers(RowKey([1; 32]), &[2; 16]));
            index.close();
        }
    }

    #[test]
    fn one_that_is_in_use_or_cannot_be_made_is_done_without() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        fs::write(&path, "a file in its place").unwrap();
        assert!(Index::open(&path).is_none());
    }
}
