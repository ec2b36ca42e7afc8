//! Moved images, for the steps that keep what people gave them: names, answers, samples, corrections of clocks.

use std::path::{Path, PathBuf};

use super::{FileInput, Job, StepError};
use crate::moves::{FILE_NAME, Moves};

/// The name of the file of moves among those of a step.
const INPUT: &str = "moves";

/// The file of moves among those that a step reads, where the project has one.
#[must_use]
pub fn input(project: &Path) -> Option<FileInput> {
    // What is there and cannot be read is said when it is read.
    let is_absent =
        std::fs::symlink_metadata(project.join(FILE_NAME)).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    (!is_absent).then(|| FileInput { name: INPUT.into(), path: PathBuf::from(FILE_NAME), optional: true, rewritten: false })
}

/// The moves that a step was given.
///
/// # Errors
/// When the file is damaged.
pub fn moves(job: &Job<'_>) -> Result<Moves, StepError> {
    Ok(Moves::read(job.files.get(INPUT).map(Vec::as_slice))?)
}

/// The moves of a project, of this moment.
///
/// # Errors
/// When the file is there and cannot be read, or is damaged.
pub fn moves_of(project: &Path) -> Result<Moves, StepError> {
    let path = project.join(FILE_NAME);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Moves::read(Some(&bytes))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Moves::default()),
        Err(source) => Err(StepError::File { action: "read", path, source }),
    }
}
