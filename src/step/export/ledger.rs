//! The ledger of an export: which files are ours, by content. A file that is not in it is never overwritten or removed.
//!
//! It is written twice: before files change, with old and new contents, so that whatever an interrupted run leaves is known as
//! ours; and after, with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::file::replace;
use crate::id::ContentId;
use crate::step::portable::{check_relative, fold};
use crate::step::{Finding, StepError};
use crate::table::{CellRef, Reading, Schema, Type, csv};

/// How many examples a finding shows.
const EXAMPLES: usize = 8;

/// The first line of a ledger of files that are compared by content alone.
const HEADER: &str = "file,content\n";

/// The first line of a ledger of files that are too many to be read again at every look.
const SIZED_HEADER: &str = "file,content,bytes\n";

/// Files that an export has written, with every content that may be there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// By path relative to the folder of the ledger, `/` between parts.
    pub files: BTreeMap<String, BTreeSet<ContentId>>,
    /// How many bytes a file has, where that was noted.
    pub sizes: BTreeMap<String, u64>,
    /// When the ledger itself was written: a file that is older was not changed since.
    written: Option<SystemTime>,
}

impl Ledger {
    /// Reads the ledger at `path`; none is an empty one.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn read(path: &Path) -> Result<Self, StepError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(StepError::File { action: "read", path: path.to_owned(), source }),
        };
        let name = path.to_string_lossy();
        let mut columns = vec![("file", Type::Text), ("content", Type::Content)];
        let sized = bytes.starts_with(SIZED_HEADER.as_bytes());
        columns.extend(sized.then_some(("bytes", Type::Int)));
        let table = csv::read_typed(&bytes, &Schema::of(&columns), &Reading::strict(&name))?;
        let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let mut ledger = Self { written, ..Self::default() };
        for row in 0..table.rows {
            if let (CellRef::Text(file), CellRef::Content(content)) = (table.cell(row, "file"), table.cell(row, "content")) {
                ledger.files.entry(file.to_owned()).or_default().insert(content);
                if let (true, CellRef::Int(bytes)) = (sized, table.cell(row, "bytes")) {
                    ledger.sizes.extend(u64::try_from(bytes).ok().map(|bytes| (file.to_owned(), bytes)));
                }
            }
        }
        Ok(ledger)
    }

    /// Adds a file of ours.
    pub fn add(&mut self, file: &str, content: ContentId) {
        self.files.entry(file.to_owned()).or_default().insert(content);
    }

    /// Adds all files of another ledger.
    pub fn add_all(&mut self, other: &Self) {
        for (file, contents) in &other.files {
            self.files.entry(file.clone()).or_default().extend(contents);
        }
    }

    /// Writes the ledger; where the same is there, only if files have `changed`, so that it is younger than they.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path, changed: bool) -> Result<(), StepError> {
        let sized = !self.sizes.is_empty();
        let mut bytes = if sized { SIZED_HEADER } else { HEADER }.as_bytes().to_vec();
        for (file, contents) in &self.files {
            let size = match self.sizes.get(file) {
                Some(size) if contents.len() == 1 => format!(",{size}"),
                _ => if sized { "," } else { "" }.to_owned(),
            };
            for content in contents {
                csv::write_text(file, &mut bytes);
                bytes.extend_from_slice(format!(",{content}{size}\n").as_bytes());
            }
        }
        crate::file::clear_part(path).map_err(StepError::file("remove", path))?;
        if !changed && std::fs::read(path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        replace(path, &bytes).map_err(|source| StepError::File { action: "write", path: path.to_owned(), source })
    }

    /// Says whether a link lies where an export put a file: replacing or removing it loses no bytes.
    #[must_use]
    pub fn is_own_link(&self, file: &str, path: &Path) -> bool {
        self.files.contains_key(file) && std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
    }

    /// What lies at `file`, of `path`.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn look(&self, file: &str, path: &Path) -> Result<Found, StepError> {
        let meta = match std::fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => return Err(StepError::File { action: "read", path: path.to_owned(), source }),
        };
        if !meta.is_file() {
            return Ok(Found::Foreign(None));
        }
        let ours = self.files.get(file);
        let nothing = ContentId::of(b"");
        if meta.len() == 0 && ours.is_some_and(|ours| !ours.contains(&nothing)) {
            return Ok(Found::Emptied);
        }
        if let (Some(ours), Some(written), Some(touched)) = (ours, self.written, touched(&meta))
            && touched < written
            && self.sizes.get(file).is_none_or(|size| *size == meta.len())
            && let (1, Some(content)) = (ours.len(), ours.first())
        {
            return Ok(Found::Ours(*content));
        }
        let content = content_of(path)?;
        Ok(if ours.is_some_and(|ours| ours.contains(&content)) { Found::Ours(content) } else { Found::Foreign(Some(content)) })
    }
}

/// When a file was last changed, renamed or given another time.
#[cfg(unix)]
fn touched(meta: &std::fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let since = std::time::Duration::new(u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// When a file was last changed.
#[cfg(not(unix))]
fn touched(meta: &std::fs::Metadata) -> Option<SystemTime> {
    meta.modified().ok()
}

/// What lies where an export wants to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file that an export of ours wrote and nobody changed.
    Ours(ContentId),
    /// A file of ours that holds nothing: the power failed before its bytes were on the disk, or the disk was full.
    Emptied,
    /// Anything else; a file with its content.
    Foreign(Option<ContentId>),
}

/// The identity of a file's bytes, read in pieces.
///
/// # Errors
/// When it cannot be read.
pub fn content_of(path: &Path) -> Result<ContentId, StepError> {
    let hash = || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok(ContentId(*hasher.finalize().as_bytes()))
    };
    hash().map_err(|source| StepError::File { action: "read", path: path.to_owned(), source })
}

/// The ledger of one exported file, hidden beside it.
#[must_use]
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.trapline.csv"))
}

/// The ledger of an exported folder, hidden in it.
#[must_use]
pub fn within(folder: &Path) -> PathBuf {
    folder.join(".trapline.csv")
}

/// Removes files of an earlier export that are no longer wanted; a file that somebody changed stays and is reported.
///
/// # Errors
/// When a file cannot be looked at or removed.
pub fn remove_stale(earlier: &Ledger, into: &Path, wanted: &[&str], findings: &mut Vec<Finding>) -> Result<(), StepError> {
    let mut kept = Vec::new();
    let folded: BTreeSet<String> = wanted.iter().map(|file| fold(file)).collect();
    for file in earlier.files.keys() {
        // A ledger that was edited must not reach outside the folder.
        if check_relative(file).is_err() {
            continue;
        }
        // Wanted; or the wanted file itself, where case does not count.
        if folded.contains(&fold(file)) {
            continue;
        }
        let path = into.join(file);
        let found = if earlier.is_own_link(file, &path) { None } else { Some(earlier.look(file, &path)?) };
        match found {
            Some(Found::Nothing) => {}
            None | Some(Found::Ours(_) | Found::Emptied) => {
                std::fs::remove_file(&path).map_err(|source| StepError::File { action: "remove", path: path.clone(), source })?;
                if let Some(folder) = path.parent().filter(|folder| *folder != into) {
                    // Only an empty folder goes.
                    let _ = std::fs::remove_dir(folder);
                }
            }
            Some(Found::Foreign(_)) => kept.push(file.clone()),
        }
    }
    if !kept.is_empty() {
        findings.push(Finding {
            kind: "kept".into(),
            message: format!("{} files of an earlier export were changed since and are kept", kept.len()),
            count: kept.len() as u64,
            examples: kept.into_iter().take(EXAMPLES).collect(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_reads_back_and_knows_ours_from_foreign() {
        let folder = tempfile::tempdir().unwrap();
        let path = within(folder.path());
        assert_eq!(Ledger::read(&path).unwrap(), Ledger::default());
        let (a, b) = (ContentId::of(b"a"), ContentId::of(b"b"));
        let mut ledger = Ledger::default();
        ledger.add("vole/a, \"1\".jpg", a);
        ledger.add("vole/a, \"1\".jpg", b);
        ledger.write(&path, true).unwrap();
        let read = Ledger::read(&path).unwrap();
        assert_eq!(read.files, ledger.files);
        let file = folder.path().join("a.jpg");
        let look = || read.look("vole/a, \"1\".jpg", &file).unwrap();
        assert_eq!(look(), Found::Nothing);
        std::fs::write(&file, b"b").unwrap();
        assert_eq!(look(), Found::Ours(b));
        std::fs::write(&file, b"c").unwrap();
        assert_eq!(look(), Found::Foreign(Some(ContentId::of(b"c"))));
        assert_eq!(read.look("other", &file).unwrap(), Found::Foreign(Some(ContentId::of(b"c"))));
        assert_eq!(read.look("x", folder.path()).unwrap(), Found::Foreign(None));
    }
}
