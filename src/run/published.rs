//! Published files: those that steps wrote into the project, held against what was recorded when they were written.

use std::path::Path;

use super::compare::Verdict;
use super::history::History;
use crate::check::Pipeline;
use crate::file::reading;
use crate::step::export::published::{self, Looked};
use crate::step::with_causes;
use crate::store::FileRef;

/// How many files a verdict names.
const NAMED: usize = 3;

/// What became of a file that a step wrote, or of the files of a folder that it filled.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Published {
    /// The step.
    pub step: String,
    /// The file, relative to the project.
    pub file: String,
    /// How many files were looked at.
    pub files: u64,
    /// Whether they are as they were written.
    pub verdict: Verdict,
}

/// Looks at the files that the last results of all steps wrote.
#[must_use]
pub fn all(pipeline: &Pipeline, history: &History<'_>, thoroughly: bool) -> Vec<Published> {
    let mut found = Vec::new();
    for step in &pipeline.steps {
        let name = &step.name.value;
        let files = history.last_result(name).map(|result| result.files).unwrap_or_default();
        for file in &files {
            let (files, verdict) = look(&pipeline.project, file, thoroughly);
            found.push(Published { step: name.clone(), file: crate::path::display(&file.path), files, verdict });
        }
    }
    found
}

/// Looks at one recorded file and, where it is the ledger of a folder, at all that it lists: at sizes, and `thoroughly` at bytes.
#[must_use]
pub fn look(project: &Path, file: &FileRef, thoroughly: bool) -> (u64, Verdict) {
    let differs = |what: &str| Verdict::Differs { what: what.to_owned() };
    let path = project.join(crate::path::from_text(&file.path));
    match reading::content(&path) {
        Ok(Some(content)) if content == file.id => {}
        Ok(Some(_)) => return (1, differs("it was edited since it was written")),
        Ok(None) => return (1, differs("it is gone")),
        Err(error) => return (1, differs(&format!("it cannot be read: {error}"))),
    }
    if !published::is_ledger(&file.path) {
        return (1, Verdict::Exact);
    }
    match published::look(&path, thoroughly) {
        Ok(looked) => (looked.files, verdict(&looked)),
        Err(error) => (1, differs(&with_causes(&error))),
    }
}

fn verdict(looked: &Looked) -> Verdict {
    if looked.faults.is_empty() {
        return Verdict::Exact;
    }
    let named: Vec<_> = looked.faults.iter().take(NAMED).map(|(file, fault)| format!("`{file}`: {fault}")).collect();
    let more = looked.faults.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let count = looked.faults.len();
    Verdict::Differs { what: format!("{count} of {} files: {}{more}", looked.files, named.join("; ")) }
}
