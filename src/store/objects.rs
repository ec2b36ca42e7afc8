//! Objects: immutable files named by the BLAKE3 of their bytes, verified whenever they are read.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::disk::{self, Temp};
use super::{Store, StoreError};
use crate::id::ContentId;

/// How much of a file is in memory while it is copied into the store.
const COPY_BYTES: usize = 256 * 1024;

impl Store {
    /// Where an object lies or would lie: for engines that open a file by its path, after [`Store::verify_object`].
    pub fn object_path(&self, id: ContentId) -> PathBuf {
        let hex = id.hex();
        self.root.join("objects").join(&hex[..2]).join(&hex[2..])
    }

    /// Says whether an object is there, without reading it.
    pub fn has(&self, id: ContentId) -> bool {
        self.object_path(id).is_file()
    }

    /// Stores `bytes`.
    pub fn put(&self, bytes: &[u8]) -> Result<ContentId, StoreError> {
        let ids = self.put_many(&[bytes])?;
        Ok(ids.first().copied().unwrap_or_else(|| ContentId::of(bytes)))
    }

    /// Stores many objects with as few syncs as durability allows; those that are there already cost nothing.
    pub fn put_many<B: AsRef<[u8]> + Sync>(&self, objects: &[B]) -> Result<Vec<ContentId>, StoreError> {
        let ids: Vec<ContentId> = objects.par_iter().map(|bytes| ContentId::of(bytes.as_ref())).collect();
        let mut new: Vec<usize> = (0..ids.len()).collect();
        new.sort_by_key(|&place| ids[place]);
        new.dedup_by_key(|place| ids[*place]);
        new.retain(|&place| !self.is_stored(ids[place], objects[place].as_ref().len() as u64));
        let temps: Vec<(Temp, PathBuf)> = new
            .par_iter()
            .map(|&place| {
                let target = self.object_path(ids[place]);
                let mut temp = self.temp(&target)?;
                temp.file.write_all(objects[place].as_ref()).map_err(StoreError::io("write", &target))?;
                Ok((temp, target))
            })
            .collect::<Result<_, StoreError>>()?;
        disk::commit(temps)?;
        Ok(ids)
    }

    /// Stores the bytes of a file (a trained model, a large output) without holding them in memory.
    pub fn put_file(&self, path: &Path) -> Result<ContentId, StoreError> {
        let mut source = File::open(path).map_err(StoreError::io("read", path))?;
        let mut temp = self.temp(path)?;
        let (mut hasher, mut buffer, mut length) = (blake3::Hasher::new(), vec![0; COPY_BYTES], 0u64);
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(StoreError::io("read", path)(error)),
            };
            hasher.update(&buffer[..count]);
            length += count as u64;
            temp.file.write_all(&buffer[..count]).map_err(StoreError::io("write", temp.path()))?;
        }
        let id = ContentId(*hasher.finalize().as_bytes());
        if !self.is_stored(id, length) {
            disk::commit(vec![(temp, self.object_path(id))])?;
        }
        Ok(id)
    }

    /// Reads an object and verifies it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or [`StoreError::Damaged`] with the file moved aside: either way it must be made again.
    pub fn get(&self, id: ContentId) -> Result<Vec<u8>, StoreError> {
        let path = self.object_path(id);
        let bytes = Self::read_file(&path)?.ok_or(StoreError::Missing(id))?;
        if ContentId::of(&bytes) == id { Ok(bytes) } else { Err(self.damage(&path, "its bytes do not have its BLAKE3")) }
    }

    /// Hashes an object without keeping its bytes; returns its size.
    pub fn verify_object(&self, id: ContentId) -> Result<u64, StoreError> {
        let path = self.object_path(id);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing(id)),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file).map_err(StoreError::io("read", &path))?;
        if *hasher.finalize().as_bytes() == id.0 {
            Ok(hasher.count())
        } else {
            drop(file);
            Err(self.damage(&path, "its bytes do not have its BLAKE3"))
        }
    }

    /// An object that was cut short by a dying disk is stored again, without reading every object that is put twice.
    fn is_stored(&self, id: ContentId, length: u64) -> bool {
        fs::metadata(self.object_path(id)).is_ok_and(|found| found.is_file() && found.len() == length)
    }
}
