//! Walk: the files below a root that match a pattern, with their sizes and times, sorted by path.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::path::to_text;
use crate::step::images::pattern::Pattern;
use crate::store::Stat;

/// A file as the file system shows it, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Root-relative, `/` between folders, undecodable bytes escaped.
    pub path: String,
    /// Size and times.
    pub stat: Stat,
}

/// Why a path could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathProblem {
    /// It cannot be opened or listed.
    Unreadable,
    /// A symbolic link to a folder above it.
    Loop,
}

/// What lies below a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Matching files, sorted by path.
    pub files: Vec<Found>,
    /// Paths that could not be used, sorted.
    pub problems: Vec<(String, PathProblem)>,
}

/// More nested folders than this are taken for a loop that the file system hides.
const MAX_DEPTH: usize = 64;

/// Lists the files of `root` that match `pattern`, in parallel over folders.
pub fn walk(root: &Path, pattern: &Pattern) -> Walk {
    let start = if pattern.prefix().is_empty() { root.to_owned() } else { root.join(pattern.prefix()) };
    // Files of the root itself have one path component.
    let depth = if pattern.prefix().is_empty() { 1 } else { 1 + pattern.prefix().split('/').count() };
    let folder = Folder { path: start, text: pattern.prefix().to_owned(), depth, above: None };
    let mut walk = list(&folder, pattern);
    walk.files.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walk.problems.sort();
    walk
}

/// A folder on its way down, with the canonical path of the last link followed.
struct Folder<'a> {
    path: PathBuf,
    text: String,
    depth: usize,
    above: Option<&'a Folder<'a>>,
}

impl Folder<'_> {
    fn child_text(&self, name: &str) -> String {
        if self.text.is_empty() { name.to_owned() } else { format!("{}/{name}", self.text) }
    }

    /// Says whether `target` is this folder or one above it.
    fn is_below(&self, target: &Path) -> bool {
        fs::canonicalize(&self.path).is_ok_and(|own| own.starts_with(target)) || self.above.is_some_and(|f| f.is_below(target))
    }
}

fn list(folder: &Folder<'_>, pattern: &Pattern) -> Walk {
    let mut found = Walk::default();
    let Ok(entries) = fs::read_dir(&folder.path) else {
        // A season that is not there yet is no problem; a folder that is there and cannot be listed is one.
        if folder.path.exists() {
            found.problems.push((folder.text.clone(), PathProblem::Unreadable));
        }
        return found;
    };
    let mut folders = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        let Ok(entry) = entry else {
            found.problems.push((folder.text.clone(), PathProblem::Unreadable));
            continue;
        };
        let text = folder.child_text(&to_text(Path::new(&entry.file_name())));
        let Ok(kind) = entry.file_type() else {
            found.problems.push((text, PathProblem::Unreadable));
            continue;
        };
        if kind.is_dir() {
            folders.push((entry.path(), text));
        } else if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(target) if target.is_dir() => match fs::canonicalize(entry.path()) {
                    Ok(target) if folder.is_below(&target) => found.problems.push((text, PathProblem::Loop)),
                    Ok(_) => folders.push((entry.path(), text)),
                    Err(_) => found.problems.push((text, PathProblem::Unreadable)),
                },
                Ok(target) if target.is_file() && pattern.matches(&text) => found.files.push(seen(text, &target)),
                Ok(_) | Err(_) if pattern.matches(&text) => found.problems.push((text, PathProblem::Unreadable)),
                Ok(_) | Err(_) => {}
            }
        } else if pattern.matches(&text) {
            // Opening a named pipe would wait for a writer for ever.
            if kind.is_file() {
                files.push((entry, text));
            } else {
                found.problems.push((text, PathProblem::Unreadable));
            }
        }
    }
    let stat = |(entry, text): (fs::DirEntry, String)| match entry.metadata() {
        Ok(metadata) => Ok(seen(text, &metadata)),
        Err(_) => Err((text, PathProblem::Unreadable)),
    };
    // A folder of a memory card holds up to 10 000 files: worth splitting.
    let stats: Vec<_> = if files.len() > 256 {
        files.into_par_iter().with_min_len(128).map(stat).collect()
    } else {
        files.into_iter().map(stat).collect()
    };
    for stat in stats {
        match stat {
            Ok(file) => found.files.push(file),
            Err(problem) => found.problems.push(problem),
        }
    }
    if pattern.depth().is_some_and(|depth| folder.depth >= depth) {
        return found;
    }
    let below: Vec<Walk> = folders
        .into_par_iter()
        .map(|(path, text)| {
            if folder.depth >= MAX_DEPTH {
                return Walk { files: Vec::new(), problems: vec![(text, PathProblem::Loop)] };
            }
            list(&Folder { path, text, depth: folder.depth + 1, above: Some(folder) }, pattern)
        })
        .collect();
    for walk in below {
        found.files.extend(walk.files);
        found.problems.extend(walk.problems);
    }
    found
}

fn seen(path: String, metadata: &Metadata) -> Found {
    Found { path, stat: stat(metadata) }
}

/// Size and times from metadata.
#[cfg(unix)]
pub fn stat(metadata: &Metadata) -> Stat {
    use std::os::unix::fs::MetadataExt as _;
    let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stat {
        size: metadata.len(),
        mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        file_id: metadata.ino(),
    }
}

/// Size and modification time; other platforms show neither status-change time nor inode through the standard library.
#[cfg(not(unix))]
pub fn stat(metadata: &Metadata) -> Stat {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let mtime_ns = since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    Stat { size: metadata.len(), mtime_ns, ctime_ns: 0, file_id: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        dir
    }

    fn paths(walk: &Walk) -> Vec<&str> {
        walk.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn files_come_sorted_whatever_the_order_of_the_folders() {
        let dir = tree(&["b/2019/2.JPG", "a/2019/100RECNX/1.jpg", "a/2019/notes.txt", "a/1.jpg"]);
        let pattern = Pattern::parse("{site}/{season}/**/*.jpg").unwrap();
        assert_eq!(paths(&walk(dir.path(), &pattern)), ["a/2019/100RECNX/1.jpg", "b/2019/2.JPG"]);
    }

    #[test]
    fn a_pattern_without_stars_does_not_go_deeper_than_it_says() {
        let dir = tree(&["a/1.jpg", "a/b/2.jpg"]);
        assert_eq!(paths(&walk(dir.path(), &Pattern::parse("{site}/*.jpg").unwrap())), ["a/1.jpg"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_above_is_reported_and_not_followed() {
        let dir = tree(&["a/1.jpg", "elsewhere/2.jpg"]);
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("a/loop")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("a/linked")).unwrap();
        let walk = walk(&dir.path().join("a"), &Pattern::parse("**/*.jpg").unwrap());
        assert_eq!(paths(&walk), ["1.jpg", "linked/2.jpg"]);
        assert_eq!(walk.problems, [("loop".to_owned(), PathProblem::Loop)]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_and_never_opened() {
        let dir = tree(&["a/1.jpg"]);
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a/2.jpg")).unwrap();
        std::os::unix::fs::symlink("2.jpg", dir.path().join("a/3.jpg")).unwrap();
        let walk = walk(dir.path(), &Pattern::parse("{site}/*.jpg").unwrap());
        assert_eq!(paths(&walk), ["a/1.jpg"]);
        let unreadable = |path: &str| (path.to_owned(), PathProblem::Unreadable);
        assert_eq!(walk.problems, [unreadable("a/2.jpg"), unreadable("a/3.jpg")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_dangling_link_is_unreadable() {
        let dir = tree(&["a/1.jpg"]);
        std::os::unix::fs::symlink("nowhere.jpg", dir.path().join("a/2.jpg")).unwrap();
        let walk = walk(dir.path(), &Pattern::parse("**/*.jpg").unwrap());
        assert_eq!(walk.problems, [("a/2.jpg".to_owned(), PathProblem::Unreadable)]);
    }
}
