//! Places: project paths that steps read and write, roots, and what two of them share.

use std::collections::BTreeMap;
use std::path::Path;

use super::Root;
use super::params::Checked;
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, nearest};
use crate::spec::path::{is_machine_path, project_path, unportable};
use crate::spec::{RootSpec, StepSpec};
use crate::step::PathUse;

/// What is known of the project's places.
pub(super) struct Places<'a> {
    /// The project's folder.
    pub project: &'a Path,
    /// Files that the pipeline itself reads, by project path.
    pub own_files: &'a [String],
    /// Declared roots.
    pub declared: &'a [RootSpec],
}

/// Checks the paths of all steps. `steps` and `params` run in parallel.
pub(super) fn check_paths(places: &Places<'_>, steps: &[StepSpec], params: &[Checked], report: &mut Report) {
    let all = || {
        steps.iter().zip(params).flat_map(|(step, checked)| checked.paths.iter().map(move |(usage, path)| (step, *usage, path)))
    };
    // Names that differ in case only are one file on Windows and macOS.
    let mut written: BTreeMap<String, (&StepSpec, Span)> = BTreeMap::new();
    for (step, usage, path) in all() {
        if let Some((name, why)) = unportable(&path.value).filter(|_| usage == PathUse::Write) {
            let message = format!("`{name}` {why}");
            report.push(
                Diagnostic::new(codes::UNPORTABLE_PATH, path.span, message).help("choose a name that every system can have"),
            );
        }
        if leaves_by_link(places.project, &path.value) {
            let message = format!("`{}` goes through a link that leaves the project", path.value);
            report.push(Diagnostic::new(codes::LINK_LEAVES, path.span, message).help("declare the place as a root"));
        }
        if usage != PathUse::Write {
            continue;
        }
        if places.own_files.iter().any(|own| own.eq_ignore_ascii_case(&path.value)) {
            let message = format!("`{}` would write `{}`, which the pipeline reads", step.name.value, path.value);
            report.push(Diagnostic::new(codes::OVERWRITES_INPUT, path.span, message).help("choose another name"));
        }
        match written.get(&path.value.to_lowercase()) {
            Some((other, at)) => report.push(
                Diagnostic::new(
                    codes::WRITTEN_TWICE,
                    path.span,
                    format!("`{}` and `{}` both write `{}`", other.name.value, step.name.value, path.value),
                )
                .related(*at, format!("written by `{}`", other.name.value))
                .help("give each step its own file"),
            ),
            None => {
                written.insert(path.value.to_lowercase(), (step, path.span));
            }
        }
    }
    for (step, usage, path) in all() {
        let made = written.contains_key(&path.value.to_lowercase());
        if usage == PathUse::Read && !made && !places.project.join(&path.value).exists() {
            let message = format!("`{}` reads `{}`, which does not exist", step.name.value, path.value);
            let mut finding = Diagnostic::new(codes::MISSING_FILE, path.span, message);
            finding.help = Some(match beside(places.project, &path.value) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "create the file; paths are relative to the pipeline's folder".into(),
            });
            report.push(finding);
        }
    }
}

/// The name in the same folder that is nearest to a missing one.
fn beside(project: &Path, path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let mut names: Vec<String> = std::fs::read_dir(project.join(folder))
        .ok()?
        .take(1_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let near = nearest(name, names.iter().map(String::as_str))?;
    Some(if folder.is_empty() { near.to_owned() } else { format!("{folder}/{near}") })
}

/// Says whether the part of `path` that exists lies outside the project once its links are followed.
fn leaves_by_link(project: &Path, path: &str) -> bool {
    let Ok(inside) = project.canonicalize() else { return false };
    let full = project.join(path);
    let existing = full.ancestors().find_map(|ancestor| ancestor.canonicalize().ok());
    existing.is_some_and(|existing| !existing.starts_with(inside))
}

/// Resolves the roots that steps name: declared ones, or folders of the project. Candidates become absolute, below `absolute`.
pub(super) fn check_roots(places: &Places<'_>, params: &mut [Checked], absolute: &Path, report: &mut Report) -> Vec<Root> {
    let mut roots: Vec<Root> = places
        .declared
        .iter()
        .map(|root| Root { name: root.name.value.clone(), marker: root.marker.clone(), candidates: root.candidates.clone() })
        .collect();
    let mut used: Vec<String> = Vec::new();
    for checked in params {
        for name in &checked.roots {
            match resolve(places, name, report) {
                Some(Found::Folder(folder)) => {
                    if !roots.iter().any(|root| root.name == name.value) {
                        roots.push(Root { name: name.value.clone(), marker: None, candidates: vec![folder.into()] });
                    }
                }
                Some(Found::Declared) => used.push(name.value.clone()),
                None => checked.complete = false,
            }
        }
    }
    for root in places.declared.iter().filter(|root| !used.contains(&root.name.value)) {
        let message = format!("nothing reads from the root `{}`", root.name.value);
        report.push(
            Diagnostic::new(codes::UNUSED_ROOT, root.name.span, message).help("use it as `root:` of `images`, or remove it"),
        );
    }
    for candidate in roots.iter_mut().flat_map(|root| &mut root.candidates) {
        // `E:\varanger` is a place of another machine, not a folder below this one.
        if !is_machine_path(&candidate.to_string_lossy()) {
            *candidate = absolute.join(&*candidate);
        }
    }
    roots
}

/// What `root:` means.
enum Found {
    /// A declared root.
    Declared,
    /// A folder of the project.
    Folder(String),
}

/// What the root called `name` is; `None` where that is said.
fn resolve(places: &Places<'_>, name: &Spanned<String>, report: &mut Report) -> Option<Found> {
    let declared = places.declared.iter().find(|root| root.name.value == name.value);
    let is_folder = |path: &str| places.project.join(path).is_dir();
    if let Some(declared) = declared {
        if is_folder(&name.value) {
            report.push(
                Diagnostic::new(
                    codes::AMBIGUOUS_ROOT,
                    name.span,
                    format!("`{}` is a declared root and a folder of the project", name.value),
                )
                .related(declared.name.span, "declared here")
                .help("rename one of them"),
            );
            return None;
        }
        return Some(Found::Declared);
    }
    match project_path(&name.value) {
        Err(bad) => {
            report.push(Diagnostic::new(bad.code, name.span, bad.message).help(bad.help));
            None
        }
        Ok(path) if !is_folder(&path) => {
            let names = places.declared.iter().map(|root| root.name.value.as_str());
            if let Some(near) = nearest(&name.value, names) {
                let message = format!("`{}` is neither a declared root nor a folder", name.value);
                let finding = Diagnostic::new(codes::UNKNOWN_ROOT, name.span, message);
                report.push(finding.help(format!("did you mean `{near}`?")));
                return None;
            }
            // A project is committed without its images: a copy of it is as valid as the original.
            let message = format!("the folder `{path}` is not there: a run would wait for its images");
            let help = match beside(places.project, &path).filter(|near| is_folder(near)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "put the images there, or declare a root under `roots:`; a copy without images is checked all the same".into()
                }
            };
            report.push(Diagnostic::new(codes::ABSENT_FOLDER, name.span, message).help(help));
            Some(Found::Folder(path))
        }
        Ok(path) if leaves_by_link(places.project, &path) => {
            let message = format!("`{}` goes through a link that leaves the project", name.value);
            report.push(Diagnostic::new(codes::LINK_LEAVES, name.span, message).help("declare the place as a root"));
            None
        }
        Ok(path) => Some(Found::Folder(path)),
    }
}
