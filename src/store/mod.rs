//! The store, `.trapline/` beside the pipeline: immutable objects, results, computed rows, inventories, a lock.
//!
//! | folder | holds | lost or damaged |
//! |---|---|---|
//! | `objects/` | tables, columns, files by [`ContentId`] | recomputed |
//! | `results/` | one manifest per [`ResultKey`] | recomputed |
//! | `heads/`, `pins/` | what a pipeline's steps yielded last; what `gc` must keep | forgotten, said |
//! | `rows/` | packs of computed rows per [`RowKey`](crate::id::RowKey) | the damaged rows are recomputed |
//! | `inventory/` | what files of a root looked like when they were hashed | hashed again |
//! | `index/` | throw-away, from row to place | rebuilt |
//! | `quarantine/` | whatever was found damaged, with a note | |
//! | `tmp/` | files being written | removed when the lock is taken |
//! | `scratch/` | unfinished work of steps (checkpoints) per result key; removed with the result | begun anew |
//!
//! Every file carries or is named by a BLAKE3 digest, so that a flipped bit is noticed when it is read. Readers take no lock,
//! are never blocked and write nothing: they work on a full disk and beside a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use crate::id::{ContentId, ResultKey};

mod disk;
mod error;
mod gc;
mod index;
mod inventory;
mod lock;
mod lookup;
mod objects;
mod pack;
mod parcel;
mod results;
mod rows;
mod sealed;
mod tables;
mod verify;
mod writer;

pub use error::{Damage, StoreError};
pub use gc::{Amount, GcMode, GcReport, Keep};
pub use inventory::{Entry, Inventory, InventoryCursor, Known, Stat};
pub use lock::{Holder, Lock, Wait};
pub use parcel::Part;
pub use results::{FileRef, Heads, OutputRef, RESULT_FORMAT, ResultManifest};
pub use rows::{Conflict, RowStats, RowsRead};
pub use tables::StoredTable;
pub use verify::{StoreStats, VerifyReport};
pub use writer::{RowWriter, RowsWritten};

/// The version of the layout. A store of a later version is refused, never touched.
pub const STORE_FORMAT: u32 = 1;

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `plan`, `status`, `why`: nothing is written; a store that is not there is empty. Damaged objects are moved aside where that
    /// is possible, so that the next run makes them again.
    Read,
    /// `run`, `cache gc`: takes the lock before it writes (see [`Store::lock`]).
    Write,
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    access: Access,
    temps: AtomicU64,
    damages: Mutex<Vec<Damage>>,
    /// Objects that this process has read and found whole, with their length.
    whole: Mutex<HashMap<ContentId, u64>>,
    /// Whether this process holds the lock.
    locked: Arc<AtomicBool>,
    /// Opened when a row is looked up, closed before the lock is given back.
    index: Arc<Mutex<Option<index::Index>>>,
}

const FOLDERS: &[&str] = &["objects", "results", "heads", "pins", "rows", "inventory", "quarantine", "tmp"];

#[derive(serde::Serialize, serde::Deserialize)]
struct FormatFile {
    trapline_store: u32,
}

impl Store {
    /// Opens the store at `root`; for writing, makes what is missing.
    pub fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        let store = Self {
            root: root.to_owned(),
            access,
            temps: AtomicU64::new(0),
            damages: Mutex::default(),
            whole: Mutex::default(),
            locked: Arc::default(),
            index: Arc::default(),
        };
        if access == Access::Write {
            for folder in FOLDERS {
                let path = store.root.join(folder);
                if !path.is_dir() {
                    std::fs::create_dir_all(&path).map_err(StoreError::io("make", &path))?;
                }
            }
        }
        store.check_format()?;
        Ok(store)
    }

    /// Where the store lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the step that is to yield `key` keeps unfinished work; it makes the folder when it needs it.
    pub fn scratch(&self, key: ResultKey) -> PathBuf {
        self.root.join("scratch").join(key.hex())
    }

    /// Removes the unfinished work towards `key`, now that it is finished. What cannot be removed is left to [`Store::gc`].
    pub fn clear_scratch(&self, key: ResultKey) {
        let _ = std::fs::remove_dir_all(self.scratch(key));
    }

    /// Whether this store was opened for writing.
    pub fn is_writable(&self) -> bool {
        self.access == Access::Write
    }

    /// What was found damaged since the last call, in the order of discovery: for the run to say.
    pub fn take_damages(&self) -> Vec<Damage> {
        std::mem::take(&mut *self.damages.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let path = self.root.join("format");
        match sealed::read::<FormatFile>(&path) {
            Ok(Some(found)) if found.trapline_store <= STORE_FORMAT => Ok(()),
            Ok(Some(found)) => Err(StoreError::Format { path, found: found.trapline_store, known: STORE_FORMAT }),
            // There is one version so far, so a format file that is damaged is written again.
            Ok(None) | Err(StoreError::Damaged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Writes what every store has. The holder of the lock does it: two first runs at once must not be in each other's way.
    fn prepare(&self) -> Result<(), StoreError> {
        self.ignore_in_git()?;
        self.check_format()?;
        let path = self.root.join("format");
        match sealed::read::<FormatFile>(&path) {
            Ok(Some(_)) => Ok(()),
            _ => self.write_sealed(&path, &FormatFile { trapline_store: STORE_FORMAT }),
        }
    }

    /// A store beside a pipeline lies in a git checkout; nothing in it belongs into a commit.
    fn ignore_in_git(&self) -> Result<(), StoreError> {
        let path = self.root.join(".gitignore");
        if path.exists() { Ok(()) } else { self.write_atomically(&path, b"*\n") }
    }
}
