//! Files of the user's project: a reader sees the old or the new one, never a part, and a killed run leaves no litter behind.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::id::ContentId;

pub mod reading;

/// A writer that identifies what passes through it.
#[derive(Debug)]
pub struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W> Hashing<W> {
    /// Begins with nothing written.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: blake3::Hasher::new() }
    }

    /// The identity of what has passed.
    pub fn content(&self) -> ContentId {
        ContentId(*self.hasher.finalize().as_bytes())
    }

    /// How many bytes have passed.
    pub fn bytes(&self) -> u64 {
        self.hasher.count()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file being written beside the one that it will replace. Dropped before [`Part::persist`], it is gone.
///
/// Its name is fixed (`.NAME.trapline-part`), so that the next run writes over what a killed one left. It gets the permissions that
/// any new file of the person gets: projects lie on shares.
#[derive(Debug)]
pub struct Part {
    file: Option<File>,
    aside: PathBuf,
    path: PathBuf,
}

impl Part {
    /// Begins a new version of the file at `path`; makes its folder. Where a link lies there, it stays, and the file that it leads
    /// to is replaced.
    ///
    /// # Errors
    /// When folder or file cannot be made, or a link leads nowhere.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let path = followed(path)?;
        make_folder(folder_of(&path))?;
        let aside = aside_of(&path).ok_or(io::ErrorKind::InvalidInput)?;
        let file = File::create(&aside)?;
        Ok(Self { file: Some(file), aside, path })
    }

    /// Where to write.
    ///
    /// # Errors
    /// Never before the part is persisted.
    pub fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Puts the part in the place of the file, durably.
    ///
    /// # Errors
    /// When it cannot be synced or renamed; the old file stands.
    pub fn persist(mut self) -> io::Result<()> {
        self.sync()?;
        fs::rename(&self.aside, &self.path)?;
        self.aside.clear();
        sync_folder(folder_of(&self.path))
    }

    /// Puts the part where no file may be yet. It is not forced to the disk: for what can be made again.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where one is.
    pub fn persist_new(mut self) -> io::Result<()> {
        self.file = None;
        match fs::hard_link(&self.aside, &self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // File systems of memory cards know no links.
            Err(_) if self.path.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => {
                fs::rename(&self.aside, &self.path)?;
                self.aside.clear();
                Ok(())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        // Closed before it is renamed: Windows refuses to rename an open file.
        self.file.take().map_or(Ok(()), |file| file.sync_all())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.file = None;
        if !self.aside.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// Replaces the file at `path` by `bytes`.
///
/// # Errors
/// When it cannot be written; the old file stands.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = Part::beside(path)?;
    part.file()?.write_all(bytes)?;
    part.persist()
}

/// Where the new version of the file at `path` is written: `.NAME.trapline-part`.
fn aside_of(path: &Path) -> Option<PathBuf> {
    let mut part = std::ffi::OsString::from(".");
    part.push(path.file_name()?);
    part.push(PART_ENDING);
    Some(path.with_file_name(part))
}

/// Removes what a killed run left of a new version of the file at `path`.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn clear_part(path: &Path) -> io::Result<()> {
    match aside_of(&followed(path).unwrap_or_else(|_| path.to_owned())).map(fs::remove_file) {
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the names of files being written end with.
pub(crate) const PART_ENDING: &str = ".trapline-part";

/// The place that a link leads to; any other path as it is.
fn followed(path: &Path) -> io::Result<PathBuf> {
    if !fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path).map_err(|error| io::Error::new(error.kind(), format!("the link cannot be followed: {error}")))
}

/// Makes a folder with all those above it, durably: a file in a folder of which the name was lost is lost too.
///
/// # Errors
/// When one cannot be made.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let new: Vec<&Path> = folder.ancestors().take_while(|place| !place.as_os_str().is_empty() && !place.exists()).collect();
    fs::create_dir_all(folder)?;
    new.into_iter().try_for_each(|place| sync_folder(folder_of(place)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a rename or a new file in `folder` durable where the platform can.
///
/// # Errors
/// When the folder cannot be opened or synced.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network shares cannot sync a folder; the rename is as durable there as it gets.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

/// Makes a rename or a new file in `folder` durable where the platform can.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    // Windows has no handle to sync a folder with; NTFS journals the rename itself.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_litter_of_a_killed_run_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        fs::write(folder.path().join(".names.csv.trapline-part"), "half a li").unwrap();
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["names.csv"]);
    }

    #[test]
    fn a_part_that_is_given_up_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        replace(&path, b"old").unwrap();
        drop(Part::beside(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["names.csv"]);
    }

    #[test]
    fn a_new_file_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        Part::beside(&path).unwrap().persist_new().unwrap();
        let error = Part::beside(&path).unwrap().persist_new().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(folder.path()), ["names.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (link, shared) = (folder.path().join("names.csv"), folder.path().join("lists/names.csv"));
        std::os::unix::fs::symlink("lists/names.csv", &link).unwrap();
        assert!(replace(&link, b"new").unwrap_err().to_string().contains("link"));
        replace(&shared, b"old").unwrap();
        replace(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&shared).unwrap(), b"new");
        assert_eq!(names(&folder.path().join("lists")), ["names.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn others_of_the_group_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        replace(&ours, b"").unwrap();
        fs::write(&plain, b"").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
