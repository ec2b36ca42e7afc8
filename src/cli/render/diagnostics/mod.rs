//! Diagnostics for people, programs, code scanning and pull requests, all from the same values.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Severity, Sources, Span};

use super::words::counted;

pub(in crate::cli) mod github;
pub(in crate::cli) mod json;
pub(in crate::cli) mod sarif;
pub(in crate::cli) mod text;

/// One pipeline file after checking.
#[derive(Debug)]
pub(in crate::cli) struct Checked {
    /// The file, as the person named it.
    pub(in crate::cli) file: PathBuf,
    /// The texts that were read.
    pub(in crate::cli) sources: Sources,
    /// What was found, in source order.
    pub(in crate::cli) diagnostics: Vec<Diagnostic>,
    /// Number of steps, where the pipeline stands.
    pub(in crate::cli) steps: Option<usize>,
}

impl Checked {
    pub(in crate::cli) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.code.severity == Severity::Error)
    }
}

/// A finding with its place in lines and columns, 1-based, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

fn place(sources: &Sources, span: Span) -> Place {
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end.max(span.start));
    Place { file: shown(sources.get(span.file).map_or(Path::new("?"), |s| &s.path)), line, column, end_line, end_column }
}

/// A path as on every system, so that messages and annotations are the same on Windows.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text };
    text.strip_prefix("./").map_or(text.clone(), ToOwned::to_owned)
}

/// Every finding once: a fragment that two pipelines include is checked twice.
fn each(files: &[Checked]) -> Vec<(&Sources, &Diagnostic)> {
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for checked in files {
        for diagnostic in &checked.diagnostics {
            let place = place(&checked.sources, diagnostic.span);
            if seen.insert((place, diagnostic.code.id, &diagnostic.message)) {
                list.push((&checked.sources, diagnostic));
            }
        }
    }
    list
}

/// The closing line: what was found, or that all is well.
pub(in crate::cli) fn closing(files: &[Checked]) -> String {
    let all = each(files);
    let errors = all.iter().filter(|(_, d)| d.code.severity == Severity::Error).count();
    let warnings = all.len() - errors;
    let parts: Vec<_> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, noun)| counted(n as u64, noun))
        .collect();
    let found = parts.join(", ");
    match files {
        [one] if errors == 0 => {
            let steps = one.steps.map_or(String::new(), |n| format!(": {}", counted(n as u64, "step")));
            let found = if found.is_empty() { found } else { format!(", {found}") };
            format!("{} is valid{steps}{found}\n", shown(&one.file))
        }
        [one] => format!("{found} in {}\n", shown(&one.file)),
        _ if all.is_empty() => {
            format!("{} valid\n", if files.len() == 1 { "1 file is".into() } else { format!("{} files are", files.len()) })
        }
        _ => format!("{found} in {}\n", counted(files.len() as u64, "file")),
    }
}

#[cfg(test)]
pub(super) mod sample {
    //! A pipeline with mistakes of several shapes.

    use super::*;
    use crate::diagnostic::{Code, FileId};

    pub(in super::super) const TEXT: &str = "trapline: 1\nsteps:\n  bilder_på_øya:\n    uses: images\n    wiht: { root: archive }\n  names:\n    uses: rename\n    from: imges\n";

    pub(in super::super) const UNKNOWN_KEY: Code = Code { id: "TL0202", title: "an unknown key", severity: Severity::Error };
    const UNKNOWN_STEP: Code =
        Code { id: "TL0402", title: "a reference to a step that does not exist", severity: Severity::Error };
    const UNUSED: Code = Code { id: "TL0414", title: "a step that nothing uses", severity: Severity::Warning };

    fn span(file: FileId, text: &str, word: &str) -> Span {
        let start = text.find(word).unwrap();
        Span { file, start: u32::try_from(start).unwrap(), end: u32::try_from(start + word.len()).unwrap() }
    }

    pub(in super::super) fn checked() -> Checked {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("pipeline.yaml"), TEXT);
        let diagnostics = vec![
            Diagnostic::new(UNUSED, span(file, TEXT, "bilder_på_øya"), "nothing uses `bilder_på_øya`"),
            Diagnostic::new(UNKNOWN_KEY, span(file, TEXT, "wiht"), "unknown key `wiht` in step `bilder_på_øya`")
                .help("did you mean `with`?"),
            Diagnostic::new(UNKNOWN_STEP, span(file, TEXT, "imges"), "there is no step `imges`")
                .help("the steps are `bilder_på_øya` and `names`")
                .related(span(file, TEXT, "names"), "wanted by this step"),
        ];
        Checked { file: "pipeline.yaml".into(), sources, diagnostics, steps: None }
    }

    #[test]
    fn the_closing_line_counts() {
        let clean =
            |name: &str| Checked { file: name.into(), sources: Sources::default(), diagnostics: Vec::new(), steps: Some(7) };
        assert_eq!(closing(&[checked()]), "2 errors, 1 warning in pipeline.yaml\n");
        assert_eq!(closing(&[checked(), checked()]), "2 errors, 1 warning in 2 files\n");
        assert_eq!(closing(&[clean("./pipeline.yaml")]), "pipeline.yaml is valid: 7 steps\n");
        assert_eq!(closing(&[clean("a.yaml"), clean("b.yaml")]), "2 files are valid\n");
        let mut warned = checked();
        warned.diagnostics.truncate(1);
        assert_eq!(closing(&[warned]), "pipeline.yaml is valid, 1 warning\n");
    }
}
