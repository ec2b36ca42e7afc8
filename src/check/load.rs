//! The way from a file to a checked pipeline: read, wire, order, check, build. All findings are collected on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::columns;
use super::expect;
use super::models;
use super::order::order;
use super::params::{self, Checked, check_names};
use super::places::{Places, check_paths, check_roots};
use super::reserved;
use super::sense;
use super::tables::Inspected;
use super::wiring::{self, Names, Wired};
use super::{CheckedStep, Overrides, Pipeline, Wire};
use crate::diagnostic::{Code, Diagnostic, Report, Severity, Sources, Span, Spanned, codes};
use crate::model::signature::ModelSignature;
use crate::spec::{self, Files, Reading, Spec, StepSpec, shown};
use crate::step::{Context, Drawn, KINDS, Lineage, Params, PathUse, Step, StepKind, with_causes};
use crate::table::Schema;
use crate::yaml;

/// A pipeline file with everything that was found out about it.
pub struct Loaded {
    /// The texts that findings point into.
    pub sources: Sources,
    /// Findings in source order, those with an `allow` comment left out.
    pub report: Report,
    /// The pipeline, where there is no error.
    pub pipeline: Option<Pipeline>,
    /// Every file that was asked for: the pipeline, fragments, taxonomy, deployments, `models.lock`, parameters,
    /// `trapline.local.yaml`. Paths as composed from the given one; some may not exist.
    pub files: Vec<PathBuf>,
}

/// Loads `file` with the step kinds of the program.
#[must_use]
pub fn load(file: &Path, overrides: &Overrides) -> Loaded {
    load_with(KINDS, file, overrides)
}

/// Loads `file` as [`load`] does, and reads the tables of the project that its steps name, as a run would.
#[must_use]
pub fn validate(file: &Path, overrides: &Overrides) -> Loaded {
    validate_with(KINDS, file, overrides)
}

/// [`validate`] with `kinds`.
#[must_use]
pub fn validate_with(kinds: &[&'static StepKind], file: &Path, overrides: &Overrides) -> Loaded {
    read(kinds, file, overrides, true)
}

/// Loads `file` with `kinds`.
#[must_use]
pub fn load_with(kinds: &[&'static StepKind], file: &Path, overrides: &Overrides) -> Loaded {
    read(kinds, file, overrides, false)
}

fn read(kinds: &[&'static StepKind], file: &Path, overrides: &Overrides, tables: bool) -> Loaded {
    let mut files = Files::default();
    let mut report = Report::default();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Findings show `fragment.yaml`, not `./fragment.yaml`.
    let as_given = file.parent().unwrap_or(Path::new(""));
    let reading = Reading {
        kinds,
        project: as_given,
        file,
        version: env!("CARGO_PKG_VERSION"),
        set: &overrides.set,
        params: &overrides.params,
    };
    let spec = spec::read(&reading, &mut files, &mut report);
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let pipeline = spec.and_then(|spec| {
        Checking {
            spec,
            folder,
            as_given,
            absolute,
            file,
            files: &mut files,
            tables: tables.then(Inspected::default),
            report: &mut report,
        }
        .run()
    });

    let silenced = yaml::apply_allows(&files.allows, &files.sources, &mut report);
    if pipeline.is_none() && !report.has_errors() {
        // Without the silenced errors nobody would know why there is no pipeline.
        for finding in silenced.into_iter().filter(|finding| finding.code.severity == Severity::Error) {
            let help = finding.help.clone().unwrap_or_default();
            let note = "`allow` cannot silence it: without this the pipeline cannot be built";
            report.push(finding.help(if help.is_empty() { note.to_owned() } else { format!("{help}; {note}") }));
        }
    }
    drop_consequences(&mut report);
    let report = Report { diagnostics: report.sorted() };
    let pipeline = pipeline.filter(|_| !report.has_errors());
    let mut read = files.read;
    read.sort();
    read.dedup();
    Loaded { sources: files.sources, report, pipeline, files: read }
}

/// Findings after which a value is missing that the user has written.
const LOSES_A_VALUE: &[Code] = &[codes::BAD_KEY, codes::MERGE_KEY, codes::BAD_NUMBER, codes::UNKNOWN_ALIAS, codes::BAD_TAG];

/// Takes out findings that only follow from others: what stands at a place that could not be read, and things that seem unused
/// because a part that may use them could not be read.
fn drop_consequences(report: &mut Report) {
    let damaged: Vec<Span> =
        report.diagnostics.iter().filter(|finding| LOSES_A_VALUE.contains(&finding.code)).map(|finding| finding.span).collect();
    let unread = report.diagnostics.iter().any(|finding| {
        let group = &finding.code.id[..4];
        ["TL01", "TL02", "TL03"].contains(&group) && finding.code.severity == Severity::Error
    });
    let unplaced = unread
        || report
            .diagnostics
            .iter()
            .any(|finding| finding.code.id.starts_with("TL07") && finding.code.severity == Severity::Error);
    report.diagnostics.retain(|finding| {
        if finding.code == codes::UNUSED_PARAM || finding.code == codes::UNUSED_STEP {
            return !unread;
        }
        if finding.code == codes::UNUSED_ROOT {
            return !unplaced;
        }
        let inside = |other: &Span| {
            let span = finding.span;
            other.file == span.file && span.start < other.end.max(other.start + 1) && other.start < span.end.max(span.start + 1)
        };
        finding.code.id.starts_with("TL01") || !damaged.iter().any(inside)
    });
}

struct Checking<'a> {
    spec: Spec,
    /// The project's folder, as given.
    folder: &'a Path,
    /// As findings show it.
    as_given: &'a Path,
    absolute: PathBuf,
    file: &'a Path,
    files: &'a mut Files,
    /// Tables of the project are read too.
    tables: Option<Inspected>,
    report: &'a mut Report,
}

/// A step while it is being checked; indices as written.
struct Built {
    step: Box<dyn Step>,
    params: Params,
    outputs: Vec<Schema>,
    /// How the rows of its first output were chosen.
    drawn: Drawn,
    /// Files that it reads and replaces, such as a manifest of names.
    rewritten: Vec<Spanned<String>>,
}

impl Checking<'_> {
    fn run(mut self) -> Option<Pipeline> {
        let steps = std::mem::take(&mut self.spec.steps);
        let models = models::read(self.folder, self.files, self.report);
        let mut params: Vec<Checked> = steps.iter().map(|step| params::check(step, self.report)).collect();
        let names = Names { steps: &steps, damaged: &self.spec.damaged_steps, incomplete: self.spec.damaged };
        let wired: Vec<Wired> = (0..steps.len()).map(|at| wiring::wire(at, &names, self.report)).collect();
        let order = order(&steps, &wired, self.report);
        let places = Places { project: self.folder, own_files: &self.spec.own_files, declared: &self.spec.roots };
        let roots = check_roots(&places, &mut params, &self.absolute, self.report);
        self.names(&steps, &mut params, models.as_ref());
        let models = models.unwrap_or_default();
        let mut built: Vec<Option<Built>> = steps.iter().map(|_| None).collect();
        for at in &order {
            built[*at] = self.build(&steps[*at], &wired[*at], &params[*at], &models, &built);
        }
        for (built, checked) in built.iter().zip(&mut params) {
            checked
                .paths
                .extend(built.iter().flat_map(|built| built.rewritten.iter().cloned()).map(|path| (PathUse::Write, path)));
        }
        let places = Places { project: self.folder, own_files: &self.spec.own_files, declared: &self.spec.roots };
        check_paths(&places, &steps, &params, self.report);
        reserved::check(&self.absolute, &roots, &steps, &params, self.report);
        let outputs = built.iter().map(|built| built.as_ref().map(|built| built.outputs.as_slice()));
        let classes = self.gate_classes(&steps, &params, &models);
        let read = |(step, outputs)| expect::read(step, outputs, classes.as_ref(), self.report);
        let expect: Vec<_> = steps.iter().zip(outputs).map(read).collect();
        if self.spec.damaged_steps.is_empty() && !self.spec.damaged {
            unused(&steps, &wired, &params, self.report);
        }
        stages(&steps, &wired, self.report);
        sense::excludes_itself(&steps, &wired, self.report);

        // What could not be built has been said; a step that is missing altogether too.
        if order.len() < steps.len() || !self.spec.damaged_steps.is_empty() || self.spec.damaged || steps.is_empty() {
            return None;
        }
        let mut new_place = vec![0; steps.len()];
        for (place, at) in order.iter().enumerate() {
            new_place[*at] = place;
        }
        let mut expect = expect;
        let checked: Option<Vec<CheckedStep>> = order
            .iter()
            .map(|at| {
                let built = built[*at].take()?;
                let inputs = wired[*at].inputs.iter().map(|wires| moved(wires, &new_place)).collect();
                Some(CheckedStep {
                    name: steps[*at].name.clone(),
                    kind: steps[*at].kind,
                    stage: steps[*at].stage.clone(),
                    params: built.params,
                    step: built.step,
                    inputs,
                    outputs: built.outputs,
                    drawn: built.drawn,
                    expect: std::mem::take(&mut expect[*at]),
                    writes: written(&params[*at]),
                })
            })
            .collect();
        let stem = || self.file.file_stem().map_or_else(|| "pipeline".into(), |stem| stem.to_string_lossy().into_owned());
        Some(Pipeline {
            file: self.file.to_owned(),
            project: self.absolute,
            name: self.spec.name.unwrap_or_else(stem),
            params: self.spec.params.iter().map(|(name, node)| (name.value.clone(), yaml::canonical(node))).collect(),
            overridden: self.spec.overridden,
            roots,
            classes: self.spec.classes,
            deployments: self.spec.deployments,
            dataset: self.spec.dataset,
            models,
            steps: checked?,
        })
    }

    /// Checks the classes and models that parameters name.
    fn names(&mut self, steps: &[StepSpec], params: &mut [Checked], models: Option<&BTreeMap<String, ModelSignature>>) {
        let mut known: Vec<&str> = self.spec.classes.classes.iter().map(|class| class.name.value.as_str()).collect();
        if let Some(models) = models.filter(|_| known.is_empty()) {
            // Without a class list of its own, the programme has the classes of its models.
            let used = params.iter().flat_map(|checked| &checked.models).filter_map(|name| models.get(&name.value));
            known.extend(used.flat_map(|model| model.classes.iter().map(String::as_str)));
            known.dedup();
        }
        for (_, checked) in steps.iter().zip(params) {
            if !known.is_empty() {
                let way_out = "declare it under `classes:` or in the taxonomy";
                checked.complete &= check_names(&checked.classes, &known, codes::UNKNOWN_CLASS, "class", way_out, self.report);
            }
            checked.complete &= match models {
                Some(models) => models::check(&checked.models, models, self.folder, self.report),
                // A damaged `models.lock` is said once.
                None => checked.models.is_empty(),
            };
        }
    }

    /// All classes that tables can name: the programme's, those of its models, and what people may answer beside them. `None` where
    /// others may come from outside.
    fn gate_classes(
        &self,
        steps: &[StepSpec],
        params: &[Checked],
        models: &BTreeMap<String, ModelSignature>,
    ) -> Option<BTreeSet<String>> {
        let own = self.spec.classes.names().map(str::to_owned);
        let used = params.iter().flat_map(|checked| &checked.models).filter_map(|name| models.get(&name.value));
        let extra = params.iter().flat_map(|checked| checked.params.texts("extra_classes")).map(|class| class.value);
        let all: BTreeSet<String> = own
            .chain(used.flat_map(|model| model.classes.iter().cloned()))
            .chain(extra)
            .chain([String::new(), crate::taxonomy::UNKNOWN.to_owned()])
            .collect();
        let from_outside = steps.iter().any(|step| matches!(step.kind.name, "import" | "command"));
        (!from_outside && self.spec.classes.names().next().is_some()).then_some(all)
    }

    /// Builds one step from its parameters and the schemas of its inputs, where all of these are known.
    fn build(
        &mut self,
        spec: &StepSpec,
        wired: &Wired,
        checked: &Checked,
        models: &BTreeMap<String, ModelSignature>,
        built: &[Option<Built>],
    ) -> Option<Built> {
        let step = if checked.complete { (spec.kind.read)(&checked.params, self.report) } else { None };
        if wired.broken {
            return None;
        }
        let schema = |wire: &Wire| built[wire.step].as_ref()?.outputs.get(wire.output).cloned();
        let inputs: Vec<Vec<Schema>> = wired
            .inputs
            .iter()
            .map(|wires| wires.iter().map(|(wire, _)| schema(wire)).collect::<Option<Vec<_>>>())
            .collect::<Option<_>>()?;
        let fits = columns::check(spec, wired, checked, &inputs, &mut self.spec.renderer, &self.files.sources, self.report);
        let step = step?;
        if !fits {
            return None;
        }
        let drawn_of = |wire: &Wire| built[wire.step].as_ref().map_or_else(Drawn::default, |built| built.drawn.clone());
        let drawn: Vec<Vec<Drawn>> =
            wired.inputs.iter().map(|wires| wires.iter().map(|(wire, _)| drawn_of(wire)).collect()).collect();
        let drawn_here = step.drawn(&spec.name.value, &drawn);
        let context = Context {
            project: &self.absolute,
            classes: &self.spec.classes,
            deployments: self.spec.deployments.as_ref(),
            dataset: self.spec.dataset.as_ref(),
            models,
            ports: BTreeMap::new(),
            lineage: Lineage { drawn, ..Lineage::default() },
            span: spec.name.span,
        };
        let errors = self.report.diagnostics.len();
        let outputs = step.columns(&inputs, &context, self.report);
        if spec.stage.is_some() {
            // What runs only when asked for is no concern of everyone who has the pipeline; running it says the same.
            self.report.diagnostics.retain(|finding| finding.code != codes::BUILT_WITHOUT || finding.span != spec.name.span);
        }
        debug_assert!(
            outputs.is_some() || self.report.diagnostics.len() > errors,
            "`{}` refuses its columns without a word",
            spec.kind.name
        );
        let is_refused = self.report.diagnostics[errors..].iter().any(|finding| finding.code.severity == Severity::Error);
        if let Some(tables) = &mut self.tables {
            tables.step(step.as_ref(), &context, self.as_given, self.files, self.report);
        }
        let files = step.files(&context).unwrap_or_else(|error| {
            let message = with_causes(&error);
            // A step that refused what was given for its files has said why they cannot be listed.
            if !is_refused {
                let help = "check that you may read it: what cannot be read must not count as absent";
                self.report.push(Diagnostic::new(codes::UNREADABLE_INPUT, spec.name.span, message).help(help));
            }
            Vec::new()
        });
        let rewritten = files.into_iter().filter(|file| file.rewritten).map(|file| {
            let path = shown(&file.path);
            let given = checked.paths.iter().find(|(_, given)| given.value == path).map(|(_, given)| given.span);
            Spanned { value: path, span: given.unwrap_or(spec.name.span) }
        });
        let rewritten = rewritten.collect();
        Some(Built { step, params: checked.params.clone(), outputs: outputs?, drawn: drawn_here, rewritten })
    }
}

fn moved(wires: &[(Wire, Span)], new_place: &[usize]) -> Vec<Wire> {
    wires.iter().map(|(wire, _)| Wire { step: new_place[wire.step], output: wire.output }).collect()
}

/// The places that a step writes to.
fn written(checked: &Checked) -> Vec<String> {
    let written = checked.paths.iter().filter(|(usage, _)| *usage == PathUse::Write);
    written.map(|(_, path)| path.value.clone()).collect()
}

/// Warns about steps that end in nothing while others end in a file or a gate.
fn unused(steps: &[StepSpec], wired: &[Wired], params: &[Checked], report: &mut Report) {
    let mut fed = vec![false; steps.len()];
    for wires in wired {
        for (source, _) in wiring::sources(wires) {
            fed[source] = true;
        }
    }
    let ends = |at: usize| {
        let writes = params[at].paths.iter().any(|(usage, _)| *usage == PathUse::Write);
        writes || steps[at].expect.is_some()
    };
    let some_end = (0..steps.len()).any(|at| !fed[at] && ends(at));
    for (at, step) in steps.iter().enumerate() {
        // A broken reference elsewhere may be the one that was meant for this step.
        let loose = !fed[at] && !ends(at) && (some_end || step.kind.inputs.is_empty()) && steps.len() > 1;
        if loose && !step.damaged && wired.iter().all(|wires| !wires.broken) {
            report.push(
                Diagnostic::new(codes::UNUSED_STEP, step.name.span, format!("nothing uses `{}`", step.name.value))
                    .help("wire it into another step, or remove it"),
            );
        }
    }
}

/// Everyday steps cannot need what runs only when asked for.
fn stages(steps: &[StepSpec], wired: &[Wired], report: &mut Report) {
    for (step, wires) in steps.iter().zip(wired) {
        for (source, span) in wiring::sources(wires) {
            let needed = &steps[source];
            if needed.stage.is_some() && needed.stage != step.stage {
                let own =
                    step.stage.as_ref().map_or_else(|| "runs every day".to_owned(), |stage| format!("is of stage `{stage}`"));
                let stage = needed.stage.as_deref().unwrap_or_default();
                report.push(
                    Diagnostic::new(
                        codes::NEEDS_STAGE,
                        span,
                        format!("`{}` {own}, but needs `{}` of stage `{stage}`", step.name.value, needed.name.value),
                    )
                    .help(format!("add `stage: {stage}` to `{}`", step.name.value)),
                );
            }
        }
    }
}
