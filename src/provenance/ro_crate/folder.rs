//! The folder of a crate: new, empty, or one of ours that is written anew.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::super::ProvenanceError;
use super::super::files::{copy, decoded};
use super::{ENGINE, METADATA};
use crate::id::ContentId;

/// A crate is made in a folder of this name, inside its own: where one lies, an export of ours broke off.
const PART: &str = ".trapline-part";

/// A crate that is being made. Until it is whole, a crate that was there before stays as it is.
pub(super) struct Draft {
    part: PathBuf,
}

impl Draft {
    /// Makes the folder ready: it is new, empty, holds a crate of ours, or what a broken-off export of ours left.
    pub fn begin(folder: &Path) -> Result<Self, ProvenanceError> {
        let part = folder.join(PART);
        let list = ProvenanceError::io("list", folder);
        let there = crate::file::reading::entries(folder).map_err(list)?;
        let broken_off = there.contains(&part);
        if !broken_off && !there.is_empty() && listed_in(folder)?.is_none() {
            return Err(ProvenanceError::Occupied(folder.to_owned()));
        }
        if broken_off {
            // Files that it had moved already are listed in it. The list goes last: it is what knows them.
            for file in listed_in(&part)?.unwrap_or_default() {
                remove(&folder.join(crate::path::from_text(&file)))?;
            }
            remove(&part.join(METADATA))?;
            for path in crate::file::reading::entries(&part).map_err(ProvenanceError::io("list", &part))? {
                let done = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                done.map_err(ProvenanceError::io("remove", &path))?;
            }
        }
        crate::file::make_folder(&part).map_err(ProvenanceError::io("make", &part))?;
        Ok(Self { part })
    }

    /// Where to write the files of the crate.
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Puts the crate in its place: the files that an earlier one listed go, those that none lists stay, and the metadata comes
    /// last, so that a folder half written is never taken for a crate.
    pub fn publish(self, folder: &Path) -> Result<(), ProvenanceError> {
        let new = listed_in(&self.part)?.unwrap_or_default();
        for file in &new {
            let path = self.part.join(crate::path::from_text(file));
            File::open(&path).and_then(|file| file.sync_all()).map_err(ProvenanceError::io("sync", &path))?;
        }
        for file in listed_in(folder)?.unwrap_or_default() {
            remove(&folder.join(crate::path::from_text(&file)))?;
        }
        remove(&folder.join(METADATA))?;
        for file in new.iter().map(String::as_str).chain([METADATA]) {
            let (from, to) = (self.part.join(crate::path::from_text(file)), folder.join(crate::path::from_text(file)));
            let parent = to.parent().unwrap_or(folder);
            crate::file::make_folder(parent).map_err(ProvenanceError::io("make", parent))?;
            fs::rename(&from, &to).map_err(ProvenanceError::io("write", &to))?;
            crate::file::sync_folder(parent).map_err(ProvenanceError::io("sync", parent))?;
        }
        fs::remove_dir_all(&self.part).map_err(ProvenanceError::io("remove", &self.part))
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<(), ProvenanceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ProvenanceError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The files that the crate in `folder` lists; `None` where there is none of ours.
fn listed_in(folder: &Path) -> Result<Option<Vec<String>>, ProvenanceError> {
    let metadata = folder.join(METADATA);
    let bytes = crate::file::reading::bytes(&metadata).map_err(ProvenanceError::io("read", &metadata))?;
    Ok(bytes.and_then(|bytes| listed(&bytes)))
}

/// The files that a crate of ours lists; `None` for any other.
fn listed(bytes: &[u8]) -> Option<Vec<String>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let graph = document.get("@graph")?.as_array()?;
    let id = |entity: &Value| entity.get("@id").and_then(Value::as_str).map(str::to_owned);
    if !graph.iter().any(|entity| id(entity).is_some_and(|id| id.starts_with(ENGINE))) {
        return None;
    }
    let is_file = |entity: &&Value| match entity.get("@type") {
        Some(Value::Array(types)) => types.iter().any(|ty| ty == "File"),
        Some(ty) => ty == "File",
        None => false,
    };
    // Somebody may have edited the list: nothing outside the folder is touched.
    let inside = |path: &String| crate::path::from_text(path).components().all(|part| matches!(part, Component::Normal(_)));
    Some(graph.iter().filter(is_file).filter_map(|entity| decoded(&id(entity)?)).filter(inside).collect())
}

/// Copies a project file into the crate; returns its identity and its bytes.
pub(super) fn take(project: &Path, folder: &Path, path: &str) -> Result<(ContentId, u64), ProvenanceError> {
    let (from, to) = (project.join(crate::path::from_text(path)), folder.join(crate::path::from_text(path)));
    let mut source = File::open(&from).map_err(ProvenanceError::io("read", &from))?;
    let mut target = create(&to)?;
    let done = copy(&mut source, &mut target).map_err(ProvenanceError::io("copy", &from))?;
    std::io::Write::flush(&mut target).map_err(ProvenanceError::io("write", &to))?;
    Ok(done)
}

/// Begins a file of the crate.
pub(super) fn create(path: &Path) -> Result<BufWriter<File>, ProvenanceError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ProvenanceError::io("make", parent))?;
    }
    Ok(BufWriter::new(File::create(path).map_err(ProvenanceError::io("write", path))?))
}
