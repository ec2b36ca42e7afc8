//! Models by `models.lock`: what checking knows of them without weights.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, nearest};
use crate::merging;
use crate::model::signature::{LOCK_FILE, LockError, ModelSignature, read_lock};
use crate::spec::{Files, cell_span};

/// Reads `models.lock` beside the pipeline; `None` where it is damaged, which is reported.
pub(super) fn read(
    project: &std::path::Path,
    files: &mut Files,
    report: &mut Report,
) -> Option<BTreeMap<String, ModelSignature>> {
    let path = project.join(LOCK_FILE);
    files.read.push(path.clone());
    let error = match read_lock(project) {
        Ok(models) => return Some(models),
        Err(error) => error,
    };
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some(line) = merging::first_mark(&text) {
        let text: std::sync::Arc<str> = text.into();
        let file = files.sources.add(&path, std::sync::Arc::clone(&text));
        let span = cell_span(file, &text, Some(line), None);
        let help = format!("{}; each model stands there once", merging::WAY_OUT);
        report.push(Diagnostic::new(codes::UNFINISHED_MERGE, span, merging::WHAT).help(help));
        return None;
    }
    let mut start = 0;
    let mut detail = error.to_string();
    if let LockError::Malformed { source, .. } = &error {
        detail = source.to_string();
        start = source.location().map_or(0, |place| place.index().min(text.len()));
    }
    let end = text[floor(&text, start)..].find('\n').map_or(text.len(), |at| start + at);
    let file = files.sources.add(&path, text);
    let offset = |at: usize| u32::try_from(at).unwrap_or(0);
    let span = Span { file, start: offset(start), end: offset(end) };
    report.push(
        Diagnostic::new(codes::BAD_MODEL_LOCK, span, format!("`models.lock` cannot be read: {detail}"))
            .help("take the committed file back, or run `trapline model add` again"),
    );
    None
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Reports models that `models.lock` does not list.
pub(super) fn check(
    names: &[Spanned<String>],
    known: &BTreeMap<String, ModelSignature>,
    project: &std::path::Path,
    report: &mut Report,
) -> bool {
    let mut fine = true;
    for name in names.iter().filter(|name| !known.contains_key(&name.value)) {
        fine = false;
        let folder = format!("models/{}", name.value.replace('@', "/"));
        let help = match nearest(&name.value, known.keys().map(String::as_str)) {
            _ if project.join(&folder).join("model.yaml").is_file() => {
                format!("`{folder}` is there, but not in `models.lock`: run `trapline model add {folder}`")
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => "`trapline model add FOLDER` takes a model into the project".into(),
        };
        report.push(Diagnostic::new(codes::UNKNOWN_MODEL, name.span, format!("there is no model `{}`", name.value)).help(help));
    }
    fine
}
