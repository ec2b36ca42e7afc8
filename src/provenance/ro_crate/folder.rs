//! The folder of a crate: new, empty, or one of ours that is written anew.

use std::fs;
use std::io::BufWriter;
use std::path::{Component, Path};

use serde_json::Value;

use super::super::ProvenanceError;
use super::super::files::{copy, decoded};
use super::{ENGINE, METADATA};
use crate::id::ContentId;

/// Makes the folder ready: files that an earlier crate of ours lists are removed, the list first, so that a folder half written is
/// never taken for a crate. Files that it does not list stay.
pub(super) fn prepare(folder: &Path) -> Result<(), ProvenanceError> {
    let metadata = folder.join(METADATA);
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_none() {
                return Ok(());
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return fs::create_dir_all(folder).map_err(ProvenanceError::io("make", folder));
        }
        Err(error) => return Err(ProvenanceError::io("read", folder)(error)),
    }
    let Some(files) = fs::read(&metadata).ok().and_then(|bytes| listed(&bytes)) else {
        return Err(ProvenanceError::Occupied(folder.to_owned()));
    };
    fs::remove_file(&metadata).map_err(ProvenanceError::io("remove", &metadata))?;
    for file in files {
        let path = folder.join(crate::path::from_text(&file));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(ProvenanceError::io("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
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
    let mut source = fs::File::open(&from).map_err(ProvenanceError::io("read", &from))?;
    let mut target = create(&to)?;
    let done = copy(&mut source, &mut target).map_err(ProvenanceError::io("copy", &from))?;
    std::io::Write::flush(&mut target).map_err(ProvenanceError::io("write", &to))?;
    Ok(done)
}

/// Begins a file of the crate.
pub(super) fn create(path: &Path) -> Result<BufWriter<fs::File>, ProvenanceError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ProvenanceError::io("make", parent))?;
    }
    Ok(BufWriter::new(fs::File::create(path).map_err(ProvenanceError::io("write", path))?))
}
