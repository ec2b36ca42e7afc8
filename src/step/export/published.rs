//! What lies in an exported folder, held against its ledger: a record alone says nothing about the files that it lists.

use std::path::Path;

use rayon::prelude::*;

use super::ledger::{Ledger, content_of, within};
use crate::step::StepError;
use crate::step::portable::check_relative;

/// What is wrong with a file that an export wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not there.
    #[error("it is gone")]
    Gone,
    /// It has no bytes any more.
    #[error("it is empty")]
    Emptied,
    /// It has another size.
    #[error("it has {found} bytes instead of {written}")]
    Size {
        /// Bytes now.
        found: u64,
        /// Bytes then.
        written: u64,
    },
    /// It has other bytes.
    #[error("its content is another")]
    Content,
    /// Nobody can tell.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl Fault {
    /// Whether the export makes the file again. One that somebody changed is theirs.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Gone | Self::Emptied)
    }
}

/// What was looked at, and what is wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Files listed.
    pub files: u64,
    /// Those that are not as they were written, in the order of their names.
    pub faults: Vec<(String, Fault)>,
}

/// Says whether a file of a result, relative to the project, is the ledger of a folder.
#[must_use]
pub fn is_ledger(file: &str) -> bool {
    Path::new(file).file_name() == within(Path::new("")).file_name()
}

/// Looks at every file that the ledger at `path` lists: whether it is there with its size, and, `thoroughly`, with its bytes.
///
/// # Errors
/// When the ledger cannot be read.
pub fn look(path: &Path, thoroughly: bool) -> Result<Looked, StepError> {
    let ledger = Ledger::read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    // A ledger that was edited must not reach outside the folder.
    let own: Vec<&String> = ledger.files.keys().filter(|file| check_relative(file).is_ok()).collect();
    let faults = own
        .par_iter()
        .filter_map(|file| Some(((*file).clone(), fault(&ledger, file, &folder.join(file), thoroughly)?)))
        .collect();
    Ok(Looked { files: own.len() as u64, faults })
}

fn fault(ledger: &Ledger, file: &str, path: &Path, thoroughly: bool) -> Option<Fault> {
    let about = match std::fs::symlink_metadata(path) {
        // Where a link leads to is the archive's matter, which may be elsewhere today.
        Ok(about) if about.is_symlink() => return None,
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(Fault::Gone),
        Err(error) => return Some(Fault::Unreadable(error.to_string())),
    };
    let contents = ledger.files.get(file)?;
    if about.len() == 0 && !contents.contains(&crate::id::ContentId::of(b"")) {
        return Some(Fault::Emptied);
    }
    if let Some(written) = ledger.sizes.get(file).copied().filter(|written| *written != about.len()) {
        return Some(Fault::Size { found: about.len(), written });
    }
    if !thoroughly {
        return None;
    }
    match content_of(path) {
        Ok(content) => (!contents.contains(&content)).then_some(Fault::Content),
        Err(error) => Some(Fault::Unreadable(crate::step::with_causes(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ContentId;

    #[test]
    fn every_kind_of_fault_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::default();
        for (name, now) in
            [("same", Some("abc")), ("gone", None), ("empty", Some("")), ("short", Some("ab")), ("other", Some("abd"))]
        {
            ledger.add(name, ContentId::of(b"abc"));
            ledger.sizes.insert(name.to_owned(), 3);
            if let Some(text) = now {
                std::fs::write(folder.path().join(name), text).unwrap();
            }
        }
        let path = within(folder.path());
        ledger.write(&path, true).unwrap();
        let words = |thoroughly| {
            let looked = look(&path, thoroughly).unwrap();
            assert_eq!(looked.files, 5);
            looked.faults.into_iter().map(|(file, fault)| format!("{file}: {fault}")).collect::<Vec<_>>()
        };
        let seen = ["empty: it is empty", "gone: it is gone", "short: it has 2 bytes instead of 3"];
        assert_eq!(words(false), seen);
        assert_eq!(words(true), [seen[0], seen[1], "other: its content is another", seen[2]]);
    }
}
