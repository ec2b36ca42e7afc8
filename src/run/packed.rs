//! Packed: a project that is a bundle says which images came along, so that those withheld are not taken for lost.

use std::io;
use std::path::{Path, PathBuf};

use super::compare::Verdict;
use crate::id::ContentId;
use crate::model::{Bundle, bundle_folder};
use crate::step::{StepError, with_causes};

/// The list of the images in a bundle, beside its pipeline: its existence makes a project a bundle. Header `content,root,path`.
pub const IMAGES_FILE: &str = "bundle.images.csv";

/// The images that came along with a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    contents: Vec<ContentId>,
}

impl Packed {
    /// Says whether an image came along.
    #[must_use]
    pub fn holds(&self, content: ContentId) -> bool {
        self.contents.binary_search(&content).is_ok()
    }
}

/// Reads the list; `None` where the project is no bundle.
///
/// # Errors
/// When it cannot be read.
pub fn read(project: &Path) -> Result<Option<Packed>, StepError> {
    let path = project.join(IMAGES_FILE);
    let fail = |path: PathBuf, source: io::Error| StepError::File { action: "read", path, source };
    let mut reader = match csv::Reader::from_path(&path) {
        Ok(reader) => reader,
        Err(error) => {
            return match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                csv::ErrorKind::Io(error) => Err(fail(path, error)),
                kind => Err(fail(path, io::Error::other(format!("{kind:?}")))),
            };
        }
    };
    let mut contents = Vec::new();
    for (line, record) in reader.records().enumerate() {
        let record = record.map_err(|error| fail(path.clone(), error.into()))?;
        let content = record.get(0).and_then(|text| text.parse().ok());
        contents.push(content.ok_or_else(|| {
            let words = format!("line {}: no identity; unpack the bundle again", line + 2);
            fail(path.clone(), io::Error::new(io::ErrorKind::InvalidData, words))
        })?);
    }
    contents.sort_unstable();
    contents.dedup();
    Ok(Some(Packed { contents }))
}

/// Says whether the bundle of model `name` is the one with identity `id`.
pub(super) fn model(project: &Path, name: &str, id: ContentId) -> Verdict {
    let there = bundle_folder(name).is_ok_and(|folder| project.join(folder).is_dir());
    if !there {
        return Verdict::NotCheckable { because: "its bundle is not here".into() };
    }
    let found = Bundle::open(project, name).and_then(|bundle| Ok(bundle.id(&bundle.network()?)));
    match found {
        Ok(found) if found == id => Verdict::Exact,
        Ok(found) => Verdict::Differs { what: format!("{found} instead of {id}") },
        Err(error) => Verdict::Differs { what: with_causes(&error) },
    }
}
