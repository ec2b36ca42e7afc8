//! Tables beside the pipeline, looked at as a run would read them: each mistake at its row and column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, FileId, Report, codes};
use crate::spec::{Files, cell_span};
use crate::step::{Context, FileFault, Inspection, Step};

/// The files in which something was found, by their paths.
#[derive(Default)]
pub(super) struct Inspected {
    found: BTreeMap<PathBuf, FileId>,
}

impl Inspected {
    /// Reads the files of one step and reports what a run would say of them. `folder` is the project as it was given.
    pub fn step(&mut self, step: &dyn Step, context: &Context<'_>, folder: &Path, files: &mut Files, report: &mut Report) {
        // A folder that cannot be listed is said where the step is built.
        let inputs = step.files(context).unwrap_or_default();
        let mut inspection = Inspection::new(context.project, &inputs, codes::BAD_TABLE);
        step.inspect(context, &mut inspection);
        files.read.extend(inputs.iter().map(|input| folder.join(&input.path)));
        for fault in inspection.faults {
            self.report(&fault, context.project, folder, files, report);
        }
    }

    fn report(&mut self, fault: &FileFault, project: &Path, folder: &Path, files: &mut Files, report: &mut Report) {
        let file = *self.found.entry(fault.path.clone()).or_insert_with(|| {
            let bytes = std::fs::read(project.join(&fault.path)).unwrap_or_default();
            let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
            let shown = if folder == Path::new(".") { fault.path.clone() } else { folder.join(&fault.path) };
            files.sources.add(&shown, text)
        });
        let text = files.sources.get(file).map(|source| Arc::clone(&source.text)).unwrap_or_default();
        let span = cell_span(file, &text, fault.line, fault.column.as_deref());
        let (what, way_out) = fault.message.split_once("; ").unwrap_or((&fault.message, ""));
        let mut finding = Diagnostic::new(fault.code, span, what);
        finding.help = (!way_out.is_empty()).then(|| way_out.to_owned());
        report.push(finding);
    }
}
