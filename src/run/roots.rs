//! Roots: where a declared root lies on this machine, or that it is absent.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::check::Root;

/// Finds `root` among its candidates: the first that holds the marker, or, where no marker is declared, the first that is there.
///
/// A share mounted read-only cannot be given a marker: one that lists something counts as there. An empty folder never does,
/// because that is what a mount point looks like while the disk is unplugged.
pub fn locate(root: &Root) -> Option<PathBuf> {
    let there = |candidate: &&PathBuf| candidate.is_dir();
    let Some(marker) = &root.marker else { return root.candidates.iter().find(there).cloned() };
    root.candidates
        .iter()
        .find(|candidate| candidate.join(marker).is_file())
        .or_else(|| root.candidates.iter().filter(there).find(|candidate| is_read_only(candidate) && lists_something(candidate)))
        .cloned()
}

/// A place where a root is not, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The place.
    pub place: PathBuf,
    /// What is wrong with it.
    pub why: MissWhy,
}

/// Why a place is not the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissWhy {
    /// Nothing is there.
    NotThere,
    /// Something is there that cannot be looked at, such as a share that wants a password.
    Unreadable(String),
    /// A file is there.
    NotAFolder,
    /// A folder is there, with nothing in it.
    Empty,
    /// A folder is there, without this marker.
    Unmarked(String),
}

/// What is wrong with each place where `root` may lie; empty where it is there, or where no place is named.
pub fn misses(root: &Root) -> Vec<Miss> {
    if locate(root).is_some() {
        return Vec::new();
    }
    root.candidates.iter().map(|place| Miss { place: place.clone(), why: why(place, root.marker.as_deref()) }).collect()
}

fn why(place: &Path, marker: Option<&str>) -> MissWhy {
    match fs::metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return MissWhy::NotThere,
        Err(error) => return MissWhy::Unreadable(error.to_string()),
        Ok(metadata) if !metadata.is_dir() => return MissWhy::NotAFolder,
        Ok(_) => {}
    }
    match fs::read_dir(place).map(|mut entries| entries.next().is_none()) {
        Err(error) => MissWhy::Unreadable(error.to_string()),
        Ok(true) => MissWhy::Empty,
        Ok(false) => MissWhy::Unmarked(marker.unwrap_or_default().to_owned()),
    }
}

/// Those of `roots` that are there now, by name.
pub fn located(roots: &[Root]) -> BTreeMap<String, PathBuf> {
    roots.iter().filter_map(|root| Some((root.name.clone(), locate(root)?))).collect()
}

fn is_read_only(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().readonly())
}

fn lists_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(marker: Option<&str>, candidates: &[&Path]) -> Root {
        Root {
            name: "archive".into(),
            marker: marker.map(str::to_owned),
            candidates: candidates.iter().map(|path| path.to_path_buf()).collect(),
        }
    }

    #[test]
    fn the_first_candidate_with_the_marker_is_the_root() {
        let (empty, marked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(marked.path().join(".trapline-root"), "").unwrap();
        let root = root(Some(".trapline-root"), &[Path::new("/nowhere"), empty.path(), marked.path()]);
        assert_eq!(locate(&root).as_deref(), Some(marked.path()));
    }

    #[test]
    fn an_empty_mount_point_is_an_absent_root() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(locate(&root(Some(".trapline-root"), &[empty.path()])), None);
    }

    #[test]
    fn each_place_says_what_is_wrong_with_it() {
        let (empty, unmarked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = unmarked.path().join("file");
        fs::write(&file, "").unwrap();
        let root = root(Some(".trapline-root"), &[Path::new("/nowhere"), empty.path(), unmarked.path(), &file]);
        let why: Vec<MissWhy> = misses(&root).into_iter().map(|miss| miss.why).collect();
        assert_eq!(why, [MissWhy::NotThere, MissWhy::Empty, MissWhy::Unmarked(".trapline-root".into()), MissWhy::NotAFolder]);
    }

    #[test]
    fn without_a_marker_being_there_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(locate(&root(None, &[folder.path()])).as_deref(), Some(folder.path()));
        assert_eq!(locate(&root(None, &[Path::new("/nowhere")])), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_share_with_content_needs_no_marker() {
        use std::os::unix::fs::PermissionsExt as _;
        let share = tempfile::tempdir().unwrap();
        fs::write(share.path().join("a.jpg"), "x").unwrap();
        fs::set_permissions(share.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let found = locate(&root(Some(".trapline-root"), &[share.path()]));
        fs::set_permissions(share.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(found.as_deref(), Some(share.path()));
    }
}
