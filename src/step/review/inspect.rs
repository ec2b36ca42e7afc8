//! Label files before a run: rows that cannot be read, and classes that nobody declared.

use super::classes::{Classes, Named};
use super::weigh::{Question, unknown};
use crate::diagnostic::codes::{BAD_TABLE, TABLE_VALUE};
use crate::labels::{self, LabelError};
use crate::step::{FileFault, FileInput, Inspection};
use crate::taxonomy::Taxonomy;

/// Reads a label file as a run does.
pub(super) fn labels(question: &Question, taxonomy: &Taxonomy, file: &FileInput, files: &mut Inspection<'_>) {
    let Some(bytes) = files.read(file) else { return };
    let shown = crate::path::to_text(&file.path);
    let fault = |line: Option<u64>, column: Option<&str>, code, message: String| FileFault {
        path: file.path.clone(),
        line,
        column: column.map(str::to_owned),
        code,
        message,
    };
    let refused = |error: LabelError| match error {
        LabelError::Content { line, message, .. } => fault(line, None, BAD_TABLE, format!("this label file {message}")),
        error @ LabelError::File { .. } => fault(None, None, BAD_TABLE, crate::step::with_causes(&error)),
    };
    let text = match labels::decode(&shown, &bytes) {
        Ok(text) => text,
        Err(error) => return files.faults.push(refused(error)),
    };
    let read = match labels::read(&shown, "", &text) {
        Ok(read) => read,
        Err(error) => return files.faults.push(refused(error)),
    };
    for row in &read.faults {
        let message = format!("this row does not count: {}", row.message);
        files.faults.push(fault(Some(row.line), None, TABLE_VALUE, message));
    }
    let classes = Classes::new(taxonomy, &question.extra_classes);
    let asked = read.labels.iter().filter(|label| label.question.is_empty() || label.question == question.question.as_str());
    for label in asked.filter(|label| !label.class.is_empty()) {
        if let Named::Unknown(help) = classes.named(&label.class) {
            files.faults.push(fault(Some(label.line), Some("class"), TABLE_VALUE, unknown(&label.class, help)));
        }
    }
}
