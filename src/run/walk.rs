//! Walk: the files below a root that match a pattern, with their sizes and times, sorted by path; and how many others lie there.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::path::to_text;
use crate::step::images::exclude::{Exclude, Why};
use crate::step::images::pattern::{Misfit, Pattern, ending_of};
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

/// What a source looks for below its root.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its pattern.
    pub pattern: Pattern,
    /// What it leaves out.
    pub exclude: Exclude,
    /// The patterns of other sources of the root, each with whether it comes before this one: what fits them is theirs.
    pub others: Vec<(Pattern, bool)>,
    /// The file that marks the root.
    pub marker: Option<String>,
}

/// Why files are not in a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// They fit no pattern, and this source's is the nearest.
    Unmatched,
    /// They would fit, and are left out.
    Out(Why),
}

/// Files of one folder that are not in a walk for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The first of them by name, relative to the root.
    pub path: String,
    /// Why.
    pub why: Left,
    /// How many.
    pub files: u64,
}

/// What lies below a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Matching files, sorted by path.
    pub files: Vec<Found>,
    /// Paths that could not be used, sorted.
    pub problems: Vec<(String, PathProblem)>,
    /// Files that are not wanted, folder by folder, sorted.
    pub left_out: Vec<LeftOut>,
}

/// More nested folders than this are taken for a loop that the file system hides.
const MAX_DEPTH: usize = 64;

/// Lists the files of `root` that are wanted, in parallel over folders.
pub fn walk(root: &Path, wanted: &Wanted) -> Walk {
    let prefix = wanted.pattern.prefix();
    let start = if prefix.is_empty() { root.to_owned() } else { root.join(prefix) };
    // Files of the root itself have one path component.
    let depth = if prefix.is_empty() { 1 } else { 1 + prefix.split('/').count() };
    let folder = Folder { path: start, text: prefix.to_owned(), depth, above: None, out: None };
    let mut walk = list(&folder, wanted);
    walk.files.par_sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walk.problems.sort();
    walk.left_out.sort();
    walk
}

impl Wanted {
    /// Says whether this source tells of a file that fits no pattern: the one whose pattern is nearest does, of equals the first.
    fn is_nearest(&self, path: &str) -> bool {
        let own = distance(&self.pattern, path);
        self.others.iter().all(|(other, comes_before)| {
            let theirs = distance(other, path);
            own < theirs || (own == theirs && !comes_before)
        })
    }

    fn is_wanted_elsewhere(&self, path: &str) -> bool {
        self.others.iter().any(|(other, _)| other.matches(path))
    }
}

/// How far `path` is from fitting: a wrong name, then each folder too many or too few, then another ending, then another place.
fn distance(pattern: &Pattern, path: &str) -> usize {
    match pattern.misfit(path) {
        Misfit::Name => 0,
        Misfit::Folders(wanted) => wanted.abs_diff(path.matches('/').count()),
        Misfit::Ending => 1_000,
        Misfit::Elsewhere => 1_000_000,
    }
}

/// The files of one folder that are not wanted, by reason and ending.
#[derive(Default)]
struct Unwanted(BTreeMap<(Left, Option<String>), (String, u64)>);

impl Unwanted {
    fn add(&mut self, why: Left, path: String) {
        let (first, files) = self.0.entry((why, ending_of(&path))).or_insert_with(|| (path.clone(), 0));
        *files += 1;
        // Whatever order the folder lists its files in.
        if path < *first {
            *first = path;
        }
    }

    fn into_list(self) -> impl Iterator<Item = LeftOut> {
        self.0.into_iter().map(|((why, _), (path, files))| LeftOut { path, why, files })
    }
}

/// A folder on its way down, with the canonical path of the last link followed.
struct Folder<'a> {
    path: PathBuf,
    text: String,
    depth: usize,
    above: Option<&'a Folder<'a>>,
    /// Why it is left out with all below it, if it is.
    out: Option<Why>,
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

fn list(folder: &Folder<'_>, wanted: &Wanted) -> Walk {
    let mut found = Walk::default();
    let entries = match fs::read_dir(&folder.path) {
        Ok(entries) => entries,
        // A season that is not there yet is not a problem, and what is left out may belong to somebody else.
        Err(error) if error.kind() == io::ErrorKind::NotFound || folder.out.is_some() => return found,
        Err(_) => {
            found.problems.push((folder.text.clone(), PathProblem::Unreadable));
            return found;
        }
    };
    let mut folders = Vec::new();
    let mut files = Vec::new();
    let mut unwanted = Unwanted::default();
    for entry in entries {
        let Ok(entry) = entry else {
            found.problems.push((folder.text.clone(), PathProblem::Unreadable));
            continue;
        };
        let name = to_text(Path::new(&entry.file_name()));
        let text = folder.child_text(&name);
        let out = folder.out.or_else(|| wanted.exclude.why(&text, &name));
        let Ok(kind) = entry.file_type() else {
            found.problems.push((text, PathProblem::Unreadable));
            continue;
        };
        if kind.is_dir() {
            folders.push((entry.path(), text, out));
            continue;
        }
        let target = if kind.is_symlink() { Some(fs::metadata(entry.path())) } else { None };
        if let Some(Ok(target)) = &target
            && target.is_dir()
        {
            match fs::canonicalize(entry.path()) {
                _ if out.is_some() => {}
                Ok(target) if folder.is_below(&target) => found.problems.push((text, PathProblem::Loop)),
                Ok(_) => folders.push((entry.path(), text, out)),
                Err(_) => found.problems.push((text, PathProblem::Unreadable)),
            }
            continue;
        }
        let fits = wanted.pattern.matches(&text);
        match (fits, out) {
            (true, Some(why)) => unwanted.add(Left::Out(why), text),
            (false, Some(_)) => {}
            (false, None) => {
                let is_marker = wanted.marker.as_ref() == Some(&text);
                // A link to nothing may be a whole folder of another disk.
                if matches!(target, Some(Err(_))) {
                    found.problems.push((text, PathProblem::Unreadable));
                } else if !is_marker && !wanted.is_wanted_elsewhere(&text) && wanted.is_nearest(&text) {
                    unwanted.add(Left::Unmatched, text);
                }
            }
            (true, None) => match target {
                Some(Ok(target)) if target.is_file() => found.files.push(seen(text, &target)),
                // Opening a named pipe would wait for a writer for ever.
                None if kind.is_file() => files.push((entry, text)),
                _ => found.problems.push((text, PathProblem::Unreadable)),
            },
        }
    }
    found.left_out.extend(unwanted.into_list());
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
    let below: Vec<Walk> = folders
        .into_par_iter()
        .map(|(path, text, out)| {
            if folder.depth >= MAX_DEPTH {
                return Walk { problems: vec![(text, PathProblem::Loop)], ..Walk::default() };
            }
            list(&Folder { path, text, depth: folder.depth + 1, above: Some(folder), out }, wanted)
        })
        .collect();
    for walk in below {
        found.files.extend(walk.files);
        found.problems.extend(walk.problems);
        found.left_out.extend(walk.left_out);
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

    fn wanted(pattern: &str) -> Wanted {
        let pattern = Pattern::parse(pattern).unwrap();
        let exclude = Exclude::new(&[], &pattern).unwrap();
        Wanted { pattern, exclude, others: Vec::new(), marker: None }
    }

    fn left(walk: &Walk) -> Vec<(&str, Left, u64)> {
        walk.left_out.iter().map(|left| (left.path.as_str(), left.why, left.files)).collect()
    }

    fn paths(walk: &Walk) -> Vec<&str> {
        walk.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn files_come_sorted_whatever_the_order_of_the_folders() {
        let dir = tree(&["b/2019/2.JPG", "a/2019/100RECNX/1.jpg", "a/2019/notes.txt", "a/1.jpg"]);
        let walk = walk(dir.path(), &wanted("{site}/{season}/**/*.jpg"));
        assert_eq!(paths(&walk), ["a/2019/100RECNX/1.jpg", "b/2019/2.JPG"]);
        assert_eq!(left(&walk), [("a/1.jpg", Left::Unmatched, 1), ("a/2019/notes.txt", Left::Unmatched, 1)]);
    }

    #[test]
    fn a_pattern_without_stars_does_not_go_deeper_than_it_says() {
        let dir = tree(&["a/1.jpg", "a/b/2.jpg", "a/b/3.jpg"]);
        let walk = walk(dir.path(), &wanted("{site}/*.jpg"));
        assert_eq!(paths(&walk), ["a/1.jpg"]);
        assert_eq!(left(&walk), [("a/b/2.jpg", Left::Unmatched, 2)]);
    }

    #[test]
    fn what_systems_leave_on_a_disk_is_counted_and_not_looked_at() {
        let dir = tree(&["a/1.jpg", "a/._1.jpg", "a/._2.jpg", ".Trashes/3.jpg", ".Trashes/3.txt", "a/@eaDir/1.jpg/x.jpg"]);
        let walk = walk(dir.path(), &wanted("**/*.jpg"));
        assert_eq!(paths(&walk), ["a/1.jpg"]);
        let out = Left::Out(Why::System);
        assert_eq!(left(&walk), [(".Trashes/3.jpg", out, 1), ("a/._1.jpg", out, 2), ("a/@eaDir/1.jpg/x.jpg", out, 1)]);
    }

    #[test]
    fn a_file_that_fits_nothing_is_told_by_the_nearest_pattern_alone() {
        let dir = tree(&["a/1.jpg", "b/2024/2.png", "b/2024/3.txt"]);
        let told = |own: &str, other: &str, comes_before: bool| {
            let wanted = Wanted { others: vec![(Pattern::parse(other).unwrap(), comes_before)], ..wanted(own) };
            walk(dir.path(), &wanted).left_out.into_iter().map(|left| left.path).collect::<Vec<_>>()
        };
        let (jpg, png) = ("{site}/{season}/*.jpg", "{site}/{season}/{card}/*.png");
        assert_eq!(told(jpg, png, false), ["a/1.jpg", "b/2024/3.txt"]);
        assert_eq!(told(png, jpg, true), ["b/2024/2.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_above_is_reported_and_not_followed() {
        let dir = tree(&["a/1.jpg", "elsewhere/2.jpg"]);
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("a/loop")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("a/linked")).unwrap();
        let walk = walk(&dir.path().join("a"), &wanted("**/*.jpg"));
        assert_eq!(paths(&walk), ["1.jpg", "linked/2.jpg"]);
        assert_eq!(walk.problems, [("loop".to_owned(), PathProblem::Loop)]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_named_and_never_opened() {
        let dir = tree(&["a/1.jpg"]);
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a/2.jpg")).unwrap();
        std::os::unix::fs::symlink("2.jpg", dir.path().join("a/3.jpg")).unwrap();
        let walk = walk(dir.path(), &wanted("{site}/*.jpg"));
        assert_eq!(paths(&walk), ["a/1.jpg"]);
        let unreadable = |path: &str| (path.to_owned(), PathProblem::Unreadable);
        assert_eq!(walk.problems, [unreadable("a/2.jpg"), unreadable("a/3.jpg")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_dangling_link_is_unreadable() {
        let dir = tree(&["a/1.jpg"]);
        std::os::unix::fs::symlink("nowhere.jpg", dir.path().join("a/2.jpg")).unwrap();
        let walk = walk(dir.path(), &wanted("**/*.jpg"));
        assert_eq!(walk.problems, [("a/2.jpg".to_owned(), PathProblem::Unreadable)]);
    }
}
