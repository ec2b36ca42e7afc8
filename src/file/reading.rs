//! Reading what may be absent: only "there is no such file" means that; whatever cannot be read is an error with its cause.
//!
//! An unreadable file that counted as an absent one would lose what people wrote in it: names would be given anew, labels would
//! leave the results, a seal would be void.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::id::ContentId;

/// What `read` gives; `None` where nothing lies at `path`.
///
/// # Errors
/// Those of `read`, save that there is no such file. A link that leads nowhere is there, and cannot be read.
pub fn if_there<'p, T>(path: &'p Path, read: impl FnOnce(&'p Path) -> io::Result<T>) -> io::Result<Option<T>> {
    match read(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.ancestors().find(|place| leads_nowhere(place)) {
            Some(link) => Err(io::Error::new(error.kind(), format!("the link `{}` leads nowhere", link.display()))),
            None => Ok(None),
        },
        Err(error) => Err(error),
    }
}

fn leads_nowhere(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|about| about.is_symlink()) && fs::metadata(place).is_err()
}

/// Says whether something lies at `path`.
///
/// # Errors
/// When that cannot be told.
pub fn is_there(path: &Path) -> io::Result<bool> {
    Ok(if_there(path, fs::metadata)?.is_some())
}

/// The bytes of a file.
///
/// # Errors
/// When it is there and cannot be read.
pub fn bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_there(path, fs::read)
}

/// The text of a file.
///
/// # Errors
/// When it is there and cannot be read, or is not UTF-8.
pub fn text(path: &Path) -> io::Result<Option<String>> {
    if_there(path, fs::read_to_string)
}

/// The identity of a file's bytes, which are read in pieces.
///
/// # Errors
/// When it is there and cannot be read.
pub fn content(path: &Path) -> io::Result<Option<ContentId>> {
    if_there(path, |path| {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        Ok(ContentId(*hasher.finalize().as_bytes()))
    })
}

/// The paths in a folder, sorted; none where there is no such folder.
///
/// # Errors
/// When the folder, or one of its entries, cannot be listed.
pub fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = if_there(folder, fs::read_dir)? else { return Ok(Vec::new()) };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The bytes of a file of at most `most_bytes`; one that is larger is never held in memory.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] beyond the bound; else when it cannot be read.
pub fn bounded(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let too_large = |length: u64| {
        io::Error::new(io::ErrorKind::FileTooLarge, format!("it has {length} bytes, and at most {most_bytes} are read"))
    };
    if length > most_bytes {
        return Err(too_large(length));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // It may grow while it is read, and a device says that it has no length.
    file.take(most_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        assert_eq!(bytes(&path).unwrap(), None);
        assert_eq!(content(&path).unwrap(), None);
        assert!(entries(&path).unwrap().is_empty() && !is_there(&path).unwrap());
        fs::create_dir(&path).unwrap();
        assert!(bytes(&path).is_err() && text(&path).is_err() && content(&path).is_err());
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "name\n").unwrap();
        assert_eq!(text(&path).unwrap().as_deref(), Some("name\n"));
        assert_eq!(content(&path).unwrap(), Some(ContentId::of(b"name\n")));
        assert!(entries(&path).is_err());
        assert_eq!(entries(folder.path()).unwrap(), [path]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_not_an_absent_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        std::os::unix::fs::symlink("/nowhere/labels", &path).unwrap();
        for path in [path.clone(), path.join("qc")] {
            let error = entries(&path).unwrap_err();
            assert!(error.to_string().contains("leads nowhere"), "{error}");
        }
    }

    #[test]
    fn nothing_beyond_the_bound_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.jpg");
        fs::write(&path, [0; 100]).unwrap();
        assert_eq!(bounded(&path, 100).unwrap().len(), 100);
        assert_eq!(bounded(&path, 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
