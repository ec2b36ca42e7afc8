//! What is known of a model without its weights: `models.lock`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::id::ContentId;

/// The file beside the pipeline that lists the signatures of the project's models.
pub const LOCK_FILE: &str = "models.lock";

/// The version of `models.lock` that is written; older ones are read.
const LOCK_FORMAT: u32 = 2;

/// The first line of `models.lock`.
const LOCK_HEADER: &str =
    "# Written by `trapline model add`. Commit it: pipelines are checked against it, without the weights.\n";

/// A model's name, version, classes, input and identity.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSignature {
    /// `name@version`.
    pub model: String,
    /// Identity of everything that may change a prediction: network, preprocessing, class order.
    pub id: ContentId,
    /// The model's own classes in output order, mapped to the programme's names where `taxonomy:` of `model.yaml` says so.
    pub classes: Vec<String>,
    /// Width of the network's input, pixels.
    pub width: u32,
    /// Height of the network's input, pixels.
    pub height: u32,
    /// The bytes of the weights by name, which libtorch runs; `None` where the bundle has none, and in a list of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<ContentId>,
}

/// Why `models.lock` could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what `model add` writes.
    #[error("`{path}` is not a list of model signatures; `trapline model add` writes it anew")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_yaml::Error,
    },
    /// Written by a later Trapline.
    #[error("`{path}` has format {found}, this version reads up to {LOCK_FORMAT}")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    format: u32,
    models: Vec<ModelSignature>,
}

/// Reads the signatures of `models.lock` in `project`, by `name@version`; none where the file is absent.
///
/// # Errors
/// When the file cannot be read, or is not what [`write_lock`] writes.
pub fn read_lock(project: &Path) -> Result<BTreeMap<String, ModelSignature>, LockError> {
    let path = project.join(LOCK_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(LockError::Read { path, source }),
    };
    let lock: Lock = serde_yaml::from_str(&text).map_err(|source| LockError::Malformed { path: path.clone(), source })?;
    if lock.format > LOCK_FORMAT {
        return Err(LockError::Newer { path, found: lock.format });
    }
    Ok(lock.models.into_iter().map(|signature| (signature.model.clone(), signature)).collect())
}

/// Writes `models.lock` in `project`, sorted by `name@version`, replacing it in one step.
///
/// # Errors
/// When the file cannot be written.
pub fn write_lock(project: &Path, signatures: &BTreeMap<String, ModelSignature>) -> Result<(), LockError> {
    let path = project.join(LOCK_FILE);
    let lock = Lock { format: LOCK_FORMAT, models: signatures.values().cloned().collect() };
    let text = serde_yaml::to_string(&lock).map_err(|source| LockError::Malformed { path: path.clone(), source })?;
    crate::file::replace(&path, format!("{LOCK_HEADER}{text}").as_bytes()).map_err(|source| LockError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(model: &str) -> ModelSignature {
        ModelSignature {
            model: model.into(),
            id: ContentId::of(model.as_bytes()),
            classes: vec!["empty".into(), "no".into(), "1".into()],
            width: 96,
            height: 64,
            weights: (model == "birds@1").then(|| ContentId::of(b"weights")),
        }
    }

    #[test]
    fn a_lock_survives_writing_and_reading_in_sorted_order() {
        let project = tempfile::tempdir().unwrap();
        let signatures: BTreeMap<_, _> = ["voles@2", "birds@1", "voles@10"].map(|m| (m.to_owned(), signature(m))).into();
        write_lock(project.path(), &signatures).unwrap();
        assert_eq!(read_lock(project.path()).unwrap(), signatures);
        let text = std::fs::read_to_string(project.path().join(LOCK_FILE)).unwrap();
        let order: Vec<_> = text.lines().filter(|line| line.contains("model:")).collect();
        assert_eq!(order, ["- model: birds@1", "- model: voles@10", "- model: voles@2"]);
    }

    #[test]
    fn a_project_without_a_lock_knows_no_model() {
        assert!(read_lock(tempfile::tempdir().unwrap().path()).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let project = tempfile::tempdir().unwrap();
        std::fs::write(project.path().join(LOCK_FILE), "format: 1\nmodel: []\n").unwrap();
        let error = read_lock(project.path()).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("unknown field `model`") && cause.contains("line 2"), "{cause}");
    }

    #[test]
    fn a_lock_of_a_later_format_is_refused() {
        let project = tempfile::tempdir().unwrap();
        std::fs::write(project.path().join(LOCK_FILE), "format: 3\nmodels: []\n").unwrap();
        assert!(matches!(read_lock(project.path()), Err(LockError::Newer { found: 3, .. })));
    }
}
