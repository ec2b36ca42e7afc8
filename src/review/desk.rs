//! A review as it stands now: what its inputs asked when they last ran, and the label files of this moment.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::check::Pipeline;
use crate::run::{self, RunError};
use crate::step::LABEL_FILE;
use crate::step::StepError;
use crate::step::moved::moves_of;
use crate::step::review::{self, Question, Reviewed, label_files};
use crate::table::Table;

/// Everything about one review step.
pub struct Desk {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The place of the step in it.
    pub index: usize,
    /// What it asks.
    pub question: Question,
    /// Name and content of each label file.
    pub files: Vec<(String, Vec<u8>)>,
    /// What it asks about.
    pub images: Vec<Table>,
    /// Labels given elsewhere.
    pub known: Vec<Table>,
}

/// Why a review cannot be opened.
#[derive(Debug, Error)]
pub enum DeskError {
    /// There is no such step.
    #[error(transparent)]
    Step(#[from] RunError),
    /// The step is of another kind.
    #[error("step `{step}` is not a review: {instead}")]
    AsksNobody {
        /// The step.
        step: String,
        /// What to name instead.
        instead: String,
    },
    /// The folder of label files cannot be listed.
    #[error(transparent)]
    Folder(#[from] StepError),
    /// A label file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Desk {
    /// The place of the review step called `name` in `pipeline`, and what it asks.
    ///
    /// # Errors
    /// When there is none of that name, or it is not a review.
    pub fn find(pipeline: &Pipeline, name: &str) -> Result<(usize, Question), DeskError> {
        let index = pipeline.step(name).ok_or_else(|| run::unknown_step(pipeline, name))?;
        let step = &pipeline.steps[index];
        let question = Question::of(&step.params).filter(|_| step.kind.name == review::KIND.name);
        let asks_nobody = || DeskError::AsksNobody { step: name.to_owned(), instead: reviews(pipeline) };
        Ok((index, question.ok_or_else(asks_nobody)?))
    }

    /// The label files of this moment.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn label_files(pipeline: &Pipeline, question: &Question) -> Result<Vec<(String, Vec<u8>)>, DeskError> {
        let read = |file: crate::step::FileInput| {
            let bytes = std::fs::read(pipeline.project.join(&file.path));
            let name = file.name.trim_start_matches(LABEL_FILE).to_owned();
            bytes.map(|bytes| (name, bytes)).map_err(|source| DeskError::Read { path: file.path, source })
        };
        label_files(&pipeline.project, &question.folder)?.into_iter().map(read).collect()
    }

    /// Weighs the answers there are.
    ///
    /// # Errors
    /// As [`review::review`].
    pub fn review(&self) -> Result<Reviewed, StepError> {
        let moves = moves_of(&self.pipeline.project)?;
        review::review(&self.question, &self.pipeline.classes, &self.images, &self.known, &moves, &self.named_files())
    }

    /// The label files, by name.
    #[must_use]
    pub fn named_files(&self) -> Vec<(&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect()
    }

    /// The folder of label files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.pipeline.project.join(crate::path::from_text(&self.question.folder))
    }

    /// Says whether a file lies in that folder, where its answers count as they stand.
    #[must_use]
    pub fn holds(&self, file: &Path) -> bool {
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (Ok(parent), Ok(own)) = (parent.canonicalize(), self.folder().canonicalize()) else { return false };
        parent == own
    }

    /// How long a label file was when it was read; 0 where it was not there.
    #[must_use]
    pub fn length_of(&self, path: &Path) -> u64 {
        let is_it = |name: &str| self.folder().join(crate::path::from_text(name)) == path;
        self.files.iter().find(|(name, _)| is_it(name)).map_or(0, |(_, bytes)| bytes.len() as u64)
    }

    /// The step's name.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.pipeline.steps[self.index].name.value
    }
}

fn reviews(pipeline: &Pipeline) -> String {
    let of_kind = pipeline.steps.iter().filter(|step| step.kind.name == review::KIND.name);
    match &of_kind.map(|step| format!("`{}`", step.name.value)).collect::<Vec<_>>()[..] {
        [] => "the pipeline has no step that `uses: review`".to_owned(),
        [only] => format!("name {only}"),
        [others @ .., last] => format!("name {} or {last}", others.join(", ")),
    }
}
