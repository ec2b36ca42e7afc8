//! Forgotten images: `forgotten.csv` in the project, committed by the user. A line says that a known image may be gone, and why; taking
//! the line out takes it back.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::id::ContentId;
use crate::step::StepError;
use crate::table::{Reading, csv};

/// The file's name, beside the pipeline.
pub const FILE_NAME: &str = "forgotten.csv";

const COLUMNS: [&str; 5] = ["root", "path", "content", "time", "because"];

/// One image that may be gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forgotten {
    /// The root below which it lay.
    pub root: String,
    /// Where it lay.
    pub path: String,
    /// What it was.
    pub content: ContentId,
    /// When it was let go, RFC 3339.
    pub time: String,
    /// Why.
    pub because: String,
}

fn path_in(project: &Path) -> PathBuf {
    project.join(FILE_NAME)
}

/// Reads the file of a project, in its order; none where there is no file.
///
/// # Errors
/// When the file cannot be read, or a line cannot.
pub fn read(project: &Path) -> Result<Vec<Forgotten>, StepError> {
    let path = path_in(project);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StepError::File { action: "read", path, source }),
    };
    let table = csv::read(&bytes, &Reading::tolerant(FILE_NAME))?;
    let mut found = Vec::with_capacity(table.rows);
    for row in 0..table.rows {
        let field = |name: &str| table.column(name).and_then(|column| column.text(row)).unwrap_or_default().to_owned();
        let content = field("content");
        let content = content.parse().map_err(|error: crate::id::ParseIdError| {
            StepError::Data(format!("`{FILE_NAME}` row {}, column `content`: {error}; restore the line, or take it out", row + 2))
        })?;
        let (root, path, time, because) = (field("root"), field("path"), field("time"), field("because"));
        found.push(Forgotten { root, path, content, time, because });
    }
    Ok(found)
}

/// The contents that may be gone from `root`.
#[must_use]
pub fn contents(forgotten: &[Forgotten], root: &str) -> HashSet<ContentId> {
    forgotten.iter().filter(|one| one.root == root).map(|one| one.content).collect()
}

/// Writes the file of a project anew; without lines it goes.
///
/// # Errors
/// When it cannot be written.
pub fn write(project: &Path, forgotten: &[Forgotten]) -> Result<(), StepError> {
    let path = path_in(project);
    let fail = |action, path: &Path| {
        let path = path.to_owned();
        move |source| StepError::File { action, path, source }
    };
    if forgotten.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail("remove", &path)(error)),
            _ => Ok(()),
        };
    }
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let rows = forgotten
        .iter()
        .map(|one| [one.root.clone(), one.path.clone(), one.content.to_string(), one.time.clone(), one.because.clone()]);
    let header = COLUMNS.map(str::to_owned);
    let written = std::iter::once(header).chain(rows).try_for_each(|row| writer.write_record(row));
    written.map_err(|error| fail("write", &path)(io::Error::other(error)))?;
    let bytes = writer.into_inner().map_err(|error| fail("write", &path)(io::Error::other(error.to_string())))?;
    crate::file::replace(&path, &bytes).map_err(fail("write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_reads_back_and_a_bad_line_is_named() {
        let project = tempfile::tempdir().unwrap();
        assert_eq!(read(project.path()).unwrap(), []);
        let one = Forgotten {
            root: "archive".into(),
            path: "a, b/1.jpg".into(),
            content: ContentId::of(b"x"),
            time: "2026-01-01T00:00:00Z".into(),
            because: "the card was \"stolen\"".into(),
        };
        write(project.path(), std::slice::from_ref(&one)).unwrap();
        assert_eq!(read(project.path()).unwrap(), std::slice::from_ref(&one));
        let text = std::fs::read_to_string(path_in(project.path())).unwrap();
        std::fs::write(path_in(project.path()), text.replace(',', ";").replace("a; b", "a, b")).unwrap();
        assert_eq!(read(project.path()).unwrap()[0].path, one.path);
        std::fs::write(path_in(project.path()), text.replace("b3:", "b3:zz")).unwrap();
        let error = read(project.path()).unwrap_err().to_string();
        assert!(error.contains("`forgotten.csv` row 2, column `content`"), "{error}");
        write(project.path(), &[]).unwrap();
        assert!(!path_in(project.path()).exists());
    }
}
