//! Results of detectors and classifiers, as JSON: one row per image.

use std::sync::Arc;

use super::formats::Format;
use super::layout::{self, Filter, Layout, Source};
use super::reading::{self, Places};
use super::{EXAMPLES, Import};
use crate::exchange::predictions::{Answers, COLUMNS};
use crate::exchange::{megadetector, speciesnet};
use crate::step::{Finding, Job, StepError};
use crate::table::{Column, ColumnBuilder, Faults, Table, Type};

/// The columns, for the check: where they stand is the formats' matter.
pub fn layout() -> Layout {
    let columns = COLUMNS.iter().enumerate().map(|(at, (name, _))| ((*name).to_owned(), Source::Field(at))).collect();
    Layout { columns, filter: Filter::All }
}

/// The rows of all files, as they stand.
pub fn rows<'f>(
    import: &Import,
    job: &Job<'_>,
    files: &[(&'f str, &[u8])],
    resolved: bool,
    findings: &mut Vec<Finding>,
    faults: &mut Faults,
) -> Result<(Table, Places<'f>), StepError> {
    #[expect(clippy::cast_possible_truncation, reason = "confidences are stored as models compute them")]
    let threshold = import.threshold.unwrap_or(0.0) as f32;
    let (mut answers, mut items) = (Answers::default(), Vec::new());
    answers.several = import.multilabel;
    let mut notes = Notes::default();
    job.progress.start("read", files.len() as u64);
    for (number, (path, bytes)) in (0_u32..).zip(files) {
        let (before, begun) = (answers.len(), answers.begun());
        let check = || job.cancel.check();
        if import.format == Format::SpeciesNet {
            speciesnet::read(path, bytes, threshold, &mut answers, faults, &check)?;
        } else if let Some(source) = megadetector::read(path, bytes, threshold, &mut answers, faults, &check)? {
            notes.add(path, &source);
        }
        items.extend(answers.images()[before..].iter().map(|image| (number, image - begun)));
        job.progress.advance(1, 0);
    }
    if import.threshold.is_some() {
        notes.advised.clear();
    }
    findings.extend(notes.findings());
    let list = if import.format == Format::SpeciesNet { speciesnet::LIST } else { megadetector::LIST };
    let places = Places::of_items(files.iter().map(|(path, _)| *path).collect(), items, list, answers.taken().to_vec());
    Ok((complete(import, layout(), &answers.finish()?, resolved)?, places))
}

/// The table with the columns that are the same for all rows, in the order of every import.
pub(super) fn complete(import: &Import, layout: Layout, answers: &Table, resolved: bool) -> Result<Table, StepError> {
    let layout = import.with_values(layout);
    let schema = layout::schema(import.what, &[&layout], resolved, import.multilabel);
    let column = |name: &str, ty: Type| -> Result<Arc<Column>, StepError> {
        match (layout.source(name), answers.column(name)) {
            (Some(Source::Constant(text)), _) => Ok(Arc::new(constant(name, ty, text, answers.rows)?)),
            (_, Some(column)) => Ok(Arc::clone(column)),
            (_, None) => Ok(Arc::new(Column::nulls(ty, answers.rows))),
        }
    };
    let columns = schema.fields.iter().map(|field| column(&field.name, field.ty)).collect::<Result<_, _>>()?;
    Ok(Table::from_columns(schema, columns)?)
}

fn constant(name: &str, ty: Type, text: &str, rows: usize) -> Result<Column, StepError> {
    let mut one = ColumnBuilder::new(ty);
    reading::push(&mut one, name, text)
        .map_err(|expected| StepError::Data(format!("`values`: `{text}` of `{name}` is not {expected}")))?;
    let one = one.finish()?;
    Ok(Column::repeated(ty, one.cell(0), rows)?)
}

/// What a person should know about the files.
#[derive(Default)]
struct Notes {
    versions: Vec<String>,
    advised: Vec<String>,
    below: u64,
}

impl Notes {
    fn add(&mut self, path: &str, source: &megadetector::Source) {
        match source.unknown_version.as_deref() {
            Some("") => self.versions.push(format!("`{path}` names no version")),
            Some(version) => self.versions.push(format!("`{path}`: {version}")),
            None => {}
        }
        if let Some(advised) = source.advised.filter(|_| source.below > 0) {
            self.advised.push(format!("`{path}`: {} images below {advised}", source.below));
            self.below += source.below as u64;
        }
    }

    fn findings(self) -> impl Iterator<Item = Finding> {
        let some = |list: Vec<String>| list.into_iter().take(EXAMPLES).collect();
        let versions = Finding::counted(
            "format_version",
            self.versions.len() as u64,
            "files of a version of the format that is none of 1.2 to 1.6; compare some rows with the images",
            some(self.versions),
        );
        let advised = Finding::counted(
            "unsure_detections",
            if self.advised.is_empty() { 0 } else { self.below },
            "images are not empty by detections that the makers of the files advise not to trust; `detection_threshold` says from \
             which confidence on a detection counts",
            some(self.advised),
        );
        versions.into_iter().chain(advised)
    }
}
