//! A row pack: computed rows of one recipe, sorted by the image's identity, immutable and checksummed.
//!
//! | part | bytes | |
//! |---|---|---|
//! | magic | 8 | `TLROWS1\n` |
//! | length of the provenance | 4 | |
//! | zero | 4 | |
//! | recipe | 32 | the [`RowKey`] |
//! | count, bytes of rows | 8 + 8 | |
//! | provenance | | JSON list of texts: CPU, crates, versions |
//! | keys | 32 each | strictly ascending |
//! | ends | 8 each | where each row ends within the rows |
//! | seal | 32 | BLAKE3 of everything above |
//! | rows | | each behind the first 8 bytes of BLAKE3(key, row) |
//!
//! Numbers are little-endian. Keys come first and apart, so that `plan` reads them alone. A row's own checksum binds it to its key:
//! one flipped bit costs one row, and a pack whose head is hurt is salvaged row by row.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::disk::Temp;
use super::{Store, StoreError};
use crate::file::Hashing;
use crate::id::{ContentId, RowKey};

const MAGIC: &[u8; 8] = b"TLROWS1\n";
const HEAD_LEN: usize = 64;
const SEAL_LEN: usize = 32;
const HEAD_BYTES: u64 = HEAD_LEN as u64;
const SEAL_BYTES: u64 = SEAL_LEN as u64;
/// The checksum in front of each row.
pub(super) const SUM_BYTES: usize = 8;
const BUFFER_BYTES: usize = 256 * 1024;
/// No computed row comes near this; a larger length is damage.
pub(super) const ROW_BYTES_MAX: u64 = 64 << 20;

/// The checksum of a row under its key.
pub(super) fn sum(content: ContentId, row: &[u8]) -> [u8; SUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(content.bytes()).update(row);
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM_BYTES]);
    sum
}

/// A pack as its name and first bytes describe it; the table behind them is not verified yet.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    pub path: PathBuf,
    /// Older packs have lower numbers; where two hold different rows for one key, the older one is right.
    pub number: u64,
    /// The first half of the BLAKE3 of the whole file, from its name.
    pub hash: [u8; 16],
    pub row_key: RowKey,
    pub count: u64,
    pub rows_bytes: u64,
    provenance_bytes: u32,
}

/// The keys of a pack and where its rows end.
#[derive(Debug)]
pub(super) struct PackTable {
    pub keys: Vec<ContentId>,
    pub ends: Vec<u64>,
    pub provenance: Vec<String>,
}

impl PackTable {
    /// Where the row at `place` starts and ends within the rows, checksum included.
    pub fn span(&self, place: usize) -> (u64, u64) {
        (if place == 0 { 0 } else { self.ends[place - 1] }, self.ends[place])
    }
}

/// The number and hash that a pack's name carries: `00000012-<32 hexadecimal digits>.pack`.
pub(super) fn parse_name(path: &Path) -> Option<(u64, [u8; 16])> {
    let (number, hash) = path.file_name()?.to_str()?.strip_suffix(".pack")?.split_once('-')?;
    if hash.len() != 32 || !hash.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, digits) in bytes.iter_mut().zip(hash.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some((number.parse().ok()?, bytes))
}

fn u64_at(bytes: &[u8], place: usize) -> u64 {
    bytes.get(place..place + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Pack {
    /// Reads the first bytes of a pack. The inner error says what is damaged.
    pub fn open(path: &Path) -> Result<Result<(Self, File), String>, io::Error> {
        let Some((number, hash)) = parse_name(path) else { return Ok(Err("its name is not that of a pack".into())) };
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length < HEAD_BYTES + SEAL_BYTES {
            return Ok(Err("it is cut short".into()));
        }
        let mut head = [0; HEAD_LEN];
        file.read_exact(&mut head)?;
        let provenance_bytes = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        let mut row_key = [0; 32];
        row_key.copy_from_slice(&head[16..48]);
        let pack = Self {
            path: path.to_owned(),
            number,
            hash,
            row_key: RowKey(row_key),
            count: u64_at(&head, 48),
            rows_bytes: u64_at(&head, 56),
            provenance_bytes,
        };
        if &head[..8] != MAGIC {
            return Ok(Err("it does not start like a pack".into()));
        }
        Ok(if pack.length() == Some(length) { Ok((pack, file)) } else { Err("its length is not the stated one".into()) })
    }

    fn length(&self) -> Option<u64> {
        self.count
            .checked_mul(40)?
            .checked_add(HEAD_BYTES + u64::from(self.provenance_bytes) + SEAL_BYTES)?
            .checked_add(self.rows_bytes)
    }

    /// Where the keys start.
    pub fn keys_at(&self) -> u64 {
        HEAD_BYTES + u64::from(self.provenance_bytes)
    }

    /// Where the list of ends starts.
    pub fn ends_at(&self) -> u64 {
        self.keys_at() + 32 * self.count
    }

    /// Where the rows start.
    pub fn rows_at(&self) -> u64 {
        self.ends_at() + 8 * self.count + SEAL_BYTES
    }

    /// Reads keys and ends and verifies the seal. The inner error says what is damaged.
    pub fn table(&self, file: &mut File) -> Result<Result<PackTable, String>, io::Error> {
        file.seek(SeekFrom::Start(0))?;
        let mut hasher = blake3::Hasher::new();
        let mut front = vec![0; usize::try_from(self.keys_at()).unwrap_or(0)];
        file.read_exact(&mut front)?;
        hasher.update(&front);
        let count = usize::try_from(self.count).unwrap_or(0);
        let mut keys = Vec::with_capacity(count);
        read_items::<32>(file, count, &mut hasher, |key| keys.push(ContentId(*key)))?;
        let mut ends = Vec::with_capacity(count);
        read_items::<8>(file, count, &mut hasher, |end| ends.push(u64::from_le_bytes(*end)))?;
        let mut seal = [0; SEAL_LEN];
        file.read_exact(&mut seal)?;
        if hasher.finalize().as_bytes() != &seal {
            return Ok(Err("its key list does not fit its checksum".into()));
        }
        let provenance = serde_json::from_slice(&front[HEAD_LEN..]).unwrap_or_default();
        Ok(Ok(PackTable { keys, ends, provenance }))
    }
}

/// Reads `count` items of `N` bytes through a bounded buffer, hashing them.
fn read_items<const N: usize>(
    file: &mut File,
    count: usize,
    hasher: &mut blake3::Hasher,
    mut item: impl FnMut(&[u8; N]),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES.min(count * N)];
    let mut left = count * N;
    while left > 0 {
        let part = &mut buffer[..left.min(BUFFER_BYTES)];
        file.read_exact(part)?;
        hasher.update(part);
        part.as_chunks::<N>().0.iter().for_each(&mut item);
        left -= part.len();
    }
    Ok(())
}

/// What a row turned out to be.
pub(super) enum Row<'a> {
    /// The row and its checksum.
    Whole(&'a [u8], [u8; SUM_BYTES]),
    Damaged,
}

/// Reads the rows of a pack in ascending order, verifying each.
pub(super) struct RowStream {
    file: BufReader<File>,
    base: u64,
    at: u64,
    buffer: Vec<u8>,
}

impl RowStream {
    /// Starts at the first row of `pack`.
    pub fn new(pack: &Pack, mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(pack.rows_at()))?;
        Ok(Self { file: BufReader::with_capacity(BUFFER_BYTES, file), base: pack.rows_at(), at: 0, buffer: Vec::new() })
    }

    /// For rows here and there.
    pub fn sparse(pack: &Pack, file: File) -> Self {
        Self { file: BufReader::with_capacity(4096, file), base: pack.rows_at(), at: 0, buffer: Vec::new() }
    }

    /// Reads a row wherever the file's place is.
    pub fn row_at(&mut self, content: ContentId, (start, end): (u64, u64)) -> io::Result<Row<'_>> {
        let Some(place) = self.base.checked_add(start) else { return Ok(Row::Damaged) };
        self.file.seek(SeekFrom::Start(place))?;
        self.at = start;
        self.row(content, (start, end))
    }

    /// Reads the row of `content` at `span` (checksum included).
    pub fn row(&mut self, content: ContentId, (start, end): (u64, u64)) -> io::Result<Row<'_>> {
        let length = end.checked_sub(start).filter(|n| (SUM_BYTES as u64..=ROW_BYTES_MAX).contains(n));
        let Some(length) = length.and_then(|n| usize::try_from(n).ok()) else { return Ok(Row::Damaged) };
        self.file.seek_relative(start.cast_signed() - self.at.cast_signed())?;
        self.at = start;
        self.buffer.resize(length, 0);
        match self.file.read_exact(&mut self.buffer) {
            Ok(()) => self.at = end,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // The file became shorter while it was read, and the reader's place is unknown now.
                self.file.seek(SeekFrom::Start(self.base + start))?;
                return Ok(Row::Damaged);
            }
            Err(error) => return Err(error),
        }
        let (stated, row) = self.buffer.split_at(SUM_BYTES);
        let sum = sum(content, row);
        Ok(if sum == stated { Row::Whole(row, sum) } else { Row::Damaged })
    }
}

/// Receives keys and the lengths of their rows.
pub(super) type EachRow<'a> = dyn FnMut(ContentId, u64) + 'a;

/// What a pack is written from: keys and row lengths may be walked several times, the rows once.
pub(super) struct PackSource<'a> {
    pub row_key: RowKey,
    pub provenance: &'a [String],
    pub count: u64,
    pub rows_bytes: u64,
    /// Calls back with each key in ascending order and the length of its row (checksum excluded).
    pub walk: &'a dyn Fn(&mut EachRow<'_>),
    /// Writes every row behind its checksum, in the same order.
    pub rows: &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
}

/// Writes a pack aside and returns it with the name it is to have.
pub(super) fn write(
    store: &Store,
    folder: &Path,
    number: u64,
    source: &mut PackSource<'_>,
) -> Result<(Temp, PathBuf), StoreError> {
    let temp = store.temp(folder)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, Hashing::new(&temp.file));
    write_into(&mut out, source).map_err(StoreError::io("write", folder))?;
    let hash = out.get_ref().content().hex();
    drop(out);
    let target = folder.join(format!("{number:08}-{}.pack", &hash[..32]));
    Ok((temp, target))
}

fn write_into<W: Write>(out: &mut BufWriter<Hashing<W>>, source: &mut PackSource<'_>) -> io::Result<()> {
    let provenance = serde_json::to_vec(source.provenance)?;
    let provenance_bytes = u32::try_from(provenance.len()).map_err(io::Error::other)?;
    out.write_all(MAGIC)?;
    out.write_all(&provenance_bytes.to_le_bytes())?;
    out.write_all(&[0; 4])?;
    out.write_all(source.row_key.bytes())?;
    out.write_all(&source.count.to_le_bytes())?;
    out.write_all(&source.rows_bytes.to_le_bytes())?;
    out.write_all(&provenance)?;
    let mut written = Ok(());
    (source.walk)(&mut |content, _| {
        if written.is_ok() {
            written = out.write_all(content.bytes());
        }
    });
    written?;
    let (mut written, mut end) = (Ok(()), 0u64);
    (source.walk)(&mut |_, length| {
        end += SUM_BYTES as u64 + length;
        if written.is_ok() {
            written = out.write_all(&end.to_le_bytes());
        }
    });
    written?;
    out.flush()?;
    let seal = out.get_ref().content();
    out.write_all(seal.bytes())?;
    (source.rows)(out)?;
    out.flush()
}

/// What can be read of a pack whose table cannot be trusted: its rows that fit their keys.
pub(super) fn salvage(path: &Path) -> io::Result<Option<Salvage>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = [0; HEAD_LEN];
    if length < HEAD_BYTES || file.read_exact(&mut head).is_err() {
        return Ok(None);
    }
    let provenance_bytes = u64::from(u32::from_le_bytes([head[8], head[9], head[10], head[11]]));
    let count = u64_at(&head, 48);
    let keys_at = HEAD_BYTES + provenance_bytes;
    let Some(rows_at) = count.checked_mul(40).and_then(|n| n.checked_add(keys_at + SEAL_BYTES)).filter(|n| *n <= length) else {
        return Ok(None);
    };
    let mut provenance = vec![0; usize::try_from(provenance_bytes).unwrap_or(0)];
    file.read_exact(&mut provenance)?;
    let mut unused = blake3::Hasher::new();
    let number = usize::try_from(count).unwrap_or(0);
    let (mut keys, mut ends) = (Vec::with_capacity(number), Vec::with_capacity(number));
    read_items::<32>(&mut file, number, &mut unused, |key| keys.push(ContentId(*key)))?;
    read_items::<8>(&mut file, number, &mut unused, |end| ends.push(u64::from_le_bytes(*end)))?;
    let mut rows = Vec::with_capacity(number);
    let (mut start, mut buffer) = (0u64, Vec::new());
    for (key, end) in keys.iter().zip(ends) {
        let span = end.checked_sub(start).filter(|n| (SUM_BYTES as u64..=ROW_BYTES_MAX).contains(n));
        if let Some(bytes) = span
            && rows_at.checked_add(end).is_some_and(|end| end <= length)
        {
            file.seek(SeekFrom::Start(rows_at + start))?;
            buffer.resize(usize::try_from(bytes).unwrap_or(0), 0);
            file.read_exact(&mut buffer)?;
            let (stated, row) = buffer.split_at(SUM_BYTES);
            if sum(*key, row) == stated {
                rows.push((*key, rows_at + start, bytes));
            }
        }
        start = end;
    }
    rows.sort_by_key(|row| row.0);
    rows.dedup_by_key(|row| row.0);
    Ok(Some(Salvage { file, provenance: serde_json::from_slice(&provenance).unwrap_or_default(), stated: count, rows }))
}

/// The whole rows of a damaged pack.
pub(super) struct Salvage {
    pub file: File,
    pub provenance: Vec<String>,
    /// How many rows the pack should hold.
    pub stated: u64,
    /// Key, place in the file and length (checksum included) of each row, by key.
    pub rows: Vec<(ContentId, u64, u64)>,
}
