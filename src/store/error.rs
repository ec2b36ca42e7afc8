//! What can go wrong with a store, and the damage that it notices.

use std::io;
use std::path::{Path, PathBuf};

use super::lock::Holder;
use crate::id::ContentId;
use crate::table::TableError;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file is not what was written. A writable store has moved it to `quarantine/`: what it held must be computed again.
    #[error("`{path}` is damaged: {what}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// An object that a result names is not there.
    #[error("`{0}` is not in the store; `trapline run` makes it again")]
    Missing(ContentId),
    /// The disk, or the quota on it, is full. What was stored before is whole.
    #[error("the disk is full: cannot {action} `{path}`")]
    Full {
        /// `write`, `sync`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// As the system says it.
        #[source]
        source: io::Error,
    },
    /// Another run holds the store.
    #[error("the store `{path}` is in use by {}", holder.as_ref().map_or_else(|| "another run".to_owned(), ToString::to_string))]
    Locked {
        /// Which store.
        path: PathBuf,
        /// Who, as far as it is known.
        holder: Option<Holder>,
    },
    /// A later Trapline wrote this store.
    #[error("`{path}` has format {found}, this version reads up to {known}: use the newer Trapline that wrote it")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The last one known here.
        known: u32,
    },
    /// Something would be written through a store opened for reading.
    #[error("the store was opened for reading: cannot write `{0}`")]
    ReadOnly(PathBuf),
    /// A table cannot be encoded or its columns do not fit together.
    #[error("cannot store or read a table")]
    Table(#[from] TableError),
    /// Any other failure of the file system.
    #[error("cannot {action} `{path}`")]
    Io {
        /// `read`, `write`, `list`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// As the system says it.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Names the file behind a failure of the system, and tells a full disk from the rest.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if is_full(&source) { Self::Full { action, path, source } } else { Self::Io { action, path, source } }
        }
    }

    /// A file of the store that cannot be read: damage where the fault lies with this file, so that it is moved aside and made
    /// again; an error where the disk or the system is at fault.
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        if is_of_the_file(&source) {
            Self::damaged(path, format!("it cannot be read: {source}"))
        } else {
            Self::io("read", path)(source)
        }
    }

    /// Damage in `path`.
    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }

    /// Whether the way out is to compute the lost thing again.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Missing(_) | Self::Table(TableError::Damaged { .. }))
    }
}

/// Full disk and exhausted quota ask the same of a person: make room.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Says whether one file is at fault: a folder in its place, no right to read it, sectors of the disk that are gone.
pub(super) fn is_of_the_file(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => true,
        // Windows says the same of a file that a virus scanner holds for a moment.
        io::ErrorKind::PermissionDenied => cfg!(unix),
        _ => cfg!(unix) && error.raw_os_error() == Some(EIO),
    }
}

/// Something that was found damaged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Damage {
    /// Which file, relative to the store.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
    /// Whether it is out of the way, in `quarantine/` or written anew. A reader moves objects only.
    pub cleared: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_full_quota_are_told_from_other_failures() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = StoreError::io("write", Path::new("x"))(io::Error::from(kind));
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
        }
        let error = StoreError::io("write", Path::new("x"))(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_code_for_no_space_is_a_full_disk() {
        assert!(is_full(&io::Error::from_raw_os_error(28)));
    }
}
