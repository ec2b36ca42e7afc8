//! Inventories: what the files of a root looked like when they were hashed, so that only new and changed ones are read again.
//!
//! One file per root, replaced as a whole: a head, the listings, one record of 72 bytes per file in the order of their paths, all
//! paths one after the other, a BLAKE3 of everything. It is used as it lies in memory: loading a million entries allocates three times.
//!
//! Git's racy rule: a file may change twice within one tick of its clock. An entry whose file was touched no earlier than just
//! before it was hashed is not believed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use super::{Store, StoreError, disk, sealed};
use crate::id::ContentId;

const MAGIC: &[u8; 8] = b"TLINV01\n";
const HEAD_BYTES: usize = 8 + 8 + 4 + 4 + 8;
const RECORD_BYTES: usize = 72;
const SEAL_BYTES: usize = 32;
const LISTING_BYTES: usize = 64;
/// The coarsest clock of a file system in use: FAT on memory cards counts in two seconds.
const COARSE_TICK_NS: i64 = 2_000_000_000;
/// Where times have fractions of a second, the kernel's tick: ten milliseconds at most, doubled.
const FINE_TICK_NS: i64 = 20_000_000;
/// A time further ahead than this comes from a camera whose clock was wrong, not from a change during the scan.
const AHEAD_NS: i64 = 24 * 3600 * 1_000_000_000;

/// What the system says about a file without opening it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: u64,
    /// Last change of the content, ns since 1970.
    pub mtime_ns: i64,
    /// Last change of content or name, ns since 1970, where the system keeps one that nobody can set; else 0.
    pub ctime_ns: i64,
    /// Inode or file id; 0 where there is none.
    pub file_id: u64,
}

/// What is known of a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// They were hashed.
    Hashed(ContentId),
    /// There are none.
    ZeroByte,
    /// They could not be read.
    Unreadable,
}

/// One file of a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Relative to the root, as [`crate::path::to_text`] writes it.
    pub path: &'a str,
    /// As found before it was hashed.
    pub stat: Stat,
    /// What its bytes are.
    pub known: Known,
}

/// An inventory as it was stored, or an empty one.
#[derive(Debug, Default)]
pub struct Inventory {
    taken_ns: i64,
    listings: BTreeMap<[u8; 32], ContentId>,
    records: Vec<u8>,
    paths: String,
}

impl Inventory {
    /// Lays out entries. Those with equal paths are refused, unsorted ones sorted.
    ///
    /// `taken_ns` is the time just before the first of the files was looked at, in ns since 1970.
    pub fn new(taken_ns: i64, entries: &[Entry<'_>]) -> Result<Self, StoreError> {
        if !entries.is_sorted_by(|a, b| a.path < b.path) {
            let mut sorted = entries.to_vec();
            sorted.sort_by_key(|entry| entry.path);
            if let Some([twice, _]) = sorted.array_windows().find(|[a, b]| a.path == b.path) {
                return Err(StoreError::io("list", Path::new(twice.path))(io::Error::from(io::ErrorKind::AlreadyExists)));
            }
            return Self::new(taken_ns, &sorted);
        }
        let mut records = Vec::with_capacity(entries.len() * RECORD_BYTES);
        let mut paths = String::with_capacity(entries.iter().map(|entry| entry.path.len()).sum());
        for entry in entries {
            paths.push_str(entry.path);
            push_record(&mut records, paths.len(), entry)?;
        }
        Ok(Self { taken_ns, listings: BTreeMap::new(), records, paths })
    }

    /// Number of files.
    pub fn len(&self) -> usize {
        self.records.len() / RECORD_BYTES
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// When the scan behind it began, ns since 1970.
    pub fn taken_ns(&self) -> i64 {
        self.taken_ns
    }

    /// The entry at `place` in the order of paths.
    pub fn get(&self, place: usize) -> Option<Entry<'_>> {
        let record = self.record(place)?;
        let start = if place == 0 { 0 } else { path_end(self.record(place - 1)?) };
        Some(Entry { path: self.paths.get(start..path_end(record))?, stat: stat(record), known: known(record) })
    }

    fn record(&self, place: usize) -> Option<&[u8; RECORD_BYTES]> {
        self.records.as_chunks().0.get(place)
    }

    /// All entries in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// The entry of `path`.
    pub fn find(&self, path: &str) -> Option<Entry<'_>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let entry = self.get(middle)?;
            match entry.path.cmp(path) {
                std::cmp::Ordering::Equal => return Some(entry),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Walks along with a scan whose paths come in ascending order.
    pub fn cursor(&self) -> InventoryCursor<'_> {
        InventoryCursor { inventory: self, place: 0 }
    }

    /// What is known of a file that looks like `stat` now; `None` where its bytes must be read.
    ///
    /// The file id is not compared: memory cards (FAT, exFAT) and some shares number their files anew with each mount, and an
    /// archive must not be hashed again because its disk was plugged in again. The status-change time catches a swapped file.
    pub fn believed(&self, entry: &Entry<'_>, stat: &Stat) -> Option<Known> {
        let same = Stat { file_id: 0, ..entry.stat } == Stat { file_id: 0, ..*stat };
        (same && !self.is_racy(&entry.stat)).then_some(entry.known)
    }

    /// Whether a file that looks like `stat` may have changed after it was hashed without looking different.
    pub fn is_racy(&self, stat: &Stat) -> bool {
        let touched = if stat.ctime_ns == 0 { stat.mtime_ns } else { stat.ctime_ns };
        let tick = if touched % 1_000_000_000 == 0 { COARSE_TICK_NS } else { FINE_TICK_NS };
        touched >= self.taken_ns.saturating_sub(tick) && touched < self.taken_ns.saturating_add(AHEAD_NS)
    }

    /// The identity noted under `key` (a listing made from this very inventory).
    pub fn listing(&self, key: ContentId) -> Option<ContentId> {
        self.listings.get(key.bytes()).copied()
    }

    /// Notes an identity derived from this inventory, so that a run that changes nothing need not derive it again.
    pub fn set_listing(&mut self, key: ContentId, id: ContentId) {
        self.listings.insert(*key.bytes(), id);
    }

    /// Forgets all notes.
    pub fn clear_listings(&mut self) {
        self.listings.clear();
    }

    fn head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES + self.listings.len() * LISTING_BYTES);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&self.taken_ns.to_le_bytes());
        head.extend_from_slice(&u32::try_from(self.len()).unwrap_or(u32::MAX).to_le_bytes());
        head.extend_from_slice(&u32::try_from(self.listings.len()).unwrap_or(u32::MAX).to_le_bytes());
        head.extend_from_slice(&(self.paths.len() as u64).to_le_bytes());
        for (key, id) in &self.listings {
            head.extend_from_slice(key);
            head.extend_from_slice(id.bytes());
        }
        head
    }

    fn write_to(&self, mut file: &File) -> io::Result<()> {
        let mut hasher = blake3::Hasher::new();
        for part in [self.head().as_slice(), &self.records, self.paths.as_bytes()] {
            hasher.update(part);
            file.write_all(part)?;
        }
        file.write_all(hasher.finalize().as_bytes())
    }

    /// The inner error says what is damaged.
    fn read_from(file: &mut File) -> io::Result<Result<Self, &'static str>> {
        let length = file.metadata()?.len();
        let mut hasher = blake3::Hasher::new();
        let mut head = [0; HEAD_BYTES];
        if length < (HEAD_BYTES + SEAL_BYTES) as u64 {
            return Ok(Err("it is cut short"));
        }
        file.read_exact(&mut head)?;
        hasher.update(&head);
        let sizes = (u64::from(u32_at(&head, 16)), u64::from(u32_at(&head, 20)), u64_at(&head, 24));
        let (count, listings, paths) = sizes;
        let body = (count * RECORD_BYTES as u64 + listings * LISTING_BYTES as u64).checked_add(paths);
        if &head[..8] != MAGIC || body.and_then(|n| n.checked_add((HEAD_BYTES + SEAL_BYTES) as u64)) != Some(length) {
            return Ok(Err("its head does not fit its length"));
        }
        let mut section = |bytes: u64| -> io::Result<Vec<u8>> {
            let mut section = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
            file.read_exact(&mut section)?;
            hasher.update(&section);
            Ok(section)
        };
        let listings = section(listings * LISTING_BYTES as u64)?;
        let records = section(count * RECORD_BYTES as u64)?;
        let paths = section(paths)?;
        let mut seal = [0; SEAL_BYTES];
        file.read_exact(&mut seal)?;
        if hasher.finalize().as_bytes() != &seal {
            return Ok(Err("its bytes do not fit its checksum"));
        }
        let Ok(paths) = String::from_utf8(paths) else { return Ok(Err("its paths are no text")) };
        let listings = listings.as_chunks::<LISTING_BYTES>().0.iter().map(|pair| {
            let (key, id) = pair.split_at(32);
            (array(key, 0), ContentId(array(id, 0)))
        });
        Ok(Ok(Self { taken_ns: u64_at(&head, 8).cast_signed(), listings: listings.collect(), records, paths }))
    }
}

/// A place in an inventory that moves forward only.
#[derive(Debug)]
pub struct InventoryCursor<'a> {
    inventory: &'a Inventory,
    place: usize,
}

impl<'a> InventoryCursor<'a> {
    /// The entry of `path`; paths must come in ascending order.
    pub fn seek(&mut self, path: &str) -> Option<Entry<'a>> {
        while let Some(entry) = self.inventory.get(self.place) {
            match entry.path.cmp(path) {
                std::cmp::Ordering::Less => self.place += 1,
                std::cmp::Ordering::Equal => return Some(entry),
                std::cmp::Ordering::Greater => return None,
            }
        }
        None
    }
}

fn push_record(records: &mut Vec<u8>, path_end: usize, entry: &Entry<'_>) -> Result<(), StoreError> {
    // 4 GiB of paths are 40 million files of one root.
    let too_large = |_| StoreError::io("list", Path::new(entry.path))(io::Error::from(io::ErrorKind::FileTooLarge));
    records.extend_from_slice(&u32::try_from(path_end).map_err(too_large)?.to_le_bytes());
    let (kind, id) = match entry.known {
        Known::Hashed(id) => (0u32, id.0),
        Known::ZeroByte => (1, [0; 32]),
        Known::Unreadable => (2, [0; 32]),
    };
    records.extend_from_slice(&kind.to_le_bytes());
    records.extend_from_slice(&entry.stat.size.to_le_bytes());
    records.extend_from_slice(&entry.stat.mtime_ns.to_le_bytes());
    records.extend_from_slice(&entry.stat.ctime_ns.to_le_bytes());
    records.extend_from_slice(&entry.stat.file_id.to_le_bytes());
    records.extend_from_slice(&id);
    Ok(())
}

fn path_end(record: &[u8; RECORD_BYTES]) -> usize {
    u32_at(record, 0) as usize
}

fn stat(record: &[u8; RECORD_BYTES]) -> Stat {
    Stat {
        size: u64_at(record, 8),
        mtime_ns: u64_at(record, 16).cast_signed(),
        ctime_ns: u64_at(record, 24).cast_signed(),
        file_id: u64_at(record, 32),
    }
}

fn known(record: &[u8; RECORD_BYTES]) -> Known {
    match u32_at(record, 4) {
        0 => Known::Hashed(ContentId(array(record, 40))),
        1 => Known::ZeroByte,
        _ => Known::Unreadable,
    }
}

fn array<const N: usize>(bytes: &[u8], place: usize) -> [u8; N] {
    bytes.get(place..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(array(bytes, place))
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    u64::from_le_bytes(array(bytes, place))
}

impl Store {
    fn inventory_path(&self, root: &str) -> PathBuf {
        self.root.join("inventory").join(format!("{}.inv", sealed::file_stem(root)))
    }

    /// Reads the inventory of the root called `root`; `None` before its first scan.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: every file must be hashed again.
    pub fn inventory(&self, root: &str) -> Result<Option<Inventory>, StoreError> {
        let path = self.inventory_path(root);
        self.inventory_at(&path)
    }

    pub(super) fn inventory_at(&self, path: &Path) -> Result<Option<Inventory>, StoreError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if disk::is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.unreadable(path, error)),
        };
        match Inventory::read_from(&mut file) {
            Ok(Ok(inventory)) => Ok(Some(inventory)),
            Ok(Err(what)) => {
                drop(file);
                Err(self.damage(path, what))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.damage(path, "it is cut short")),
            Err(error) => Err(self.unreadable(path, error)),
        }
    }

    /// Replaces the inventory of the root called `root`.
    pub fn put_inventory(&self, root: &str, inventory: &Inventory) -> Result<(), StoreError> {
        let path = self.inventory_path(root);
        let temp = self.temp(&path)?;
        inventory.write_to(&temp.file).map_err(StoreError::io("write", &path))?;
        self.commit(vec![(temp, path)])
    }
}
