//! Reserved places: folders of a project that belong to people, to git, or to the program, and into which no step writes.

use std::path::Path;

use super::Root;
use super::params::Checked;
use crate::diagnostic::{Diagnostic, Report, codes};
use crate::spec::StepSpec;
use crate::step::PathUse;

/// Folders that every project has or may have, with what lies in them.
const FOLDERS: &[(&str, &str)] =
    &[(".git", "the history of the project"), ("seasons", "the seals of seasons"), ("models", "the models of the project")];

/// Refuses paths to be written that lie where the labels of people, originals, seals, models or the history of the project do, or
/// that hold such a place. `project` is absolute.
pub(super) fn check(project: &Path, roots: &[Root], steps: &[StepSpec], params: &[Checked], report: &mut Report) {
    let mut reserved: Vec<(String, String)> =
        FOLDERS.iter().map(|(folder, what)| ((*folder).to_owned(), (*what).to_owned())).collect();
    for (step, checked) in steps.iter().zip(params) {
        let labels = checked.paths.iter().filter(|(usage, _)| *usage == PathUse::Labels);
        reserved.extend(labels.map(|(_, path)| (path.value.clone(), format!("the labels of step `{}`", step.name.value))));
    }
    for root in roots {
        let inside = root.candidates.iter().filter_map(|candidate| candidate.strip_prefix(project).ok());
        let named = inside.map(crate::path::to_text).filter(|folder| !folder.is_empty());
        reserved.extend(named.map(|folder| (folder, format!("the originals of root `{}`", root.name))));
    }
    for checked in params {
        for (_, path) in checked.paths.iter().filter(|(usage, _)| *usage == PathUse::Write) {
            let clashes = |folder: &str| is_within(&path.value, folder) || is_within(folder, &path.value);
            let Some((folder, what)) = reserved.iter().find(|(folder, _)| clashes(folder)) else { continue };
            let relation = if is_within(&path.value, folder) { "lies in" } else { "holds" };
            let message = format!("`{}` {relation} `{folder}`, the place of {what}", path.value);
            let help = "choose a folder for results alone, such as `published/`";
            report.push(Diagnostic::new(codes::RESERVED_PLACE, path.span, message).help(help));
        }
    }
}

/// Says whether `path` is `folder` or lies in it; case does not count, as on Windows and macOS.
fn is_within(path: &str, folder: &str) -> bool {
    let fold = |text: &str| text.trim_matches('/').to_lowercase();
    let (path, folder) = (fold(path), fold(folder));
    path.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
