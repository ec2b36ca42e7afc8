//! Node tree to Spec: what the user wrote, with fragments put together and templates rendered, not yet checked as a whole.
//!
//! ```text
//! pipeline.yaml + fragments -> params (+ overrides) -> steps, for_each expanded -> strings rendered
//! ```
//!
//! `for_each: { arch: [resnet18, resnet50] }` makes one instance per value, named `train[resnet18]`; several variables make every
//! combination, `train[resnet18,1]`, the last one changing fastest. Inside, templates see `{{ each.arch }}`.

use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes};
use crate::step::{Deployments, StepKind};
use crate::yaml::{Entry, Node, Value};

mod dataset;
mod deployments;
mod fields;
mod files;
mod include;
mod overrides;
pub mod path;
mod roots;
mod steps;
mod table;
mod taxonomy;
pub mod template;

pub use files::{Files, shown};
pub use roots::{LOCAL_FILE, RootSpec};
pub use steps::StepSpec;
pub(crate) use table::cell_span;

use crate::taxonomy::Taxonomy;
use template::{Renderer, Scope};

/// The version of the pipeline language.
pub const LANGUAGE: i64 = 1;

/// The keys of a pipeline file.
pub const KEYS: &[&str] =
    &["trapline", "requires", "name", "params", "roots", "taxonomy", "classes", "deployments", "dataset", "include", "steps"];

/// A pipeline as written, in one piece.
pub struct Spec {
    /// `name:`.
    pub name: Option<String>,
    /// Parameters after overrides.
    pub params: Vec<(Spanned<String>, Node)>,
    /// An override changed something.
    pub overridden: bool,
    /// Declared roots.
    pub roots: Vec<RootSpec>,
    /// Classes, from `classes:` or the taxonomy file.
    pub classes: Taxonomy,
    /// The deployment table.
    pub deployments: Option<Deployments>,
    /// What describes the data set.
    pub dataset: Option<Dataset>,
    /// Files of the project that the pipeline itself reads, by project path; no step may write them.
    pub own_files: Vec<String>,
    /// Steps in the order written, instances expanded.
    pub steps: Vec<StepSpec>,
    /// Names of steps that could not be read: references to them are not mistakes of their own.
    pub damaged_steps: Vec<String>,
    /// A fragment or the list of steps could not be read: a missing step may not be missing.
    pub damaged: bool,
    /// Renders what is left: per-image templates.
    pub renderer: Renderer,
}

/// What reading needs to know.
pub struct Reading<'a> {
    /// The step kinds.
    pub kinds: &'a [&'static StepKind],
    /// The pipeline's folder.
    pub project: &'a Path,
    /// The pipeline's file.
    pub file: &'a Path,
    /// The version of the program.
    pub version: &'a str,
    /// `--set key=value`.
    pub set: &'a [(String, String)],
    /// `--params FILE`.
    pub params: &'a [PathBuf],
}

/// Reads a pipeline with its fragments and side files.
pub fn read(reading: &Reading<'_>, files: &mut Files, report: &mut Report) -> Option<Spec> {
    let (file, document) = files.yaml(reading.file, None, report)?;
    let root = document.root;
    let entries = match &root.value {
        Value::Map(entries) => entries,
        Value::Null => {
            report.push(
                Diagnostic::new(codes::NOT_A_MAPPING, Span::start_of(file), "the file is empty").help("start with `trapline: 1`"),
            );
            return None;
        }
        other => {
            let message = format!("a pipeline is a mapping, not {}", other.kind());
            report.push(Diagnostic::new(codes::NOT_A_MAPPING, root.span, message).help("start with `trapline: 1`"));
            return None;
        }
    };
    fields::unknown_keys(entries, KEYS, "a pipeline", report);
    language(entries, file, report)?;
    requirement(entries, reading.version, report);

    let own = reading.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut parts = include::Parts::new(&own);
    parts.file(entries, "", reading, files, report);

    let mut renderer = Renderer::default();
    let (params, overridden) = overrides::params(&parts.params, reading, &mut renderer, files, report);
    let scope = Scope::default().with("params", params.iter().map(|(name, node)| (name.value.as_str(), node)));
    let mut top = Top { scope: &scope, renderer: &mut renderer, files, report };
    let name = fields::get(entries, "name").and_then(|node| top.text(node, "`name`"));
    let (classes, taxonomy) = top.classes(entries, reading.project);
    let (deployments, deployments_file) = top.deployments(entries, reading.project);
    let dataset = dataset::read(entries, &scope, &mut renderer, &files.sources, report);
    let roots = roots::read(entries, &scope, reading, &mut renderer, files, report);

    let mut own_files = parts.seen.clone();
    own_files.extend(taxonomy);
    own_files.extend(deployments_file);
    let (steps, damaged_steps) = steps::expand(&parts.steps, &scope, reading.kinds, &mut renderer, files, report);
    if parts.steps.is_empty() && !parts.damaged {
        let span = fields::get(entries, "steps").map_or(Span::start_of(file), |node| node.span);
        report.push(Diagnostic::new(codes::NO_STEPS, span, "the pipeline has no steps").help("add one under `steps:`"));
    }
    unused_params(&parts.params, &renderer, report);
    Some(Spec {
        name,
        params,
        overridden,
        roots,
        classes,
        deployments,
        dataset,
        own_files,
        steps,
        damaged_steps,
        damaged: parts.damaged,
        renderer,
    })
}

fn language(entries: &[Entry], file: crate::diagnostic::FileId, report: &mut Report) -> Option<()> {
    let Some(node) = fields::get(entries, "trapline") else {
        report.push(
            Diagnostic::new(codes::MISSING_LANGUAGE, Span::start_of(file), "the version of the language is missing")
                .help("add `trapline: 1` as the first line"),
        );
        return Some(());
    };
    if node.value == Value::Int(LANGUAGE) {
        return Some(());
    }
    let found = node.value.plain_text().unwrap_or_else(|| node.value.kind().to_owned());
    report.push(
        Diagnostic::new(codes::UNSUPPORTED_LANGUAGE, node.span, format!("version `{found}` of the language is not supported"))
            .help("this program reads `trapline: 1`"),
    );
    // Another version may mean anything by the rest of the file; a mere misspelling of 1 does not.
    (!matches!(node.value, Value::Int(_))).then_some(())
}

fn requirement(entries: &[Entry], version: &str, report: &mut Report) {
    let Some(node) = fields::get(entries, "requires") else { return };
    let Some(text) = fields::text(node, "`requires`", report) else { return };
    match (semver::VersionReq::parse(text), semver::Version::parse(version)) {
        (Err(error), _) => report.push(
            Diagnostic::new(codes::BAD_REQUIREMENT, node.span, format!("`{text}` is not a version requirement: {error}"))
                .help("write `\">=0.1\"` or `\">=0.1, <2\"`"),
        ),
        (Ok(wanted), Ok(version)) if !wanted.matches(&version) => report.push(
            Diagnostic::new(codes::UNMET_REQUIREMENT, node.span, format!("the pipeline requires `{text}`, this is {version}"))
                .help("install a version that fits, or relax `requires`"),
        ),
        _ => {}
    }
}

fn unused_params(declared: &[(Spanned<String>, Node)], renderer: &Renderer, report: &mut Report) {
    if renderer.used_all {
        return;
    }
    for (name, _) in declared.iter().filter(|(name, _)| !renderer.used.contains(&name.value)) {
        report.push(
            Diagnostic::new(codes::UNUSED_PARAM, name.span, format!("nothing uses the parameter `{}`", name.value))
                .help(format!("use it as `\"{{{{ params.{} }}}}\"`, or remove it", name.value)),
        );
    }
}

/// The keys of the file that are neither steps nor params.
struct Top<'a> {
    scope: &'a Scope,
    renderer: &'a mut Renderer,
    files: &'a mut Files,
    report: &'a mut Report,
}

impl Top<'_> {
    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        let node = self.renderer.node(node, self.scope, &self.files.sources, self.report)?;
        fields::text(&node, what, self.report).map(str::to_owned)
    }

    /// A project path, as text.
    fn path(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        match path::project_path(&text) {
            Ok(path) => Some(path),
            Err(bad) => {
                self.report.push(Diagnostic::new(bad.code, node.span, bad.message).help(bad.help));
                None
            }
        }
    }

    fn classes(&mut self, entries: &[Entry], project: &Path) -> (Taxonomy, Option<String>) {
        let short = entries.iter().find(|entry| entry.key.value == "classes");
        let long = entries.iter().find(|entry| entry.key.value == "taxonomy");
        if let (Some(short), Some(long)) = (short, long) {
            let (first, second) = if short.key.span < long.key.span { (short, long) } else { (long, short) };
            self.report.push(
                Diagnostic::new(
                    codes::TAXONOMY_AND_CLASSES,
                    second.key.span,
                    "the classes are given by `classes` and by `taxonomy`",
                )
                .related(first.key.span, "first given here")
                .help("keep one of them"),
            );
        }
        if let Some(long) = long {
            let Some(path) = self.path(&long.value, "`taxonomy`") else { return (Taxonomy::default(), None) };
            let asked = long.value.span;
            let classes = match self.files.table(&project.join(&path), (asked, codes::BAD_TAXONOMY), self.report) {
                Some((file, text)) => taxonomy::read(file, &text, asked, self.report),
                None => Taxonomy::default(),
            };
            return (classes, Some(path));
        }
        let Some(short) = short else { return (Taxonomy::default(), None) };
        match self.renderer.node(&short.value, self.scope, &self.files.sources, self.report) {
            Some(node) => (taxonomy::short(&node, self.report), None),
            None => (Taxonomy::default(), None),
        }
    }

    fn deployments(&mut self, entries: &[Entry], project: &Path) -> (Option<Deployments>, Option<String>) {
        let Some(node) = fields::get(entries, "deployments") else { return (None, None) };
        let Some(path) = self.path(node, "`deployments`") else { return (None, None) };
        let asked = (node.span, codes::BAD_DEPLOYMENTS);
        let read = self.files.table(&project.join(&path), asked, self.report);
        let header = read.and_then(|(file, text)| table::header(file, &text, node.span, codes::BAD_DEPLOYMENTS, self.report));
        let deployments = header.and_then(|header| {
            let columns = deployments::columns(header, node.span, self.report)?;
            Some(Deployments { path: PathBuf::from(&path), columns })
        });
        (deployments, Some(path))
    }
}
