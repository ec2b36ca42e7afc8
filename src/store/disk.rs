//! Files on disk: written aside, synced, renamed, so that a reader sees a whole file or none; damage is moved aside.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::{Damage, Store, StoreError};
use crate::file::sync_folder;

/// A file being written in `tmp/`; dropped without being committed, it is removed.
#[derive(Debug)]
pub(super) struct Temp {
    pub file: File,
    path: PathBuf,
    committed: bool,
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.committed {
            // Best effort: what stays behind is removed by the next holder of the lock.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Temp {
    /// Where it lies while it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store {
    /// Fails on a store opened for reading.
    pub(super) fn writable(&self, path: &Path) -> Result<(), StoreError> {
        if self.is_writable() { Ok(()) } else { Err(StoreError::ReadOnly(path.to_owned())) }
    }

    /// Starts a file that will become `target`.
    pub(super) fn temp(&self, target: &Path) -> Result<Temp, StoreError> {
        self.writable(target)?;
        loop {
            let number = self.temps.fetch_add(1, Ordering::Relaxed);
            let path = self.root.join("tmp").join(format!("{number}.tmp"));
            // Not `tempfile`: its files are private to their maker, and a store may lie on a group's share.
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Temp { file, path, committed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("write", &path)(error)),
            }
        }
    }

    /// Replaces the file at `path`.
    pub(super) fn write_atomically(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut temp = self.temp(path)?;
        temp.file.write_all(bytes).map_err(StoreError::io("write", path))?;
        self.commit(vec![(temp, path.to_owned())])
    }

    /// Makes written files durable and gives them their names: all data is synced before the first rename, each folder once after
    /// the last.
    pub(super) fn commit(&self, temps: Vec<(Temp, PathBuf)>) -> Result<(), StoreError> {
        temps.par_iter().try_for_each(|(temp, _)| temp.file.sync_data().map_err(StoreError::io("sync", &temp.path)))?;
        let mut folders = BTreeSet::new();
        for (mut temp, target) in temps {
            if let Some(folder) = target.parent() {
                if !folder.is_dir() {
                    self.make_folder(folder)?;
                    folders.extend(folder.parent().map(Path::to_owned));
                }
                folders.insert(folder.to_owned());
            }
            if rename(&temp.path, &target).is_err() {
                self.clear_place(&target, "a folder lies in its place", fs::Metadata::is_dir);
                rename(&temp.path, &target).map_err(StoreError::io("write", &target))?;
            }
            temp.committed = true;
        }
        let folders: Vec<_> = folders.into_iter().collect();
        folders.par_iter().try_for_each(|folder| sync_folder(folder).map_err(StoreError::io("sync", folder)))
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        self.clear_place(folder, "something else lies in the place of a folder", |about| !about.is_dir());
        fs::create_dir_all(folder).map_err(StoreError::io("make", folder))
    }

    /// Moves aside what lies in a place of the store where it cannot belong.
    fn clear_place(&self, place: &Path, what: &str, strange: fn(&fs::Metadata) -> bool) {
        if fs::symlink_metadata(place).is_ok_and(|about| strange(&about)) {
            let cleared = self.quarantine(place, what);
            self.note_damage(place, what, cleared);
        }
    }

    /// Notes that `path` is damaged and moves it aside. Returns the error to hand up.
    ///
    /// A reader moves objects alone, and only if it can: a run that has no need to read one goes by whether it is there, so that
    /// what is damaged and stays in place would never be made again.
    pub(super) fn damage(&self, path: &Path, what: &str) -> StoreError {
        let ours = self.is_writable() || path.starts_with(self.root.join("objects"));
        let cleared = ours && self.quarantine(path, what);
        self.note_damage(path, what, cleared);
        StoreError::damaged(path, what)
    }

    /// The error of a file that cannot be read, which is moved aside where it alone is at fault.
    pub(super) fn unreadable(&self, path: &Path, source: io::Error) -> StoreError {
        match StoreError::unreadable(path, source) {
            StoreError::Damaged { what, .. } => self.damage(path, &what),
            error => error,
        }
    }

    /// Adds to what [`Store::take_damages`] returns.
    pub(super) fn note_damage(&self, path: &Path, what: &str, cleared: bool) {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let damage = Damage { path: crate::path::to_text(relative), what: what.to_owned(), cleared };
        let mut damages = self.damages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !damages.contains(&damage) {
            damages.push(damage);
        }
    }

    /// Moves `path` to `quarantine/` beside a note. On a full disk the note is left out; where even the move fails the file is
    /// removed, so that what it held can be stored again; a folder stays, since what is in it is not ours.
    pub(super) fn quarantine(&self, path: &Path, what: &str) -> bool {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let name = crate::path::to_text(relative).replace('/', "-");
        let folder = self.root.join("quarantine");
        for attempt in 0u32..1000 {
            let target = folder.join(if attempt == 0 { name.clone() } else { format!("{name}.{attempt}") });
            if target.exists() {
                continue;
            }
            if fs::rename(path, &target).is_ok() {
                let mut note = target.into_os_string();
                note.push(".txt");
                let text = format!("{}\n{what}\n", crate::path::to_text(relative));
                let _ = File::create(PathBuf::from(note)).and_then(|mut file| file.write_all(text.as_bytes()));
                return true;
            }
            break;
        }
        fs::remove_file(path).is_ok()
    }

    /// Removes what a killed run left in `tmp/`. Only the holder of the lock may: nobody else is writing then.
    pub(super) fn remove_leftovers(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("tmp")) else { return };
        for entry in entries.flatten() {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Reads a whole file; `None` where it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where this file cannot be read, while others can.
    pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(StoreError::unreadable(path, error)),
        }
    }

    /// The files directly in `folder`, sorted by name; none where it does not exist.
    pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // A stray file in the place of a folder holds nothing of ours.
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("list", folder)(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(StoreError::io("list", folder))?.path());
        }
        paths.sort();
        Ok(paths)
    }
}

/// Whether nothing lies at a place. A stray file in the place of a folder holds nothing of ours.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Removes a file; one that is gone already is no failure.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(not(windows))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Virus scanners and indexers hold fresh files open for a moment, and Windows refuses to rename those.
#[cfg(windows)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for pause_ms in [1, 10, 50, 200, 500] {
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(pause_ms));
            }
            done => return done,
        }
    }
    fs::rename(from, to)
}
