//! Leftovers: files of the project that a killed run had half written.

use std::path::Path;

use super::lockfile;
use crate::check::Pipeline;
use crate::file::{PART_ENDING, reading};
use crate::step::StepError;

/// Removes what a killed run left beside the files that the steps of `pipeline` write: `.NAME.trapline-part`, of a file or of its
/// ledger. Only the holder of the store's lock may: nobody else is writing them then.
///
/// # Errors
/// When a folder cannot be listed, or a file not removed.
pub(super) fn remove(pipeline: &Pipeline) -> Result<(), StepError> {
    let project = &pipeline.project;
    let lock = project.join(lockfile::FILE_NAME);
    crate::file::clear_part(&lock).map_err(StepError::file("remove", &lock))?;
    for place in pipeline.steps.iter().flat_map(|step| &step.writes) {
        let path = project.join(place);
        let folder = path.parent().unwrap_or(project);
        // Before a `{`, as in `{season}.csv`, all names are alike.
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.split('{').next().unwrap_or_default();
        remove_in(folder, &|part| {
            let part = part.strip_prefix('.').unwrap_or(part);
            part.strip_prefix('.').unwrap_or(part).starts_with(stem)
        })?;
        if path.is_dir() {
            remove_in(&path, &|_| true)?;
        }
    }
    Ok(())
}

fn remove_in(folder: &Path, is_own: &dyn Fn(&str) -> bool) -> Result<(), StepError> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in reading::entries(folder).map_err(StepError::file("list", folder))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The folder in which an export makes images is its own to remove.
        let is_part = name.starts_with('.') && name.len() > PART_ENDING.len() && name.ends_with(PART_ENDING);
        if is_part && is_own(&name) && !path.is_dir() {
            std::fs::remove_file(&path).map_err(StepError::file("remove", &path))?;
        }
    }
    Ok(())
}
