//! `include:`: fragments that bring steps and default parameters. Paths are relative to the file that includes.

use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes};
use crate::yaml::{Entry, Node, Value};

use super::{Files, Reading, fields, path};

/// The keys of a fragment.
const FRAGMENT_KEYS: &[&str] = &["trapline", "params", "include", "steps"];

/// What a pipeline and its fragments bring together.
pub(super) struct Parts {
    /// Declared parameters; the including file's value wins over a fragment's.
    pub params: Vec<(Spanned<String>, Node)>,
    /// Steps: those of fragments first, in the order of inclusion.
    pub steps: Vec<Entry>,
    /// Project paths of the files read.
    pub seen: Vec<String>,
    /// Something could not be read, so that what is missing here may not be missing.
    pub damaged: bool,
    /// The files being read, outermost first.
    open: Vec<String>,
}

impl Parts {
    pub fn new(own: &str) -> Self {
        Self { params: Vec::new(), steps: Vec::new(), seen: vec![own.to_owned()], damaged: false, open: vec![own.to_owned()] }
    }

    /// Takes in one file; `folder` is where it lies, relative to the project.
    pub fn file(&mut self, entries: &[Entry], folder: &str, reading: &Reading<'_>, files: &mut Files, report: &mut Report) {
        if let Some(node) = fields::get(entries, "include") {
            for item in fields::list(node) {
                if self.fragment(item, folder, reading, files, report).is_none() {
                    self.damaged = true;
                }
            }
        }
        if let Some(node) = fields::get(entries, "params")
            && let Some(params) = fields::mapping(node, "`params`", report)
        {
            for entry in params {
                self.param(entry, report);
            }
        }
        if let Some(node) = fields::get(entries, "steps") {
            match fields::mapping(node, "`steps`", report) {
                Some(steps) => self.steps.extend_from_slice(steps),
                None => self.damaged = true,
            }
        }
    }

    fn param(&mut self, entry: &Entry, report: &mut Report) {
        let key = &entry.key;
        // A name with a hyphen would be a subtraction in a template.
        if fields::bad_name(&key.value) || key.value.contains('-') {
            report.push(
                Diagnostic::new(codes::BAD_NAME, key.span, format!("`{}` cannot be the name of a parameter", key.value))
                    .help("start with a small letter; go on with small letters, digits or `_`"),
            );
            return;
        }
        match self.params.iter_mut().find(|(name, _)| name.value == key.value) {
            Some(param) => *param = (key.clone(), entry.value.clone()),
            None => self.params.push((key.clone(), entry.value.clone())),
        }
    }

    /// Reads the fragment that `node` names.
    fn fragment(
        &mut self,
        node: &Node,
        folder: &str,
        reading: &Reading<'_>,
        files: &mut Files,
        report: &mut Report,
    ) -> Option<()> {
        let name = fields::text(node, "`include`", report)?;
        let path = match path::normal_path(folder, name) {
            Ok(path) => path,
            Err(bad) => {
                let outside = [codes::ABSOLUTE_PATH, codes::PATH_LEAVES].contains(&bad.code);
                let code = if outside { codes::INCLUDE_OUTSIDE } else { bad.code };
                let help = if outside { "fragments lie in the pipeline's folder or below" } else { bad.help };
                report.push(Diagnostic::new(code, node.span, bad.message).help(help));
                return None;
            }
        };
        if let Some(from) = self.open.iter().position(|open| *open == path) {
            report.push(self.cycle(from, &path, node.span));
            return None;
        }
        // A fragment that two others share comes once.
        if self.seen.contains(&path) {
            return Some(());
        }
        let full = reading.project.join(&path);
        if leaves_by_link(&full, reading) {
            let message = format!("`{name}` is a link that leaves the project");
            report.push(
                Diagnostic::new(codes::INCLUDE_OUTSIDE, node.span, message)
                    .help("fragments lie in the pipeline's folder or below"),
            );
            return None;
        }
        self.seen.push(path.clone());
        let (_, document) = files.yaml(&full, Some((node.span, codes::INCLUDE_UNREADABLE)), report)?;
        let entries = match &document.root.value {
            Value::Map(entries) => entries,
            Value::Null => return Some(()),
            other => {
                let message = format!("a fragment is a mapping, not {}", other.kind());
                report.push(
                    Diagnostic::new(codes::NOT_A_MAPPING, document.root.span, message)
                        .related(node.span, "included here")
                        .help("a fragment has `steps:` and `params:`"),
                );
                return None;
            }
        };
        Self::unknown_keys(entries, report);
        self.open.push(path.clone());
        let inner = path.rsplit_once('/').map_or("", |(inner, _)| inner);
        self.file(entries, inner, reading, files, report);
        self.open.pop();
        Some(())
    }

    fn unknown_keys(entries: &[Entry], report: &mut Report) {
        let (own, other): (Vec<Entry>, Vec<Entry>) =
            entries.iter().cloned().partition(|entry| super::KEYS.contains(&entry.key.value.as_str()));
        fields::unknown_keys(&other, FRAGMENT_KEYS, "a fragment", report);
        for entry in own.iter().filter(|entry| !FRAGMENT_KEYS.contains(&entry.key.value.as_str())) {
            report.push(
                Diagnostic::new(codes::UNKNOWN_KEY, entry.key.span, format!("a fragment has no key `{}`", entry.key.value))
                    .help("it belongs into the pipeline's own file"),
            );
        }
    }

    fn cycle(&self, from: usize, path: &str, span: Span) -> Diagnostic {
        let mut loop_: Vec<&str> = self.open[from..].iter().map(String::as_str).collect();
        loop_.push(path);
        let drawn = loop_.join("` -> `");
        Diagnostic::new(codes::INCLUDE_CYCLE, span, format!("files include each other: `{drawn}`")).help("take one `include` out")
    }
}

/// Says whether an existing path lies outside the project once its links are followed.
fn leaves_by_link(full: &std::path::Path, reading: &Reading<'_>) -> bool {
    match (full.canonicalize(), reading.project.canonicalize()) {
        (Ok(full), Ok(project)) => !full.starts_with(project),
        _ => false,
    }
}
