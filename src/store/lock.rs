//! The lock: one writer at a time. It dies with its process; a note beside it names the holder.

use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::{Store, StoreError, sealed};

/// How often a waiting run looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Who holds a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// Since when, as the caller read its clock (RFC 3339).
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {} since {}", self.pid, self.host, self.since)
    }
}

/// What to do while another run holds the store.
pub enum Wait<'a> {
    /// Fail at once, naming the holder.
    No,
    /// Look again a few times a second for as long as this returns true; it is told who holds the store.
    While(&'a mut dyn FnMut(Option<&Holder>) -> bool),
}

/// The right to write; ends when dropped.
#[derive(Debug)]
#[must_use = "the store is unlocked when this is dropped"]
pub struct Lock {
    file: File,
    note: PathBuf,
    enforced: bool,
    locked: Arc<AtomicBool>,
    index: Arc<Mutex<Option<Index>>>,
}

impl Lock {
    /// False on a share that knows no locks: nothing there keeps two runs apart, and a person should be told.
    pub fn is_enforced(&self) -> bool {
        self.enforced
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.locked.store(false, Ordering::SeqCst);
        if let Some(index) = self.index.lock().unwrap_or_else(PoisonError::into_inner).take() {
            index.close();
        }
        // The note goes first, so that a free lock is never described as held for long.
        let _ = std::fs::remove_file(&self.note);
        let _ = self.file.unlock();
    }
}

impl Store {
    /// Takes the lock, leaves the note of `me`, removes what a killed run left half written and prepares a new store.
    ///
    /// # Errors
    /// [`StoreError::Locked`] naming the holder.
    pub fn lock(&self, me: &Holder, mut wait: Wait<'_>) -> Result<Lock, StoreError> {
        let path = self.root.join("lock");
        self.writable(&path)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(StoreError::io("open", &path))?;
        let enforced = loop {
            match file.try_lock() {
                Ok(()) => break true,
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => break false,
                Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) => {
                    let holder = self.holder();
                    let again = match &mut wait {
                        Wait::No => false,
                        Wait::While(ask) => ask(holder.as_ref()),
                    };
                    if !again {
                        return Err(StoreError::Locked { path: self.root.clone(), holder });
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
            }
        };
        self.remove_leftovers();
        self.prepare()?;
        let note = self.note_path();
        // The note is a courtesy: on a full disk the lock holds without it.
        if self.write_sealed(&note, me).is_err() {
            let _ = std::fs::remove_file(&note);
        }
        self.locked.store(true, Ordering::SeqCst);
        Ok(Lock { file, note, enforced, locked: Arc::clone(&self.locked), index: Arc::clone(&self.index) })
    }

    /// Who holds the store, as far as the note tells. A note may outlive its run; the lock does not.
    pub fn holder(&self) -> Option<Holder> {
        sealed::read(&self.note_path()).ok().flatten()
    }

    /// Who holds the store now. A note that a killed run left names nobody: the lock died with the run.
    pub fn held_by(&self) -> Option<Holder> {
        let file = File::open(self.root.join("lock")).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => self.holder(),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }

    /// Beside the lock, because Windows lets nobody read a locked file.
    fn note_path(&self) -> PathBuf {
        self.root.join("lock.json")
    }
}
