//! All rows of the label files of a step.

use std::borrow::Cow;
use std::collections::HashSet;

use super::findings::Findings;
use crate::labels::{self, Label};
use crate::step::StepError;

/// A label file, decoded.
pub(super) struct Text<'a> {
    /// Its project path, as named to people.
    pub path: String,
    /// The reviewer where rows name none.
    stem: String,
    bytes: Cow<'a, [u8]>,
}

/// A row with its place.
pub(super) struct Row<'t> {
    pub path: &'t str,
    pub label: Label<'t>,
}

impl Row<'_> {
    /// `labels/qc/anna.csv line 12`
    pub fn place(&self) -> String {
        place(self.path, self.label.line)
    }
}

pub(super) fn place(path: &str, line: u64) -> String {
    format!("{path} line {line}")
}

/// Decodes files of `folder`, given by name.
pub(super) fn decode<'a>(folder: &str, files: &[(&str, &'a [u8])]) -> Result<Vec<Text<'a>>, StepError> {
    let mut errors = Vec::new();
    let mut texts = Vec::with_capacity(files.len());
    for (name, bytes) in files {
        let path = if folder.is_empty() { (*name).to_owned() } else { format!("{folder}/{name}") };
        let stem = name.rsplit_once('.').map_or(*name, |(stem, _)| stem).to_owned();
        match labels::decode(&path, bytes) {
            Ok(bytes) => texts.push(Text { path, stem, bytes }),
            Err(error) => errors.push(error.to_string()),
        }
    }
    all_or(&errors)?;
    Ok(texts)
}

/// The rows that answer `question` or take such an answer back, each once.
pub(super) fn read<'t>(texts: &'t [Text<'_>], question: &str, findings: &mut Findings) -> Result<Vec<Row<'t>>, StepError> {
    let mut errors = Vec::new();
    let mut rows: Vec<Row<'t>> = Vec::new();
    for text in texts {
        match labels::read(&text.path, &text.stem, &text.bytes) {
            Ok(file) => {
                for fault in file.faults {
                    findings.add("bad_rows", || format!("{}: {}", place(&text.path, fault.line), fault.message));
                }
                for line in &file.altered {
                    findings.add("altered_rows", || place(&text.path, *line));
                }
                let meant = |label: &Label<'_>| label.question.is_empty() || label.question == question;
                let says = |label: &Label<'_>| !label.class.is_empty() || label.is_withdrawal();
                let labels = file.labels.into_iter().filter(|label| meant(label) && says(label));
                rows.extend(labels.map(|label| Row { path: &text.path, label }));
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    all_or(&errors)?;
    // A merge doubles rows, a spreadsheet changes the time in one of the copies: the same answer under the same id is one.
    let mut seen = HashSet::with_capacity(rows.len());
    rows.retain(|row| seen.insert(answer(&row.label)));
    Ok(rows)
}

/// A digest of what makes two rows the same answer.
fn answer(label: &Label<'_>) -> [u8; 32] {
    let Label { id, observation, class, reviewer, site, season, file, supersedes, .. } = label;
    let mut hasher = blake3::Hasher::new();
    hasher.update(observation.as_ref().map_or(&[0; 32][..], |id| id.bytes()));
    for text in [id, class, reviewer, site, season, file, supersedes] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn all_or(errors: &[String]) -> Result<(), StepError> {
    if errors.is_empty() { Ok(()) } else { Err(StepError::Data(errors.join("\n"))) }
}
