//! The people whose answers a step took.

use std::collections::BTreeSet;

use super::super::{ProvenanceError, StepRecord};
use crate::check::Pipeline;
use crate::labels;
use crate::step::{LABEL_FILE, StepError};

/// The reviewers of a step as they stand in its label files, those with an answer only.
pub(super) fn reviewers(pipeline: &Pipeline, record: &StepRecord) -> Result<BTreeSet<String>, ProvenanceError> {
    let mut names = BTreeSet::new();
    for (file, _) in record.files.iter().filter(|(file, _)| file.name.starts_with(LABEL_FILE)) {
        let path = pipeline.project.join(&file.path);
        let bytes = std::fs::read(&path).map_err(ProvenanceError::io("read", &path))?;
        let name = crate::path::to_text(&file.path);
        let stem = file.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let refused = |error: labels::LabelError| StepError::Data(error.to_string());
        let text = labels::decode(&name, &bytes).map_err(refused)?;
        let read = labels::read(&name, &stem, &text).map_err(refused)?;
        names.extend(read.labels.iter().filter(|label| !label.class.is_empty()).map(|label| label.reviewer.clone().into_owned()));
    }
    Ok(names)
}
