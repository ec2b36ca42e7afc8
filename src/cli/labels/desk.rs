//! A review as it stands now: what its inputs asked when they last ran, and the label files of this moment.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::ReviewArgs;
use crate::check::Pipeline;
use crate::cli::render::words::list;
use crate::cli::terminal::Terminal;
use crate::cli::{project, stored};
use crate::run;
use crate::step::LABEL_FILE;
use crate::step::review::{self, Question, Reviewed, label_files};
use crate::store::Store;
use crate::table::Table;

/// Everything about one review step.
pub(super) struct Desk {
    pub pipeline: Pipeline,
    /// The step.
    pub index: usize,
    pub question: Question,
    /// The store, for other tables of the pipeline.
    pub store: Store,
    /// Name and content of each label file.
    pub files: Vec<(String, Vec<u8>)>,
    images: Vec<Table>,
    known: Vec<Table>,
}

impl Desk {
    /// Gathers all about the review; `None` where the pipeline has errors, which were printed.
    pub fn open(args: &ReviewArgs, terminal: Terminal) -> anyhow::Result<Option<Self>> {
        let Some(pipeline) = project::load(&args.project, terminal)? else { return Ok(None) };
        let Some(index) = pipeline.step(&args.step) else { return Err(run::unknown_step(&pipeline, &args.step).into()) };
        let step = &pipeline.steps[index];
        let question = Question::of(&step.params).filter(|_| step.kind.name == review::KIND.name);
        let Some(question) = question else { bail!("step `{}` asks nobody: {}", args.step, reviews(&pipeline)) };
        let store = stored::open(&project::store(&args.store, &pipeline))?;
        let mut inputs = Vec::new();
        for wires in &step.inputs {
            let mut tables = Vec::new();
            for wire in wires {
                let source = &pipeline.steps[wire.step];
                let result = stored::result(&pipeline, &store, &source.name.value)?;
                let port = source.kind.outputs.get(wire.output).map(|port| port.name);
                tables.push(stored::table(&store, &result, port)?.read(None).map_err(stored::store_error)?);
            }
            inputs.push(tables);
        }
        let mut files = Vec::new();
        for file in label_files(&pipeline.project, &question.folder) {
            let path = pipeline.project.join(&file.path);
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read `{}`", file.path.display()))?;
            files.push((file.name.trim_start_matches(LABEL_FILE).to_owned(), bytes));
        }
        let mut inputs = inputs.into_iter();
        let (images, known) = (inputs.next().unwrap_or_default(), inputs.next().unwrap_or_default());
        Ok(Some(Self { pipeline, index, question, store, files, images, known }))
    }

    /// Weighs the answers there are.
    pub fn review(&self) -> anyhow::Result<Reviewed> {
        let files: Vec<(&str, &[u8])> = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        Ok(review::review(&self.question, &self.pipeline.classes, &self.images, &self.known, &files)?)
    }

    /// The folder of label files.
    pub fn folder(&self) -> PathBuf {
        self.pipeline.project.join(&self.question.folder)
    }

    /// Says whether a file lies in that folder, where its answers count as they stand.
    pub fn holds(&self, file: &Path) -> bool {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(parent), Ok(own)) = (parent.canonicalize(), self.folder().canonicalize()) else { return false };
        parent == own
    }

    /// The step's name.
    pub fn step(&self) -> &str {
        &self.pipeline.steps[self.index].name.value
    }
}

fn reviews(pipeline: &Pipeline) -> String {
    let of_kind = pipeline.steps.iter().filter(|step| step.kind.name == review::KIND.name);
    match &of_kind.map(|step| format!("`{}`", step.name.value)).collect::<Vec<_>>()[..] {
        [] => "the pipeline has no step that `uses: review`".to_owned(),
        names => format!("name {}", list(names)),
    }
}

/// An output of a review by its port.
pub(super) fn output<'r>(reviewed: &'r Reviewed, port: &str) -> anyhow::Result<&'r Table> {
    let at = review::KIND.outputs.iter().position(|output| output.name == port);
    at.and_then(|at| reviewed.outputs.tables.get(at)).with_context(|| format!("a review has no output `{port}`"))
}
