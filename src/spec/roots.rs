//! `roots:` in the pipeline, and where they lie on this machine: `trapline.local.yaml`, which is never committed.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Report, Spanned, codes, nearest};
use crate::yaml::{Entry, Node, Value};

use super::template::{Renderer, Scope};
use super::{Files, Reading, fields, path};

/// The file that places roots on this machine.
pub const LOCAL_FILE: &str = "trapline.local.yaml";

/// A declared root.
#[derive(Debug, Clone, PartialEq)]
pub struct RootSpec {
    /// Its name.
    pub name: Spanned<String>,
    /// The marker file that proves it.
    pub marker: Option<String>,
    /// Where it may lie on this machine, in order, as written: absolute on some system, or relative to the project.
    pub candidates: Vec<PathBuf>,
}

/// Reads the declared roots and places them.
pub(super) fn read(
    entries: &[Entry],
    scope: &Scope,
    reading: &Reading<'_>,
    renderer: &mut Renderer,
    files: &mut Files,
    report: &mut Report,
) -> Vec<RootSpec> {
    let Some(node) = fields::get(entries, "roots") else { return Vec::new() };
    let Some(node) = renderer.node(node, scope, &files.sources, report) else { return Vec::new() };
    let Some(entries) = fields::mapping(&node, "`roots`", report) else { return Vec::new() };
    let mut roots = Vec::new();
    for entry in entries {
        if fields::bad_name(&entry.key.value) {
            report.push(
                Diagnostic::new(codes::BAD_NAME, entry.key.span, format!("`{}` cannot be the name of a root", entry.key.value))
                    .help("start with a small letter; go on with small letters, digits, `_` or `-`"),
            );
            continue;
        }
        let marker = marker(&entry.value, report);
        roots.push(RootSpec { name: entry.key.clone(), marker, candidates: Vec::new() });
    }
    place(&mut roots, reading, files, report);
    roots
}

fn marker(node: &Node, report: &mut Report) -> Option<String> {
    let entries = fields::mapping(node, "a root", report)?;
    fields::unknown_keys(entries, &["marker"], "a root", report);
    let node = fields::get(entries, "marker")?;
    let text = fields::text(node, "`marker`", report)?;
    match path::project_path(text) {
        Ok(path) => Some(path),
        Err(bad) => {
            report.push(Diagnostic::new(bad.code, node.span, bad.message).help("a marker is a file inside the root"));
            None
        }
    }
}

/// Reads `trapline.local.yaml` beside the pipeline, where it exists.
fn place(roots: &mut [RootSpec], reading: &Reading<'_>, files: &mut Files, report: &mut Report) {
    let local = reading.project.join(LOCAL_FILE);
    // One that is there and cannot be looked at is read below, which says why it cannot be.
    if crate::file::reading::is_there(&local).is_ok_and(|there| !there) {
        // Its appearance changes what is known, so it counts as asked for.
        files.read.push(local);
        return;
    }
    let Some((_, document)) = files.yaml(&local, None, report) else { return };
    let bad = |node: &Node, message: String| {
        Diagnostic::new(codes::BAD_LOCAL, node.span, message)
            .help("write `roots:` and below it `name: path` or `name: [path, path]`")
    };
    let top = match &document.root.value {
        Value::Map(entries) => &entries[..],
        Value::Null => &[],
        other => {
            report.push(bad(&document.root, format!("the file is a mapping, not {}", other.kind())));
            return;
        }
    };
    fields::unknown_keys(top, &["roots"], "`trapline.local.yaml`", report);
    let Some(node) = fields::get(top, "roots") else { return };
    let Value::Map(places) = &node.value else {
        report.push(bad(node, format!("`roots` is a mapping, not {}", node.value.kind())));
        return;
    };
    let names: Vec<String> = roots.iter().map(|root| root.name.value.clone()).collect();
    for entry in places {
        let Some(root) = roots.iter_mut().find(|root| root.name.value == entry.key.value) else {
            let mut finding = Diagnostic::new(
                codes::LOCAL_UNKNOWN_ROOT,
                entry.key.span,
                format!("the pipeline declares no root `{}`", entry.key.value),
            );
            finding.help =
                nearest(&entry.key.value, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            report.push(finding);
            continue;
        };
        for item in fields::list(&entry.value) {
            match &item.value {
                Value::Text(text) if !text.trim().is_empty() => match variable(text) {
                    Some(variable) => report.push(
                        Diagnostic::new(
                            codes::VARIABLE_IN_PLACE,
                            item.span,
                            format!("`{variable}` of the place `{text}` is not replaced by anything"),
                        )
                        .help("write the whole path, such as `/home/anna/varanger` or `E:\\varanger`: this file belongs to this machine alone"),
                    ),
                    None => root.candidates.push(PathBuf::from(text)),
                },
                other => report.push(bad(item, format!("a place is a path, not {}", other.kind()))),
            }
        }
    }
}

/// The first part of a place that a shell would replace: `~`, `~anna`, `$HOME`, `${HOME}`, `%USERPROFILE%`. A share such as `E$` is
/// none.
fn variable(place: &str) -> Option<&str> {
    let part = |part: &&str| {
        let after_dollar = part.strip_prefix('$').and_then(|rest| rest.chars().next());
        let is_dollar = after_dollar.is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic());
        let inside = part.strip_prefix('%').and_then(|rest| rest.split_once('%')).map(|(name, _)| name);
        let is_percent =
            inside.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_()".contains(c)));
        is_dollar || is_percent
    };
    let mut parts = place.trim().split(['/', '\\']);
    let first = parts.clone().next().filter(|first| first.starts_with('~'));
    first.or_else(|| parts.find(part))
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn what_a_shell_would_replace_is_found() {
        for (place, found) in [
            ("~/varanger", "~"),
            ("~anna/x", "~anna"),
            ("$HOME/varanger", "$HOME"),
            ("/media/${USER}/disk", "${USER}"),
            (r"%USERPROFILE%\Pictures", "%USERPROFILE%"),
        ] {
            assert_eq!(variable(place), Some(found), "{place}");
        }
        for place in [r"\\nas\e$\varanger", r"E:\varanger", "/mnt/100%_done", "raw_images", "/mnt/a~b"] {
            assert_eq!(variable(place), None, "{place}");
        }
    }
}
