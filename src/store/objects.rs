//! Objects: immutable files named by the BLAKE3 of their bytes, verified whenever they are read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use rayon::prelude::*;

use super::disk::{self, Temp};
use super::{Store, StoreError};
use crate::id::ContentId;

/// What is wrong with an object of which the bytes are others.
const DAMAGED: &str = "its bytes do not have its BLAKE3";

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

    /// Stores many objects with as few syncs as durability allows; those that are there already are compared, and
    /// stored again where they are damaged.
    pub fn put_many<B: AsRef<[u8]> + Sync>(&self, objects: &[B]) -> Result<Vec<ContentId>, StoreError> {
        let ids: Vec<ContentId> = objects.par_iter().map(|bytes| ContentId::of(bytes.as_ref())).collect();
        let mut new: Vec<usize> = (0..ids.len()).collect();
        new.sort_by_key(|&place| ids[place]);
        new.dedup_by_key(|place| ids[*place]);
        let there: BTreeSet<usize> = new.par_iter().copied().filter(|place| self.is_whole(ids[*place])).collect();
        new.retain(|place| !there.contains(place));
        let temps: Vec<(Temp, PathBuf)> = new
            .par_iter()
            .map(|&place| {
                let target = self.object_path(ids[place]);
                let mut temp = self.temp(&target)?;
                temp.file.write_all(objects[place].as_ref()).map_err(StoreError::io("write", &target))?;
                Ok((temp, target))
            })
            .collect::<Result<_, StoreError>>()?;
        self.commit(temps)?;
        Ok(ids)
    }

    /// Stores the bytes of a file (a trained model, a large output) without holding them in memory.
    pub fn put_file(&self, path: &Path) -> Result<ContentId, StoreError> {
        let mut source = File::open(path).map_err(StoreError::io("read", path))?;
        let mut temp = self.temp(path)?;
        let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; COPY_BYTES]);
        loop {
            let count = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(StoreError::io("read", path)(error)),
            };
            hasher.update(&buffer[..count]);
            temp.file.write_all(&buffer[..count]).map_err(StoreError::io("write", temp.path()))?;
        }
        let id = ContentId(*hasher.finalize().as_bytes());
        if !self.is_whole(id) {
            self.commit(vec![(temp, self.object_path(id))])?;
        }
        Ok(id)
    }

    /// Reads an object and verifies it.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or [`StoreError::Damaged`] with the file moved aside: either way it must be made again.
    pub fn get(&self, id: ContentId) -> Result<Vec<u8>, StoreError> {
        let path = self.object_path(id);
        let bytes = match Self::read_file(&path) {
            Err(StoreError::Damaged { what, .. }) => return Err(self.damage(&path, &what)),
            bytes => bytes?.ok_or(StoreError::Missing(id))?,
        };
        if ContentId::of(&bytes) != id {
            return Err(self.damage(&path, DAMAGED));
        }
        self.note_whole(id, bytes.len() as u64);
        Ok(bytes)
    }

    /// Hashes an object without keeping its bytes; returns its size.
    pub fn verify_object(&self, id: ContentId) -> Result<u64, StoreError> {
        let path = self.object_path(id);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if disk::is_absent(&error) => return Err(StoreError::Missing(id)),
            Err(error) => return Err(self.unreadable(&path, error)),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file).map_err(|error| self.unreadable(&path, error))?;
        if *hasher.finalize().as_bytes() == id.0 {
            self.note_whole(id, hasher.count());
            Ok(hasher.count())
        } else {
            drop(file);
            Err(self.damage(&path, DAMAGED))
        }
    }

    /// Says whether an object is there as it was written, and moves a damaged one aside, so that it is stored again. What this
    /// process has verified is not read twice: a step passes most of the columns on that it was given.
    pub(super) fn is_whole(&self, id: ContentId) -> bool {
        let seen = self.whole.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        let length = std::fs::metadata(self.object_path(id)).ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
        (seen.is_some() && seen == length) || self.verify_object(id).is_ok()
    }

    fn note_whole(&self, id: ContentId, length: u64) {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).insert(id, length);
    }
}
