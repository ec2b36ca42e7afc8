//! RO-Crate: a run as a folder that archives and catalogues understand without Trapline.
//!
//! Provenance Run Crate 0.5 (<https://w3id.org/ro/wfrun/provenance/0.5>) on RO-Crate 1.1: the pipeline is the workflow, each
//! step an instruction (`HowToStep`) that a kind of step (a tool) carries out; one `CreateAction` says what went in, what came
//! out, when and by whom; the `OrganizeAction` of the engine holds them together. Tables between steps are named by their
//! identity and not copied; images are the rows of `inputs.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::files::{descriptive, encoded, media_type};
use super::{Account, Origin, ProvenanceError, StepRecord};
use crate::check::Pipeline;
use crate::id::ContentId;
use crate::run::event::Outcome;
use crate::run::lockfile;
use crate::step::StepError;
use crate::store::Store;

mod folder;
mod graph;
mod inputs;
mod people;
mod steps;

use graph::{Graph, link};
use steps::wrote;

/// The file that makes a folder a crate.
pub const METADATA: &str = "ro-crate-metadata.json";
/// What the `@id` of the engine begins with: by it a crate of ours is known again.
const ENGINE: &str = "#trapline-";
/// The language of pipelines.
const LANGUAGE: &str = "#trapline-pipeline-language";
/// The run as a whole.
const RUN: &str = "#run";
/// The table of images.
const INPUTS: &str = "inputs.csv";
/// The profiles that the crate follows, each part of the next.
const PROFILES: [(&str, &str, &str); 4] = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
];
/// What stands where no licence is given: a crate must say something.
const NO_LICENSE: &str = "No licence was stated: ask those who made it";

/// What the person says about the crate.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The licence of the data: a URL, or words.
    pub license: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Written {
    /// The run.
    pub run: String,
    /// Steps with their actions.
    pub steps: usize,
    /// Those of them that the run took from an earlier one.
    pub reused: usize,
    /// Steps that the run covered and that have no result.
    pub undone: Vec<String>,
    /// Files in the crate, its metadata included.
    pub files: usize,
    /// Rows of `inputs.csv`.
    pub images: u64,
    /// People who answered.
    pub people: usize,
}

/// Writes the crate of a run into `folder`; `asked` are the files that loading the pipeline asked for.
///
/// # Errors
/// When the folder holds something else, or a file cannot be read or written.
pub fn write(
    pipeline: &Pipeline,
    store: &Store,
    account: &Account,
    asked: &[PathBuf],
    folder: &Path,
    options: &Options,
) -> Result<Written, ProvenanceError> {
    let draft = folder::Draft::begin(folder)?;
    let mut writer = Writer {
        pipeline,
        account,
        folder: draft.path(),
        graph: Graph::default(),
        files: BTreeMap::new(),
        people: BTreeSet::new(),
    };
    writer.copy(asked)?;
    let images = inputs::write(pipeline, store, account, &draft.path().join(INPUTS))?;
    if let Some(images) = &images {
        writer.files.insert(INPUTS.to_owned(), (images.id, images.bytes));
    }
    writer.describe(images.as_ref(), options)?;
    let Writer { graph, files, people, .. } = writer;
    let path = draft.path().join(METADATA);
    let text = graph.text().map_err(|error| ProvenanceError::io("write", &path)(error.into()))?;
    crate::file::replace(&path, text.as_bytes()).map_err(ProvenanceError::io("write", &path))?;
    draft.publish(folder)?;
    Ok(Written {
        run: account.run.clone(),
        steps: account.steps.len(),
        reused: account.steps.iter().filter(|record| record.origin != Origin::ThisRun).count(),
        undone: account.undone.clone(),
        files: files.len() + 1,
        images: images.map_or(0, |images| images.rows),
        people: people.len(),
    })
}

struct Writer<'a> {
    pipeline: &'a Pipeline,
    account: &'a Account,
    folder: &'a Path,
    graph: Graph,
    /// The files of the crate with identity and bytes, by path.
    files: BTreeMap<String, (ContentId, u64)>,
    people: BTreeSet<String>,
}

impl Writer<'_> {
    /// Copies what describes the project, what steps read, and what they wrote. What steps read and wrote must still be that.
    fn copy(&mut self, asked: &[PathBuf]) -> Result<(), ProvenanceError> {
        for path in descriptive(self.pipeline, asked)? {
            let copied = folder::take(&self.pipeline.project, self.folder, &path)?;
            self.files.insert(path, copied);
        }
        for record in &self.account.steps {
            let read = record.files.iter().map(|(file, id)| (crate::path::to_text(&file.path), *id));
            let wrote = record.manifest.files.iter().map(|file| (file.path.clone(), file.id));
            for (path, id) in read.chain(wrote) {
                if path == INPUTS {
                    let words =
                        format!("step `{}` uses `{INPUTS}`, the name of a crate's own table: rename it", self.name(record));
                    return Err(StepError::Data(words).into());
                }
                let copied = match self.files.get(&path) {
                    Some(copied) => *copied,
                    None => folder::take(&self.pipeline.project, self.folder, &path)?,
                };
                if copied.0 != id {
                    let (step, what) = (self.name(record).to_owned(), format!("`{path}` changed since"));
                    return Err(ProvenanceError::Changed { step, what });
                }
                self.files.insert(path, copied);
            }
        }
        Ok(())
    }

    fn name(&self, record: &StepRecord) -> &str {
        &self.pipeline.steps[record.index].name.value
    }

    /// The file of the pipeline within the crate.
    fn workflow(&self) -> String {
        encoded(&self.pipeline.file.file_name().map(|name| crate::path::to_text(Path::new(name))).unwrap_or_default())
    }

    fn describe(&mut self, images: Option<&inputs::Images>, options: &Options) -> Result<(), ProvenanceError> {
        let workflow = self.workflow();
        let account = self.account;
        self.graph.add(
            METADATA,
            &["CreativeWork"],
            json!({
                "about": link("./"),
                "conformsTo": [link("https://w3id.org/ro/crate/1.1"), link(PROFILES[3].0)],
            }),
        );
        let mut mentions = vec![link(RUN), link("#organisation")];
        mentions.extend(account.steps.iter().map(|record| link(&self.action_id(record))));
        let made = "made by Trapline: the pipeline, what went into it, what came out, and the record of each step";
        self.graph.add(
            "./",
            &["Dataset"],
            json!({
                "name": format!("{}, run {}", self.pipeline.name, account.run),
                "description": format!("A run of the camera-trap pipeline `{}`, {made}.", self.pipeline.name),
                "identifier": account.run,
                "datePublished": account.ended,
                "license": options.license.as_deref().map_or(json!(NO_LICENSE), license),
                "conformsTo": PROFILES.map(|(id, ..)| link(id)),
                "mainEntity": link(&workflow),
                "hasPart": self.files.keys().map(|path| link(&encoded(path))).collect::<Vec<_>>(),
                "mentions": mentions,
            }),
        );
        if let Some(url) = options.license.as_deref().filter(|text| is_url(text)) {
            self.graph.add(url, &["CreativeWork"], json!({ "name": url, "url": url }));
        }
        for (id, name, version) in PROFILES {
            self.graph.add(id, &["CreativeWork"], json!({ "name": name, "version": version }));
        }
        let inputs = self.inputs(images);
        let outputs = self.outputs();
        self.describe_workflow(&workflow, &inputs, &outputs);
        self.describe_files(images.map_or(0, |images| images.rows));
        self.describe_run(&workflow, &inputs, &outputs);
        for record in &account.steps {
            self.describe_step(record)?;
        }
        Ok(())
    }

    /// The slots of the workflow for what goes in, with what filled them: the images, files that steps read, parameters.
    fn inputs(&mut self, images: Option<&inputs::Images>) -> Vec<Slot> {
        let wrote = self.written();
        let read = self.account.steps.iter().flat_map(|record| &record.files);
        let mut files: BTreeSet<String> =
            read.map(|(file, _)| crate::path::to_text(&file.path)).filter(|path| !wrote.contains(path)).collect();
        files.extend(images.map(|_| INPUTS.to_owned()));
        let mut slots: Vec<Slot> = files.into_iter().map(|path| Slot::file("in", &path)).collect();
        for (name, value) in &self.pipeline.params {
            let (slot, id) = (format!("#parameter-{}", encoded(name)), format!("#value-{}", encoded(name)));
            self.graph.add(&id, &["PropertyValue"], json!({ "name": name, "value": value, "exampleOfWork": link(&slot) }));
            slots.push(Slot { id: slot, name: name.clone(), ty: "Text", filled_by: id });
        }
        slots
    }

    /// The slots for what comes out: the files that steps wrote.
    fn outputs(&self) -> Vec<Slot> {
        self.written().iter().map(|path| Slot::file("out", path)).collect()
    }

    fn written(&self) -> BTreeSet<String> {
        self.account.steps.iter().flat_map(wrote).collect()
    }

    fn describe_workflow(&mut self, workflow: &str, inputs: &[Slot], outputs: &[Slot]) {
        for slot in inputs.iter().chain(outputs) {
            self.graph.add(
                &slot.id,
                &["FormalParameter"],
                json!({
                    "name": slot.name,
                    "additionalType": slot.ty,
                    "workExample": link(&slot.filled_by),
                    "conformsTo": link("https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"),
                }),
            );
        }
        let slots = |slots: &[Slot]| slots.iter().map(|slot| link(&slot.id)).collect::<Vec<_>>();
        let kinds: BTreeSet<&str> = self.account.steps.iter().map(|record| self.pipeline.steps[record.index].kind.name).collect();
        let (id, bytes) = self.file(workflow);
        self.graph.add(
            workflow,
            &["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            json!({
                "name": self.pipeline.name,
                "description": "The pipeline: every step with its parameters",
                "identifier": id,
                "contentSize": bytes,
                "encodingFormat": "application/yaml",
                "programmingLanguage": link(LANGUAGE),
                "input": slots(inputs),
                "output": slots(outputs),
                "hasPart": kinds.iter().map(|kind| link(&kind_id(kind))).collect::<Vec<_>>(),
                "step": self.account.steps.iter().map(|record| link(&self.step_id(record))).collect::<Vec<_>>(),
            }),
        );
        self.graph.add(
            LANGUAGE,
            &["ComputerLanguage"],
            json!({ "name": "Trapline pipeline language", "alternateName": "Trapline YAML", "version": "1" }),
        );
        for kind in kinds {
            let summary =
                self.account.steps.iter().map(|record| self.pipeline.steps[record.index].kind).find(|own| own.name == kind);
            self.graph.add(
                &kind_id(kind),
                &["SoftwareApplication"],
                json!({
                    "name": format!("Trapline step kind `{kind}`"),
                    "description": summary.map(|kind| kind.summary),
                    "softwareVersion": summary.map(|kind| format!("revision {}", kind.revision)),
                }),
            );
        }
    }

    /// Identity and size of a file of the crate by its URI.
    fn file(&self, uri: &str) -> (Value, Value) {
        let found = self.files.iter().find(|(path, _)| encoded(path) == uri);
        found.map_or((Value::Null, Value::Null), |(_, (id, bytes))| (json!(id.to_string()), json!(bytes.to_string())))
    }

    fn describe_files(&mut self, images: u64) {
        let wrote = self.written();
        let read: BTreeSet<String> = self
            .account
            .steps
            .iter()
            .flat_map(|record| &record.files)
            .map(|(file, _)| crate::path::to_text(&file.path))
            .collect();
        for (path, (id, bytes)) in &self.files {
            let (slot, description) = if path == INPUTS {
                let rows = format!("The {images} images that went in, a row each: identity (BLAKE3), root, path, site, season");
                (Some("in"), json!(rows))
            } else if wrote.contains(path) {
                (Some("out"), Value::Null)
            } else if path == lockfile::FILE_NAME {
                (None, json!("Recipe, inputs and outputs of every step, by identity; `trapline verify` compares with it"))
            } else {
                (read.contains(path).then_some("in"), Value::Null)
            };
            self.graph.add(
                &encoded(path),
                &["File"],
                json!({
                    "name": crate::path::display(path),
                    "description": description,
                    "identifier": id.to_string(),
                    "contentSize": bytes.to_string(),
                    "encodingFormat": media_type(path),
                    "exampleOfWork": slot.map(|side| link(&Slot::file(side, path).id)),
                }),
            );
        }
    }

    fn describe_run(&mut self, workflow: &str, inputs: &[Slot], outputs: &[Slot]) {
        let account = self.account;
        let version = account.steps.iter().filter(|record| record.origin == Origin::ThisRun).find_map(engine_version);
        let version = version.or_else(|| account.steps.iter().find_map(engine_version));
        let engine = self.engine(version.as_deref());
        let filled = |slots: &[Slot]| slots.iter().map(|slot| link(&slot.filled_by)).collect::<Vec<_>>();
        let (status, error) = match account.outcome {
            Some(Outcome::Complete) => ("http://schema.org/CompletedActionStatus", None),
            outcome => ("http://schema.org/FailedActionStatus", Some(incomplete(outcome, &account.undone))),
        };
        self.graph.add(
            RUN,
            &["CreateAction"],
            json!({
                "name": format!("Run {} of {}", account.run, self.pipeline.name),
                "instrument": link(workflow),
                "object": filled(inputs),
                "result": filled(outputs),
                "startTime": time(&account.started),
                "endTime": time(&account.ended),
                "agent": engine,
                "actionStatus": status,
                "error": error,
            }),
        );
        self.graph.add(
            "#organisation",
            &["OrganizeAction"],
            json!({
                "name": format!("Trapline carries out {}", self.pipeline.name),
                "instrument": engine,
                "object": account.steps.iter().map(|record| link(&self.control_id(record))).collect::<Vec<_>>(),
                "result": link(RUN),
                "startTime": time(&account.started),
                "endTime": time(&account.ended),
                "agent": engine,
            }),
        );
    }

    fn engine(&mut self, version: Option<&str>) -> Value {
        let id = format!("{ENGINE}{}", encoded(version.unwrap_or("unknown")));
        self.graph.add(
            &id,
            &["SoftwareApplication"],
            json!({
                "name": "Trapline",
                "description": "A declarative, content-hashed workflow engine for camera-trap monitoring",
                "softwareVersion": version.unwrap_or("unknown"),
            }),
        )
    }

    fn step_id(&self, record: &StepRecord) -> String {
        format!("{}#step-{}", self.workflow(), encoded(self.name(record)))
    }

    fn control_id(&self, record: &StepRecord) -> String {
        format!("#control-{}", encoded(self.name(record)))
    }

    fn action_id(&self, record: &StepRecord) -> String {
        format!("#action-{}", encoded(self.name(record)))
    }
}

/// A parameter of the workflow and the entity that stood in its place.
struct Slot {
    id: String,
    name: String,
    ty: &'static str,
    filled_by: String,
}

impl Slot {
    fn file(side: &str, path: &str) -> Self {
        let uri = encoded(path);
        Self { id: format!("#{side}-{uri}"), name: crate::path::display(path), ty: "File", filled_by: uri }
    }
}

fn kind_id(kind: &str) -> String {
    format!("#kind-{kind}")
}

fn engine_version(record: &StepRecord) -> Option<String> {
    record.manifest.versions.get("trapline").cloned()
}

fn incomplete(outcome: Option<Outcome>, undone: &[String]) -> String {
    let why = match outcome {
        Some(Outcome::Waiting) => "people must answer first",
        Some(Outcome::Blocked) => "a root was not connected",
        Some(Outcome::Interrupted) | None => "the run was stopped",
        Some(Outcome::Failed | Outcome::Complete) => "a step or a gate failed",
    };
    if undone.is_empty() { why.to_owned() } else { format!("{why}; steps without a result: {}", undone.join(", ")) }
}

/// A time in the form of ISO 8601 that every reader takes: the offset as digits.
fn time(text: &str) -> String {
    text.strip_suffix('Z').map_or_else(|| text.to_owned(), |text| format!("{text}+00:00"))
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn license(text: &str) -> Value {
    if is_url(text) { link(text) } else { json!(text) }
}
