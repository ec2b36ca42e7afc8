//! Tables of the project, looked at before anything runs: by the same readers that a run calls, without an image.

use std::path::{Path, PathBuf};

use super::FileInput;
use crate::diagnostic::Code;
use crate::table::TableError;

/// What is wrong with a file of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// The file, relative to the project.
    pub path: PathBuf,
    /// The line, from 1, where it is one place.
    pub line: Option<u64>,
    /// The column of a table by its name.
    pub column: Option<String>,
    /// What kind of finding it is.
    pub code: Code,
    /// What is wrong, and the way out behind `; `.
    pub message: String,
}

impl FileFault {
    /// What a reader of tables says about the file at `path`.
    #[must_use]
    pub fn of_table(path: &Path, code: Code, error: &TableError) -> Vec<Self> {
        let fault = |line: Option<u64>, column: Option<&String>, message: String| Self {
            path: path.to_owned(),
            line,
            column: column.cloned(),
            code,
            message,
        };
        match error {
            TableError::Text { line, column, message, .. } => vec![fault(*line, column.as_ref(), message.clone())],
            TableError::Several { first, count } => {
                let mut faults: Vec<Self> = first.iter().flat_map(|error| Self::of_table(path, code, error)).collect();
                let hidden = count.saturating_sub(first.len() as u64);
                faults.extend(
                    (hidden > 0).then(|| fault(None, None, format!("{hidden} more mistakes of this kind are in the file"))),
                );
                faults
            }
            other => vec![fault(None, None, super::with_causes(other))],
        }
    }
}

/// The project's files as [`super::Step::inspect`] sees them.
pub struct Inspection<'a> {
    project: &'a Path,
    files: &'a [FileInput],
    /// Files that are there and cannot be read are said under this code.
    unreadable: Code,
    /// What was found so far.
    pub faults: Vec<FileFault>,
}

impl<'a> Inspection<'a> {
    /// Over the files that a step declares, in `project`.
    #[must_use]
    pub fn new(project: &'a Path, files: &'a [FileInput], unreadable: Code) -> Self {
        Self { project, files, unreadable, faults: Vec::new() }
    }

    /// The step's files whose names in the key begin with `prefix`.
    pub fn named(&self, prefix: &str) -> impl Iterator<Item = &'a FileInput> + use<'a> {
        let prefix = prefix.to_owned();
        self.files.iter().filter(move |file| file.name.starts_with(&prefix))
    }

    /// The bytes of a file; `None` where it is not there, which others say, and where it cannot be read, which is said.
    pub fn read(&mut self, file: &FileInput) -> Option<Vec<u8>> {
        match std::fs::read(self.project.join(&file.path)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                self.faults.push(FileFault {
                    path: file.path.clone(),
                    line: None,
                    column: None,
                    code: self.unreadable,
                    message: format!("the file cannot be read: {error}; check that you may read it"),
                });
                None
            }
        }
    }
}
